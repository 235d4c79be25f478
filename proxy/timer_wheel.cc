#include "proxy/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace narthex::proxy {

void Timer::disarm() {
  if (!at_) return;
  *at_ = next_;
  if (next_) next_->at_ = at_;
  at_ = nullptr;
  next_ = nullptr;
}

void TimerWheel::arm(Timer& timer, base::SteadyTime deadline) {
  timer.disarm();
  timer.deadline_ = deadline;
  insert(timer);
}

void TimerWheel::insert(Timer& timer) {
  // The first tick that begins at or after the deadline, so that nothing fires early; never one that is already done.
  const auto since = std::max(base::SteadyTime::duration::zero(), timer.deadline_ - origin_);
  const auto tick = std::max(done_tick_ + 1, static_cast<uint64_t>((since + kTick - std::chrono::nanoseconds(1)) / kTick));
  // Further away than one round: the last slot of this round looks at it again.
  const size_t slot = std::min(tick, done_tick_ + kSlots - 1) % kSlots;
  timer.next_ = slots_[slot];
  timer.at_ = &slots_[slot];
  if (timer.next_) timer.next_->at_ = &timer.next_;
  slots_[slot] = &timer;
  maybe_[slot / 64] |= uint64_t{1} << (slot % 64);
}

void TimerWheel::advance(base::SteadyTime now) {
  const auto now_tick = static_cast<uint64_t>(std::max(base::SteadyTime::duration::zero(), now - origin_) / kTick);
  if (now_tick <= done_tick_) return;
  // After a long sleep every slot is looked at once.
  const uint64_t first = std::max(done_tick_ + 1, now_tick >= kSlots ? now_tick - kSlots + 1 : 0);
  done_tick_ = now_tick;
  for (uint64_t tick = first; tick <= now_tick; ++tick) run_slot(tick % kSlots, now);
}

void TimerWheel::run_slot(size_t slot, base::SteadyTime now) {
  if (!occupied(slot)) return;
  // Take the whole list away first: firing may arm and disarm timers at will.
  Timer* due = slots_[slot];
  slots_[slot] = nullptr;
  due->at_ = &due;
  while (due) {
    Timer& timer = *due;
    timer.disarm();
    if (timer.deadline_ <= now) {
      timer.fire();
    } else {
      insert(timer);
    }
  }
}

bool TimerWheel::occupied(size_t slot) {
  if (slots_[slot]) return true;
  maybe_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
  return false;
}

base::milliseconds TimerWheel::until_next(base::SteadyTime now) {
  for (uint64_t tick = done_tick_ + 1; tick < done_tick_ + kSlots;) {
    const size_t slot = tick % kSlots;
    const uint64_t rest_of_word = maybe_[slot / 64] >> (slot % 64);
    if (rest_of_word == 0) {
      tick += 64 - slot % 64;
      continue;
    }
    tick += static_cast<uint64_t>(std::countr_zero(rest_of_word));
    if (tick < done_tick_ + kSlots && occupied(tick % kSlots)) {
      const auto due = origin_ + static_cast<int64_t>(tick) * kTick;
      return std::max(base::milliseconds(0), std::chrono::ceil<base::milliseconds>(due - now));
    }
    ++tick;
  }
  return base::milliseconds(-1);
}

}  // namespace narthex::proxy
