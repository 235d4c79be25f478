// Objects by namespace and name. The key is the one in the object itself and stands nowhere else: at 300,000 objects a
// second one would be 19 MB. Owned by the store. One thread. VALID UNTIL: the object is erased, for pointers and
// references given out; they outlive all other changes.
#pragma once

#include <unordered_set>
#include <utility>

#include "controller/references.h"

namespace narthex::controller {

// `T` has a member `meta`, or one `object` that has it. REQUIRES: the key of an object in the table never changes.
template <typename T>
class ObjectTable final {
 public:
  // Null: there is none.
  T* find(const config::ObjectKey& key) { return look_up(key); }
  const T* find(const config::ObjectKey& key) const { return look_up(key); }
  // Added, or put in the place of the one with its key.
  T& put(T value) {
    if (T* const there = find(key_of(value))) return *there = std::move(value);
    return all_.emplace(std::move(value)).first->value;
  }
  // False: there was none.
  bool erase(const config::ObjectKey& key) {
    const auto found = all_.find(key);
    if (found == all_.end()) return false;
    all_.erase(found);
    return true;
  }
  size_t size() const { return all_.size(); }
  template <typename Take>  // take(const T&)
  void for_each(Take take) const {
    for (const Kept& kept : all_) take(std::as_const(kept.value));
  }

 private:
  struct Kept {
    explicit Kept(T from) : value(std::move(from)) {}
    mutable T value;  // a set's members are const; the key is
  };
  T* look_up(const config::ObjectKey& key) const {
    const auto found = all_.find(key);
    return found == all_.end() ? nullptr : &found->value;
  }
  static const config::ObjectKey& key_of(const config::ObjectKey& key) { return key; }
  static const config::ObjectKey& key_of(const Kept& kept) { return key_of(kept.value); }
  static const config::ObjectKey& key_of(const T& value) {
    if constexpr (requires { value.meta; }) {
      return value.meta.key;
    } else {
      return value.object.meta.key;
    }
  }
  struct Hash {
    using is_transparent = void;
    size_t operator()(const auto& one) const { return KeyHash()(key_of(one)); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const { return key_of(a) == key_of(b); }
  };
  std::unordered_set<Kept, Hash, Equal> all_;
};

}  // namespace narthex::controller
