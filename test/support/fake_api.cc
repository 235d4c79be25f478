#include "test/support/fake_api.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <set>

#include "base/text.h"

namespace narthex::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
template <typename T>
using Awaitable = asio::awaitable<T>;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

const std::map<std::string, std::pair<std::string, std::string>>& kinds() {
  static const std::map<std::string, std::pair<std::string, std::string>> table = {
      {"ingresses", {"Ingress", "networking.k8s.io/v1"}},
      {"ingressclasses", {"IngressClass", "networking.k8s.io/v1"}},
      {"services", {"Service", "v1"}},
      {"endpointslices", {"EndpointSlice", "discovery.k8s.io/v1"}},
      {"endpoints", {"Endpoints", "v1"}},
      {"secrets", {"Secret", "v1"}},
      {"configmaps", {"ConfigMap", "v1"}},
      {"namespaces", {"Namespace", "v1"}},
  };
  return table;
}

std::string url_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 2 >= text.size()) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return out;
}

std::string value_of(const std::map<std::string, std::string>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? "" : found->second;
}

// "/apis/networking.k8s.io/v1/namespaces/a/ingresses/b"
void read_path(FakeCall& call) {
  std::vector<std::string_view> parts = base::split(std::string_view(call.path).substr(1), '/');
  parts.erase(parts.begin(), parts.begin() + std::min<ptrdiff_t>(std::ssize(parts), parts[0] == "api" ? 2 : 3));
  if (parts.size() >= 3 && parts[0] == "namespaces") {
    call.scope.ns = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  if (!parts.empty()) call.scope.plural = parts[0];
  if (parts.size() > 1) call.name = parts[1];
  call.scope.field_selector = value_of(call.query, "fieldSelector");
  call.scope.label_selector = value_of(call.query, "labelSelector");
}

FakeCall to_call(const http::request<http::string_body>& request) {
  FakeCall call;
  call.method = std::string(request.method_string());
  const std::string target(request.target());
  const size_t question = std::min(target.find('?'), target.size());
  call.path = target.substr(0, question);
  if (question < target.size()) {
    for (const std::string_view pair : base::split(std::string_view(target).substr(question + 1), '&')) {
      const size_t equals = std::min(pair.find('='), pair.size());
      call.query[url_decoded(pair.substr(0, equals))] =
          url_decoded(equals < pair.size() ? pair.substr(equals + 1) : std::string_view());
    }
  }
  call.authorization = std::string(request[http::field::authorization]);
  call.content_type = std::string(request[http::field::content_type]);
  call.body = request.body();
  read_path(call);
  return call;
}

std::string answer_text(int status, const std::string& body, const std::string& fields = "") {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{}", status,
                     fields, body.size(), body);
}

std::string chunk(const std::string& line) { return fmt::format("{:x}\r\n{}\n\r\n", line.size() + 1, line); }

std::string event_line(const std::string& type, const std::string& object) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}", type, object);
}

std::string bookmark_line(const std::string& plural, uint64_t version, bool ends_list) {
  const auto& [kind, api_version] = kinds().at(plural);
  const char* annotation = ends_list ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "";
  return event_line("BOOKMARK",
                    fmt::format("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{{\"resourceVersion\":"
                                "\"{}\"{}}}}}",
                                kind, api_version, version, annotation));
}

// A program that a test starts would hold the port otherwise.
void keep_to_ourselves(int socket) { ::fcntl(socket, F_SETFD, FD_CLOEXEC); }

// What a running watch has to send.
struct Watcher {
  Watcher(asio::io_context& loop, FakeScope wanted) : scope(std::move(wanted)), wake(loop) {
    wake.expires_at(asio::steady_timer::time_point::max());
  }
  void send(std::string bytes) {
    pending += bytes;
    wake.cancel();
  }
  FakeScope scope;
  uint64_t position = 0;
  std::string pending;
  bool ended = false, cut = false, frozen = false;
  asio::steady_timer wake;
};

}  // namespace

std::string FakeCall::verb() const {
  if (method != "GET") return method;
  if (is_watch()) return "watch";
  return name.empty() ? "list" : "get";
}

class FakeApi::Serving final : public std::enable_shared_from_this<Serving> {
 public:
  Serving(asio::io_context& loop, Options given)
      : options(std::move(given)), loop_(loop), acceptor_(loop), context_(ssl::context::tls_server) {}

  void start(FakeApi& api);
  void stop();
  void cluster_changed(const std::string& plural);
  template <typename Do>
  void each(const std::string& plural, Do act) {
    for (const auto& watcher : watchers)
      if (plural.empty() || watcher->scope.plural == plural) act(*watcher);
  }

  FakeCluster cluster;
  Options options;
  FakeApi* api = nullptr;
  std::vector<FakeCall> calls;
  std::set<std::shared_ptr<Watcher>> watchers;
  uint16_t port = 0;

 private:
  void bind();
  void accept();
  Awaitable<void> converse(tcp::socket socket);
  template <typename Stream>
  Awaitable<void> serve(Stream& stream, size_t connection);
  template <typename Stream>
  Awaitable<bool> answer(Stream& stream, const FakeCall& call);
  template <typename Stream>
  Awaitable<void> run_watch(Stream& stream, const FakeCall& call, bool with_list);
  std::string right_answer(const FakeCall& call) const;
  void feed(Watcher& watcher);

