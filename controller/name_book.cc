#include "controller/name_book.h"

#include <algorithm>

namespace narthex::controller {
namespace {

using std::chrono::milliseconds;

std::chrono::sys_seconds to_seconds(base::WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

}  // namespace

NameBook::NameBook(NameBookOptions options, const base::Clock& clock)
    : options_(options), clock_(clock), random_(options.seed) {}

void NameBook::want(const std::string& name) {
  if (entries_.contains(name) || turned_away_.contains(name)) return;
  if (entries_.size() < options_.names) return admit(name);
  turned_away_.insert(name);
  changed_.insert(name);
}

void NameBook::admit(const std::string& name) {
  Entry& entry = entries_[name];
  entry.resolved.name = name;
  ++unanswered_;
  schedule(name, entry, clock_.steady_now());
}

void NameBook::forget(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    if (turned_away_.erase(name) != 0) changed_.insert(name);
    return;
  }
  if (found->second.due) due_.erase(*found->second.due);
  if (!found->second.answered) --unanswered_;
  if (found->second.resolved.trouble != NameTrouble::none) --counts_.in_trouble;
  entries_.erase(found);
  changed_.insert(name);
  if (turned_away_.empty()) return;
  const std::string next = *turned_away_.begin();
  turned_away_.erase(turned_away_.begin());
  changed_.insert(next);
  admit(next);
}

std::vector<std::string> NameBook::take_due() {
  std::vector<std::string> names;
  const base::SteadyTime now = clock_.steady_now();
  while (!due_.empty() && due_.begin()->first.first <= now && in_flight_ < options_.in_flight) {
    names.push_back(std::move(due_.begin()->second));
    due_.erase(due_.begin());
    entries_.at(names.back()).due.reset();
    ++in_flight_;
  }
  return names;
}

void NameBook::answer(const std::string& name, NameAnswer answer) {
  --in_flight_;
  const auto found = entries_.find(name);
  // Forgotten meanwhile; or forgotten and wanted again, and already due or answered.
  if (found == entries_.end() || found->second.due) return;
  Entry& entry = found->second;
  if (!std::exchange(entry.answered, true)) {
    --unanswered_;
    changed_.insert(name);
  }
  const ResolvedName before = entry.resolved;
  believe(answer, entry);
  if (entry.resolved != before) changed_.insert(name);
  schedule(name, entry, clock_.steady_now() + pause_after(answer, entry));
}

std::optional<base::SteadyTime> NameBook::next_due() const {
  if (due_.empty() || in_flight_ >= options_.in_flight) return std::nullopt;
  return due_.begin()->first.first;
}

NameChanges NameBook::take_changes() {
  NameChanges changes;
  for (const std::string& name : std::exchange(changed_, {})) {
    const auto found = entries_.find(name);
    if (found != entries_.end() && found->second.answered) {
      changes.push_back({name, found->second.resolved});
    } else if (turned_away_.contains(name)) {
      changes.push_back({name, ResolvedName{name, {}, false, NameTrouble::too_many, to_seconds(clock_.wall_now())}});
    } else {
      changes.push_back({name, std::nullopt});
    }
  }
  return changes;
}

NameCounts NameBook::counts() const {
  NameCounts counts = counts_;
  counts.names = entries_.size() + turned_away_.size();
  counts.in_trouble += turned_away_.size();
  return counts;
}

void NameBook::schedule(const std::string& name, Entry& entry, base::SteadyTime at) {
  entry.due = Due{at, ++last_number_};
  due_.emplace(*entry.due, name);
}

void NameBook::believe(const NameAnswer& answer, Entry& entry) {
  switch (answer.kind) {
    case NameAnswer::Kind::found:
      ++counts_.found;
      entry.failures = 0;
      entry.absent_since.reset();
      entry.resolved.addresses = answer.addresses;
      entry.resolved.cut = answer.cut;
      return set_trouble(NameTrouble::none, entry);
    case NameAnswer::Kind::absent:
      ++counts_.absent;
      if (!entry.absent_since) entry.absent_since = clock_.steady_now();
      if (clock_.steady_now() - *entry.absent_since >= options_.hold_absent) entry.resolved.addresses.clear();
      return note_trouble(NameTrouble::absent, entry);
    case NameAnswer::Kind::failed:
      ++counts_.failed;
      entry.absent_since.reset();
      return note_trouble(NameTrouble::failing, entry);
  }
}

void NameBook::note_trouble(NameTrouble trouble, Entry& entry) {
  ++entry.failures;
  if (entry.resolved.trouble == NameTrouble::none) entry.resolved.since = to_seconds(clock_.wall_now());
  set_trouble(trouble, entry);
}

void NameBook::set_trouble(NameTrouble trouble, Entry& entry) {
  const bool was = entry.resolved.trouble != NameTrouble::none, is = trouble != NameTrouble::none;
  if (is && !was) ++counts_.in_trouble;
  if (was && !is) --counts_.in_trouble;
  entry.resolved.trouble = trouble;
  if (!is) entry.resolved.since = {};
}

milliseconds NameBook::pause_after(const NameAnswer& answer, const Entry& entry) {
  const auto by_chance = [this](milliseconds most) {
    return milliseconds(random_() % (static_cast<uint64_t>(most.count()) + 1));
  };
  if (answer.kind == NameAnswer::Kind::found) {
    const milliseconds ttl = std::clamp(answer.ttl, options_.ttl_least, options_.ttl_most);
    return ttl + by_chance(ttl / 10);
  }
  const uint32_t doublings = std::min(entry.failures - 1, 16u);
  const milliseconds pause = std::min(options_.back_off_first * (1u << doublings), options_.back_off_most);
  return pause / 2 + by_chance(pause / 2);
}

}  // namespace narthex::controller
