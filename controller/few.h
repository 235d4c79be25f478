// A sorted set of pointers that mostly has one member: the first stands in the set itself, only the second makes a
// list. 16 bytes, where a std::set takes 48 and as much again for each member. Does not own what it points to. A value
// that is moved, not copied; one thread. Adding and taking away cost O(members) of moving pointers, 5 us for 10,000.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace narthex::controller {

// Before(a, b) says whether a comes before b.
template <typename T, typename Before>
class Few final {
 public:
  // VALID UNTIL: the next change.
  const T* const* begin() const { return many_ ? many_->data() : &one_; }
  const T* const* end() const { return begin() + size(); }
  size_t size() const { return many_ ? many_->size() : one_ != nullptr; }
  bool empty() const { return size() == 0; }

  // REQUIRES: what is compared has not changed since `member` was inserted.
  void insert(const T* member) {
    if (empty() || (!many_ && one_ == member)) {
      one_ = member;
      return;
    }
    if (!many_) many_ = std::make_unique<std::vector<const T*>>(1, one_);
    const auto at = std::lower_bound(many_->begin(), many_->end(), member, Before());
    if (at == many_->end() || *at != member) many_->insert(at, member);
  }
  void erase(const T* member) {
    if (!many_) {
      if (one_ == member) one_ = nullptr;
      return;
    }
    const auto at = std::lower_bound(many_->begin(), many_->end(), member, Before());
    if (at == many_->end() || *at != member) return;
    many_->erase(at);
    if (many_->size() > 1) return;
    one_ = many_->front();
    many_.reset();
  }

 private:
  const T* one_ = nullptr;                       // where there is one
  std::unique_ptr<std::vector<const T*>> many_;  // where there are more
};

}  // namespace narthex::controller
