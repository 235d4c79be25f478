#include "controller/api/api_connection.h"

#include <fmt/format.h>
#include <netinet/tcp.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <optional>
#include <vector>

#include "base/text.h"
#include "controller/api/line_splitter.h"
#include "tls/client_name.h"

namespace narthex::controller {

struct ApiTls {
  boost::asio::ssl::context context{boost::asio::ssl::context::tls_client};
};

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kConnectTime = std::chrono::seconds(10);
constexpr uint32_t kHeadBytes = 64u << 10;
constexpr size_t kRefusalBytes = 256u << 10;  // of the answer to a watch that is refused
constexpr size_t kReadBytes = 64u << 10;
constexpr uint64_t kRetryAfterMax = 3600;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
template <typename T>
using Awaitable = asio::awaitable<T>;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

// A peer that vanished shows after 30 s + 3 x 10 s without traffic, and 30 s after something was sent to it.
void notice_vanished_peer(tcp::socket& socket) {
  const auto set = [&](int level, int name, int value) {
    ::setsockopt(socket.native_handle(), level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
  set(IPPROTO_TCP, TCP_NODELAY, 1);
}

template <typename Body>
void take_head(const http::response<Body>& head, ApiAnswer& into) {
  into.status = head.result_int();
  const auto wait = head[http::field::retry_after];
  const auto seconds = base::parse_decimal({wait.data(), wait.size()}, UINT64_MAX);
  if (seconds) into.retry_after = std::chrono::seconds(std::min(*seconds, kRetryAfterMax));
}

}  // namespace

base::Result<std::shared_ptr<ApiTls>> make_api_tls(const ApiAccess& access, const Identity& identity) {
  auto tls = std::make_shared<ApiTls>();
  ssl::context& context = tls->context;
  error_code error;
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                          ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1,
                      error);
  context.set_verify_mode(access.verify ? ssl::verify_peer : ssl::verify_none, error);
  if (access.verify && identity.authorities_pem.empty()) {
    context.set_default_verify_paths(error);
  } else if (access.verify) {
    context.add_certificate_authority(asio::buffer(identity.authorities_pem), error);
  }
  if (error) return base::Error("the certificate authority of the API server: " + error.message());
  if (identity.certificate_pem.empty()) return tls;
  context.use_certificate_chain(asio::buffer(identity.certificate_pem), error);
  if (error) return base::Error("the client certificate: " + error.message());
  context.use_private_key(asio::buffer(identity.key_pem), ssl::context::pem, error);
  if (error) return base::Error("the client certificate's key: " + error.message());
  return tls;
}

namespace {

class Connection final : public ApiConnection, public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& loop, const ApiAccess& access, std::shared_ptr<ApiTls> tls)
      : loop_(loop), access_(access), tls_(std::move(tls)), resolver_(loop) {
    buffer_.reserve(kReadBytes);  // Beast reads as much as there is room for, and 512 bytes where there is none
  }

  void send(ApiRequest request, std::string authorization, ApiAnswerTaker done) override;
  void watch(ApiRequest request, std::string authorization, std::chrono::milliseconds quiet, ApiLineTaker line,
             ApiAnswerTaker done) override;
  void set_quiet(std::chrono::milliseconds quiet) override { quiet_ = quiet; }
  bool reusable() const override;
  bool was_stale() const override { return stale_; }
  void close() override;

 private:
  struct Call {
    ApiRequest request;
    std::string authorization;
    ApiLineTaker line;  // of a watch
  };

  void begin(Call call, ApiAnswerTaker done);
  Awaitable<ApiAnswer> run(Call& call);
  Awaitable<std::string> connect();
  Awaitable<std::string> resolve(std::vector<tcp::endpoint>& into);
  template <typename Stream>
  Awaitable<ApiAnswer> talk(Stream& stream, Call& call);
  template <typename Stream>
  Awaitable<void> read_whole(Stream& stream, const Call& call, ApiAnswer& answer);
  template <typename Stream>
  Awaitable<void> read_lines(Stream& stream, Call& call, ApiAnswer& answer);
  template <typename Stream, typename Parser>
  Awaitable<error_code> read_more(Stream& stream, Parser& parser);

  bool take_lines(std::string_view piece, LineSplitter& lines, Call& call);
  http::request<http::string_body> message(const Call& call) const;
  std::string explain(const error_code& error);
  beast::tcp_stream& lowest() { return tls_stream_ ? tls_stream_->next_layer() : *plain_; }
  const beast::tcp_stream& lowest() const { return tls_stream_ ? tls_stream_->next_layer() : *plain_; }

