// check(): a broken invariant where memory or security is at stake ends the program with file and line. Stays on in release
// builds. For input from users or the network use Result, Finding or Fault instead. Any thread.
#pragma once

#include <source_location>
#include <string_view>

namespace narthex::base {

[[noreturn]] void die(std::string_view what, std::source_location where = std::source_location::current());

inline void check(bool holds, std::string_view what, std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]] die(what, where);
}

}  // namespace narthex::base
