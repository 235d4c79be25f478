// All current findings, kept per unit of translation, so that translating a unit again costs that unit's findings.
// Two units may say the same thing; it is listed once, until both have taken it back. Owned by the Compiler.
// THREAD: control.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/finding.h"

namespace narthex::controller {

struct FindingChanges {
  config::Findings appeared, vanished;  // sorted
};

class FindingSet final {
 public:
  // Sorted and unique; the number says how many units say so.
  using Listed = std::map<config::Finding, uint32_t>;

  FindingSet() = default;
  FindingSet(const FindingSet&) = delete;
  FindingSet& operator=(const FindingSet&) = delete;

  // Replaces what `unit` said before.
  void replace(const std::string& unit, config::Findings findings);
  const Listed& listed() const { return listed_; }
  // What changed on balance since the last call. LIMIT: never more than what was listed then and is listed now.
  FindingChanges take_changes();

 private:
  void add(std::vector<Listed::iterator>& said, config::Finding finding);
  void drop(Listed::iterator said);

  Listed listed_;
  std::unordered_map<std::string, std::vector<Listed::iterator>> said_by_;
  std::map<config::Finding, int> balance_;  // +1 appeared, -1 vanished since take_changes
};

}  // namespace narthex::controller
