#include "proxy/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "proxy/limits.h"

namespace narthex::proxy {

base::Result<std::unique_ptr<Loop>> Loop::make(const base::Clock& clock, std::function<void()> on_wake) {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return base::Error(std::string("cannot create an epoll instance: ") + std::strerror(errno));
  const int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_fd < 0) {
    close(epoll_fd);
    return base::Error(std::string("cannot create an eventfd: ") + std::strerror(errno));
  }
  epoll_event event{};
  event.events = EPOLLIN;  // level-triggered; a null pointer marks it
  event.data.ptr = nullptr;
  base::check(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) == 0, "the wake descriptor can be watched");
  return std::unique_ptr<Loop>(new Loop(clock, std::move(on_wake), epoll_fd, wake_fd));
}

Loop::Loop(const base::Clock& clock, std::function<void()> on_wake, int epoll_fd, int wake_fd)
    : clock_(clock), on_wake_(std::move(on_wake)), epoll_fd_(epoll_fd), wake_fd_(wake_fd), now_(clock.steady_now()), timers_(now_) {}

Loop::~Loop() {
  close(wake_fd_);
  close(epoll_fd_);
}

void Loop::run() {
  while (!stopping_.load(std::memory_order_acquire)) turn();
  retired_.clear();
}

void Loop::stop() {
  stopping_.store(true, std::memory_order_release);
  wake();
}

void Loop::wake() {
  const uint64_t one = 1;
  // A full counter (EAGAIN) wakes as well.
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

bool Loop::add(int fd, EventTarget& target) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &target;
  return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

int Loop::wait_milliseconds() {
  if (!yielded_.empty() || !retired_.empty()) return 0;
  return static_cast<int>(timers_.until_next(now_).count());
}

void Loop::turn() {
  std::array<epoll_event, limits::kEventsPerTurn> events;
  const int ready = epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), wait_milliseconds());
  now_ = clock_.steady_now();
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.ptr) {
      static_cast<EventTarget*>(event.data.ptr)->on_events(event.events);
      continue;
    }
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof count);
    on_wake_();
  }
  timers_.advance(now_);
  resuming_.swap(yielded_);
  for (const std::coroutine_handle<> waiter : resuming_) waiter.resume();
  resuming_.clear();
  freeing_.swap(retired_);
  freeing_.clear();
}

}  // namespace narthex::proxy
