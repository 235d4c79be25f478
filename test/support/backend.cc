#include "test/support/backend.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "test/support/client.h"

namespace narthex::test {

namespace {

constexpr size_t kKeptHeads = 4096;

std::string word(const std::string& line, size_t nth) {
  const std::vector<std::string_view> words = base::split(line, ' ');
  return nth < words.size() ? std::string(words[nth]) : std::string();
}

}  // namespace

BackendExchange::BackendExchange(Connection& connection, Head head, const std::string& pod, uint64_t nth)
    : connection_(connection),
      head_(std::move(head)),
      pod_(pod),
      nth_(nth),
      method_(word(head_.start_line, 0)),
      target_(word(head_.start_line, 1)) {}

uint64_t BackendExchange::parameter(std::string_view name, uint64_t otherwise) const {
  const size_t query = target_.find('?');
  if (query == std::string::npos) return otherwise;
  for (std::string_view pair : base::split(std::string_view(target_).substr(query + 1), '&'))
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with("="))
      return base::parse_decimal(pair.substr(name.size() + 1)).value_or(otherwise);
  return otherwise;
}

std::string BackendExchange::read_body() {
  body_read_ = true;
  if (head_.has_token("Transfer-Encoding", "chunked")) return connection_.read_chunked(trailers_);
  if (!head_.has("Content-Length")) return {};
  return connection_.read_exactly(base::parse_decimal(head_.value("Content-Length")).value_or(0));
}

void BackendExchange::respond(int status, const std::string& body, const std::vector<Field>& fields) {
  std::string text =
      "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nX-Pod: " + pod_ + "\r\n" + fields_text(fields);
  const bool bodiless = status == 204 || status == 304;
  if (!bodiless) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text += "\r\n";
  if (!bodiless && method_ != "HEAD") text += body;
  connection_.send(text);
}

void BackendExchange::reset() {
  connection_.reset_on_close();
  closing_ = true;
}

void echo(BackendExchange& exchange) {
  const std::string body = exchange.read_body();
  std::vector<Field> fields = {{"Content-Type", "text/plain"}};
  for (const Field& field : exchange.trailers())
    fields.push_back({"X-Request-Trailer", field.name + "=" + field.value});
  exchange.respond(200, exchange.head().raw + body, fields);
}

std::string pattern(size_t bytes, uint64_t seed) {
  std::string text(bytes, '\0');
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (size_t i = 0; i < bytes; ++i) {
    if (i % 8 == 0) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
    }
    text[i] = static_cast<char>(state >> (8 * (i % 8)));
  }
  return text;
}

Backend::Backend(std::string name, Handler handler, const std::string& address, uint16_t port)
    : name_(std::move(name)), address_(address), port_(port), handler_(std::move(handler)) {
  listen();
}

Backend::~Backend() {
  stop_accepting();
  close_connections();
  for (Session& session : sessions_) session.thread.join();
}

void Backend::listen() {
  SocketAddress where = socket_address(address_, port_);
  listener_ = ::socket(where.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener_, where.pointer(), where.size) != 0 || ::listen(listener_, 1024) != 0)
    throw NetworkError("a backend cannot listen: " + std::string(std::strerror(errno)));
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&where.storage), &where.size);
  port_ = ntohs(reinterpret_cast<const sockaddr_in&>(where.storage).sin_port);  // at the same place in both families
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  acceptor_ = std::thread([this, listener = listener_, wake = wake_] { accept_loop(listener, wake); });
}

void Backend::stop_accepting() {
  if (!acceptor_.joinable()) return;
  const uint64_t one = 1;
  if (::write(wake_, &one, sizeof one) != sizeof one) std::terminate();
  acceptor_.join();
  ::close(listener_);
  ::close(wake_);
}

void Backend::resume_accepting() { listen(); }

void Backend::accept_loop(int listener, int wake) {
  while (true) {
    pollfd entries[2] = {{listener, POLLIN, 0}, {wake, POLLIN, 0}};
    ::poll(entries, 2, -1);
    if (entries[1].revents != 0) return;
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    ++open_;
    reap();
    const std::lock_guard hold(lock_);
    Session& session = sessions_.emplace_back();
    session.connection = std::make_shared<Connection>(make_plain_stream(fd));
    session.thread = std::thread([this, &session] { serve(session); });
  }
}

void Backend::reap() {
  std::list<Session> finished;
  {
    const std::lock_guard hold(lock_);
    for (auto at = sessions_.begin(); at != sessions_.end();) {
      const auto next = std::next(at);
      if (at->done) finished.splice(finished.end(), sessions_, at);
      at = next;
    }
  }
  for (Session& session : finished) session.thread.join();
}

void Backend::serve(Session& session) {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard hold(lock_);
    connection = session.connection;
  }
  try {
    for (uint64_t nth = 0; serve_one(*connection, nth); ++nth) {
    }
  } catch (const NetworkError&) {
    // The proxy went away or misbehaved; the test sees it at the client's end.
  }
  --open_;
  {
    const std::lock_guard hold(lock_);
    session.connection.reset();
  }
  connection.reset();
  session.done = true;
}

// False: the connection is over.
bool Backend::serve_one(Connection& connection, uint64_t nth) {
  while (!connection.readable(1000)) {
    // An idle keep-alive connection; close_connections() makes it readable.
  }
  Head head;
  if (!connection.read_head(head)) return false;
  ++requests_;
  Handler handler;
  {
    const std::lock_guard hold(lock_);
    if (heads_.size() == kKeptHeads) heads_.pop_front();
    heads_.push_back(head);
    handler = handler_;
  }
  BackendExchange exchange(connection, std::move(head), name_, nth);
  handler(exchange);
  if (exchange.closing()) return false;
  if (!exchange.body_read()) exchange.read_body();
  return !exchange.head().has_token("Connection", "close");
}

void Backend::set_handler(Handler handler) {
  const std::lock_guard hold(lock_);
  handler_ = std::move(handler);
}

void Backend::close_connections() {
  const std::lock_guard hold(lock_);
  for (Session& session : sessions_)
    if (session.connection) session.connection->interrupt();
}

std::vector<Head> Backend::heads() const {
  const std::lock_guard hold(lock_);
  return {heads_.begin(), heads_.end()};
}

}  // namespace narthex::test
