#include "controller/finding_set.h"

#include <utility>

namespace narthex::controller {

void FindingSet::replace(const std::string& unit, config::Findings findings) {
  const auto found = said_by_.find(unit);
  if (found == said_by_.end() && findings.empty()) return;
  std::vector<Listed::iterator> said;
  said.reserve(findings.size());
  for (config::Finding& finding : findings) add(said, std::move(finding));
  // Dropped only now, so that what stays is never taken out of the list in between.
  if (found != said_by_.end()) {
    for (const Listed::iterator before : found->second) drop(before);
  }
  if (said.empty()) {
    said_by_.erase(found);
  } else if (found != said_by_.end()) {
    found->second = std::move(said);
  } else {
    said_by_.emplace(unit, std::move(said));
  }
}

FindingChanges FindingSet::take_changes() {
  FindingChanges changes;
  for (const auto& [finding, sign] : balance_) (sign > 0 ? changes.appeared : changes.vanished).push_back(finding);
  balance_.clear();
  return changes;
}

void FindingSet::add(std::vector<Listed::iterator>& said, config::Finding finding) {
  const auto [at, is_new] = listed_.try_emplace(std::move(finding), 0);
  ++at->second;
  said.push_back(at);
  if (is_new && ++balance_[at->first] == 0) balance_.erase(at->first);
}

void FindingSet::drop(Listed::iterator said) {
  if (--said->second != 0) return;
  if (--balance_[said->first] == 0) balance_.erase(said->first);
  listed_.erase(said);
}

}  // namespace narthex::controller
