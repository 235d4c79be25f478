#include "controller/manifest_set.h"

#include <fmt/format.h>

#include <unordered_set>

#include "controller/fingerprint.h"

namespace narthex::controller {
namespace {

template <size_t... kIndexes>
constexpr auto kind_table(std::index_sequence<kIndexes...>) {
  return std::array<const char*, sizeof...(kIndexes)>{std::variant_alternative_t<kIndexes, config::Object>::kKind...};
}
constexpr auto kKindNames = kind_table(std::make_index_sequence<std::variant_size_v<config::Object>>());

std::string place(const std::string& file, uint32_t line) { return line ? fmt::format("{}:{}", file, line) : file; }

// Which objects may be missing from a text because of its errors.
class Unreadable final {
 public:
  explicit Unreadable(const config::Findings& findings) {
    for (const config::Finding& finding : findings) {
      if (finding.severity != config::Severity::refused) continue;
      if (finding.object.kind.empty() || finding.object.name.empty()) nameless_ = true;
      refused_.insert(finding.object);
    }
  }
  bool covers(const config::ObjectRef& ref) const { return nameless_ || refused_.contains(ref); }

 private:
  bool nameless_ = false;  // a document of which not even the name could be read: it may have been any object
  std::set<config::ObjectRef> refused_;
};

}  // namespace

void ManifestSet::put(const std::string& file, config::Decoded decoded) {
  const auto entry = files_.try_emplace(file).first;
  const std::string& name = entry->first;
  File& now = entry->second;
  const std::vector<Held> before = std::exchange(now.objects, {});
  now.said = std::move(decoded.findings);
  now.objects.reserve(decoded.objects.size());
  std::unordered_map<const Claimed*, uint32_t> seen;
  for (config::Object& object : decoded.objects) {
    const config::Meta& meta = config::meta_of(object);
    const uint32_t line = meta.origin.line;
    Claimed& claimed = *claims_.try_emplace(Ref{static_cast<uint8_t>(object.index()), meta.key}).first;
    const auto [first, is_first] = seen.try_emplace(&claimed, line);
    if (is_first) {
      now.objects.push_back({&claimed, line});
      claim(name, claimed, std::move(object));
      continue;
    }
    now.said.push_back({config::Severity::refused, "DuplicateObject", object_ref(claimed.first), "",
                        fmt::format("the same object stands at {} already, and that one is used; remove one of the two",
                                    place(name, first->second)),
                        {name, line}});
  }
  keep_or_release(name, before, now);
  marked_.insert(name);
}

void ManifestSet::fail(const std::string& file, const std::string& reason, const std::string& message) {
  File& now = files_[file];
  const char* kept = now.objects.empty() ? "" : "; its objects stay as they were last read";
  config::Findings said = {{config::Severity::refused, reason, {}, "", message + kept, {file, 0}}};
  if (now.said == said) return;
  now.said = std::move(said);
  marked_.insert(file);
}

void ManifestSet::drop(const std::string& file) {
  const auto entry = files_.find(file);
  if (entry == files_.end()) return;
  const std::vector<Held> objects = std::exchange(entry->second.objects, {});
  for (const Held& held : objects) release(entry->first, *held.claimed);
  marked_.insert(file);
  rereads_.erase(file);
  files_.erase(entry);
}

void ManifestSet::set_notice(const std::string& source, config::Findings findings) {
  notices_.push_back({source, std::move(findings)});
}

std::vector<std::string> ManifestSet::take_rereads() {
  const std::set<std::string> files = std::exchange(rereads_, {});
  return {files.begin(), files.end()};
}

SourceBatch ManifestSet::take() {
  SourceBatch batch{std::exchange(changes_, {}), std::exchange(notices_, {})};
  for (const std::string& file : std::exchange(marked_, {})) batch.findings.push_back({file, findings_of(file)});
  return batch;
}

std::vector<ObjectCount> ManifestSet::object_counts() const {
  std::vector<ObjectCount> counts;
  for (size_t kind = 0; kind < kKinds; ++kind) counts.push_back({kKindNames[kind], counts_[kind]});
  return counts;
}

config::ObjectRef ManifestSet::object_ref(const Ref& ref) { return {kKindNames[ref.kind], ref.key.ns, ref.key.name}; }

void ManifestSet::claim(const std::string& file, Claimed& claimed, config::Object object) {
  Claim& now = claimed.second;
  const uint32_t line = config::meta_of(object).origin.line;
  const bool is_new = now.file == nullptr;
  if (!is_new && *now.file < file) {
    losers_[&claimed].insert_or_assign(file, line);
    return;
  }
  const uint64_t content = fingerprint(object);
  const bool changed = is_new || now.fingerprint != content;
  if (is_new) ++counts_[claimed.first.kind];
  win(file, claimed, line);
  now.fingerprint = content;
  if (changed) changes_.push_back(upserted(std::move(object)));
}

// `file` speaks for the object from now on; whoever did before stands in line behind it.
void ManifestSet::win(const std::string& file, Claimed& claimed, uint32_t line) {
  Claim& now = claimed.second;
  if (now.file && now.file != &file) losers_[&claimed].insert_or_assign(*now.file, now.line);
  now.file = &file;
  now.line = line;
  const auto losers = losers_.find(&claimed);
  if (losers == losers_.end()) return;
  losers->second.erase(file);
  mark_losers(claimed);
  if (losers->second.empty()) losers_.erase(losers);
}

// The file does not give the object any more.
void ManifestSet::release(const std::string& file, Claimed& claimed) {
  const auto losers = losers_.find(&claimed);
  if (claimed.second.file != &file) {
    if (losers == losers_.end()) return;
    losers->second.erase(file);
    if (losers->second.empty()) losers_.erase(losers);
    return;
  }
  if (losers == losers_.end()) {
    --counts_[claimed.first.kind];
    changes_.push_back(removed(object_ref(claimed.first)));
    claims_.erase(claims_.find(claimed.first));
    return;
  }
  const auto [heir, line] = *losers->second.begin();
  claimed.second.file = nullptr;
  win(files_.find(heir)->first, claimed, line);
  marked_.insert(heir);
  rereads_.insert(heir);
}

// Objects that the file gave before and does not give now.
void ManifestSet::keep_or_release(const std::string& file, const std::vector<Held>& before, File& now) {
  if (before.empty()) return;
  std::unordered_set<const Claimed*> given;
  for (const Held& held : now.objects) given.insert(held.claimed);
  const Unreadable unreadable(now.said);
  for (const Held& held : before) {
    if (given.contains(held.claimed)) continue;
    const config::ObjectRef ref = object_ref(held.claimed->first);
    if (held.claimed->second.file != &file || !unreadable.covers(ref)) {
      release(file, *held.claimed);
      continue;
    }
    now.objects.push_back(held);
    now.said.push_back({config::Severity::note, "KeptLastGood", ref, "",
                        fmt::format("stays as it was last read, because {} has errors; correct them, or remove the "
                                    "object from a text without errors",
                                    file),
                        {file, 0}});
  }
}

void ManifestSet::mark_losers(const Claimed& claimed) {
  const auto losers = losers_.find(&claimed);
  if (losers == losers_.end()) return;
  for (const auto& [file, line] : losers->second) marked_.insert(file);
}

config::Findings ManifestSet::findings_of(const std::string& file) const {
  const auto entry = files_.find(file);
  if (entry == files_.end()) return {};
  config::Findings findings = entry->second.said;
  for (const Held& held : entry->second.objects) {
    const Claim& winner = held.claimed->second;
    if (winner.file == &entry->first) continue;
    findings.push_back({config::Severity::refused, "DuplicateObject", object_ref(held.claimed->first), "",
                        fmt::format("{} gives the same object and comes first in path order, so that one is used; "
                                    "remove one of the two",
                                    place(*winner.file, winner.line)),
                        {file, held.line}});
  }
  return findings;
}

}  // namespace narthex::controller
