#include "proxy/socket.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace narthex::proxy {

Socket::Socket(Loop& loop, int fd) : loop_(loop), fd_(fd) {
  // A descriptor that cannot be watched would hang; treat it as broken from the start: nobody waits for it.
  if (!loop_.add(fd, *this)) {
    broken_ = hung_up_ = in_.ready = out_.ready = true;
    shutdown(fd, SHUT_RDWR);
  }
}

Socket::~Socket() { close(fd_); }

ssize_t Socket::recv(std::span<char> into) {
  ssize_t got;
  do {
    got = ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    if (errno == EAGAIN) in_.ready = false;
    return -errno;
  }
  // A short read emptied the socket: the next byte, or the end, raises a new edge. Where the end was already announced there
  // is no further edge, so it must be read.
  if (static_cast<size_t>(got) < into.size()) note_drained();
  return got;
}

ssize_t Socket::peek(std::span<char> into) {
  const ssize_t got = ::recv(fd_, into.data(), into.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) in_.ready = false;
  return got < 0 ? -errno : got;
}

ssize_t Socket::send(std::string_view bytes) {
  ssize_t sent;
  do {
    sent = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    if (errno == EAGAIN) out_.ready = false;
    return -errno;
  }
  if (static_cast<size_t>(sent) < bytes.size()) out_.ready = false;
  return sent;
}

ssize_t Socket::splice_out(int pipe_write_fd, size_t most) {
  const ssize_t moved = splice(fd_, nullptr, pipe_write_fd, nullptr, most, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (moved >= 0) return moved;
  if (errno == EAGAIN) note_drained();
  return -errno;
}

ssize_t Socket::splice_in(int pipe_read_fd, size_t most) {
  const ssize_t moved = splice(pipe_read_fd, nullptr, fd_, nullptr, most, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (moved >= 0) return moved;
  if (errno == EAGAIN) out_.ready = false;
  return -errno;
}

bool Socket::quiet() {
  if (drained()) return true;
  char byte;
  if (::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN) return false;
  in_.ready = false;
  return true;
}

bool Socket::Wait::await_ready() const noexcept { return socket.cancelled_ || direction.ready; }

void Socket::Wait::await_suspend(std::coroutine_handle<> waiter) {
  direction.waiter = waiter;
  direction.deadline = deadline;
  socket.arm_for(deadline);
}

Wake Socket::Wait::await_resume() const noexcept {
  if (socket.cancelled_) return Wake::cancelled;
  return std::exchange(direction.result, Wake::ready);
}

void Socket::arm_for(base::SteadyTime deadline) {
  if (!armed() || Timer::deadline() > deadline) loop_.arm(*this, deadline);
}

void Socket::on_events(uint32_t epoll_events) {
  if (epoll_events & (EPOLLERR | EPOLLHUP)) broken_ = true;
  if (epoll_events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) hung_up_ = true;
  if (epoll_events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) in_.ready = true;
  if (epoll_events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) out_.ready = true;
  if (broken_ && cancels_) std::exchange(cancels_, nullptr)->cancel();
  if (idle_watcher_ && in_.ready) {
    std::exchange(idle_watcher_, nullptr)->on_idle_end(idle_connection_);
    return;
  }
  if (in_.ready && in_.waiter) resume(in_, Wake::ready);
  if (out_.ready && out_.waiter) resume(out_, Wake::ready);
}

void Socket::resume(Direction& direction, Wake result) {
  direction.result = result;
  std::exchange(direction.waiter, nullptr).resume();
}

void Socket::fire() {
  const base::SteadyTime now = loop_.now();
  if (idle_watcher_ && idle_deadline_ <= now) {
    std::exchange(idle_watcher_, nullptr)->on_idle_end(idle_connection_);
    return;
  }
  if (in_.waiter && in_.deadline <= now) resume(in_, Wake::timed_out);
  if (out_.waiter && out_.deadline <= now) resume(out_, Wake::timed_out);
  if (armed()) return;
  // Lazily: the deadline that was armed has moved on since.
  auto next = base::SteadyTime::max();
  if (in_.waiter) next = std::min(next, in_.deadline);
  if (out_.waiter) next = std::min(next, out_.deadline);
  if (idle_watcher_) next = std::min(next, idle_deadline_);
  if (next != base::SteadyTime::max()) loop_.arm(*this, next);
}

void Socket::cancel() {
  cancelled_ = true;
  if (in_.waiter) resume(in_, Wake::cancelled);
  if (out_.waiter) resume(out_, Wake::cancelled);
}

void Socket::hasten_read(base::SteadyTime deadline) {
  if (!in_.waiter || in_.deadline <= deadline) return;
  in_.deadline = deadline;
  arm_for(deadline);
}

void Socket::watch_idle(IdleWatcher* watcher, void* connection, base::SteadyTime deadline) {
  idle_watcher_ = watcher;
  idle_connection_ = connection;
  idle_deadline_ = deadline;
  if (watcher) arm_for(deadline);
}

}  // namespace narthex::proxy
