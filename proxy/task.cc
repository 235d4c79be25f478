#include "proxy/task.h"

#include <array>
#include <new>

#include "base/check.h"

namespace narthex::proxy {
namespace {

constexpr size_t kStep = 64;
constexpr size_t kLargest = 4096;

struct FreeFrame {
  FreeFrame* next;
};

// One list per size class; emptied when its thread ends.
struct FrameLists {
  std::array<FreeFrame*, kLargest / kStep + 1> heads{};
  ~FrameLists() {
    for (FreeFrame*& head : heads) {
      while (head) {
        FreeFrame* next = head->next;
        ::operator delete(head);
        head = next;
      }
    }
  }
};

thread_local FrameLists lists;

size_t size_class(size_t bytes) { return (bytes + kStep - 1) / kStep; }

}  // namespace

void* allocate_frame(size_t bytes) {
  if (bytes > kLargest) return ::operator new(bytes);
  FreeFrame*& head = lists.heads[size_class(bytes)];
  if (!head) return ::operator new(size_class(bytes) * kStep);
  FreeFrame* frame = head;
  head = frame->next;
  return frame;
}

void free_frame(void* frame, size_t bytes) noexcept {
  if (bytes > kLargest) return ::operator delete(frame);
  FreeFrame*& head = lists.heads[size_class(bytes)];
  auto* free = static_cast<FreeFrame*>(frame);
  free->next = head;
  head = free;
}

void die_of_exception() noexcept { base::die("an exception left a coroutine of the data plane"); }

}  // namespace narthex::proxy
