// One TLS client of OpenSSL's own and one ServerStream on the two ends of a socket pair, driven in turns by one thread.
// The client is an independent witness: it shares no code with tls/.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "test/support/certificates.h"
#include "tls/server_stream.h"

namespace narthex::test {

struct FixedSource final : tls::SniSource {
  const tls::SniIndex* current_certificates() const override { return &index; }
  tls::SniIndex index;
};

using Session = std::shared_ptr<SSL_SESSION>;

struct ClientWish {
  std::string server_name;
  std::vector<std::string> alpn;
  int version = 0;                   // TLS1_2_VERSION etc. alone; 0: what the library likes
  std::string signature_algorithms;  // "RSA-PSS+SHA256"; empty: all
  std::string groups;
  Session session;  // to resume
};

// Descriptors that close themselves.
struct SocketPair {
  SocketPair();
  ~SocketPair();
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;
  void close_client();

  int client = -1, server = -1;
};

std::shared_ptr<const tls::Certificate> parsed(const PemPair& pem);
tls::TicketKeys ticket_keys();
std::unique_ptr<tls::ServerContext> server_context(const tls::SniSource& source,
                                                   const tls::TicketKeys& keys = ticket_keys(),
                                                   std::vector<std::string_view> alpn = {"h2", "http/1.1"});

class ConnectedPair final {
 public:
  ConnectedPair(tls::ServerContext& context, const ClientWish& wish);
  ~ConnectedPair();
  ConnectedPair(const ConnectedPair&) = delete;
  ConnectedPair& operator=(const ConnectedPair&) = delete;

  // Turns of both sides until both are done or one fails. True: done.
  bool handshake();
  // What the client sends; in one call as much as the socket takes.
  size_t client_write(std::string_view bytes);
  std::string client_read();
  // Tells the stream that the socket is readable, and reads once.
  tls::IoResult server_read();
  std::string server_bytes(size_t bytes) const { return std::string(buffer_.data(), bytes); }

  SSL* client() { return client_.get(); }
  tls::ServerStream& server() { return server_; }
  SocketPair& sockets() { return sockets_; }
  tls::IoResult server_result() const { return result_; }
  std::string client_error() const { return client_error_; }  // "tlsv1 alert ...", from the alert that came
  std::string client_fingerprint() const;                     // of the certificate that the client got
  Session session() const { return session_; }                // the last ticket
  size_t peer_chain_size() const;

 private:
  static int keep_session(SSL* ssl, SSL_SESSION* session);

  SocketPair sockets_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> client_context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> client_;
  tls::ServerStream server_;
  tls::IoResult result_;
  std::string client_error_;
  Session session_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace narthex::test
