#include "test/support/certificates.h"

#include <openssl/dsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace narthex::test {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Cert = std::unique_ptr<X509, decltype(&X509_free)>;

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

Key make_dsa() {
  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "DSA", nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY* parameters = nullptr;
  require(EVP_PKEY_paramgen_init(context.get()) == 1 && EVP_PKEY_CTX_set_dsa_paramgen_bits(context.get(), 1024) == 1 &&
              EVP_PKEY_paramgen(context.get(), &parameters) == 1,
          "DSA parameters");
  Key holder(parameters, EVP_PKEY_free);
  context.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, parameters, nullptr));
  EVP_PKEY* key = nullptr;
  require(EVP_PKEY_keygen_init(context.get()) == 1 && EVP_PKEY_keygen(context.get(), &key) == 1, "DSA key");
  return Key(key, EVP_PKEY_free);
}

Key make_key(KeyKind kind) {
  const auto own = [](EVP_PKEY* key) {
    require(key != nullptr, "key generation");
    return Key(key, EVP_PKEY_free);
  };
  switch (kind) {
    case KeyKind::p256:
      return own(EVP_EC_gen("P-256"));
    case KeyKind::p384:
      return own(EVP_EC_gen("P-384"));
    case KeyKind::rsa2048:
      return own(EVP_RSA_gen(2048));
    case KeyKind::rsa1024:
      return own(EVP_RSA_gen(1024));
    case KeyKind::ed25519:
      return own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case KeyKind::dsa:
      return make_dsa();
  }
  throw std::runtime_error("unknown kind of key");
}

Key key_of(KeyKind kind) {
  const bool slow = kind == KeyKind::rsa2048 || kind == KeyKind::rsa1024 || kind == KeyKind::dsa;
  if (!slow) return make_key(kind);
  static std::mutex mutex;
  static std::map<KeyKind, Key> made;
  const std::lock_guard lock(mutex);
  Key& key = made[kind];
  if (!key) key = make_key(kind);
  return key;
}

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return std::string(bytes, static_cast<size_t>(size));
}

std::string key_text(EVP_PKEY* key, KeyForm form) {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  const bool encrypted = form == KeyForm::encrypted_pkcs8 || form == KeyForm::encrypted_traditional;
  const bool traditional = form == KeyForm::traditional || form == KeyForm::encrypted_traditional;
  const EVP_CIPHER* cipher = encrypted ? EVP_aes_128_cbc() : nullptr;
  const unsigned char pass[] = "secret";
  const int size = encrypted ? 6 : 0;
  const int ok = traditional ? PEM_write_bio_PrivateKey_traditional(bio.get(), key, cipher, encrypted ? pass : nullptr,
                                                                    size, nullptr, nullptr)
                             : PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher,
                                                             encrypted ? reinterpret_cast<const char*>(pass) : nullptr,
                                                             size, nullptr, nullptr);
  require(ok == 1, "writing a key");
  return text_of(bio.get());
}

void add_names(X509* certificate, const std::vector<std::string>& names) {
  if (names.empty()) return;
  GENERAL_NAMES* list = GENERAL_NAMES_new();
  for (const std::string& name : names) {
    GENERAL_NAME* entry = GENERAL_NAME_new();
    ASN1_IA5STRING* value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, name.data(), static_cast<int>(name.size()));
    GENERAL_NAME_set0_value(entry, GEN_DNS, value);
    sk_GENERAL_NAME_push(list, entry);
  }
  const int ok = X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, 0);
  GENERAL_NAMES_free(list);
  require(ok == 1, "subjectAltName");
}

void add_authority(X509* certificate) {
  BASIC_CONSTRAINTS* constraints = BASIC_CONSTRAINTS_new();
  constraints->ca = 1;
  const int ok = X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints, 1, 0);
  BASIC_CONSTRAINTS_free(constraints);
  require(ok == 1, "basicConstraints");
}

void sign(X509* certificate, EVP_PKEY* key, bool sha1) {
  const bool own_digest = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
  const EVP_MD* digest = own_digest ? nullptr : sha1 ? EVP_sha1() : EVP_sha256();
  require(X509_sign(certificate, key, digest) > 0, "signing");
}

}  // namespace

PemPair make_certificate(const CertificateSpec& spec, const PemPair* issuer) {
  static std::atomic<long> serial{1};
  const Key key = key_of(spec.key);
  if (spec.compressed_point)
    require(EVP_PKEY_set_utf8_string_param(key.get(), "point-format", "compressed") == 1, "a compressed point");
  const Cert certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), spec.not_before.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), spec.not_after.count());
  X509_set_pubkey(certificate.get(), key.get());
  if (!spec.common_name.empty())
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(spec.common_name.data()),
                               static_cast<int>(spec.common_name.size()), -1, 0);
  add_names(certificate.get(), spec.names);
  if (spec.authority) add_authority(certificate.get());
  Key signer = key;
  if (issuer != nullptr) {
    const Bio chain(BIO_new_mem_buf(issuer->chain.data(), static_cast<int>(issuer->chain.size())), BIO_free);
    const Bio secret(BIO_new_mem_buf(issuer->key.data(), static_cast<int>(issuer->key.size())), BIO_free);
    const Cert above(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr), X509_free);
    signer = Key(PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    require(above && signer, "reading the issuer");
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(above.get()));
  } else {
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  }
  sign(certificate.get(), signer.get(), spec.sha1);
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  require(PEM_write_bio_X509(bio.get(), certificate.get()) == 1, "writing a certificate");
  return {text_of(bio.get()), key_text(key.get(), spec.form)};
}

PemPair make_certificate(const std::string& name) {
  CertificateSpec spec;
  spec.names = {name};
  return make_certificate(spec);
}

}  // namespace narthex::test
