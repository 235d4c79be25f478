// The TLS half of talk.h: OpenSSL on two memory BIOs, fed with what arrives.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>

#include "base/check.h"
#include "test/support/simulation/talk.h"

namespace narthex::simulation {
namespace {

SSL_CTX* client_context() {
  static SSL_CTX* const made = SSL_CTX_new(TLS_client_method());
  base::check(made != nullptr, "a TLS client can be made");
  return made;
}

class TlsVisit final : public Visit {
 public:
  TlsVisit(Peer& client, std::vector<Ask> asks, bool pipelined)
      : Visit(std::move(asks), pipelined), client_(client), ssl_(SSL_new(client_context()), SSL_free) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_tlsext_host_name(ssl_.get(), "example.com");
    SSL_set_connect_state(ssl_.get());
    client_.on_change = [this](Peer&) { go_on(); };
    go_on();
  }
  // The end of the stream without close_notify is a cut (RFC 8446 6.1).
  Heard heard() const override {
    const bool goodbye = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    return {plain_, goodbye, !goodbye && client_.closed()};
  }

 private:
  void go_on() {
    ERR_clear_error();
    const std::string& arrived = client_.received();
    const size_t fresh = arrived.size() - client_.parsed;
    if (fresh > 0) BIO_write(SSL_get_rbio(ssl_.get()), arrived.data() + client_.parsed, static_cast<int>(fresh));
    client_.parsed = arrived.size();
    if (SSL_do_handshake(ssl_.get()) == 1) talk();
    std::array<char, 16384> sealed;
    for (int got; (got = BIO_read(SSL_get_wbio(ssl_.get()), sealed.data(), sealed.size())) > 0;)
      client_.send({sealed.data(), static_cast<size_t>(got)});
  }

  void talk() {
    std::array<char, 16384> opened;
    size_t got = 0;
    while (SSL_read_ex(ssl_.get(), opened.data(), opened.size(), &got) == 1) plain_.append(opened.data(), got);
    const std::string out = next(plain_);
    if (!out.empty()) SSL_write(ssl_.get(), out.data(), static_cast<int>(out.size()));
  }

  Peer& client_;
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  std::string plain_;
};

}  // namespace

std::unique_ptr<Visit> visit_tls(Peer& client, std::vector<Ask> asks, bool pipelined) {
  return std::make_unique<TlsVisit>(client, std::move(asks), pipelined);
}

}  // namespace narthex::simulation
