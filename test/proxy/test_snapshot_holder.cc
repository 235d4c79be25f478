#include <catch2/catch.hpp>
#include <memory>

#include "proxy/snapshot_holder.h"

using namespace narthex;

namespace {

std::shared_ptr<const router::Snapshot> make(uint64_t generation) {
  auto snapshot = std::make_shared<router::Snapshot>();
  snapshot->generation = generation;
  return snapshot;
}

}  // namespace

TEST_CASE("before the first adoption there is nothing to pin") {
  proxy::SnapshotHolder holder;
  CHECK_FALSE(holder.pin());
  CHECK(holder.adopted() == 0);
  holder.adopt();
  CHECK(holder.adopted() == 0);
}

TEST_CASE("a pinned snapshot outlives the adoption of the next and comes back when the last pin goes") {
  proxy::SnapshotHolder holder;
  std::weak_ptr<const router::Snapshot> first;
  {
    auto snapshot = make(1);
    first = snapshot;
    holder.offer(std::move(snapshot));
  }
  holder.adopt();
  CHECK(holder.adopted() == 1);
  auto one = holder.pin();
  auto two = holder.pin();
  holder.offer(make(2));
  holder.adopt();
  CHECK(holder.adopted() == 2);
  CHECK(one->generation == 1);
  CHECK(holder.pin()->generation == 2);
  one.release();
  CHECK(holder.reclaim().empty());
  two.release();
  CHECK_FALSE(first.expired());  // it is the control thread that frees it
  CHECK(holder.reclaim().size() == 1);
  CHECK(first.expired());
}

TEST_CASE("an unpinned snapshot comes back at the next adoption, and one that was never taken is dropped by the offer of the next") {
  proxy::SnapshotHolder holder;
  holder.offer(make(1));
  holder.adopt();
  std::weak_ptr<const router::Snapshot> skipped;
  {
    auto snapshot = make(2);
    skipped = snapshot;
    holder.offer(std::move(snapshot));
  }
  holder.offer(make(3));
  CHECK(skipped.expired());
  holder.adopt();
  CHECK(holder.adopted() == 3);
  CHECK(holder.reclaim().size() == 1);
}

TEST_CASE("a moved pin counts once") {
  proxy::SnapshotHolder holder;
  holder.offer(make(1));
  holder.adopt();
  auto pin = holder.pin();
  auto moved = std::move(pin);
  CHECK_FALSE(pin);
  holder.offer(make(2));
  holder.adopt();
  CHECK(holder.reclaim().empty());
  moved.release();
  moved.release();
  CHECK(holder.reclaim().size() == 1);
}
