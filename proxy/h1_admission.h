// The check in front of the parser: looks at every byte of a head once, refuses whatever two readers could understand
// differently, and alone decides framing. Pure functions; any thread. What it accepts, the parser behind it accepts
// too.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "proxy/fault.h"
#include "proxy/h1_codec.h"
#include "proxy/head.h"

namespace narthex::proxy {

// What the check learns beside the facts in the head. Views the head. LIMIT: kFields, kNominations.
class Admitted final {
 public:
  Admitted() {}  // leaves the memory as it is
  Admitted(const Admitted&) = delete;
  Admitted& operator=(const Admitted&) = delete;

  // The ids of the fields, in their order.
  std::span<const FieldId> ids() const { return {ids_.data(), fields_}; }
  bool add_id(FieldId id) {
    if (fields_ == ids_.size()) return false;
    ids_[fields_++] = id;
    return true;
  }
  // Fields that Connection names, other than close, keep-alive and upgrade.
  bool add_nominated(std::string_view name) {
    if (nominated_ == names_.size()) return false;
    names_[nominated_++] = {name.data(), name.size()};
    return true;
  }
  size_t nominated() const { return nominated_; }
  std::string_view nominated(size_t index) const { return {names_[index].at, names_[index].bytes}; }

  size_t bytes = 0;             // of the head, with its empty line
  size_t start_line_bytes = 0;  // with its CRLF
  // The parser reads the start line as well. (Not so: HTTP/1.2, and a status line that ends after the code.)
  bool plain_start_line = true;

 private:
  struct Name {
    const char* at;
    size_t bytes;
  };
  size_t fields_ = 0, nominated_ = 0;
  std::array<FieldId, limits::kFields> ids_;
  std::array<Name, limits::kNominations> names_;
};

// `text` begins with the start line; the head ends with the first empty line, whatever follows it. Sets everything in
// `out` but its fields. A head without an end is a fault like any other: who knows that more may come asks again.
// REQUIRES: views in `out` are empty. Requests give faults of the client, responses upstream_malformed or
// _head_too_large.
Fault admit_request(std::string_view text, RequestHead& out, Admitted& notes);
Fault admit_response(std::string_view text, const ResponseContext& context, ResponseHead& out, Admitted& notes);

// A trailer section with its empty line, held to the same rules. Keeps what may be merged or passed on (RFC
// 9110 6.5.1). False: malformed, or more than kFields. VALID UNTIL: out views `section`.
bool admit_trailers(std::string_view section, FieldList& out);

}  // namespace narthex::proxy
