// The client's side of verifying a server, for the API client: what Asio's TLS streams leave to OpenSSL itself. Free
// functions on a stream that the caller owns; the caller's thread.
#pragma once

#include <string>

struct ssl_st;  // SSL of OpenSSL

namespace narthex::tls {

// Before the handshake: asks for the certificate of `host` by SNI (names only, RFC 6066 3), and has the handshake fail
// where the certificate is not for that name or IP. False: OpenSSL takes no such name.
bool expect_server(ssl_st* ssl, const std::string& host);

// After a handshake that failed: what was wrong with the server's certificate; empty where it was not that.
std::string certificate_trouble(ssl_st* ssl);

}  // namespace narthex::tls
