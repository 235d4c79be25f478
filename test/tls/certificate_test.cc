#include "tls/certificate.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "test/support/certificates.h"

using namespace narthex;
using test::CertificateSpec;
using test::KeyForm;
using test::KeyKind;
using test::PemPair;
using tls::Certificate;

namespace {

CertificateSpec named(std::vector<std::string> names, KeyKind key = KeyKind::p256, KeyForm form = KeyForm::pkcs8) {
  CertificateSpec spec;
  spec.names = std::move(names);
  spec.key = key;
  spec.form = form;
  return spec;
}

std::string error_of(const std::string& chain, const std::string& key) {
  const auto parsed = Certificate::parse(chain, key);
  return parsed ? "no error" : parsed.error().message();
}
std::string error_of(const PemPair& pem) { return error_of(pem.chain, pem.key); }

std::shared_ptr<const Certificate> good(const PemPair& pem) {
  const auto parsed = Certificate::parse(pem.chain, pem.key);
  if (!parsed) FAIL(parsed.error().message());
  return *parsed;
}

// The base64 text of a PEM block, line by line.
std::vector<std::string> secret_lines(const std::string& pem) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < pem.size();) {
    const size_t end = pem.find('\n', at);
    const std::string line = pem.substr(at, end - at);
    if (line.size() > 8 && line[0] != '-') lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

}  // namespace

TEST_CASE("keys of every supported type and form are read") {
  const auto [kind, form, type] = GENERATE(table<KeyKind, KeyForm, tls::KeyType>({
      {KeyKind::p256, KeyForm::pkcs8, tls::KeyType::ecdsa},
      {KeyKind::p256, KeyForm::traditional, tls::KeyType::ecdsa},
      {KeyKind::p384, KeyForm::pkcs8, tls::KeyType::ecdsa},
      {KeyKind::rsa2048, KeyForm::pkcs8, tls::KeyType::rsa},
      {KeyKind::rsa2048, KeyForm::traditional, tls::KeyType::rsa},
      {KeyKind::ed25519, KeyForm::pkcs8, tls::KeyType::ed25519},
  }));
  const auto certificate = good(make_certificate(named({"a.example.com"}, kind, form)));
  CHECK(certificate->key_type() == type);
  CHECK(certificate->names() == std::vector<std::string>{"a.example.com"});
}

TEST_CASE("a compressed EC point in the certificate is still the key's own") {
  for (int i = 0; i < 8; ++i) {  // both signs of y turn up
    CertificateSpec spec = named({"a.example.com"});
    spec.compressed_point = true;
    const PemPair pem = make_certificate(spec), other = make_certificate(spec);
    CHECK(error_of(pem) == "no error");
    CHECK(error_of(pem.chain, other.key).starts_with("tls.key does not belong"));
  }
}

TEST_CASE("a certificate without a private key is refused with what to do") {
  const PemPair pem = test::make_certificate("a.example.com");
  CHECK(error_of(pem.chain, "") ==
        "tls.key holds no private key: it must have a block \"-----BEGIN PRIVATE KEY-----\"");
  CHECK(error_of(pem.chain, pem.chain) ==
        "tls.key holds no private key: it must have a block \"-----BEGIN PRIVATE KEY-----\"");
}

TEST_CASE("a chain without certificates is refused with what to do") {
  const PemPair pem = test::make_certificate("a.example.com");
  const std::string expected =
      "tls.crt holds no certificate: it must have a block \"-----BEGIN CERTIFICATE-----\", the leaf first";
  CHECK(error_of("", pem.key) == expected);
  CHECK(error_of("hello", pem.key) == expected);
  CHECK(error_of(pem.key, pem.key) == expected);
  CHECK(error_of(std::string(1000, '\0'), pem.key) == expected);
}

TEST_CASE("a key of another certificate is refused") {
  const PemPair one = test::make_certificate("a.example.com"), other = test::make_certificate("a.example.com");
  const std::string expected =
      "tls.key does not belong to the first certificate of tls.crt: store the key that it was issued for";
  CHECK(error_of(one.chain, other.key) == expected);
  const PemPair rsa = make_certificate(named({"a.example.com"}, KeyKind::rsa2048));
  CHECK(error_of(rsa.chain, one.key) == expected);
  CHECK(error_of(one.chain, rsa.key) == expected);
  const PemPair wider = make_certificate(named({"a.example.com"}, KeyKind::p384));
  CHECK(error_of(wider.chain, one.key) == expected);
  const PemPair edwards = make_certificate(named({"a"}, KeyKind::ed25519));
  const PemPair another = make_certificate(named({"a"}, KeyKind::ed25519));
  CHECK(error_of(edwards.chain, another.key) == expected);
}

