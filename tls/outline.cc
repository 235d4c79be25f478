#include "tls/outline.h"

#include <openssl/asn1t.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "base/text.h"
#include "tls/native.h"

namespace narthex::tls {
namespace {

// RFC 5280 4.1, with the public key as plain bits. The macros declare ASN.1 types for OpenSSL's decoder.
struct KeyField {
  X509_ALGOR* algorithm;
  ASN1_BIT_STRING* bits;
};
struct Validity {
  ASN1_TIME* not_before;
  ASN1_TIME* not_after;
};
struct Body {
  ASN1_INTEGER* version;
  ASN1_INTEGER* serial;
  X509_ALGOR* signature;
  X509_NAME* issuer;
  Validity* validity;
  X509_NAME* subject;
  KeyField* key;
  ASN1_BIT_STRING* issuer_id;
  ASN1_BIT_STRING* subject_id;
  STACK_OF(X509_EXTENSION) * extensions;
};
struct Whole {
  Body* body;
  X509_ALGOR* algorithm;
  ASN1_BIT_STRING* signature;
};

// clang-format off: the macros are no C++ that it knows
ASN1_SEQUENCE(KeyField) = {ASN1_SIMPLE(KeyField, algorithm, X509_ALGOR),
                           ASN1_SIMPLE(KeyField, bits, ASN1_BIT_STRING)} static_ASN1_SEQUENCE_END(KeyField)

    ASN1_SEQUENCE(Validity) = {ASN1_SIMPLE(Validity, not_before, ASN1_TIME),
                               ASN1_SIMPLE(Validity, not_after, ASN1_TIME)} static_ASN1_SEQUENCE_END(Validity)

        ASN1_SEQUENCE(Body) = {ASN1_EXP_OPT(Body, version, ASN1_INTEGER, 0),
                               ASN1_SIMPLE(Body, serial, ASN1_INTEGER),
                               ASN1_SIMPLE(Body, signature, X509_ALGOR),
                               ASN1_SIMPLE(Body, issuer, X509_NAME),
                               ASN1_SIMPLE(Body, validity, Validity),
                               ASN1_SIMPLE(Body, subject, X509_NAME),
                               ASN1_SIMPLE(Body, key, KeyField),
                               ASN1_IMP_OPT(Body, issuer_id, ASN1_BIT_STRING, 1),
                               ASN1_IMP_OPT(Body, subject_id, ASN1_BIT_STRING, 2),
                               ASN1_EXP_SEQUENCE_OF_OPT(Body, extensions, X509_EXTENSION,
                                                        3)} static_ASN1_SEQUENCE_END(Body)

            ASN1_SEQUENCE(Whole) = {ASN1_SIMPLE(Whole, body, Body), ASN1_SIMPLE(Whole, algorithm, X509_ALGOR),
                                    ASN1_SIMPLE(Whole, signature, ASN1_BIT_STRING)} static_ASN1_SEQUENCE_END(Whole)
    // clang-format on

    struct FreeWhole {
  void operator()(Whole* whole) const { ASN1_item_free(reinterpret_cast<ASN1_VALUE*>(whole), ASN1_ITEM_rptr(Whole)); }
};

base::Error damaged() { return base::Error("is damaged: store it again as its issuer gave it"); }

bool read_key(const KeyField& field, PublicKey& out);
bool read_time(const ASN1_TIME* time, base::WallTime& out);
bool read_names(const Body& body, std::vector<std::string>& out);
void add_name(const ASN1_STRING* text, std::vector<std::string>& out);
bool weak_digest(const Whole& whole);

}  // namespace

base::Result<Outline> outline_of(std::string_view der) {
  const QuietErrors quiet;
  const unsigned char* at = bytes_of(der);
  const std::unique_ptr<Whole, FreeWhole> whole(
      reinterpret_cast<Whole*>(ASN1_item_d2i(nullptr, &at, static_cast<long>(der.size()), ASN1_ITEM_rptr(Whole))));
  if (!whole || at != bytes_of(der) + der.size()) return damaged();
  Outline outline;
  const Body& body = *whole->body;
  outline.known_key = read_key(*body.key, outline.key);
  outline.weak_digest = weak_digest(*whole);
  if (!read_time(body.validity->not_before, outline.not_before)) return damaged();
  if (!read_time(body.validity->not_after, outline.not_after)) return damaged();
  if (!read_names(body, outline.names)) return damaged();
  return outline;
}

bool valid_certificate_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > 253) return false;  // RFC 1035 2.3.4, as text
  size_t label = 0;
  for (const char c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (c != '.' && !plain) return false;
    if (c == '.' && label == 0) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return label > 0;
}

namespace {

bool read_key(const KeyField& field, PublicKey& out) {
  const ASN1_OBJECT* algorithm = nullptr;
  int kind = V_ASN1_UNDEF;
  const void* parameters = nullptr;
  X509_ALGOR_get0(&algorithm, &kind, &parameters, field.algorithm);
  switch (OBJ_obj2nid(algorithm)) {
    case EVP_PKEY_RSA:
      out.type = KeyType::rsa;
      break;
    case EVP_PKEY_ED25519:
      out.type = KeyType::ed25519;
      break;
    case EVP_PKEY_EC: {
      if (kind != V_ASN1_OBJECT) return false;
      out.type = KeyType::ecdsa;
      out.curve = OBJ_obj2nid(static_cast<const ASN1_OBJECT*>(parameters));
      break;
    }
    default:
      return false;
  }
  out.bits.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(field.bits)),
                  static_cast<size_t>(ASN1_STRING_length(field.bits)));
  return true;
}

bool read_time(const ASN1_TIME* time, base::WallTime& out) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return false;
  // system_clock counts nanoseconds in 64 bits, which ends in 2262; "no expiry" is written as 9999 (RFC 5280 4.1.2.5).
  constexpr std::time_t kLast = 9'000'000'000;
  out = std::chrono::system_clock::from_time_t(std::clamp<std::time_t>(timegm(&parts), -kLast, kLast));
  return true;
}

// RFC 6125 6.4.4: the common name counts only where no DNS name is given.
bool read_names(const Body& body, std::vector<std::string>& out) {
  int found = 0;
  const std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>> list(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(body.extensions, NID_subject_alt_name, &found, nullptr)));
  if (!list && found != -1) return false;  // -1: there is none; -2: more than one; else it cannot be decoded
  bool any = false;
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list.get(), i);
    if (name->type != GEN_DNS) continue;
    any = true;
    add_name(name->d.dNSName, out);
  }
  if (any) return true;
  const int at = X509_NAME_get_index_by_NID(body.subject, NID_commonName, -1);
  if (at >= 0) add_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(body.subject, at)), out);
  return true;
}

// By length, never as a C string: "good.example\0.evil.example" is no name at all.
void add_name(const ASN1_STRING* text, std::vector<std::string>& out) {
  std::string_view name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                        static_cast<size_t>(ASN1_STRING_length(text)));
  if (name.ends_with('.')) name.remove_suffix(1);
  if (!valid_certificate_name(name)) return;
  std::string lower = base::lower(name);
  if (std::find(out.begin(), out.end(), lower) == out.end()) out.push_back(std::move(lower));
}

bool weak_digest(const Whole& whole) {
  if (X509_NAME_cmp(whole.body->issuer, whole.body->subject) == 0) return false;  // nobody looks at a root's signature
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, whole.algorithm);
  int digest = NID_undef;
  if (OBJ_find_sigid_algs(OBJ_obj2nid(algorithm), &digest, nullptr) != 1) return false;
  return digest == NID_md5 || digest == NID_sha1;
}

}  // namespace
}  // namespace narthex::tls
