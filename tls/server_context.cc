#include "tls/server_context.h"

#include <openssl/rand.h>

#include <algorithm>

#include "base/text.h"
#include "tls/connection.h"

namespace narthex::tls {
namespace {

// ingress-nginx's default without its DHE suites: those need parameters of their own, and every client since 2012 has
// ECDHE.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-"
    "SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
// The same order for TLS 1.3.
constexpr const char* kCiphers13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";  // X25519 is the cheapest here: 185 us a handshake, P-256 257 us
constexpr int kSecurityLevel = 2;                      // RSA >= 2048, no SHA-1: what Certificate::parse lets through
constexpr long kSessionSeconds = 600;                  // ingress-nginx: ssl-session-timeout 10m
constexpr std::string_view kSessionContext = "narthex";
constexpr int kTicketKeyBytes = 80;

bool set_protocols(SSL_CTX* context);
bool set_sessions(SSL_CTX* context, const TicketKeys& keys);
int on_client_hello(SSL* ssl, int* alert, void*);
int bind_ticket(SSL* ssl, void*);
SSL_TICKET_RETURN accept_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, size_t, SSL_TICKET_STATUS status,
                                void*);

}  // namespace

base::Result<TicketKeys> TicketKeys::make() {
  const QuietErrors quiet;
  TicketKeys keys;
  if (RAND_bytes(keys.bytes.data(), static_cast<int>(keys.bytes.size())) != 1)
    return base::Error("no random bytes for session ticket keys: the system's random source fails");
  return keys;
}

ServerContext::ServerContext(std::unique_ptr<Native> native) : native_(std::move(native)) {}
ServerContext::~ServerContext() = default;

base::Result<std::unique_ptr<ServerContext>> ServerContext::make(const SniSource& certificates, const TicketKeys& keys,
                                                                 std::span<const std::string_view> alpn) {
  const QuietErrors quiet;
  if (std::all_of(keys.bytes.begin(), keys.bytes.end(), [](uint8_t byte) { return byte == 0; }))
    return base::Error("the session ticket keys are all zero: they must come from TicketKeys::make()");
  auto native = std::make_unique<Native>(certificates);
  native->alpn.assign(alpn.begin(), alpn.end());
  native->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = native->context.get();
  if (context == nullptr || !set_protocols(context) || !set_sessions(context, keys))
    return base::Error(
        "the TLS library refuses its settings: check that OpenSSL 3.0 is installed with its default provider");
  SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
  SSL_CTX_set_cert_cb(context, Native::choose_certificate, native.get());
  if (!native->alpn.empty()) SSL_CTX_set_alpn_select_cb(context, Native::choose_protocol, native.get());
  return std::unique_ptr<ServerContext>(new ServerContext(std::move(native)));
}

int ServerContext::Native::choose_certificate(SSL* ssl, void* context) {
  auto& native = *static_cast<Native*>(context);
  Connection& connection = connection_of(ssl);
  const QuietErrors quiet;
  const SniIndex* index = native.certificates.current_certificates();
  if (index != nullptr && native.offer(ssl, index->find(connection.server_name))) return 1;
  if (index != nullptr && native.offer(ssl, index->find({}))) return 1;
  connection.failure = "no certificate for this server name, and no default certificate";
  return 0;
}

bool ServerContext::Native::offer(SSL* ssl, const CertificateSet& set) {
  bool any = false;
  for (const auto& certificate : set) {
    const Opened* pair = opened.open(certificate);
    any |= pair != nullptr && SSL_use_cert_and_key(ssl, pair->leaf.get(), pair->key.get(), pair->rest.get(), 1) == 1;
  }
  return any;
}

int ServerContext::Native::choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                                           const unsigned char* offered, unsigned offered_size, void* context) {
  for (const std::string& wanted : static_cast<Native*>(context)->alpn) {
    for (unsigned at = 0; at < offered_size; at += 1u + offered[at]) {
      const size_t size = std::min<size_t>(offered[at], offered_size - at - 1);
      if (std::string_view(reinterpret_cast<const char*>(offered) + at + 1, size) != wanted) continue;
      *out = offered + at + 1;
      *out_size = static_cast<unsigned char>(size);
      return SSL_TLSEXT_ERR_OK;
    }
  }
  connection_of(ssl).failure = "none of the offered application protocols is served";
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

namespace {

bool set_protocols(SSL_CTX* context) {
  // Buffers go back while a connection idles: 13.9 kB instead of 29 kB. A chain is sent as given, never searched for.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_LEGACY_SERVER_CONNECT);
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_read_ahead(context, 1);  // one recv for a record's header and body, and for several small records
  SSL_CTX_set_max_early_data(context, 0);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCiphers12) == 1 && SSL_CTX_set_ciphersuites(context, kCiphers13) == 1 &&
         SSL_CTX_set1_groups_list(context, kGroups) == 1;
}

bool set_sessions(SSL_CTX* context, const TicketKeys& keys) {
  static_assert(sizeof(keys.bytes) == kTicketKeyBytes);
  std::array<uint8_t, kTicketKeyBytes> copy = keys.bytes;  // the call takes a pointer to non-const
  const bool set = SSL_CTX_set_tlsext_ticket_keys(context, copy.data(), kTicketKeyBytes) == 1;
  OPENSSL_cleanse(copy.data(), copy.size());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  return set && SSL_CTX_set_num_tickets(context, 1) == 1 &&
         SSL_CTX_set_session_id_context(context, bytes_of(kSessionContext), kSessionContext.size()) == 1 &&
         SSL_CTX_set_session_ticket_cb(context, bind_ticket, accept_ticket, nullptr) == 1;
}

// Remembers the server name of this very handshake: the library answers with the session's when one is resumed. The
// library checks the extension afterwards (RFC 6066 3: one name, no NUL, at most 255 bytes) and refuses what is
// malformed.
int on_client_hello(SSL* ssl, int*, void*) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1) return SSL_CLIENT_HELLO_SUCCESS;
  // Two bytes length of the list, then of its one entry: type host_name (0), two bytes length, the name.
  if (size < 5 || bytes[2] != TLSEXT_NAMETYPE_host_name) return SSL_CLIENT_HELLO_SUCCESS;
  const size_t length = size_t{bytes[3]} << 8 | bytes[4];
  if (length + 5 == size && length <= TLSEXT_MAXLEN_host_name)
    connection_of(ssl).server_name.assign(reinterpret_cast<const char*>(bytes + 5), length);
  return SSL_CLIENT_HELLO_SUCCESS;
}

// A ticket is good only for the server name that it was given to (RFC 6066 3 for TLS 1.2): a session must not carry
// what was decided for one host over to another.
int bind_ticket(SSL* ssl, void*) {
  const std::string name = base::lower(connection_of(ssl).server_name);
  return SSL_SESSION_set1_ticket_appdata(SSL_get0_session(ssl), name.data(), name.size());
}

SSL_TICKET_RETURN accept_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, size_t, SSL_TICKET_STATUS status,
                                void*) {
  const bool readable = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
  void* bound = nullptr;
  size_t size = 0;
  if (!readable || SSL_SESSION_get0_ticket_appdata(session, &bound, &size) != 1) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const std::string_view name(static_cast<const char*>(bound), size);
  if (!base::iequals(name, connection_of(ssl).server_name)) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace
}  // namespace narthex::tls
