// Time as an argument: every part that needs the time is given a Clock, so that tests turn the hands themselves.
// Clock is an interface without fields; SystemClock is the real one. THREAD: any.
#pragma once

#include <chrono>

namespace narthex::base {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Clock {
 public:
  virtual SteadyTime steady_now() const = 0;
  virtual WallTime wall_now() const = 0;

 protected:
  ~Clock() = default;
};

class SystemClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override { return std::chrono::system_clock::now(); }
};

}  // namespace narthex::base
