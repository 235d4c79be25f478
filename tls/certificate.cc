#include "tls/certificate.h"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "tls/native.h"
#include "tls/outline.h"
#include "tls/pem.h"

namespace narthex::tls {
namespace {

constexpr size_t kPemBytesMax = 64 * 1024;
constexpr size_t kChainMax = 10;
constexpr std::string_view kDefaultName = "narthex default certificate";

struct Chain {
  std::string der;
  size_t leaf_size = 0;
  std::vector<Outline> outlines;
};

base::Result<Chain> read_chain(std::string_view pem);
base::Error wrong_key(const Chain& chain, const PublicKey& key);
X509Ptr sign_default(EVP_PKEY* key, base::WallTime now);
std::string pem_of(X509* certificate);
std::string pem_of(EVP_PKEY* key);

}  // namespace

Certificate::Certificate(std::unique_ptr<Native> native) : native_(std::move(native)) {}
Certificate::~Certificate() = default;

base::Result<std::shared_ptr<const Certificate>> Certificate::parse(std::string_view chain_pem,
                                                                    std::string_view key_pem) {
  if (chain_pem.size() > kPemBytesMax)
    return base::Error("tls.crt is larger than 64 KiB: keep only the leaf and its intermediates");
  if (key_pem.size() > kPemBytesMax) return base::Error("tls.key is larger than 64 KiB: store one private key");
  auto chain = read_chain(chain_pem);
  if (!chain) return chain.error();
  auto key = read_private_key(key_pem);
  if (!key) return key.error();
  Outline& leaf = chain->outlines.front();
  if (!leaf.known_key || !same_key(key->open, leaf.key)) return wrong_key(*chain, key->open);
  if (leaf.weak_digest)
    return base::Error("tls.crt is signed with SHA-1 or MD5, which clients refuse: have it issued again with SHA-256");
  auto native = std::make_unique<Native>();
  native->chain = std::move(chain->der);
  native->chain.shrink_to_fit();
  native->leaf_size = chain->leaf_size;
  native->key = std::move(key->secret);
  native->not_before = leaf.not_before;
  native->not_after = leaf.not_after;
  native->names = std::move(leaf.names);
  return std::shared_ptr<const Certificate>(new Certificate(std::move(native)));
}

base::Result<std::shared_ptr<const Certificate>> Certificate::make_self_signed(base::WallTime now) {
  const QuietErrors quiet;
  const base::Error failed(
      "the self-made default certificate could not be made: the TLS library refuses to generate a key");
  const PkeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return failed;
  const X509Ptr certificate = sign_default(key.get(), now);
  if (!certificate) return failed;
  std::string key_pem = pem_of(key.get());
  auto parsed = parse(pem_of(certificate.get()), key_pem);
  OPENSSL_cleanse(key_pem.data(), key_pem.size());
  return parsed;
}

KeyType Certificate::key_type() const { return native_->key.type; }
base::WallTime Certificate::not_before() const { return native_->not_before; }
base::WallTime Certificate::not_after() const { return native_->not_after; }
const std::vector<std::string>& Certificate::names() const { return native_->names; }

bool Certificate::covers(std::string_view host) const {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (!valid_certificate_name(host)) return false;
  const std::string lower = base::lower(host);
  const std::string_view wanted = lower;
  const std::string_view parent = wanted.substr(std::min(wanted.find('.'), wanted.size()));  // ".example.com", or empty
  for (const std::string_view name : native_->names) {
    if (name == wanted) return true;
    const bool wildcard = name.starts_with("*.") && !wanted.starts_with("*.");
    if (wildcard && name.substr(1) == parent) return true;
  }
  return false;
}

std::string Certificate::fingerprint() const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(native_->chain.data(), native_->leaf_size, digest.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

namespace {

base::Result<Chain> read_chain(std::string_view pem) {
  Chain chain;
  size_t count = 0;
  std::optional<base::Error> error;
  const PemEnd end = read_pem(pem, [&](const PemBlock& block) {
    if (block.label != "CERTIFICATE" && block.label != "X509 CERTIFICATE") return true;
    if (++count > kChainMax) {
      error.emplace("tls.crt holds more than 10 certificates: keep only the leaf and its intermediates");
      return false;
    }
    auto outline = outline_of(block.der);
    if (!outline) {
      error = outline.error().within(fmt::format("certificate {} of tls.crt", count));
      return false;
    }
    if (count == 1) chain.leaf_size = block.der.size();
    chain.der += block.der;
    chain.outlines.push_back(std::move(*outline));
    return true;
  });
  if (error) return *error;
  if (end == PemEnd::damaged)
    return base::Error(
        fmt::format("certificate {} of tls.crt: is damaged: store it again as its issuer gave it", count + 1));
  if (count == 0)
    return base::Error(
        "tls.crt holds no certificate: it must have a block \"-----BEGIN CERTIFICATE-----\", the leaf first");
  return chain;
}

base::Error wrong_key(const Chain& chain, const PublicKey& key) {
  for (size_t i = 1; i < chain.outlines.size(); ++i)
    if (chain.outlines[i].known_key && same_key(key, chain.outlines[i].key))
      return base::Error(fmt::format("tls.key belongs to certificate {} of tls.crt: put that one first", i + 1));
  return base::Error(
      "tls.key does not belong to the first certificate of tls.crt: store the key that it was issued for");
}

// Signed by itself: enough to encrypt, and clients are meant to complain.
X509Ptr sign_default(EVP_PKEY* key, base::WallTime now) {
  using std::chrono::hours;
  X509Ptr certificate(X509_new());
  std::array<unsigned char, 16> random{};
  if (!certificate || RAND_bytes(random.data(), random.size()) != 1) return nullptr;
  random[0] &= 0x7f;  // a positive serial number of at most 20 bytes (RFC 5280 4.1.2.2)
  const std::unique_ptr<BIGNUM, Free<BN_free>> serial(BN_bin2bn(random.data(), random.size(), nullptr));
  const auto at = [now](hours offset) { return std::chrono::system_clock::to_time_t(now + offset); };
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto* text = bytes_of(kDefaultName);
  const bool made =
      serial && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
      BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())) != nullptr &&
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), at(hours(-1))) != nullptr &&  // clocks of clients differ
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), at(hours(365 * 24))) != nullptr &&
      X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, text, static_cast<int>(kDefaultName.size()), -1,
                                 0) == 1 &&
      X509_set_issuer_name(certificate.get(), name) == 1 && X509_set_pubkey(certificate.get(), key) == 1 &&
      X509_sign(certificate.get(), key, EVP_sha256()) > 0;
  return made ? std::move(certificate) : nullptr;
}

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  return bio && PEM_write_bio_X509(bio.get(), certificate) == 1 ? text_of(bio.get()) : std::string();
}

std::string pem_of(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  const bool written = bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  return written ? text_of(bio.get()) : std::string();
}

}  // namespace
}  // namespace narthex::tls