  asio::io_context& loop_;
  const ApiAccess access_;
  const std::shared_ptr<ApiTls> tls_;
  tcp::resolver resolver_;
  std::optional<beast::tcp_stream> plain_;
  std::optional<TlsStream> tls_stream_;
  beast::flat_buffer buffer_;
  std::chrono::milliseconds quiet_{0};
  bool open_ = false, closed_ = false, stale_ = false, timed_out_ = false;
  uint64_t answers_ = 0;
};

void Connection::send(ApiRequest request, std::string authorization, ApiAnswerTaker done) {
  begin({std::move(request), std::move(authorization), nullptr}, std::move(done));
}

void Connection::watch(ApiRequest request, std::string authorization, std::chrono::milliseconds quiet,
                       ApiLineTaker line, ApiAnswerTaker done) {
  quiet_ = quiet;
  begin({std::move(request), std::move(authorization), std::move(line)}, std::move(done));
}

void Connection::begin(Call call, ApiAnswerTaker done) {
  stale_ = false;
  auto work = [](std::shared_ptr<Connection> self, Call own, ApiAnswerTaker tell) -> Awaitable<void> {
    ApiAnswer answer = co_await self->run(own);
    if (!self->closed_) tell(std::move(answer));
  };
  asio::co_spawn(loop_, work(shared_from_this(), std::move(call), std::move(done)), asio::detached);
}

