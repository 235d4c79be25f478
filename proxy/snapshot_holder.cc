#include "proxy/snapshot_holder.h"

#include <algorithm>
#include <utility>

namespace narthex::proxy {

void SnapshotHolder::Pin::release() {
  if (!held_) return;
  Held& held = *std::exchange(held_, nullptr);
  if (--held.pins == 0 && &held != holder_->current_) holder_->give_back(held);
}

void SnapshotHolder::adopt() {
  std::shared_ptr<const router::Snapshot> snapshot;
  {
    const std::lock_guard lock(mutex_);
    snapshot = std::move(offered_);
  }
  if (!snapshot) return;
  const uint64_t generation = snapshot->generation;
  Held* const before = current_;
  held_.push_back(std::make_unique<Held>(Held{std::move(snapshot)}));
  current_ = held_.back().get();
  if (before && before->pins == 0) give_back(*before);
  adopted_.store(generation, std::memory_order_release);
}

void SnapshotHolder::give_back(Held& held) {
  {
    const std::lock_guard lock(mutex_);
    returned_.push_back(std::move(held.snapshot));
  }
  std::erase_if(held_, [&](const std::unique_ptr<Held>& entry) { return entry.get() == &held; });
}

void SnapshotHolder::offer(std::shared_ptr<const router::Snapshot> snapshot) {
  // What was offered and not yet taken is freed by the caller's thread, which is the control thread.
  const std::lock_guard lock(mutex_);
  offered_.swap(snapshot);
}

std::vector<std::shared_ptr<const router::Snapshot>> SnapshotHolder::reclaim() {
  const std::lock_guard lock(mutex_);
  return std::exchange(returned_, {});
}

}  // namespace narthex::proxy
