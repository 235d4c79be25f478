#include "test/tls/connected_pair.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>

namespace narthex::test {

SocketPair::SocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0) client = ends[0], server = ends[1];
}

SocketPair::~SocketPair() {
  close_client();
  close(server);
}

void SocketPair::close_client() {
  if (client >= 0) close(client);
  client = -1;
}

std::shared_ptr<const tls::Certificate> parsed(const PemPair& pem) {
  auto certificate = tls::Certificate::parse(pem.chain, pem.key);
  if (!certificate) FAIL(certificate.error().message());
  return *certificate;
}

tls::TicketKeys ticket_keys() {
  auto keys = tls::TicketKeys::make();
  REQUIRE(keys.has_value());
  return *keys;
}

std::unique_ptr<tls::ServerContext> server_context(const tls::SniSource& source, const tls::TicketKeys& keys,
                                                   std::vector<std::string_view> alpn) {
  auto context = tls::ServerContext::make(source, keys, alpn);
  if (!context) FAIL(context.error().message());
  return std::move(*context);
}

ConnectedPair::ConnectedPair(tls::ServerContext& context, const ClientWish& wish)
    : client_context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
      client_(nullptr, SSL_free),
      server_(context, sockets_.server) {
  SSL_CTX* own = client_context_.get();
  SSL_CTX_set_session_cache_mode(own, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(own, keep_session);
  SSL_CTX_set_mode(own, SSL_MODE_ENABLE_PARTIAL_WRITE);
  if (wish.version != 0) {
    REQUIRE(SSL_CTX_set_cipher_list(own, "DEFAULT@SECLEVEL=0") == 1);  // or the client itself would refuse TLS 1.1
    REQUIRE(SSL_CTX_set_min_proto_version(own, wish.version) == 1);
    REQUIRE(SSL_CTX_set_max_proto_version(own, wish.version) == 1);
  }
  if (!wish.signature_algorithms.empty())
    REQUIRE(SSL_CTX_set1_sigalgs_list(own, wish.signature_algorithms.c_str()) == 1);
  if (!wish.groups.empty()) REQUIRE(SSL_CTX_set1_groups_list(own, wish.groups.c_str()) == 1);
  client_.reset(SSL_new(own));
  SSL_set_app_data(client(), this);
  SSL_set_fd(client(), sockets_.client);
  SSL_set_connect_state(client());
  if (!wish.server_name.empty()) SSL_set_tlsext_host_name(client(), wish.server_name.c_str());
  std::string protocols;
  for (const std::string& name : wish.alpn) protocols += static_cast<char>(name.size()) + name;
  if (!protocols.empty())
    SSL_set_alpn_protos(client(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
  if (wish.session) REQUIRE(SSL_set_session(client(), wish.session.get()) == 1);
}

// As if it had been closed in order: otherwise the library makes the client's session useless for resumption.
ConnectedPair::~ConnectedPair() { SSL_set_shutdown(client(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

bool ConnectedPair::handshake() {
  bool client_done = false;
  for (int turn = 0; turn < 100; ++turn) {
    ERR_clear_error();
    const int status = SSL_do_handshake(client());
    client_done = status == 1;
    const int error = SSL_get_error(client(), status);
    if (!client_done && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      const char* reason = ERR_reason_error_string(ERR_peek_last_error());
      client_error_ = reason != nullptr ? reason : "no reason";
      server_.note_readable();
      result_ = server_.handshake();
      return false;
    }
    if (client_done && result_.status == tls::IoStatus::done && turn > 0) return true;
    server_.note_readable();
    result_ = server_.handshake();
    if (result_.status == tls::IoStatus::failed) {
      if (client_done)
        client_read();  // TLS 1.3: the client is done first and hears of it when it reads
      else if (SSL_do_handshake(client()) != 1) {
        const char* reason = ERR_reason_error_string(ERR_peek_last_error());
        client_error_ = reason != nullptr ? reason : "no reason";
      }
      return false;
    }
  }
  return false;
}

size_t ConnectedPair::client_write(std::string_view bytes) {
  size_t total = 0;
  for (size_t step = 0; total < bytes.size(); total += step)
    if (SSL_write_ex(client(), bytes.data() + total, bytes.size() - total, &step) != 1) break;
  return total;
}

std::string ConnectedPair::client_read() {
  std::string all;
  std::array<char, 16384> part;
  for (;;) {
    size_t step = 0;
    ERR_clear_error();
    const int status = SSL_read_ex(client(), part.data(), part.size(), &step);
    if (status != 1) {
      if (SSL_get_error(client(), status) == SSL_ERROR_SSL) {
        const char* reason = ERR_reason_error_string(ERR_peek_last_error());
        client_error_ = reason != nullptr ? reason : "no reason";
      }
      return all;
    }
    all.append(part.data(), step);
  }
}

tls::IoResult ConnectedPair::server_read() {
  server_.note_readable();
  return server_.read(buffer_);
}

std::string ConnectedPair::client_fingerprint() const {
  const std::unique_ptr<X509, decltype(&X509_free)> leaf(SSL_get1_peer_certificate(client_.get()), X509_free);
  if (!leaf) return "none";
  std::array<unsigned char, 32> digest{};
  X509_digest(leaf.get(), EVP_sha256(), digest.data(), nullptr);
  std::string text;
  for (const unsigned char byte : digest) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", byte);
    text += two;
  }
  return text;
}

size_t ConnectedPair::peer_chain_size() const {
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(client_.get());
  return chain == nullptr ? 0 : static_cast<size_t>(sk_X509_num(chain));
}

int ConnectedPair::keep_session(SSL* ssl, SSL_SESSION* session) {
  static_cast<ConnectedPair*>(SSL_get_app_data(ssl))->session_ = Session(session, SSL_SESSION_free);
  return 1;  // the reference is ours now
}

}  // namespace narthex::test
