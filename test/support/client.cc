#include "test/support/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace narthex::test {

namespace {

void read_body(Connection& connection, std::string_view method, Response& response) {
  const bool none = method == "HEAD" || response.status == 204 || response.status == 304 || response.status == 101;
  if (none) return;
  if (response.head.has("Transfer-Encoding")) {
    if (!base::iequals(response.value("Transfer-Encoding"), "chunked"))
      throw NetworkError("framing: " + response.head.raw);
    if (response.has("Content-Length")) throw NetworkError("two framings: " + response.head.raw);
    response.chunked = true;
    response.body = connection.read_chunked(response.trailers);
    return;
  }
  if (response.has("Content-Length")) {
    const auto length = base::parse_decimal(response.value("Content-Length"));
    if (!length || response.head.count("Content-Length") != 1) throw NetworkError("length: " + response.head.raw);
    response.body = connection.read_exactly(*length);
    return;
  }
  response.until_close = true;
  response.body = connection.read_to_end();
}

}  // namespace

std::string to_wire(const Request& request) {
  std::string text = request.method + " " + request.target + " " + request.version + "\r\n";
  if (!request.host.empty()) text += "Host: " + request.host + "\r\n";
  text += fields_text(request.fields);
  if (!request.body.empty()) text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n" + request.body;
}

SocketAddress socket_address(const std::string& ip, uint16_t port) {
  SocketAddress out;
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
  if (::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    out.size = sizeof v4;
  } else if (::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    out.size = sizeof v6;
  } else {
    throw NetworkError("no IP address: " + ip);
  }
  return out;
}

std::unique_ptr<Connection> connect_plain(uint16_t port, const std::string& source) {
  const SocketAddress to = socket_address(source.find(':') == std::string::npos ? "127.0.0.1" : "::1", port);
  const int fd = ::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw NetworkError(std::string("socket: ") + std::strerror(errno));
  auto connection = std::make_unique<Connection>(make_plain_stream(fd));
  if (!source.empty()) {
    const SocketAddress from = socket_address(source, 0);
    if (::bind(fd, from.pointer(), from.size) != 0) throw NetworkError(std::string("bind: ") + std::strerror(errno));
  }
  if (::connect(fd, to.pointer(), to.size) != 0) throw NetworkError(std::string("connect: ") + std::strerror(errno));
  return connection;
}

Response read_response(Connection& connection, std::string_view method) {
  Response response;
  while (true) {
    if (!connection.read_head(response.head)) throw NetworkError("the end instead of an answer");
    const std::string& line = response.head.start_line;
    const bool ours = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
    const auto status = ours && line.size() >= 12 ? base::parse_decimal(line.substr(9, 3), 599) : std::nullopt;
    if (!status) throw NetworkError("no status line: " + line);
    response.status = static_cast<int>(*status);
    if (response.status >= 200 || response.status == 101) break;
    response.interim.push_back(std::move(response.head));
    response.head = {};
  }
  read_body(connection, method, response);
  return response;
}

Response exchange(Connection& connection, const Request& request) {
  connection.send(to_wire(request));
  return read_response(connection, request.method);
}

Response fetch(uint16_t port, const Request& request) {
  const std::unique_ptr<Connection> connection = connect_plain(port);
  return exchange(*connection, request);
}

Response get(uint16_t port, const std::string& host, const std::string& target) {
  return fetch(port, {.target = target, .host = host});
}

}  // namespace narthex::test
