// The snapshots that a worker holds: the current one and those that exchanges in flight are pinned to. Pins are plain counters;
// a snapshot that nobody needs any more goes back to the control thread, which frees it.
// THREAD: the worker's, except offer(), reclaim() and adopted(), which the control thread calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "router/snapshot.h"

namespace narthex::proxy {

class SnapshotHolder final {
 public:
  struct Held {
    std::shared_ptr<const router::Snapshot> snapshot;
    uint32_t pins = 0;
  };
  // An exchange's hold on the snapshot that it was matched with. Movable; may outlive many adoptions.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&& other) noexcept : holder_(other.holder_), held_(other.held_) { other.held_ = nullptr; }
    Pin& operator=(Pin&& other) noexcept {
      std::swap(holder_, other.holder_);
      std::swap(held_, other.held_);
      return *this;
    }
    ~Pin() { release(); }
    void release();
    const router::Snapshot* operator->() const { return held_->snapshot.get(); }
    explicit operator bool() const { return held_ != nullptr; }

   private:
    friend class SnapshotHolder;
    Pin(SnapshotHolder& holder, Held& held) : holder_(&holder), held_(&held) { ++held.pins; }
    SnapshotHolder* holder_ = nullptr;
    Held* held_ = nullptr;
  };

  // An empty pin before the first adoption.
  Pin pin() { return current_ ? Pin(*this, *current_) : Pin(); }
  const router::Snapshot* current() const { return current_ ? current_->snapshot.get() : nullptr; }
  // Takes what was offered last, if anything was.
  void adopt();

  void offer(std::shared_ptr<const router::Snapshot> snapshot);
  // What came back, for the caller to free.
  std::vector<std::shared_ptr<const router::Snapshot>> reclaim();
  uint64_t adopted() const { return adopted_.load(std::memory_order_acquire); }

 private:
  void give_back(Held& held);

  Held* current_ = nullptr;
  std::vector<std::unique_ptr<Held>> held_;
  std::atomic<uint64_t> adopted_{0};
  std::mutex mutex_;  // for the two below; taken once per publication, never per request
  std::shared_ptr<const router::Snapshot> offered_;
  std::vector<std::shared_ptr<const router::Snapshot>> returned_;
};

}  // namespace narthex::proxy
