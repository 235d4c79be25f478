// The direct key decoders are "deprecated" since OpenSSL 3.0, and 30 times as fast as the generic one.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tls/private_key.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include <optional>

#include "tls/native.h"
#include "tls/pem.h"

namespace narthex::tls {
namespace {

using EcKeyPtr = std::unique_ptr<EC_KEY, Free<EC_KEY_free>>;
using RsaPtr = std::unique_ptr<RSA, Free<RSA_free>>;

constexpr int kRsaBitsMin = 2048;  // what OpenSSL's security level 2 and all browsers ask for
constexpr int kRsaBitsMax = 8192;  // one signature takes 10 ms of a worker there, and 70 ms with 16384
constexpr std::string_view kSupported = "use ECDSA (P-256, P-384, P-521), RSA (2048 to 8192 bits) or Ed25519";

base::Error unsupported() { return base::Error(fmt::format("tls.key is of an unsupported type: {}", kSupported)); }
base::Error damaged() { return base::Error("tls.key is damaged: store the key again as its tool wrote it"); }

bool supported_curve(int curve) {
  return curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1;
}
EcKeyPtr open_ec(std::string_view der, int curve);
RsaPtr open_rsa(std::string_view der);
base::Result<KeyPair> from_block(const PemBlock& block);
base::Result<KeyPair> from_pkcs8(std::string_view der);
base::Result<KeyPair> from_sec1(std::string_view der, int curve);
base::Result<KeyPair> from_pkcs1(std::string_view der);
base::Result<KeyPair> from_ed25519(std::string_view bytes);
std::string taken(unsigned char* bytes, size_t size);

}  // namespace

SecretBytes::SecretBytes(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  bytes_.swap(other.bytes_);  // the other's destructor wipes what was here
  return *this;
}

SecretBytes::~SecretBytes() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

base::Result<KeyPair> read_private_key(std::string_view pem) {
  std::optional<base::Result<KeyPair>> found;
  const PemEnd end = read_pem(pem, [&found](const PemBlock& block) {
    if (!block.label.ends_with("PRIVATE KEY")) return true;  // "EC PARAMETERS", or certificates in the same file
    found = from_block(block);
    return false;
  });
  if (found) return std::move(*found);
  if (end == PemEnd::damaged) return damaged();
  return base::Error("tls.key holds no private key: it must have a block \"-----BEGIN PRIVATE KEY-----\"");
}

bool same_key(const PublicKey& own, const PublicKey& certified) {
  if (own.type != certified.type || own.curve != certified.curve) return false;
  const std::string_view theirs = certified.bits;
  if (own.type != KeyType::ecdsa || theirs.empty() || theirs[0] == POINT_CONVERSION_UNCOMPRESSED)
    return own.bits == theirs;
  // SEC 1 2.3.3: our 04 x y is 02 x where y is even, and 03 x where it is odd.
  const size_t half = own.bits.size() / 2;
  const char sign = static_cast<char>(POINT_CONVERSION_COMPRESSED + (own.bits.back() & 1));
  return theirs[0] == sign && theirs.substr(1) == std::string_view(own.bits).substr(1, half);
}

PkeyPtr open_key(const PrivateKey& key) {
  const std::string_view der = key.der.view();
  if (key.type == KeyType::ed25519)
    return PkeyPtr(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(der), der.size()));
  PkeyPtr pkey(EVP_PKEY_new());
  if (!pkey) return nullptr;
  if (key.type == KeyType::ecdsa) {
    EcKeyPtr ec = open_ec(der, key.curve);
    if (!ec || EVP_PKEY_assign_EC_KEY(pkey.get(), ec.get()) != 1) return nullptr;
    ec.release();  // the EVP_PKEY owns it now
    return pkey;
  }
  RsaPtr rsa = open_rsa(der);
  if (!rsa || EVP_PKEY_assign_RSA(pkey.get(), rsa.get()) != 1) return nullptr;
  rsa.release();
  return pkey;
}

