// The event loop of one worker: edge-triggered epoll, a timer wheel, and what is put off to the end of a turn.
//
//   turn: take messages ─► wait ─► ready sockets ─► timers ─► resumed yields ─► free the closed
//
// Sockets register once for both directions and remember readiness (socket.h); nothing waits in the kernel that is not known to
// be drained. Nobody is deleted during a turn: retire() keeps a closed thing until the turn's end, so that events fetched in the
// same turn never meet freed memory, and a descriptor number reused by the kernel is a new registration with a new pointer.
// THREAD: the worker's, except wake() and stop().
#pragma once

#include <atomic>
#include <coroutine>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proxy/timer_wheel.h"

namespace narthex::proxy {

// What the loop calls when epoll reports something about a descriptor.
class EventTarget {
 public:
  virtual void on_events(uint32_t epoll_events) = 0;

 protected:
  ~EventTarget() = default;
};

// Something to be freed at the end of a turn.
class Retired {
 public:
  virtual ~Retired() = default;
};

class Loop final {
 public:
  // `on_wake` runs at the start of a turn after wake() was called: the worker's mailbox.
  static base::Result<std::unique_ptr<Loop>> make(const base::Clock& clock, std::function<void()> on_wake);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();
  void stop();  // THREAD: any
  void wake();  // THREAD: any

  // The time at the start of this turn: exact enough for time-outs, free of system calls.
  base::SteadyTime now() const { return now_; }
  // The time itself.
  base::SteadyTime exact_now() const { return clock_.steady_now(); }
  base::WallTime wall_now() const { return clock_.wall_now(); }

  // Registers a descriptor for its life; closing it ends the registration. False: no memory or watches left.
  bool add(int fd, EventTarget& target);
  void arm(Timer& timer, base::SteadyTime deadline) { timers_.arm(timer, deadline); }
  void retire(std::unique_ptr<Retired> closed) { retired_.push_back(std::move(closed)); }

  // co_await loop.next_turn(): lets the others have their turn, for loops that might go on for long.
  auto next_turn() {
    struct Yield {
      Loop& loop;
      bool await_ready() const { return false; }
      void await_suspend(std::coroutine_handle<> waiter) { loop.yielded_.push_back(waiter); }
      void await_resume() const {}
    };
    return Yield{*this};
  }

 private:
  Loop(const base::Clock& clock, std::function<void()> on_wake, int epoll_fd, int wake_fd);
  void turn();
  int wait_milliseconds();

  const base::Clock& clock_;
  std::function<void()> on_wake_;
  int epoll_fd_, wake_fd_;
  std::atomic<bool> stopping_{false};
  base::SteadyTime now_;
  TimerWheel timers_;
  std::vector<std::coroutine_handle<>> yielded_, resuming_;
  std::vector<std::unique_ptr<Retired>> retired_, freeing_;
};

// co_await a moment: `Pause pause(loop, deadline); co_await pause;`.
class Pause final : private Timer {
 public:
  Pause(Loop& loop, base::SteadyTime until) : loop_(loop), until_(until) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    loop_.arm(*this, until_);
  }
  void await_resume() const {}

 private:
  void fire() override { waiter_.resume(); }
  Loop& loop_;
  base::SteadyTime until_;
  std::coroutine_handle<> waiter_;
};

}  // namespace narthex::proxy