TEST_CASE("a chain in the wrong order says which certificate belongs first") {
  CertificateSpec root = named({"root"});
  root.authority = true;
  root.common_name = "root";
  const PemPair authority = make_certificate(root);
  const PemPair leaf = make_certificate(named({"a.example.com"}), &authority);
  CHECK(error_of(authority.chain + leaf.chain, leaf.key) ==
        "tls.key belongs to certificate 2 of tls.crt: put that one first");
  CHECK(error_of(leaf.chain + authority.chain, leaf.key) == "no error");
}

TEST_CASE("encrypted keys are refused in both forms") {
  const KeyForm form = GENERATE(KeyForm::encrypted_pkcs8, KeyForm::encrypted_traditional);
  CHECK(error_of(make_certificate(named({"a.example.com"}, KeyKind::p256, form))) ==
        "tls.key is encrypted: store it without a passphrase");
}

TEST_CASE("weak and unsupported keys are refused with what to use") {
  const std::string use = "use ECDSA (P-256, P-384, P-521), RSA (2048 to 8192 bits) or Ed25519";
  CHECK(error_of(make_certificate(named({"a"}, KeyKind::rsa1024))) == "tls.key is an RSA key of 1024 bits: " + use);
  CHECK(error_of(make_certificate(named({"a"}, KeyKind::rsa1024, KeyForm::traditional))) ==
        "tls.key is an RSA key of 1024 bits: " + use);
  CHECK(error_of(make_certificate(named({"a"}, KeyKind::dsa))) == "tls.key is of an unsupported type: " + use);
}

TEST_CASE("a leaf signed with SHA-1 is refused, because clients refuse it") {
  CertificateSpec root = named({"root"});
  root.authority = true;
  root.common_name = "root";
  const PemPair authority = make_certificate(root);
  CertificateSpec weak = named({"a.example.com"});
  weak.sha1 = true;
  CHECK(error_of(make_certificate(weak, &authority)) ==
        "tls.crt is signed with SHA-1 or MD5, which clients refuse: have it issued again with SHA-256");
}

TEST_CASE("a damaged certificate is refused and numbered") {
  const PemPair pem = test::make_certificate("a.example.com");
  std::string cut = pem.chain;
  cut.erase(cut.size() / 2, 40);
  CHECK(error_of(cut, pem.key) == "certificate 1 of tls.crt: is damaged: store it again as its issuer gave it");
  CHECK(error_of(pem.chain + cut, pem.key) ==
        "certificate 2 of tls.crt: is damaged: store it again as its issuer gave it");
  const std::string half = pem.chain.substr(0, pem.chain.size() / 2);
  CHECK(error_of(half, pem.key) == "certificate 1 of tls.crt: is damaged: store it again as its issuer gave it");
  const std::string wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  CHECK(error_of(wrong, pem.key) == "certificate 1 of tls.crt: is damaged: store it again as its issuer gave it");
}

TEST_CASE("a damaged key is refused without showing any of it") {
  const KeyForm form = GENERATE(KeyForm::pkcs8, KeyForm::traditional);
  const KeyKind kind = GENERATE(KeyKind::p256, KeyKind::rsa2048);
  const PemPair pem = make_certificate(named({"a.example.com"}, kind, form));
  const std::vector<std::string> lines = secret_lines(pem.key);
  for (size_t at = 30; at + 30 < pem.key.size(); at += 7) {
    std::string broken = pem.key;
    broken[at] = broken[at] == 'A' ? 'B' : 'A';
    const std::string message = error_of(pem.chain, broken);
    for (const std::string& line : lines) CHECK(message.find(line.substr(0, 16)) == std::string::npos);
  }
  CHECK(error_of(pem.chain, pem.key.substr(0, pem.key.size() / 2)) ==
        "tls.key is damaged: store the key again as its tool wrote it");
}

TEST_CASE("every truncation and every flipped byte of a certificate is an error or a certificate, never worse") {
  const PemPair pem = test::make_certificate("a.example.com");
  size_t refused = 0;
  for (size_t at = 0; at < pem.chain.size(); ++at) {
    std::string flipped = pem.chain;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x11);
    refused += Certificate::parse(flipped, pem.key) ? 0 : 1;
    if (at + 2 < pem.chain.size()) CHECK_FALSE(Certificate::parse(pem.chain.substr(0, at), pem.key).has_value());
  }
  CHECK(refused > 0);
}

TEST_CASE("sizes beyond the limits are refused") {
  const PemPair pem = test::make_certificate("a.example.com");
  CHECK(error_of(std::string(70000, 'x'), pem.key) ==
        "tls.crt is larger than 64 KiB: keep only the leaf and its intermediates");
  CHECK(error_of(pem.chain, std::string(70000, 'x')) == "tls.key is larger than 64 KiB: store one private key");
  std::string long_chain;
  for (int i = 0; i < 11; ++i) long_chain += pem.chain;
  CHECK(error_of(long_chain, pem.key) ==
        "tls.crt holds more than 10 certificates: keep only the leaf and its intermediates");
  CHECK(error_of(long_chain.substr(pem.chain.size()), pem.key) == "no error");
}