namespace {

// RFC 5915: in PKCS#8 the curve stands outside, so it is given; where it stands inside too, the inner one wins.
EcKeyPtr open_ec(std::string_view der, int curve) {
  EcKeyPtr ec(curve == 0 ? EC_KEY_new() : EC_KEY_new_by_curve_name(curve));
  const unsigned char* at = bytes_of(der);
  EC_KEY* raw = ec.get();
  if (!raw || !d2i_ECPrivateKey(&raw, &at, static_cast<long>(der.size()))) return nullptr;
  return at == bytes_of(der) + der.size() && EC_KEY_get0_public_key(raw) ? std::move(ec) : nullptr;
}

RsaPtr open_rsa(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  RsaPtr rsa(d2i_RSAPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  return at == bytes_of(der) + der.size() ? std::move(rsa) : nullptr;
}

base::Result<KeyPair> from_block(const PemBlock& block) {
  if (block.encrypted) return base::Error("tls.key is encrypted: store it without a passphrase");
  const QuietErrors quiet;
  if (block.label == "PRIVATE KEY") return from_pkcs8(block.der);
  if (block.label == "EC PRIVATE KEY") return from_sec1(block.der, 0);
  if (block.label == "RSA PRIVATE KEY") return from_pkcs1(block.der);
  return unsupported();
}

// RFC 5208 5: version, algorithm with its parameters, and the key in the algorithm's own form as an OCTET STRING.
base::Result<KeyPair> from_pkcs8(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>> outer(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  const ASN1_OBJECT* algorithm = nullptr;
  const unsigned char* inner = nullptr;
  int inner_size = 0;
  const X509_ALGOR* parameters = nullptr;
  if (!outer || at != bytes_of(der) + der.size() ||
      PKCS8_pkey_get0(&algorithm, &inner, &inner_size, &parameters, outer.get()) != 1 || inner_size <= 0)
    return damaged();
  const std::string_view key(reinterpret_cast<const char*>(inner), static_cast<size_t>(inner_size));
  switch (OBJ_obj2nid(algorithm)) {
    case EVP_PKEY_RSA:
      return from_pkcs1(key);
    case EVP_PKEY_ED25519: {
      // RFC 8410 7: CurvePrivateKey is itself an OCTET STRING, of 32 bytes.
      if (key.size() != 34 || !key.starts_with("\x04\x20")) return damaged();
      return from_ed25519(key.substr(2));
    }
    case EVP_PKEY_EC: {
      int kind = V_ASN1_UNDEF;
      const void* value = nullptr;
      X509_ALGOR_get0(nullptr, &kind, &value, parameters);
      if (kind != V_ASN1_OBJECT) return unsupported();  // explicit curve parameters: RFC 5480 2.1.1 forbids them
      const int curve = OBJ_obj2nid(static_cast<const ASN1_OBJECT*>(value));
      if (!supported_curve(curve)) return unsupported();
      return from_sec1(key, curve);
    }
    default:
      return unsupported();
  }
}

base::Result<KeyPair> from_sec1(std::string_view der, int curve) {
  const EcKeyPtr ec = open_ec(der, curve);
  if (!ec) return damaged();
  const int inner = EC_GROUP_get_curve_name(EC_KEY_get0_group(ec.get()));
  if (!supported_curve(inner) || EC_GROUP_get_asn1_flag(EC_KEY_get0_group(ec.get())) != OPENSSL_EC_NAMED_CURVE)
    return unsupported();
  unsigned char* point = nullptr;
  const size_t size = EC_KEY_key2buf(ec.get(), POINT_CONVERSION_UNCOMPRESSED, &point, nullptr);
  const std::string open = taken(point, size);
  if (open.empty()) return damaged();
  return KeyPair{{KeyType::ecdsa, inner, SecretBytes(der)}, {KeyType::ecdsa, inner, open}};
}

base::Result<KeyPair> from_pkcs1(std::string_view der) {
  const RsaPtr rsa = open_rsa(der);
  if (!rsa) return damaged();
  const int bits = RSA_bits(rsa.get());
  if (bits < kRsaBitsMin || bits > kRsaBitsMax)
    return base::Error(fmt::format("tls.key is an RSA key of {} bits: {}", bits, kSupported));
  unsigned char* numbers = nullptr;
  const int size = i2d_RSAPublicKey(rsa.get(), &numbers);
  const std::string open = taken(numbers, size > 0 ? static_cast<size_t>(size) : 0);
  if (open.empty()) return damaged();
  return KeyPair{{KeyType::rsa, 0, SecretBytes(der)}, {KeyType::rsa, 0, open}};
}

base::Result<KeyPair> from_ed25519(std::string_view bytes) {
  PrivateKey secret{KeyType::ed25519, 0, SecretBytes(bytes)};
  const PkeyPtr pkey = open_key(secret);
  std::string open(32, '\0');
  size_t size = open.size();
  if (!pkey || EVP_PKEY_get_raw_public_key(pkey.get(), reinterpret_cast<unsigned char*>(open.data()), &size) != 1)
    return damaged();
  return KeyPair{std::move(secret), {KeyType::ed25519, 0, open}};
}

// The library's bytes as a string; the library's own copy is freed.
std::string taken(unsigned char* bytes, size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  OPENSSL_free(bytes);
  return text;
}

}  // namespace
}  // namespace narthex::tls
