// Short ways to decode a text and to look at what came out, for the tests of the decoders. Pure.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "config/decode.h"

namespace narthex::config {

inline Decoded decode(std::string_view text, const std::string& file = "f.yaml") { return decode_manifest(text, file); }

// Reason and field of every finding: "refused InvalidPath spec.rules[0].http.paths[1].path; ..."
inline std::string findings_of(const Findings& findings) {
  std::string out;
  for (const Finding& one : findings) {
    CHECK_FALSE(one.reason.empty());
    CHECK_FALSE(one.message.empty());
    out += out.empty() ? "" : "; ";
    out += one.severity == Severity::refused ? "refused " : "note ";
    out += one.reason + (one.field.empty() ? "" : " " + one.field);
  }
  return out;
}
inline std::string findings_of(const Decoded& decoded) { return findings_of(decoded.findings); }

// The only object of the text. REQUIRES: there is one, of that kind.
template <typename T>
T only(const Decoded& decoded) {
  REQUIRE(decoded.objects.size() == 1);
  REQUIRE(std::holds_alternative<T>(decoded.objects[0]));
  return std::get<T>(decoded.objects[0]);
}

}  // namespace narthex::config
