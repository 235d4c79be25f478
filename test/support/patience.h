// Waiting in tests: for a condition, with a deadline generous enough for sanitizer builds on a busy machine.
// Pure; any thread. Nothing waits for a fixed time and hopes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

namespace narthex::test {

// How long anything may take before a test calls it broken. Only failing tests wait this long.
inline constexpr std::chrono::seconds kPatience{20};

// Asks `holds` again and again, with a short pause between, until it is true (the time that took) or `patience` is over
// (nothing).
std::optional<std::chrono::microseconds> time_until(const std::function<bool()>& holds,
                                                    std::chrono::milliseconds patience = kPatience);

inline bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience = kPatience) {
  return time_until(holds, patience).has_value();
}

// Holds threads back until the test opens it. Any thread.
class Gate final {
 public:
  void open();
  // False: it did not open in time.
  bool wait(std::chrono::milliseconds patience = kPatience);

 private:
  std::mutex lock_;
  std::condition_variable opened_;
  bool open_ = false;
};

}  // namespace narthex::test
