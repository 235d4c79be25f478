// A private key as bytes: read from PEM, checked, kept small, and wiped when it goes. Only for this folder's
// certificate code. A value that moves but is not copied. THREAD: any. LIMIT: as certificate.h says for tls.key.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "tls/certificate.h"

namespace narthex::tls {

// Bytes that are overwritten before their memory is given back.
class SecretBytes final {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::string_view bytes);
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  ~SecretBytes();

  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;  // not a string: a short string's bytes would stay behind in what was moved from
};

struct PrivateKey {
  KeyType type = KeyType::ecdsa;
  int curve = 0;    // with ecdsa: OpenSSL's number of the curve
  SecretBytes der;  // ECPrivateKey (RFC 5915), RSAPrivateKey (RFC 8017), or the 32 bytes of Ed25519 (RFC 8410)
};

// A public key as a certificate carries it (SubjectPublicKeyInfo, RFC 5280 4.1.2.7), not decoded.
struct PublicKey {
  KeyType type = KeyType::ecdsa;
  int curve = 0;
  std::string bits;
};

struct KeyPair {
  PrivateKey secret;
  PublicKey open;
};

// Errors: no key, encrypted, damaged, unsupported, too weak. Never with bytes of the key.
base::Result<KeyPair> read_private_key(std::string_view pem);
// Compares the public parts. A private scalar that does not fit its own public part is not found: it costs 16 us to
// see, and fails only its own handshakes. REQUIRES: `own` is from read_private_key.
bool same_key(const PublicKey& own, const PublicKey& certified);

}  // namespace narthex::tls
