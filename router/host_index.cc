#include "router/host_index.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/copy_on_write.h"
#include "base/hash.h"
#include "router/bytes.h"

namespace narthex::router {
namespace {

// A change copies the list of groups, the shards of one group (24 bytes each) and the entries of one shard (as much
// each): with 100 000 hosts 64 + 64 + 24 of them. What counts is the atomic increment of each, and later the decrement,
// because what it is done to is not in the cache.
constexpr size_t kGroups = 64, kShardsOfGroup = 64;
constexpr unsigned kShardShift = 64 - 12;
static_assert(kGroups * kShardsOfGroup == size_t{1} << (64 - kShardShift));

// "*.example.com" is hashed as its parent with another seed, so that no lookup builds the text of a wildcard.
constexpr uint64_t kExactSeed = 0, kWildcardSeed = 1;

}  // namespace

// What is looked up: a host, or the parent of a wildcard.
struct HostIndex::Key {
  uint64_t hash;
  std::string_view name;
  bool wildcard;

  static Key exact(std::string_view host) { return {base::hash(host, kExactSeed), host, false}; }
  static Key any_label_of(std::string_view parent) { return {base::hash(parent, kWildcardSeed), parent, true}; }
  static Key of(std::string_view key) { return key.starts_with("*.") ? any_label_of(key.substr(2)) : exact(key); }

  size_t shard() const { return hash >> kShardShift; }
  uint32_t tag() const { return static_cast<uint32_t>(hash) | 1; }
  bool names(const HostRoutes& routes) const {
    const std::string_view host = routes.host();
    return wildcard ? host.starts_with("*.") && same_bytes(host.substr(2), name) : same_bytes(host, name);
  }
};

// The tag fixes the home of its entry, so that entries can move without hashing their hosts again.
struct HostIndex::Entry {
  std::shared_ptr<const HostRoutes> routes;
  uint32_t tag = 0;  // 0: free
};

struct HostIndex::Group {
  std::array<Shard, kShardsOfGroup> shards;
};

// The slot of the key, or the free one where it belongs. REQUIRES: there is a free slot.
size_t HostIndex::Shard::find(const Key& key) const {
  const Entry* const table = entries.get();
  const uint32_t tag = key.tag();
  size_t slot = home(tag);
  for (; table[slot].tag != 0; slot = after(slot)) {
    if (table[slot].tag != tag) continue;
    table[slot].routes->prefetch();
    if (key.names(*table[slot].routes)) break;
  }
  return slot;
}

const HostRoutes* HostIndex::find(std::string_view host) const {
  if (size_ == 0 || host.starts_with('*')) return nullptr;
  if (const HostRoutes* routes = probe(Key::exact(host))) return routes;
  if (host.empty()) return nullptr;
  const size_t dot = host.find('.');
  if (dot != std::string_view::npos && dot > 0)
    if (const HostRoutes* routes = probe(Key::any_label_of(host.substr(dot + 1)))) return routes;
  return probe(Key::exact({}));
}

const HostRoutes* HostIndex::find_key(std::string_view key) const { return size_ == 0 ? nullptr : probe(Key::of(key)); }

void HostIndex::set(std::shared_ptr<const HostRoutes> routes) {
  if (groups_.empty()) groups_.resize(kGroups);
  const Key key = Key::of(routes->host());
  Shard& shard = own_shard(key.shard());
  shard.prepare(shard.count + 1);
  Entry& entry = shard.entries[shard.find(key)];
  if (entry.tag == 0) {
    ++shard.count;
    ++size_;
  }
  entry = {std::move(routes), key.tag()};
}

void HostIndex::erase(std::string_view key_text) {
  if (!find_key(key_text)) return;
  const Key key = Key::of(key_text);
  Shard& shard = own_shard(key.shard());
  --size_;
  if (shard.count == 1) {
    shard = {};
    return;
  }
  shard.prepare(shard.count);
  shard.erase(shard.find(key));
}

size_t HostIndex::index_bytes() const {
  constexpr size_t kControlBlock = 32, kHeapWord = 8;
  size_t bytes = groups_.capacity() * sizeof groups_[0];
  for (const auto& group : groups_) {
    if (!group) continue;
    bytes += sizeof(Group) + kControlBlock;
    for (const Shard& shard : group->shards)
      if (shard.entries) bytes += shard.slots * sizeof(Entry) + kControlBlock + kHeapWord;
  }
  for_each([&bytes](const HostRoutes& routes) { bytes += routes.index_bytes(); });
  return bytes;
}

void HostIndex::for_each(const std::function<void(const HostRoutes&)>& visit) const {
  for (const auto& group : groups_) {
    if (!group) continue;
    for (const Shard& shard : group->shards)
      for (size_t slot = 0; slot < shard.slots; ++slot)
        if (const auto& routes = shard.entries[slot].routes) visit(*routes);
  }
}

const HostRoutes* HostIndex::probe(const Key& key) const {
  const Group* group = groups_[key.shard() / kShardsOfGroup].get();
  if (group == nullptr) return nullptr;
  const Shard& shard = group->shards[key.shard() % kShardsOfGroup];
  return shard.slots == 0 ? nullptr : shard.entries[shard.find(key)].routes.get();
}

HostIndex::Shard& HostIndex::own_shard(size_t shard) {
  return base::own(groups_[shard / kShardsOfGroup]).shards[shard % kShardsOfGroup];
}

// Makes the entries this table's own, with room for `hosts`. A fifth of the slots stays free, so that a miss looks at
// some ten of them; growing by a quarter leaves 24 bytes a slot at 33 a host.
void HostIndex::Shard::prepare(size_t hosts) {
  constexpr size_t kSlotsMin = 4;
  const bool grows = hosts * 5 > size_t{slots} * 4;
  const bool shared = entries.use_count() > 1;
  if (!grows && !shared) return;
  Shard next;
  next.slots = grows ? static_cast<uint32_t>(std::max(kSlotsMin, hosts * 25 / 16 + 1)) : slots;
  next.count = count;
  next.entries = std::make_shared<Entry[]>(next.slots);
  for (size_t from = 0; from < slots; ++from) {
    const uint32_t tag = entries[from].tag;
    if (tag == 0) continue;
    size_t to = grows ? next.home(tag) : from;
    while (next.entries[to].tag != 0) to = next.after(to);
    next.entries[to] = shared ? entries[from] : std::move(entries[from]);
  }
  *this = std::move(next);
}

// Moves back what the gap would hide: each entry that was put behind the gap although its home is not.
void HostIndex::Shard::erase(size_t slot) {
  size_t gap = slot;
  for (size_t next = after(gap); entries[next].tag != 0; next = after(next)) {
    const size_t from_home = (next + slots - home(entries[next].tag)) % slots, from_gap = (next + slots - gap) % slots;
    if (from_home < from_gap) continue;
    entries[gap] = std::move(entries[next]);
    gap = next;
  }
  entries[gap] = {};
  --count;
}

}  // namespace narthex::router
