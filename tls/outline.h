// What we need to know of an X.509 certificate (RFC 5280) at load: validity, names, public key as bytes. OpenSSL's own
// DER reader does the reading, but with a template that leaves the public key undecoded: that decoding is most of the
// 80 us that an X509 costs, and 100,000 certificates are loaded at start. Only for this folder. Pure function, any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tls/private_key.h"

namespace narthex::tls {

struct Outline {
  PublicKey key;
  bool known_key = false;  // of a type that we serve
  base::WallTime not_before, not_after;
  std::vector<std::string> names;  // as Certificate::names()
  bool weak_digest = false;        // signed with MD5 or SHA-1, and not by itself
};

// `der` is exactly one certificate. Errors: "is damaged: ...", to be put behind the certificate's place.
base::Result<Outline> outline_of(std::string_view der);

// A DNS name that may stand in a certificate: letters, digits, '-', '_', labels that are not empty, and '*' only as the
// whole left-most label (RFC 6125 6.4.3).
bool valid_certificate_name(std::string_view name);

}  // namespace narthex::tls
