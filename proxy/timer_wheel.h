// Deadlines, many and mostly never reached: a wheel of 512 slots of 100 ms. Setting one is a list insertion; deadlines further
// away than one round (51 s) are put off when their slot comes by. THREAD: the worker's. Precision: at most 100 ms late, never early.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"

namespace narthex::proxy {

// A resource; it may be destroyed while armed. `fire` is called once per arming, on the worker's loop.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { disarm(); }
  bool armed() const { return at_ != nullptr; }
  base::SteadyTime deadline() const { return deadline_; }
  void disarm();

 protected:
  virtual void fire() = 0;

 private:
  friend class TimerWheel;
  Timer* next_ = nullptr;
  Timer** at_ = nullptr;  // what points to this timer: the slot or the timer in front
  base::SteadyTime deadline_{};
};

class TimerWheel {
 public:
  static constexpr base::milliseconds kTick{100};
  explicit TimerWheel(base::SteadyTime now) : origin_(now) {}

  // Sets or moves the deadline.
  void arm(Timer& timer, base::SteadyTime deadline);
  // Fires what is due at `now`.
  void advance(base::SteadyTime now);
  // For how long nothing can become due; -1 ms: nothing is armed.
  base::milliseconds until_next(base::SteadyTime now);

 private:
  static constexpr uint64_t kSlots = 512;
  void insert(Timer& timer);
  void run_slot(size_t slot, base::SteadyTime now);
  bool occupied(size_t slot);

  base::SteadyTime origin_;
  uint64_t done_tick_ = 0;  // everything due at or before this tick has fired
  std::array<Timer*, kSlots> slots_{};
  std::array<uint64_t, kSlots / 64> maybe_{};  // a clear bit: the slot is empty
};

}  // namespace narthex::proxy
