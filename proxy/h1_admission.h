// The one reading of a head: looks at every byte once, refuses whatever two readers could understand differently, and
// alone decides framing. Pure functions; any thread. What it accepts, Boost.Beast's parser accepts too and sees the same
// fields and the same framing in it: a test and a fuzz target hold the two beside each other.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "proxy/fault.h"
#include "proxy/h1_codec.h"
#include "proxy/head.h"

namespace narthex::proxy {

// What the check learns beside what is in the head. Views the head. LIMIT: kNominations.
class Admitted final {
 public:
  Admitted() {}  // leaves the memory as it is
  Admitted(const Admitted&) = delete;
  Admitted& operator=(const Admitted&) = delete;

  // Fields that Connection names, other than close, keep-alive and upgrade.
  bool add_nominated(std::string_view name) {
    if (nominated_ == names_.size()) return false;
    names_[nominated_++] = {name.data(), name.size()};
    return true;
  }
  size_t nominated() const { return nominated_; }
  std::string_view nominated(size_t index) const { return {names_[index].at, names_[index].bytes}; }

  size_t bytes = 0;  // of the head, with its empty line

 private:
  struct Name {
    const char* at;
    size_t bytes;
  };
  size_t nominated_ = 0;
  std::array<Name, limits::kNominations> names_;
};

// `text` begins with the start line; the head ends with the first empty line, whatever follows it. A head without an end is a fault like any other: who knows that more may come asks again.
// REQUIRES: views and fields in `out` are empty; after a fault they may hold something. Requests give faults of the client, responses upstream_malformed or
// _head_too_large.
Fault admit_request(std::string_view text, RequestHead& out, Admitted& notes);
Fault admit_response(std::string_view text, const ResponseContext& context, ResponseHead& out, Admitted& notes);

// A trailer section with its empty line, held to the same rules. Keeps what may be merged or passed on (RFC
// 9110 6.5.1). False: malformed, or more than kFields. VALID UNTIL: out views `section`.
bool admit_trailers(std::string_view section, FieldList& out);

}  // namespace narthex::proxy
