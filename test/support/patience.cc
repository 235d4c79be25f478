#include "test/support/patience.h"

#include <thread>

namespace narthex::test {

std::optional<std::chrono::microseconds> time_until(const std::function<bool()>& holds,
                                                    std::chrono::milliseconds patience) {
  using Steady = std::chrono::steady_clock;
  const Steady::time_point begin = Steady::now();
  while (true) {
    if (holds()) return std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - begin);
    if (Steady::now() - begin > patience) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Gate::open() {
  const std::lock_guard hold(lock_);
  open_ = true;
  opened_.notify_all();
}

bool Gate::wait(std::chrono::milliseconds patience) {
  std::unique_lock hold(lock_);
  return opened_.wait_for(hold, patience, [&] { return open_; });
}

}  // namespace narthex::test
