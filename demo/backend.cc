// A stand-in for a pod: answers every request with a text that says which pod this is and what reached it.
//
//   demo-backend NAME ADDRESS:PORT        port 0 takes a free one; the first line of output says which
//
//   /slow?ms=N    answers after N milliseconds (60 s at the most)
//   /status/NNN   answers with that status
//   /ws           WebSocket, sends back what it gets
//
// One thread per connection and no time limits: good enough for a demo on loopback, not an example of a server.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

std::optional<unsigned> number_after(std::string_view text, std::string_view prefix, unsigned most) {
  const size_t at = text.find(prefix);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + prefix.size());
  unsigned value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return std::nullopt;
  return std::min(value, most);
}

// One "name: value" line per fact, so that grep finds it.
std::string describe(const std::string& pod, const Request& request) {
  std::string text;
  const auto line = [&text](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\n");
  };
  line("pod", pod);
  line("method", request.method_string());
  line("path", request.target());
  for (const auto& field : request) line(field.name_string(), field.value());
  if (!request.body().empty()) line("body-bytes", std::to_string(request.body().size()));
  return text;
}

Response answer(const std::string& pod, const Request& request) {
  const std::string_view target(request.target().data(), request.target().size());
  if (target.starts_with("/slow"))
    std::this_thread::sleep_for(std::chrono::milliseconds(number_after(target, "ms=", 60'000).value_or(1000)));
  unsigned status = 200;
  if (target.starts_with("/status/"))
    status = std::clamp(number_after(target, "/status/", 599).value_or(200), 200u, 599u);
  Response response(http::int_to_status(status), request.version());
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.keep_alive(request.keep_alive());
  const bool has_body = status != 204 && status != 304;
  if (has_body) response.body() = describe(pod, request);
  if (has_body) response.content_length(response.body().size());
  return response;
}

void echo_websocket(beast::tcp_stream stream, const Request& request) {
  beast::websocket::stream<beast::tcp_stream> socket(std::move(stream));
  beast::error_code error;
  socket.accept(request, error);
  beast::flat_buffer message;
  while (!error) {
    socket.read(message, error);
    if (error) return;
    socket.text(socket.got_text());
    socket.write(message.data(), error);
    message.consume(message.size());
  }
}

void serve(const std::string& pod, tcp::socket accepted) {
  beast::tcp_stream stream(std::move(accepted));
  beast::flat_buffer buffer;
  beast::error_code error;
  stream.socket().set_option(tcp::no_delay(true), error);
  for (bool more = true; more;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(64u << 20);
    http::read(stream, buffer, parser, error);
    if (error) break;
    const Request request = parser.release();
    if (beast::websocket::is_upgrade(request) && request.target() == "/ws")
      return echo_websocket(std::move(stream), request);
    const Response response = answer(pod, request);
    if (request.method() == http::verb::head) {
      http::response_serializer<http::string_body> serializer(response);
      http::write_header(stream, serializer, error);
    } else {
      http::write(stream, response, error);
    }
    more = !error && request.keep_alive();
  }
  stream.socket().shutdown(tcp::socket::shutdown_both, error);
}

std::optional<tcp::endpoint> parse_endpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = number_after(text.substr(colon), ":", 65535);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(std::string(host), error);
  if (!port || error) return std::nullopt;
  return tcp::endpoint(address, static_cast<uint16_t>(*port));
}

}  // namespace

int main(int argc, char** argv) {
  const auto at = argc == 3 ? parse_endpoint(argv[2]) : std::nullopt;
  if (!at) {
    std::cerr << "usage: demo-backend NAME ADDRESS:PORT\n";
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const std::string pod = argv[1];
  try {
    asio::io_context io;
    tcp::acceptor acceptor(io, *at);
    std::cout << pod << " listens on " << acceptor.local_endpoint() << std::endl;
    while (true) {
      boost::system::error_code error;
      tcp::socket socket = acceptor.accept(error);
      if (error) std::this_thread::sleep_for(std::chrono::milliseconds(10));  // out of descriptors: some will close
      if (!error) std::thread(serve, pod, std::move(socket)).detach();
    }
  } catch (const std::exception& failure) {
    std::cerr << "demo-backend: cannot serve " << argv[2] << ": " << failure.what() << "\n";
    return 1;
  }
}
