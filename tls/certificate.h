// A certificate chain with its private key, parsed and checked. OpenSSL stays behind the .cc files of this folder.
// A resource with shared ownership: made on the control thread, used in handshakes by all workers, immutable.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace narthex::tls {

enum class KeyType { ecdsa, rsa, ed25519 };

class Certificate final {
 public:
  // PEM texts as in a kubernetes.io/tls Secret: tls.crt (leaf first, then intermediates) and tls.key (PKCS#8, PKCS#1 or
  // SEC 1, not encrypted). Errors: no certificate, no key, key of another certificate, unsupported or weak key (RSA <
  // 2048), each as one sentence without any key material. LIMIT: 64 KiB each, 10 certificates.
  static base::Result<std::shared_ptr<const Certificate>> parse(std::string_view chain_pem, std::string_view key_pem);
  // A fresh P-256 certificate for "narthex default certificate", for when no other one fits. Valid for 365 days.
  static base::Result<std::shared_ptr<const Certificate>> make_self_signed(base::WallTime now);
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  KeyType key_type() const;
  base::WallTime not_before() const;
  base::WallTime not_after() const;
  // subjectAltName DNS names, lower case; the subject's CN only where there are none (as ingress-nginx does).
  const std::vector<std::string>& names() const;
  // RFC 6125 6.4.3: exactly, or by a wildcard that stands for one whole left-most label. "*.x" is covered by "*.x"
  // alone.
  bool covers(std::string_view host) const;
  std::string fingerprint() const;  // SHA-256 of the leaf, hex

  struct Native;  // OpenSSL objects, defined in tls/native.h
  const Native& native() const { return *native_; }

 private:
  explicit Certificate(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

}  // namespace narthex::tls
