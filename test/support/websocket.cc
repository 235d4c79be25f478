#include "test/support/websocket.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "base/text.h"

namespace narthex::test {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

// A Connection as Beast's streams want it; what goes wrong with it is thrown as NetworkError.
class Layer {
 public:
  using executor_type = asio::io_context::executor_type;
  explicit Layer(Connection& connection) : connection_(connection) {}
  executor_type get_executor() noexcept { return context_.get_executor(); }

  template <class Buffers>
  size_t read_some(const Buffers& into, error_code& error) {
    error = {};
    if (begin_ == bytes_.size()) {
      bytes_ = connection_.read_some();
      begin_ = 0;
    }
    if (bytes_.empty()) error = asio::error::eof;
    const size_t count = asio::buffer_copy(into, asio::buffer(bytes_) + begin_);
    begin_ += count;
    return count;
  }

  template <class Buffers>
  size_t write_some(const Buffers& from, error_code& error) {
    error = {};
    const std::string bytes = beast::buffers_to_string(from);
    connection_.send(bytes);
    return bytes.size();
  }

  // Interfaces of Beast that throw are not used.
  template <class Buffers>
  size_t read_some(const Buffers& into);
  template <class Buffers>
  size_t write_some(const Buffers& from);

  // Whoever owns the connection closes it.
  friend void teardown(beast::role_type, Layer&, error_code& error) { error = {}; }

 private:
  asio::io_context context_;
  Connection& connection_;
  std::string bytes_;
  size_t begin_ = 0;
};

using Frames = websocket::stream<Layer>;

void must(const error_code& error, const char* what) {
  if (error) throw NetworkError(std::string(what) + ": " + error.message());
}

void set_options(Frames& stream, bool deflate) {
  stream.read_message_max(0);
  websocket::permessage_deflate extension;
  extension.client_enable = extension.server_enable = deflate;
  stream.set_option(extension);
}

// Throws where the peer does not end in order.
WebSocketMessage read_message(Frames& stream, error_code& error) {
  beast::flat_buffer buffer;
  stream.read(buffer, error);
  if (error && error != websocket::error::closed) must(error, "read");
  return {beast::buffers_to_string(buffer.data()), stream.got_binary()};
}

void write_message(Frames& stream, const WebSocketMessage& message) {
  error_code error;
  stream.binary(message.binary);
  stream.write(asio::buffer(message.bytes), error);
  must(error, "write");
}

websocket::close_reason to_beast(const WebSocketEnd& end) {
  websocket::close_reason reason(static_cast<websocket::close_code>(end.code));
  reason.reason = end.reason;
  return reason;
}

WebSocketEnd end_of(const Frames& stream) {
  const websocket::close_reason& reason = stream.reason();
  constexpr uint16_t kNoStatus = 1005;  // RFC 6455 7.1.5
  const uint16_t code = reason.code == websocket::close_code::none ? kNoStatus : reason.code;
  return {code, std::string(reason.reason.data(), reason.reason.size())};
}

void accept(Frames& stream, const Head& head) {
  http::request_parser<http::string_body> parser;
  error_code error;
  parser.put(asio::buffer(head.raw), error);
  must(error, "upgrade request");
  const std::string offered = head.value("Sec-WebSocket-Protocol");
  const std::string protocol(base::trim(base::split(offered, ',').front()));
  if (!protocol.empty())
    stream.set_option(websocket::stream_base::decorator(
        [protocol](websocket::response_type& answer) { answer.set(http::field::sec_websocket_protocol, protocol); }));
  stream.accept(parser.get(), error);
  must(error, "accept");
}

}  // namespace

struct WebSocket::Native {
  explicit Native(std::unique_ptr<Connection> owned) : connection(std::move(owned)), stream(*connection) {}

  const std::unique_ptr<Connection> connection;
  Frames stream;
  std::string protocol;
  bool deflates = false;
  std::vector<std::string> pings, pongs;
};

