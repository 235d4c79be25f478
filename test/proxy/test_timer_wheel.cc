#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

#include "proxy/timer_wheel.h"

using namespace narthex;
using namespace std::chrono_literals;

namespace {

const base::SteadyTime kStart{1000s};

struct Alarm final : proxy::Timer {
  int fired = 0;
  void fire() override { ++fired; }
};

}  // namespace

TEST_CASE("a timer fires once, not before its deadline and at most one tick after it") {
  proxy::TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.arm(alarm, kStart + 250ms);
  wheel.advance(kStart + 200ms);
  CHECK(alarm.fired == 0);
  wheel.advance(kStart + 350ms);
  CHECK(alarm.fired == 1);
  wheel.advance(kStart + 10min);
  CHECK(alarm.fired == 1);
  CHECK_FALSE(alarm.armed());
}

TEST_CASE("a deadline further away than a round of the wheel is kept") {
  proxy::TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.arm(alarm, kStart + 200s);
  for (auto now = kStart; now < kStart + 200s; now += 100ms) wheel.advance(now);
  CHECK(alarm.fired == 0);
  wheel.advance(kStart + 200s + 100ms);
  CHECK(alarm.fired == 1);
}

TEST_CASE("a timer that is moved fires at the new deadline only, and one that is disarmed or destroyed never") {
  proxy::TimerWheel wheel(kStart);
  Alarm moved, disarmed;
  wheel.arm(moved, kStart + 100ms);
  wheel.arm(moved, kStart + 1s);
  wheel.arm(disarmed, kStart + 100ms);
  disarmed.disarm();
  {
    Alarm destroyed;
    wheel.arm(destroyed, kStart + 100ms);
  }
  wheel.advance(kStart + 500ms);
  CHECK(moved.fired == 0);
  CHECK(disarmed.fired == 0);
  wheel.advance(kStart + 1100ms);
  CHECK(moved.fired == 1);
}

TEST_CASE("a timer may disarm its neighbours and arm itself again while it fires") {
  struct Chain final : proxy::Timer {
    proxy::TimerWheel* wheel;
    Alarm* neighbour;
    int fired = 0;
    void fire() override {
      neighbour->disarm();
      if (++fired < 3) wheel->arm(*this, kStart + std::chrono::milliseconds(100 * (fired + 1)));
    }
  };
  proxy::TimerWheel wheel(kStart);
  Alarm neighbour;
  Chain chain;
  chain.wheel = &wheel;
  chain.neighbour = &neighbour;
  wheel.arm(neighbour, kStart + 100ms);
  wheel.arm(chain, kStart + 100ms);  // in front of its neighbour in the slot
  for (auto now = kStart; now <= kStart + 1s; now += 100ms) wheel.advance(now);
  CHECK(chain.fired == 3);
  CHECK(neighbour.fired == 0);
}

TEST_CASE("the wheel tells how long a wait may last") {
  proxy::TimerWheel wheel(kStart);
  CHECK(wheel.until_next(kStart) == -1ms);
  Alarm alarm;
  wheel.arm(alarm, kStart + 5s);
  CHECK(wheel.until_next(kStart) >= 5s);
  CHECK(wheel.until_next(kStart) <= 5100ms);
  CHECK(wheel.until_next(kStart + 6s) == 0ms);
  alarm.disarm();
  CHECK(wheel.until_next(kStart) == -1ms);
}

TEST_CASE("random deadlines all fire in time, whatever the steps of the clock") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  proxy::TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 0; i < 2000; ++i) {
    alarms.push_back(std::make_unique<Alarm>());
    wheel.arm(*alarms.back(), kStart + std::chrono::milliseconds(random() % 150'000));
  }
  auto now = kStart;
  while (now < kStart + 160s) {
    now += std::chrono::milliseconds(1 + random() % (random() % 10 == 0 ? 60'000 : 500));
    wheel.advance(now);
    for (const auto& alarm : alarms) {
      if (alarm->deadline() > now) REQUIRE(alarm->fired == 0);
      if (alarm->deadline() + proxy::TimerWheel::kTick <= now) REQUIRE(alarm->fired == 1);
    }
  }
}
