#include "controller/admin_server.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <optional>
#include <set>

#include "base/log.h"

namespace narthex::controller {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kConnections = 64;
constexpr uint32_t kHeadBytes = 8 * 1024;
constexpr size_t kAnswerBytes = 256u << 20;  // /routes of 100,000 hosts is about 50 MiB, and several people may look
constexpr auto kWriteTime = std::chrono::seconds(30);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // when the process is out of file descriptors

using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

// An open listener, or why there is none.
base::Result<tcp::acceptor> listen_on(asio::io_context& loop, const tcp::endpoint& where, bool both_families) {
  tcp::acceptor acceptor(loop);
  error_code error;
  acceptor.open(where.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && where.address().is_v6()) acceptor.set_option(asio::ip::v6_only(!both_families), error);
  if (!error) acceptor.bind(where, error);
  if (!error) acceptor.listen(static_cast<int>(kConnections), error);
  if (!error) return acceptor;
  std::string hint = "check --bind-address and --admin-port";
  if (error == asio::error::address_in_use) {
    hint = "another process has it; give another --admin-port, or end that process";
  }
  if (error == asio::error::access_denied) {
    hint = "ports below 1024 need the right to bind them; give a higher --admin-port";
  }
  const std::string ip = where.address().to_string();
  return base::Error(fmt::format("admin port {} at {}: {}; {}", where.port(), ip, error.message(), hint));
}

base::Result<tcp::acceptor> listen(asio::io_context& loop, const AdminOptions& options) {
  if (options.bind_address.empty()) {
    auto both = listen_on(loop, {tcp::v6(), options.port}, true);
    if (both) return both;
    // A kernel without IPv6.
    auto v4 = listen_on(loop, {tcp::v4(), options.port}, false);
    if (v4) return v4;
    return both;
  }
  error_code error;
  const auto address = asio::ip::make_address(options.bind_address, error);
  if (error) return base::Error(fmt::format("--bind-address {}: not an IP address", options.bind_address));
  return listen_on(loop, {address, options.port}, false);
}

std::string_view path_of(const Request& request) {
  const std::string_view target(request.target().data(), request.target().size());
  return target.substr(0, target.find('?'));
}

Response text_response(const Request& request, http::status status, std::string text, std::string_view content_type) {
  Response response(status, request.version());
  response.set(http::field::content_type, beast::string_view(content_type.data(), content_type.size()));
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.body() = std::move(text);
  return response;
}

}  // namespace

// The listener and what its connections share. Lives as long as any of them.
class AdminServer::Listening final : public std::enable_shared_from_this<Listening> {
 public:
  Listening(asio::io_context& loop, tcp::acceptor acceptor, std::vector<Page> pages,
            std::chrono::milliseconds request_time)
      : acceptor_(std::move(acceptor)), pause_(loop), pages_(std::move(pages)), request_time_(request_time) {}

  void accept();
  void stop();
  tcp::endpoint endpoint() const;

 private:
  class Connection;

  Response answer(const Request& request) const;
  std::string list_pages() const;

  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  const std::vector<Page> pages_;
  const std::chrono::milliseconds request_time_;
  std::set<Connection*> open_;
  size_t answer_bytes_ = 0;
  bool stopped_ = false;
};

// One client: reads a request, answers it, and so on. Each pending operation shares the connection; with the last one it
// goes.
class AdminServer::Listening::Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Listening> listening, tcp::socket socket)
      : listening_(std::move(listening)), stream_(std::move(socket)) {
    listening_->open_.insert(this);
  }
  ~Connection() { listening_->open_.erase(this); }

  void read();
  void close() {
    error_code ignored;
    stream_.socket().close(ignored);
  }

 private:
  void take_request(error_code error);
  void write(bool keep_alive);
  void refuse(http::status status, std::string text);

  const std::shared_ptr<Listening> listening_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kHeadBytes};
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::optional<Response> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

base::Result<std::unique_ptr<AdminServer>> AdminServer::start(asio::io_context& loop, const AdminOptions& options,
                                                              std::vector<Page> pages) {
  auto acceptor = listen(loop, options);
  if (!acceptor) return acceptor.error();
  auto listening = std::make_shared<Listening>(loop, std::move(*acceptor), std::move(pages), options.request_time);
  listening->accept();
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(listening)));
}

AdminServer::AdminServer(std::shared_ptr<Listening> listening) : listening_(std::move(listening)) {}

AdminServer::~AdminServer() { listening_->stop(); }

uint16_t AdminServer::port() const { return listening_->endpoint().port(); }

