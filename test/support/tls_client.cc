// The TLS half of client.h: OpenSSL on a blocking socket.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "test/support/client.h"

namespace narthex::test {

namespace {

std::string openssl_reason() {
  char text[256] = "no reason given";
  if (const unsigned long code = ::ERR_get_error()) ::ERR_error_string_n(code, text, sizeof text);
  ::ERR_clear_error();
  return text;
}

struct Free {
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
  void operator()(X509* certificate) const { ::X509_free(certificate); }
  void operator()(BIO* bio) const { ::BIO_free_all(bio); }
};

class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<Connection> plain, const TlsOptions& options);
  ~TlsStream() override { ::SSL_shutdown(ssl_.get()); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  size_t read_some(std::span<char> into) override;
  void write_all(std::string_view bytes) override;
  int fd() const override { return plain_->fd(); }
  const TlsFacts& facts() const { return facts_; }

 private:
  void offer(const TlsOptions& options);
  void note_facts();

  std::unique_ptr<Connection> plain_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  TlsFacts facts_;
};

TlsStream::TlsStream(std::unique_ptr<Connection> plain, const TlsOptions& options)
    : plain_(std::move(plain)), context_(::SSL_CTX_new(::TLS_client_method())) {
  if (options.version != 0) {
    ::SSL_CTX_set_min_proto_version(context_.get(), options.version);
    ::SSL_CTX_set_max_proto_version(context_.get(), options.version);
  }
  ssl_.reset(::SSL_new(context_.get()));
  ::SSL_set_fd(ssl_.get(), plain_->fd());
  offer(options);
  if (!options.prelude.empty()) plain_->send(options.prelude);
  if (::SSL_connect(ssl_.get()) != 1) throw NetworkError("handshake: " + openssl_reason());
  note_facts();
}

void TlsStream::offer(const TlsOptions& options) {
  bool good = options.server_name.empty() || ::SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str()) == 1;
  if (!options.signature_algorithms.empty())
    good = good && ::SSL_set1_sigalgs_list(ssl_.get(), options.signature_algorithms.c_str()) == 1;
  if (!options.ciphers.empty()) good = good && ::SSL_set_cipher_list(ssl_.get(), options.ciphers.c_str()) == 1;
  std::string protocols;
  for (const std::string& name : options.alpn) protocols += static_cast<char>(name.size()) + name;
  if (!protocols.empty())
    good = good && ::SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                                         static_cast<unsigned>(protocols.size())) == 0;
  if (!good) throw NetworkError("TLS options that OpenSSL refuses: " + openssl_reason());
}

void TlsStream::note_facts() {
  facts_.version = ::SSL_version(ssl_.get());
  const unsigned char* name = nullptr;
  unsigned size = 0;
  ::SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  facts_.alpn.assign(reinterpret_cast<const char*>(name), size);
  const std::unique_ptr<X509, Free> leaf(::SSL_get1_peer_certificate(ssl_.get()));
  if (!leaf) throw NetworkError("a server without certificate");
  facts_.ecdsa = ::EVP_PKEY_get_base_id(::X509_get0_pubkey(leaf.get())) == EVP_PKEY_EC;
  unsigned char digest[EVP_MAX_MD_SIZE];
  ::X509_digest(leaf.get(), ::EVP_sha256(), digest, &size);
  for (unsigned i = 0; i < size; ++i) {
    facts_.fingerprint += "0123456789abcdef"[digest[i] >> 4];
    facts_.fingerprint += "0123456789abcdef"[digest[i] & 15];
  }
  const std::unique_ptr<BIO, Free> memory(::BIO_new(::BIO_s_mem()));
  ::PEM_write_bio_X509(memory.get(), leaf.get());
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &bytes);
  facts_.certificate_pem.assign(bytes, static_cast<size_t>(length));
  char subject[256] = "";
  ::X509_NAME_oneline(::X509_get_subject_name(leaf.get()), subject, sizeof subject);
  facts_.subject = subject;
}

size_t TlsStream::read_some(std::span<char> into) {
  const int got = ::SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
  if (got > 0) return static_cast<size_t>(got);
  const int reason = ::SSL_get_error(ssl_.get(), got);
  if (reason == SSL_ERROR_ZERO_RETURN) return 0;
  if (reason == SSL_ERROR_WANT_READ) throw NetworkError("nothing came in time");
  throw NetworkError("TLS read: " + openssl_reason());
}

void TlsStream::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const int put = ::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (put <= 0) throw NetworkError("TLS write: " + openssl_reason());
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

}  // namespace

std::unique_ptr<Connection> connect_tls(uint16_t port, const TlsOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  return std::make_unique<Connection>(std::make_unique<TlsStream>(connect_plain(port, options.source), options));
}

const TlsFacts& tls_facts(Connection& connection) {
  const auto* stream = dynamic_cast<const TlsStream*>(&connection.stream());
  if (stream == nullptr) throw NetworkError("not a TLS connection");
  return stream->facts();
}

}  // namespace narthex::test
