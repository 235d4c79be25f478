#include "config/lease.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace narthex::config {
namespace {

constexpr TreeLimits kLeaseLimits{.depth = 50, .nodes = 10'000, .bytes = 1u << 20};

std::string text_at(const Tree* map, std::string_view name) {
  const Tree* member = map == nullptr ? nullptr : map->find(name);
  const auto* text = member == nullptr ? nullptr : std::get_if<std::string>(&member->value);
  return text == nullptr ? std::string() : *text;
}

int64_t number_at(const Tree* map, std::string_view name) {
  const Tree* member = map == nullptr ? nullptr : map->find(name);
  const auto* number = member == nullptr ? nullptr : std::get_if<int64_t>(&member->value);
  return number == nullptr ? 0 : *number;
}

// The member of that name, made where there is none; `tree` becomes a map where it is none.
Tree& member_of(Tree& tree, std::string_view name) {
  if (!std::holds_alternative<Tree::Map>(tree.value)) tree.value = Tree::Map{};
  auto& map = std::get<Tree::Map>(tree.value);
  for (auto& [known, member] : map)
    if (known == name) return member;
  map.push_back({std::string(name), Tree{}});
  return map.back().second;
}

void put_text(Tree& map, std::string_view name, const std::string& text) {
  Tree& member = member_of(map, name);
  if (text.empty()) {
    member.value = std::monostate{};
  } else {
    member.value = text;
  }
}

}  // namespace

base::Result<Lease> decode_lease(std::string_view text) {
  TreeDocuments parsed = parse_json(text, kLeaseLimits, "managedFields");
  if (!parsed.errors.empty()) return base::Error(parsed.errors.front().message);
  if (parsed.documents.empty() || text_at(&parsed.documents.front(), "kind") != "Lease")
    return base::Error("the answer is no Lease");
  Lease lease;
  lease.object = std::move(parsed.documents.front());
  const Tree* spec = lease.object.find("spec");
  lease.resource_version = text_at(lease.object.find("metadata"), "resourceVersion");
  lease.holder = text_at(spec, "holderIdentity");
  lease.duration_seconds = number_at(spec, "leaseDurationSeconds");
  lease.transitions = number_at(spec, "leaseTransitions");
  lease.acquire_time = text_at(spec, "acquireTime");
  lease.renew_time = text_at(spec, "renewTime");
  return lease;
}

std::string encode_lease(const Lease& lease, const ObjectKey& key) {
  Tree object = lease.object;
  put_text(object, "apiVersion", "coordination.k8s.io/v1");
  put_text(object, "kind", "Lease");
  Tree& metadata = member_of(object, "metadata");
  put_text(metadata, "name", key.name);
  put_text(metadata, "namespace", key.ns);
  if (!lease.resource_version.empty()) put_text(metadata, "resourceVersion", lease.resource_version);
  Tree& spec = member_of(object, "spec");
  // As client-go releases: an empty text, not an absent one.
  member_of(spec, "holderIdentity").value = lease.holder;
  member_of(spec, "leaseDurationSeconds").value = lease.duration_seconds;
  member_of(spec, "leaseTransitions").value = lease.transitions;
  put_text(spec, "acquireTime", lease.acquire_time);
  put_text(spec, "renewTime", lease.renew_time);
  return to_json(object);
}

std::string second_time(base::WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string micro_time(base::WallTime time) {
  const auto since = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch());
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  std::string text = second_time(base::WallTime(whole));
  text.insert(text.size() - 1, fmt::format(".{:06}", (since - whole).count()));
  return text;
}

}  // namespace narthex::config
