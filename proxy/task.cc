#include "proxy/task.h"

#include "base/check.h"

namespace narthex::proxy {

namespace frames {

constinit thread_local Free* lists[class_of(kLargest) + 1] = {};

// The frames on the lists go back to the heap when their thread ends.
struct Emptier {
  ~Emptier() {
    for (Free*& head : lists) {
      while (head) ::operator delete(std::exchange(head, head->next));
    }
  }
};

void* from_heap(size_t bytes) {
  static thread_local Emptier emptier;
  [[maybe_unused]] const Emptier* made = &emptier;
  return ::operator new(bytes > kLargest ? bytes : class_of(bytes) * kStep);
}

}  // namespace frames

void die_of_exception() noexcept { base::die("an exception left a coroutine of the data plane"); }

}  // namespace narthex::proxy