TEST_CASE("text around the blocks and other blocks are skipped") {
  const PemPair pem = test::make_certificate("a.example.com");
  const std::string parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  CHECK(error_of("subject: a\n" + pem.chain + "\n\n", parameters + pem.key) == "no error");
  CHECK(error_of(pem.key + pem.chain, pem.chain + pem.key) == "no error");
}

TEST_CASE("names are lower-cased and only those that can be host names count") {
  const std::string nul("good.example.com\0.evil.example.com", 34);
  const auto certificate =
      good(make_certificate(named({"A.Example.COM", "*.Example.com", nul, "f*.example.com", "*.*.example.com", "",
                                   "a..b", "a b", "*", "x_y.example.com"})));
  CHECK(certificate->names() == std::vector<std::string>{"a.example.com", "*.example.com", "x_y.example.com"});
  CHECK_FALSE(certificate->covers("good.sub.example.com"));
  CHECK_FALSE(certificate->covers(nul));
}

TEST_CASE("the common name counts only where there is no DNS name") {
  CertificateSpec spec;
  spec.common_name = "Old.example.com";
  CHECK(good(make_certificate(spec))->covers("old.example.com"));
  spec.names = {"new.example.com"};
  CHECK_FALSE(good(make_certificate(spec))->covers("old.example.com"));
}

TEST_CASE("a name with a NUL does not bring the common name back") {
  CertificateSpec spec;
  spec.common_name = "old.example.com";
  spec.names = {std::string("a\0b", 3)};
  CHECK(good(make_certificate(spec))->names().empty());
}

TEST_CASE("a certificate covers its names and one label under its wildcards") {
  const auto certificate = good(make_certificate(named({"a.example.com", "*.wild.example.com", "*.b.example.com"})));
  const auto [host, covered] = GENERATE(table<std::string, bool>({
      {"a.example.com", true},
      {"A.EXAMPLE.COM", true},
      {"a.example.com.", true},
      {"a.example.com..", false},
      {"b.a.example.com", false},
      {"example.com", false},
      {"x.wild.example.com", true},
      {"X.Wild.Example.com.", true},
      {"x.y.wild.example.com", false},
      {"wild.example.com", false},
      {".wild.example.com", false},
      {"*.wild.example.com", true},
      {"*.example.com", false},
      {"*.x.wild.example.com", false},
      {"*.a.example.com", false},
      {"", false},
      {".", false},
      {"*", false},
      {"com", false},
  }));
  INFO(host);
  CHECK(certificate->covers(host) == covered);
}

TEST_CASE("validity is told as it stands in the certificate, expired or not") {
  CertificateSpec spec = named({"a.example.com"});
  spec.not_before = std::chrono::hours(-48);
  spec.not_after = std::chrono::hours(-24);
  const auto before = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto certificate = good(make_certificate(spec));
  const auto after = std::chrono::system_clock::now();
  CHECK(certificate->not_before() >= before - std::chrono::hours(48));
  CHECK(certificate->not_before() <= after - std::chrono::hours(48));
  CHECK(certificate->not_after() - certificate->not_before() == std::chrono::hours(24));
}

TEST_CASE("a validity beyond what the clock can count is held to its end") {
  CertificateSpec spec = named({"a.example.com"});
  spec.not_after = std::chrono::hours(24L * 365 * 7000);
  const auto certificate = good(make_certificate(spec));
  CHECK(certificate->not_after() > std::chrono::system_clock::now() + std::chrono::hours(24 * 365 * 200));
}

TEST_CASE("fingerprints tell certificates apart and do not depend on the rest of the chain") {
  const PemPair one = test::make_certificate("a.example.com"), other = test::make_certificate("a.example.com");
  CHECK(good(one)->fingerprint().size() == 64);
  CHECK(good(one)->fingerprint() == good(one)->fingerprint());
  CHECK(good(one)->fingerprint() != good(other)->fingerprint());
  CHECK(good({one.chain + other.chain, one.key})->fingerprint() == good(one)->fingerprint());
}

TEST_CASE("the self-made certificate is valid for a year and covers no host") {
  const base::WallTime now = std::chrono::system_clock::from_time_t(1'800'000'000);
  const auto made = Certificate::make_self_signed(now);
  REQUIRE(made.has_value());
  const auto again = Certificate::make_self_signed(now);
  REQUIRE(again.has_value());
  CHECK((*made)->key_type() == tls::KeyType::ecdsa);
  CHECK((*made)->not_before() <= now);
  CHECK((*made)->not_after() == now + std::chrono::hours(365 * 24));
  CHECK((*made)->names().empty());
  CHECK((*made)->fingerprint() != (*again)->fingerprint());
}