WebSocket::WebSocket(std::unique_ptr<Connection> connection, const WebSocketOptions& options)
    : native_(std::make_unique<Native>(std::move(connection))) {
  Native& native = *native_;
  set_options(native.stream, options.deflate);
  if (!options.protocol.empty())
    native.stream.set_option(websocket::stream_base::decorator([&options](websocket::request_type& request) {
      request.set(http::field::sec_websocket_protocol, options.protocol);
    }));
  native.stream.control_callback([&native](websocket::frame_type kind, beast::string_view payload) {
    if (kind == websocket::frame_type::ping) native.pings.emplace_back(payload);
    if (kind == websocket::frame_type::pong) native.pongs.emplace_back(payload);
  });
  websocket::response_type answer;
  error_code error;
  native.stream.handshake(answer, options.host, options.target, error);
  must(error, "opening handshake");
  native.protocol = std::string(answer[http::field::sec_websocket_protocol]);
  native.deflates =
      answer[http::field::sec_websocket_extensions].find("permessage-deflate") != beast::string_view::npos;
}

WebSocket::~WebSocket() = default;

const std::string& WebSocket::protocol() const { return native_->protocol; }
bool WebSocket::deflates() const { return native_->deflates; }
const std::vector<std::string>& WebSocket::pings() const { return native_->pings; }
const std::vector<std::string>& WebSocket::pongs() const { return native_->pongs; }

void WebSocket::send(const WebSocketMessage& message, size_t fragment) {
  if (fragment == 0) return write_message(native_->stream, message);
  native_->stream.binary(message.binary);
  std::string_view rest = message.bytes;
  do {
    const std::string_view part = rest.substr(0, fragment);
    rest.remove_prefix(part.size());
    error_code error;
    native_->stream.write_some(rest.empty(), asio::buffer(part), error);
    must(error, "write");
    if (!rest.empty()) ping("between");
  } while (!rest.empty());
}

WebSocketMessage WebSocket::receive() {
  error_code error;
  WebSocketMessage message = read_message(native_->stream, error);
  must(error, "read");
  return message;
}

WebSocketMessage WebSocket::ask(const WebSocketMessage& message, size_t fragment) {
  send(message, fragment);
  return receive();
}

void WebSocket::ping(const std::string& payload) {
  error_code error;
  native_->stream.ping(websocket::ping_data(payload), error);
  must(error, "ping");
}

WebSocketEnd WebSocket::close(const WebSocketEnd& end) {
  error_code error;
  native_->stream.close(to_beast(end), error);
  must(error, "closing handshake");
  return end_of(native_->stream);
}

WebSocketEnd WebSocket::wait_for_end() {
  error_code error;
  const WebSocketMessage message = read_message(native_->stream, error);
  if (!error) throw NetworkError("a message instead of the end: " + message.bytes.substr(0, 80));
  return end_of(native_->stream);
}

Handler EchoingWebSockets::handler() {
  return [this](BackendExchange& exchange) { serve(exchange); };
}

std::vector<WebSocketEnd> EchoingWebSockets::ends() const {
  const std::lock_guard hold(lock_);
  return ends_;
}

void EchoingWebSockets::serve(BackendExchange& exchange) {
  exchange.close();
  Frames stream(exchange.connection());
  set_options(stream, true);
  accept(stream, exchange.head());
  for (;;) {
    error_code error;
    const WebSocketMessage message = read_message(stream, error);
    if (error) break;  // closed by the client, and answered
    if (message.bytes == "close me") {
      stream.close(to_beast({4001, "as you wish"}), error);
      must(error, "closing handshake");
      break;
    }
    if (message.bytes == "ping me") stream.ping("are you there", error);
    must(error, "ping");
    write_message(stream, message);
  }
  const std::lock_guard hold(lock_);
  ends_.push_back(end_of(stream));
}

}  // namespace narthex::test
