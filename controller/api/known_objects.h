// The names of the objects that a reflector has given on, by namespace, and which of them the list that is under way
// has named. A value; one thread. LIMIT: about 80 bytes for each object.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/objects.h"

namespace narthex::controller {

class KnownObjects final {
 public:
  // What is put or kept from now on is named by this list.
  void begin_list() { ++list_; }
  void put(const config::ObjectKey& key) {
    const auto [at, is_new] = by_namespace_[key.ns].try_emplace(key.name, list_);
    at->second = list_;
    count_ += is_new;
  }
  bool erase(const config::ObjectKey& key) {
    const auto names = by_namespace_.find(key.ns);
    if (names == by_namespace_.end() || names->second.erase(key.name) == 0) return false;
    if (names->second.empty()) by_namespace_.erase(names);
    --count_;
    return true;
  }
  bool contains(const config::ObjectKey& key) const {
    const auto names = by_namespace_.find(key.ns);
    return names != by_namespace_.end() && names->second.contains(key.name);
  }
  // Those that the list has not named.
  std::vector<config::ObjectKey> missing() const {
    std::vector<config::ObjectKey> keys;
    for (const auto& [ns, names] : by_namespace_)
      for (const auto& [name, list] : names)
        if (list != list_) keys.push_back({ns, name});
    return keys;
  }
  size_t size() const { return count_; }

 private:
  std::unordered_map<std::string, std::unordered_map<std::string, uint32_t>> by_namespace_;
  uint32_t list_ = 0;
  size_t count_ = 0;
};

}  // namespace narthex::controller
