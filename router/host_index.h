// From a host name to its routes: a hash table in groups of shards, copy-on-write, so that a snapshot that differs in one
// host shares all other groups and shards with the one before. A value; const access from any thread, changes on the control thread
// before publishing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "router/host_routes.h"

namespace narthex::router {

class HostIndex {
 public:
  // `host` is canonical (normalise.h). The exact host, else the wildcard of its parent ("*.example.com" for
  // "a.example.com", exactly one label), else the routes without host, else null. At most three probes, no allocation.
  // A literal host that starts with '*' matches nothing.
  const HostRoutes* find(std::string_view host) const;
  // Exactly this key ("", "a.example.com", "*.example.com"), for the control plane.
  const HostRoutes* find_key(std::string_view key) const;

  // Adds or replaces the routes of routes->host(). Copies one shard where another index shares it; else works in place,
  // so that loading many hosts in a row is cheap. THREAD: control, on which also all copies of this index are freed.
  void set(std::shared_ptr<const HostRoutes> routes);
  void erase(std::string_view key);
  size_t size() const { return size_; }
  // Bytes of the table and of the index parts of all hosts, without their route records.
  size_t index_bytes() const;
  // Every host, in no particular order.
  void for_each(const std::function<void(const HostRoutes&)>& visit) const;

 private:
  struct Key;
  struct Entry;
  // An open-addressing table with linear probing. The lookup reads this and then the entry, nothing between.
  struct Shard {
    std::shared_ptr<Entry[]> entries;  // never written while shared
    uint32_t slots = 0;
    uint32_t count = 0;

    size_t home(uint32_t tag) const { return static_cast<size_t>(uint64_t{tag} * slots >> 32); }
    size_t after(size_t slot) const { return slot + 1 == slots ? 0 : slot + 1; }
    size_t find(const Key& key) const;
    void prepare(size_t hosts);
    void erase(size_t slot);
  };
  struct Group;
  const HostRoutes* probe(const Key& key) const;
  Shard& own_shard(size_t shard);

  std::vector<std::shared_ptr<Group>> groups_;  // none, or all of them; null: without hosts. Never written while shared
  size_t size_ = 0;
};

}  // namespace narthex::router
