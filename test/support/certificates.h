// Certificates made on the spot for tests: no files, no expiry surprises, any mistake on demand. Free functions, any
// thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace narthex::test {

enum class KeyKind { p256, p384, rsa2048, rsa1024, ed25519, dsa };
// pkcs8: "PRIVATE KEY"; traditional: SEC 1 "EC PRIVATE KEY" or PKCS#1 "RSA PRIVATE KEY"; the others are encrypted.
enum class KeyForm { pkcs8, traditional, encrypted_pkcs8, encrypted_traditional };

struct PemPair {
  std::string chain;  // tls.crt
  std::string key;    // tls.key
};

struct CertificateSpec {
  std::vector<std::string> names;  // subjectAltName dNSName, byte by byte as given (a NUL too)
  std::string common_name{};       // empty: no CN
  KeyKind key = KeyKind::p256;
  KeyForm form = KeyForm::pkcs8;
  std::chrono::seconds not_before{-3600};  // both from now
  std::chrono::seconds not_after{24 * 3600};
  bool authority = false;         // may sign others
  bool sha1 = false;              // signed with SHA-1
  bool compressed_point = false;  // the EC point in its short form
};

// Self-signed, or signed by `issuer` (an authority, not encrypted). The chain is the leaf alone: append issuer->chain
// where wanted. Every EC and Ed25519 key is fresh; RSA keys are made once per process and size, because they are slow.
// Throws on impossible specs.
PemPair make_certificate(const CertificateSpec& spec, const PemPair* issuer = nullptr);
// The usual case: P-256, valid, self-signed.
PemPair make_certificate(const std::string& name);

}  // namespace narthex::test
