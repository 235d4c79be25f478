// Parts that several tables share and none of them writes: whoever wants to write makes its own first.
// THREAD: the one on which all sharers are made and freed.
#pragma once

#include <memory>

namespace narthex::base {

// Made where there is none, and copied where somebody else has it.
template <typename T>
T& own(std::shared_ptr<T>& shared) {
  if (!shared) {
    shared = std::make_shared<T>();
  } else if (shared.use_count() > 1) {
    shared = std::make_shared<T>(*shared);
  }
  return *shared;
}

}  // namespace narthex::base