bool Connection::reusable() const {
  if (!open_ || closed_) return false;
  // Readable without a request: the end, or words that nobody asked for.
  char byte = 0;
  const auto got =
      ::recv(const_cast<beast::tcp_stream&>(lowest()).socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void Connection::close() {
  closed_ = true;
  open_ = false;
  resolver_.cancel();
  if (plain_ || tls_stream_) lowest().close();
}

Awaitable<ApiAnswer> Connection::run(Call& call) {
  if (!open_) {
    ApiAnswer answer;
    answer.trouble = co_await connect();
    if (!answer.trouble.empty()) co_return answer;
    open_ = true;
  }
  ApiAnswer answer;
  if (tls_stream_) {
    answer = co_await talk(*tls_stream_, call);
  } else {
    answer = co_await talk(*plain_, call);
  }
  if (!answer.trouble.empty()) open_ = false;
  stale_ = answer.status == 0 && answers_ > 0 && !timed_out_;
  ++answers_;
  if (!open_ && !closed_) lowest().close();
  co_return answer;
}

Awaitable<std::string> Connection::resolve(std::vector<tcp::endpoint>& into) {
  error_code error;
  const auto address = asio::ip::make_address(access_.host, error);
  if (!error) {
    into.emplace_back(address, access_.port);
    co_return std::string();
  }
  auto [failed, found] = co_await resolver_.async_resolve(access_.host, std::to_string(access_.port),
                                                          tcp::resolver::numeric_service, kAwait);
  if (failed) co_return fmt::format("the name {} cannot be resolved: {}", access_.host, failed.message());
  for (const auto& entry : found) into.push_back(entry.endpoint());
  co_return std::string();
}

// Empty, or why there is no connection.
Awaitable<std::string> Connection::connect() {
  std::vector<tcp::endpoint> endpoints;
  std::string trouble = co_await resolve(endpoints);
  if (!trouble.empty()) co_return trouble;
  if (closed_) co_return std::string("closed");
  if (tls_) {
    tls_stream_.emplace(loop_, tls_->context);
  } else {
    plain_.emplace(loop_);
  }
  lowest().expires_after(kConnectTime);
  const auto [failed, endpoint] = co_await lowest().async_connect(endpoints, kAwait);
  if (failed) co_return fmt::format("no connection: {}", explain(failed));
  notice_vanished_peer(lowest().socket());
  if (!tls_) co_return std::string();
  const std::string& name = access_.server_name.empty() ? access_.host : access_.server_name;
  if (access_.verify && !tls::expect_server(tls_stream_->native_handle(), name))
    co_return fmt::format("{} is no name that a certificate can be for", name);
  const auto [refused] = co_await tls_stream_->async_handshake(ssl::stream_base::client, kAwait);
  if (!refused) co_return std::string();
  const std::string why = access_.verify ? tls::certificate_trouble(tls_stream_->native_handle()) : std::string();
  if (why.empty()) co_return fmt::format("no TLS connection: {}", explain(refused));
  co_return fmt::format("the API server's certificate is not good for {}: {}; give the right certificate authority",
                        name, why);
}

std::string Connection::explain(const error_code& error) {
  timed_out_ = error == beast::error::timeout;
  if (timed_out_) return "it does not answer in time";
  if (error == asio::error::eof || error == http::error::end_of_stream || error == ssl::error::stream_truncated)
    return "it closed the connection";
  if (error == http::error::partial_message) return "it closed the connection in the middle of its answer";
  if (error == http::error::body_limit) return "its answer is too large";
  return error.message();
}

http::request<http::string_body> Connection::message(const Call& call) const {
  const ApiRequest& request = call.request;
  http::request<http::string_body> message;
  message.method_string(request.method);
  message.target(access_.path_prefix + request.target);
  const bool v6 = access_.host.find(':') != std::string::npos;
  message.set(http::field::host, fmt::format("{}{}{}:{}", v6 ? "[" : "", access_.host, v6 ? "]" : "", access_.port));
  message.set(http::field::user_agent, "narthex");
  message.set(http::field::accept, "application/json");
  if (!call.authorization.empty()) message.set(http::field::authorization, call.authorization);
  if (!request.content_type.empty()) message.set(http::field::content_type, request.content_type);
  message.body() = request.body;
  message.prepare_payload();
  return message;
}

template <typename Stream>
Awaitable<ApiAnswer> Connection::talk(Stream& stream, Call& call) {
  ApiAnswer answer;
  const auto message = this->message(call);
  lowest().expires_after(call.request.time);
  const auto [failed, sent] = co_await http::async_write(stream, message, kAwait);
  if (failed) {
    answer.trouble = explain(failed);
    co_return answer;
  }
  if (call.line) {
    co_await read_lines(stream, call, answer);
  } else {
    co_await read_whole(stream, call, answer);
  }
  co_return answer;
}

template <typename Stream>
Awaitable<void> Connection::read_whole(Stream& stream, const Call& call, ApiAnswer& answer) {
  http::response_parser<http::string_body> parser;
  parser.header_limit(kHeadBytes);
  parser.body_limit(call.request.answer_bytes_max);
  const auto [failed, got] = co_await http::async_read(stream, buffer_, parser, kAwait);
  if (parser.is_header_done()) take_head(parser.get(), answer);
  answer.too_large = failed == http::error::body_limit;
  if (failed) answer.trouble = explain(failed);
  if (!failed && !parser.get().keep_alive()) open_ = false;
  if (!failed) answer.body = std::move(parser.get().body());
}

// More bytes into the buffer; the end of the connection is the parser's to judge.
template <typename Stream, typename Parser>
Awaitable<error_code> Connection::read_more(Stream& stream, Parser& parser) {
  const auto [failed, got] = co_await stream.async_read_some(buffer_.prepare(kReadBytes), kAwait);
  buffer_.commit(got);
  error_code error = failed;
  if (failed == asio::error::eof || failed == ssl::error::stream_truncated) {
    error = {};
    parser.put_eof(error);
  }
  co_return error;
}

template <typename Stream>
Awaitable<void> Connection::read_lines(Stream& stream, Call& call, ApiAnswer& answer) {
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(kHeadBytes);
  parser.body_limit(boost::none);
  const auto [no_head, head_bytes] = co_await http::async_read_header(stream, buffer_, parser, kAwait);
  if (no_head) {
    answer.trouble = explain(no_head);
    co_return;
  }
  take_head(parser.get(), answer);
  const bool begun = answer.status == 200;
  if (begun) call.line("");
  const auto part = std::make_unique<std::array<char, kReadBytes>>();
  LineSplitter lines(call.request.answer_bytes_max);
  while (!parser.is_done() && !closed_) {
    // Everything that has come before waiting again, so that events that wait together are taken together. (Beast's own
    // read returns for each chunk, or, when eager, keeps a chunk back until the next one begins.)
    auto& body = parser.get().body();
    body.data = part->data();
    body.size = part->size();
    error_code error;
    const size_t taken = buffer_.size() == 0 ? 0 : parser.put(buffer_.data(), error);
    buffer_.consume(taken);
    const std::string_view piece(part->data(), part->size() - body.size);
    if (!begun) answer.body += piece;
    if (begun && !take_lines(piece, lines, call)) {
      answer.too_large = !closed_;
      answer.trouble = "a line of the watch is too long";
      co_return;
    }
    if (error == http::error::need_more || (taken == 0 && !error)) {
      if (begun) lowest().expires_after(quiet_);
      error = co_await read_more(stream, parser);
    } else if (error == http::error::need_buffer) {
      error = {};
    }
    if (error) answer.trouble = explain(error);
    if (error || answer.body.size() > kRefusalBytes) break;
  }
  open_ = open_ && parser.is_done() && parser.get().keep_alive();
  if (answer.trouble.empty() && lines.in_line()) answer.trouble = "the watch ended in the middle of a line";
}

// False: a line is too long, or we were closed by a taker.
bool Connection::take_lines(std::string_view piece, LineSplitter& lines, Call& call) {
  return lines.push(piece, [&](std::string_view line) {
    call.line(line);
    return !closed_;
  });
}

}  // namespace

std::shared_ptr<ApiConnection> ApiConnection::make(asio::io_context& loop, const ApiAccess& access,
                                                   std::shared_ptr<ApiTls> tls) {
  return std::make_shared<Connection>(loop, access, std::move(tls));
}

}  // namespace narthex::controller
