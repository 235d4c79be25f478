#include "router/host_index.h"

#include <array>
#include <utility>

#include "base/hash.h"

namespace narthex::router {
namespace {

// A change copies the list of shards (16 bytes and an atomic increment each) and one shard (as much for each of its hosts). At
// 100 000 hosts both are near 1 000 -> the cheapest split, about 10 us each.
constexpr size_t kShards = 1024;
constexpr unsigned kShardShift = 64 - 10;
static_assert(kShards == size_t{1} << (64 - kShardShift));

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
    return wildcard ? host.starts_with("*.") && host.substr(2) == name : host == name;
  }
};

// Open addressing with linear probing. Tags lie apart from the pointers: those of 100 000 hosts take half a megabyte and stay in the
// cache. A tag fixes the home of its entry, so that entries can move without hashing their hosts again.
struct HostIndex::Shard {
  std::vector<uint32_t> tags;  // 0: free
  std::vector<std::shared_ptr<const HostRoutes>> hosts;
  size_t count = 0;

  size_t home(uint32_t tag) const { return static_cast<size_t>(uint64_t{tag} * tags.size() >> 32); }
  size_t after(size_t slot) const { return slot + 1 == tags.size() ? 0 : slot + 1; }
  // The slot of the key, or the free one where it belongs. REQUIRES: there is a free slot.
  size_t find(const Key& key) const;
  void insert(uint32_t tag, std::shared_ptr<const HostRoutes> routes);
  void make_room();
  void erase(size_t slot);
};

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
  if (shards_.empty()) shards_.resize(kShards);
  const Key key = Key::of(routes->host());
  Shard& shard = own_shard(key.shard());
  shard.make_room();
  const size_t slot = shard.find(key);
  if (shard.tags[slot] == 0) {
    ++shard.count;
    ++size_;
  }
  shard.tags[slot] = key.tag();
  shard.hosts[slot] = std::move(routes);
}

void HostIndex::erase(std::string_view key_text) {
  if (!find_key(key_text)) return;
  const Key key = Key::of(key_text);
  Shard& shard = own_shard(key.shard());
  shard.erase(shard.find(key));
  --size_;
  if (shard.count == 0) shards_[key.shard()] = nullptr;
}

size_t HostIndex::index_bytes() const {
  constexpr size_t kControlBlock = 16;
  size_t bytes = shards_.capacity() * sizeof(shards_[0]);
  for (const auto& shard : shards_) {
    if (!shard) continue;
    bytes += kControlBlock + sizeof(Shard) + shard->tags.capacity() * sizeof(shard->tags[0]) +
             shard->hosts.capacity() * sizeof(shard->hosts[0]);
  }
  for_each([&bytes](const HostRoutes& routes) { bytes += routes.index_bytes(); });
  return bytes;
}

void HostIndex::for_each(const std::function<void(const HostRoutes&)>& visit) const {
  for (const auto& shard : shards_) {
    if (!shard) continue;
    for (const auto& routes : shard->hosts)
      if (routes) visit(*routes);
  }
}

const HostRoutes* HostIndex::probe(const Key& key) const {
  const Shard* shard = shards_[key.shard()].get();
  if (!shard) return nullptr;
  __builtin_prefetch(&shard->hosts[shard->home(key.tag())]);
  return shard->hosts[shard->find(key)].get();
}

HostIndex::Shard& HostIndex::own_shard(size_t index) {
  std::shared_ptr<Shard>& shard = shards_[index];
  if (!shard) {
    shard = std::make_shared<Shard>();
  } else if (shard.use_count() > 1) {
    shard = std::make_shared<Shard>(*shard);
  }
  return *shard;
}

size_t HostIndex::Shard::find(const Key& key) const {
  size_t slot = home(key.tag());
  while (tags[slot] != 0 && !(tags[slot] == key.tag() && key.names(*hosts[slot]))) slot = after(slot);
  return slot;
}

void HostIndex::Shard::insert(uint32_t tag, std::shared_ptr<const HostRoutes> routes) {
  size_t slot = home(tag);
  while (tags[slot] != 0) slot = after(slot);
  tags[slot] = tag;
  hosts[slot] = std::move(routes);
}

// Keeps a fifth of the slots free, and grows by a quarter: a miss then looks at some ten tags, and 20 bytes a slot are 28 a host.
void HostIndex::Shard::make_room() {
  constexpr size_t kSlotsMin = 4;
  if ((count + 1) * 5 <= tags.size() * 4) return;
  const size_t slots = std::max(kSlotsMin, (count + 1) * 5 / 4 * 5 / 4 + 1);
  const auto old_tags = std::exchange(tags, std::vector<uint32_t>(slots));
  auto old_hosts = std::exchange(hosts, std::vector<std::shared_ptr<const HostRoutes>>(slots));
  for (size_t slot = 0; slot < old_tags.size(); ++slot)
    if (old_tags[slot] != 0) insert(old_tags[slot], std::move(old_hosts[slot]));
}

// Moves back what the gap would hide: an entry whose home is not after the gap, seen in the direction of probing.
void HostIndex::Shard::erase(size_t slot) {
  size_t gap = slot;
  for (size_t next = after(gap); tags[next] != 0; next = after(next)) {
    const size_t size = tags.size();
    const size_t way_to_next = (next + size - home(tags[next])) % size, way_from_gap = (next + size - gap) % size;
    if (way_to_next < way_from_gap) continue;
    tags[gap] = tags[next];
    hosts[gap] = std::move(hosts[next]);
    gap = next;
  }
  tags[gap] = 0;
  hosts[gap] = nullptr;
  --count;
}

}  // namespace narthex::router
