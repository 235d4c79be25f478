// A path of an Ingress read as a pattern, as hosts with use-regex or rewrite-target read all of theirs: from the start of a text on,
// not up to its end, ASCII letters of either case alike. The syntax is RE2's: Perl's without lookaround and backreferences, so that
// matching takes time in proportion to the text, whatever the pattern. Texts are bytes: "." is any one.
// This is the door to RE2. Made on the control thread, immutable afterwards, read by all workers; inside, RE2 keeps the states it
// has met under a lock that readers share.
//
// LIMIT: per pattern kBytesMax of text, kProgramMax instructions, and kMemoryMax of program and states.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace narthex::router {

// What matched, and $1 to $9; empty where a group took no part. VALID UNTIL: the text that was matched changes.
using Groups = std::array<std::string_view, 10>;

class Regex final {
 public:
  static constexpr size_t kBytesMax = 4096;
  static constexpr int64_t kMemoryMax = 1024 * 1024;
  // Time is at worst in proportion to this times the text (8 KiB against "(a|b)*a(a|b){150}", which is made to be slow, take
  // 50 ms); patterns that people write have under 100.
  static constexpr int kProgramMax = 500;

  // An error says in RE2's words what is wrong with the pattern.
  static base::Result<std::shared_ptr<const Regex>> compile(std::string_view pattern);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  bool matches(std::string_view text) const;
  // Sets `groups` where it matches.
  bool matches(std::string_view text, Groups& groups) const;

 private:
  explicit Regex(std::string_view prefix);
  const std::string prefix_;                  // every match begins with it: most patterns of a host are ruled out by that
  std::unique_ptr<const re2::RE2> program_;  // null: the prefix is all there is
};

// The part of a pattern that every match begins with, in the letters of the pattern: what stands before its first special character.
// VALID UNTIL: the pattern changes.
std::string_view literal_prefix(std::string_view pattern);

}  // namespace narthex::router
