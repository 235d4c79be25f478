// HTTP/1 clients for tests, plain and over TLS: what a real client would send, byte by byte if need be.
// Errors are NetworkError, thrown. THREAD: one at a time per connection.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "test/support/wire.h"

namespace narthex::test {

struct Response {
  int status = 0;
  Head head;
  std::vector<Head> interim;  // 1xx that came before
  std::string body;
  std::vector<Field> trailers;
  bool chunked = false;
  bool until_close = false;  // the body ended with the connection

  std::string value(std::string_view name) const { return head.value(name); }
  bool has(std::string_view name) const { return head.has(name); }
};

struct Request {
  std::string method = "GET", target = "/", host = "example.com", version = "HTTP/1.1";
  std::vector<Field> fields = {};
  std::string body = {};  // with its Content-Length, where not empty
};

std::string to_wire(const Request& request);

// TCP to 127.0.0.1. `source` is the address to come from, such as "127.0.0.9"; empty: the system's choice; "::1": to
// and from that one.
std::unique_ptr<Connection> connect_plain(uint16_t port, const std::string& source = "");
// An IP address and a port as system calls take them; throws where it is no address.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* pointer() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
SocketAddress socket_address(const std::string& ip, uint16_t port);

inline constexpr int kTls11 = 0x0302, kTls12 = 0x0303, kTls13 = 0x0304;

struct TlsOptions {
  std::string server_name = {};  // SNI; empty: none sent
  std::vector<std::string> alpn = {};
  int version = 0;                        // 0: any; else this one alone
  std::string signature_algorithms = {};  // as SSL_CTX_set1_sigalgs_list takes them; empty: the default ones
  std::string ciphers = {};               // of TLS 1.2
  std::string source = {};                // as connect_plain takes it
  std::string prelude = {};               // sent in clear before the handshake
};

// What was agreed on in the handshake.
struct TlsFacts {
  int version = 0;
  std::string alpn, certificate_pem, fingerprint, subject;  // the fingerprint is SHA-256 of the leaf, lower hex
  bool ecdsa = false;                                       // the key of the leaf; else RSA
};

// The certificate is not verified: tests compare fingerprints.
std::unique_ptr<Connection> connect_tls(uint16_t port, const TlsOptions& options);
// Of a connection made by connect_tls.
const TlsFacts& tls_facts(Connection& connection);

// Reads one final response; `method` decides whether a body belongs to it. 1xx answers are collected.
Response read_response(Connection& connection, std::string_view method = "GET");
// Sends and reads.
Response exchange(Connection& connection, const Request& request);
// On a connection of its own.
Response fetch(uint16_t port, const Request& request);
Response get(uint16_t port, const std::string& host, const std::string& target = "/");

}  // namespace narthex::test