  asio::io_context& loop_;
  tcp::acceptor acceptor_;
  ssl::context context_;
  std::set<beast::tcp_stream*> open_;
  size_t connections_ = 0;
};

FakeApi::FakeApi(asio::io_context& loop) : FakeApi(loop, Options{}) {}

FakeApi::FakeApi(asio::io_context& loop, Options options)
    : serving_(std::make_shared<Serving>(loop, std::move(options))) {
  serving_->start(*this);
}
FakeApi::~FakeApi() {
  serving_->api = nullptr;
  serving_->stop();
}

FakeCluster& FakeApi::cluster() { return serving_->cluster; }
FakeApi::Options& FakeApi::options() { return serving_->options; }
uint16_t FakeApi::port() const { return serving_->port; }
std::string FakeApi::url() const {
  return fmt::format("{}://127.0.0.1:{}", serving_->options.tls ? "https" : "http", serving_->port);
}
const std::vector<FakeCall>& FakeApi::calls() const { return serving_->calls; }

std::map<std::string, size_t> FakeApi::verbs() const {
  std::map<std::string, size_t> out;
  for (const FakeCall& call : serving_->calls)
    ++out[call.verb() + " " + call.scope.plural + (call.scope.ns.empty() ? "" : " " + call.scope.ns)];
  return out;
}

void FakeApi::end_watches(const std::string& plural) {
  serving_->each(plural, [](Watcher& watcher) {
    watcher.ended = true;
    watcher.wake.cancel();
  });
}

void FakeApi::cut_watches(const std::string& plural) {
  serving_->each(plural, [](Watcher& watcher) {
    watcher.cut = true;
    watcher.send("40\r\n{\"type\":\"ADDED\",\"object\":{\"metada");
  });
}

void FakeApi::send(const std::string& plural, const std::string& line) {
  serving_->each(plural, [&](Watcher& watcher) { watcher.send(chunk(line)); });
}

void FakeApi::bookmark(const std::string& plural) {
  serving_->each(plural, [&](Watcher& watcher) {
    watcher.send(chunk(bookmark_line(watcher.scope.plural, serving_->cluster.version(), false)));
  });
}

void FakeApi::freeze_watches(const std::string& plural) {
  serving_->each(plural, [](Watcher& watcher) { watcher.frozen = true; });
}

size_t FakeApi::watch_count(const std::string& plural) const {
  size_t count = 0;
  serving_->each(plural, [&](Watcher& watcher) { count += !watcher.frozen; });
  return count;
}

void FakeApi::stop() { serving_->stop(); }
void FakeApi::start() { serving_->start(*this); }

void FakeApi::Serving::start(FakeApi& owner) {
  api = &owner;
  cluster.on_change = [this](const std::string& plural) { cluster_changed(plural); };
  if (options.tls) {
    context_.use_certificate_chain(asio::buffer(options.tls->chain));
    context_.use_private_key(asio::buffer(options.tls->key), ssl::context::pem);
  }
  if (!acceptor_.is_open()) bind();
  acceptor_.listen();
  port = acceptor_.local_endpoint().port();
  accept();
}

void FakeApi::Serving::bind() {
  acceptor_ = tcp::acceptor(loop_);
  acceptor_.open(tcp::v4());
  keep_to_ourselves(acceptor_.native_handle());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  acceptor_.bind({asio::ip::address_v4::loopback(), port});
}

void FakeApi::Serving::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  // Bound and not listening: connects are refused, and nobody else gets the port meanwhile, not even as the other end of
  // a connect to it.
  if (api != nullptr) bind();
  for (const auto& watcher : watchers) {
    watcher->cut = true;
    watcher->wake.cancel();
  }
  for (beast::tcp_stream* stream : open_) stream->close();
}

void FakeApi::Serving::accept() {
  acceptor_.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
    if (error || self->api == nullptr) return;
    asio::co_spawn(self->loop_, self->converse(std::move(socket)), [self](const std::exception_ptr&) {});
    self->accept();
  });
}

Awaitable<void> FakeApi::Serving::converse(tcp::socket socket) {
  const auto self = shared_from_this();
  const size_t connection = ++connections_;
  socket.set_option(tcp::no_delay(true));
  keep_to_ourselves(socket.native_handle());
  if (!options.tls) {
    beast::tcp_stream stream(std::move(socket));
    open_.insert(&stream);
    co_await serve(stream, connection);
    open_.erase(&stream);
    co_return;
  }
  TlsStream stream(std::move(socket), context_);
  open_.insert(&stream.next_layer());
  const auto [failed] = co_await stream.async_handshake(ssl::stream_base::server, kAwait);
  if (!failed) co_await serve(stream, connection);
  open_.erase(&stream.next_layer());
}