std::string AdminServer::address() const {
  const tcp::endpoint endpoint = listening_->endpoint();
  const std::string ip = endpoint.address().to_string();
  if (endpoint.address().is_v6()) return fmt::format("[{}]:{}", ip, endpoint.port());
  return fmt::format("{}:{}", ip, endpoint.port());
}

void AdminServer::Listening::accept() {
  acceptor_.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
    if (self->stopped_ || error == asio::error::operation_aborted) return;
    if (!error) {
      // The newest gives way: a probe that is answered now is worth more than one more.
      if (self->open_.size() < kConnections) std::make_shared<Connection>(self, std::move(socket))->read();
      self->accept();
      return;
    }
    base::log::warn("admin port: accept: {}", error.message());
    self->pause_.expires_after(kAcceptPause);
    self->pause_.async_wait([self](error_code stopped) {
      if (!stopped && !self->stopped_) self->accept();
    });
  });
}

void AdminServer::Listening::stop() {
  stopped_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (Connection* connection : open_) connection->close();
}

tcp::endpoint AdminServer::Listening::endpoint() const {
  error_code ignored;
  return acceptor_.local_endpoint(ignored);
}

Response AdminServer::Listening::answer(const Request& request) const {
  constexpr std::string_view kText = "text/plain; charset=utf-8";
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    Response response = text_response(request, http::status::method_not_allowed, "only GET and HEAD\n", kText);
    response.set(http::field::allow, "GET, HEAD");
    return response;
  }
  const std::string_view path = path_of(request);
  if (path == "/") return text_response(request, http::status::ok, list_pages(), kText);
  for (const Page& page : pages_) {
    if (page.path != path) continue;
    if (answer_bytes_ > kAnswerBytes) {
      return text_response(request, http::status::service_unavailable, "too many answers on their way\n", kText);
    }
    PageContent content = page.make();
    const auto status = static_cast<http::status>(content.status);
    return text_response(request, status, std::move(content.text), page.content_type);
  }
  return text_response(request, http::status::not_found, "no such page; / lists them\n", kText);
}

std::string AdminServer::Listening::list_pages() const {
  std::string text;
  for (const Page& page : pages_) text += fmt::format("{:<12}{}\n", page.path, page.purpose);
  return text;
}

void AdminServer::Listening::Connection::read() {
  parser_.emplace();
  parser_->header_limit(kHeadBytes);
  parser_->body_limit(0);
  stream_.expires_after(listening_->request_time_);
  http::async_read_header(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, size_t) {
    if (!self->listening_->stopped_) self->take_request(error);
  });
}

void AdminServer::Listening::Connection::take_request(error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(http::status::request_header_fields_too_large, "the request head is larger than 8 KiB\n");
  }
  if (error == http::error::body_limit) return refuse(http::status::payload_too_large, "no page takes a body\n");
  if (error == http::error::end_of_stream || error == http::error::partial_message) return;
  if (error && error.category() == http::make_error_code(http::error::bad_method).category()) {
    return refuse(http::status::bad_request, "not an HTTP/1 request\n");
  }
  if (error) return;  // timed out or reset: nobody waits for words
  const Request& request = parser_->get();
  response_.emplace(listening_->answer(request));
  // What follows an unread body would be read as a request.
  write(request.keep_alive() && parser_->is_done());
}

void AdminServer::Listening::Connection::refuse(http::status status, std::string text) {
  response_.emplace(text_response(Request{}, status, std::move(text), "text/plain; charset=utf-8"));
  write(false);
}

void AdminServer::Listening::Connection::write(bool keep_alive) {
  response_->keep_alive(keep_alive);
  response_->prepare_payload();
  const size_t bytes = response_->body().size();
  listening_->answer_bytes_ += bytes;
  serializer_.emplace(*response_);
  stream_.expires_after(kWriteTime);
  auto done = [self = shared_from_this(), bytes, keep_alive](error_code error, size_t) {
    self->listening_->answer_bytes_ -= bytes;
    self->serializer_.reset();
    self->response_.reset();
    if (error || self->listening_->stopped_) return;
    if (keep_alive) return self->read();
    error_code ignored;
    self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  };
  // RFC 9110 9.3.2: HEAD gets the fields that GET would, and no content.
  if (parser_->get().method() == http::verb::head) {
    http::async_write_header(stream_, *serializer_, std::move(done));
  } else {
    http::async_write(stream_, *serializer_, std::move(done));
  }
}

}  // namespace narthex::controller
