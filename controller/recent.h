// A map that forgets: keeps at least the N entries that were used last and never more than 2N. For what is worth
// remembering but not worth unbounded memory. A value; one thread.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>

namespace narthex::controller {

template <typename Key, typename Value, size_t N, typename Hash = std::hash<Key>>
class Recent final {
 public:
  // The entry, made where there is none. VALID UNTIL: the next call.
  Value& at(const Key& key) {
    const auto found = young_.find(key);
    if (found != young_.end()) return found->second;
    Value value{};
    if (const auto old = old_.find(key); old != old_.end()) {
      value = std::move(old->second);
      old_.erase(old);
    }
    if (young_.size() >= N) {
      old_ = std::move(young_);
      young_.clear();
    }
    return young_.emplace(key, std::move(value)).first->second;
  }
  // Null where there is none. VALID UNTIL: the next call.
  const Value* find(const Key& key) const {
    for (const auto* map : {&young_, &old_})
      if (const auto found = map->find(key); found != map->end()) return &found->second;
    return nullptr;
  }
  void erase(const Key& key) {
    young_.erase(key);
    old_.erase(key);
  }
  size_t size() const { return young_.size() + old_.size(); }

 private:
  std::unordered_map<Key, Value, Hash> young_, old_;
};

}  // namespace narthex::controller
