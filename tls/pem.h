// PEM texts (RFC 7468) to DER blocks. Only for this folder. Pure function, any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace narthex::tls {

enum class PemEnd { complete, damaged };  // damaged: a block has begun that cannot be read

struct PemBlock {
  std::string_view label;  // "CERTIFICATE"
  std::string_view der;    // VALID UNTIL: the visit returns; wiped afterwards
  bool encrypted = false;  // RFC 1421 headers or PKCS#8 say so
};

// Visits the blocks in order until `visit` says false.
PemEnd read_pem(std::string_view text, const std::function<bool(const PemBlock&)>& visit);

}  // namespace narthex::tls