template <typename Stream>
Awaitable<void> FakeApi::Serving::serve(Stream& stream, size_t connection) {
  beast::flat_buffer buffer;
  while (true) {
    http::request<http::string_body> request;
    const auto [failed, got] = co_await http::async_read(stream, buffer, request, kAwait);
    if (failed || api == nullptr) co_return;
    FakeCall call = to_call(request);
    call.connection = connection;
    calls.push_back(call);
    const bool go_on = co_await answer(stream, call);
    if (!go_on) co_return;
  }
}

template <typename Stream>
Awaitable<bool> FakeApi::Serving::answer(Stream& stream, const FakeCall& call) {
  const std::optional<FakeFault> fault = api->fault(call);
  if (fault && fault->drop) co_return false;
  if (fault && fault->hang) {
    char byte = 0;
    co_await stream.async_read_some(asio::buffer(&byte, 1), kAwait);
    co_return false;
  }
  const bool stranger = !options.token.empty() && call.authorization != "Bearer " + options.token;
  const bool unknown =
      !kinds().contains(call.scope.plural) || (call.scope.plural == "endpointslices" && !options.endpoint_slices);
  const bool with_list = call.query.contains("sendInitialEvents");
  std::string text;
  if (fault && fault->status != 0) {
    text = answer_text(fault->status, fault->body, fault->fields);
  } else if (stranger) {
    text = answer_text(401, status_json(401, "Unauthorized", "Unauthorized"));
  } else if (unknown) {
    text = answer_text(404, "404 page not found\n");
  } else if (with_list && !options.streaming_lists) {
    text = answer_text(422, status_json(422, "Invalid", "sendInitialEvents is forbidden for watch"));
  } else if (call.is_watch()) {
    co_await run_watch(stream, call, with_list);
    co_return false;
  } else {
    text = right_answer(call);
  }
  const bool cut = fault && fault->cut_after;
  if (cut) text.resize(std::min(text.size(), *fault->cut_after));
  const auto [failed, sent] = co_await asio::async_write(stream, asio::buffer(text), kAwait);
  co_return !failed && !cut;
}

std::string FakeApi::Serving::right_answer(const FakeCall& call) const {
  FakeScope scope = call.scope;
  const auto& [kind, api_version] = kinds().at(scope.plural);
  if (!call.name.empty()) {
    scope.field_selector = "metadata.name=" + call.name;
    const FakeListing found = cluster.list(scope, 1, "");
    return found.items.empty() ? answer_text(404, status_json(404, "NotFound", "not found"))
                               : answer_text(200, *found.items[0]);
  }
  const size_t limit = base::parse_decimal(value_of(call.query, "limit")).value_or(0);
  const FakeListing listing = cluster.list(scope, limit, value_of(call.query, "continue"));
  if (listing.gone) return answer_text(410, status_json(410, "Expired", "The provided continue parameter is too old"));
  std::string body =
      fmt::format("{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{{\"resourceVersion\":\"{}\"", kind,
                  api_version, listing.version);
  if (!listing.next.empty()) body += fmt::format(",\"continue\":\"{}\"", listing.next);
  body += "},\"items\":[";
  for (size_t i = 0; i < listing.items.size(); ++i) body += (i == 0 ? "" : ",") + *listing.items[i];
  return answer_text(200, body + "]}\n");
}

template <typename Stream>
Awaitable<void> FakeApi::Serving::run_watch(Stream& stream, const FakeCall& call, bool with_list) {
  const auto watcher = std::make_shared<Watcher>(loop_, call.scope);
  watcher->position = base::parse_decimal(value_of(call.query, "resourceVersion")).value_or(0);
  watcher->pending = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  if (with_list) {
    const FakeListing listing = cluster.list(call.scope, 0, "");
    for (const std::string* item : listing.items) watcher->pending += chunk(event_line("ADDED", *item));
    watcher->position = listing.version;
    watcher->pending += chunk(bookmark_line(call.scope.plural, listing.version, true));
  } else if (watcher->position < cluster.oldest()) {
    watcher->pending += chunk(event_line("ERROR", status_json(410, "Expired", "too old resource version")));
    watcher->ended = true;
  }
  feed(*watcher);
  watchers.insert(watcher);
  while (true) {
    const std::string bytes = watcher->frozen ? "" : std::exchange(watcher->pending, {});
    const auto [failed, sent] = co_await asio::async_write(stream, asio::buffer(bytes), kAwait);
    if (failed || watcher->cut) break;
    if (!watcher->pending.empty() && !watcher->frozen) continue;
    if (watcher->ended) {
      co_await asio::async_write(stream, asio::buffer("0\r\n\r\n", 5), kAwait);
      break;
    }
    watcher->wake.expires_at(asio::steady_timer::time_point::max());
    co_await watcher->wake.async_wait(kAwait);
  }
  watchers.erase(watcher);
}

void FakeApi::Serving::feed(Watcher& watcher) {
  for (const FakeEvent& event : cluster.events_since(watcher.scope, watcher.position)) {
    watcher.position = event.version;
    watcher.send(chunk(event_line(event.type, event.object)));
  }
}

void FakeApi::Serving::cluster_changed(const std::string& plural) {
  each(plural, [&](Watcher& watcher) { feed(watcher); });
}

}  // namespace narthex::test
