// One non-blocking stream socket in the loop, with remembered readiness: a wait suspends only after the kernel said "no more".
//
//   recv shorter than asked ─► drained ─► next wait suspends until epoll reports input (or the end of the stream)
//
// At most one coroutine waits per direction. Each wait has a deadline; deadlines are a store, the wheel is touched only when the
// earlier one is gone. THREAD: the worker's. A resource; the descriptor closes with it. Freed only between turns (loop.h).
#pragma once

#include <sys/types.h>

#include <coroutine>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/loop.h"

namespace narthex::proxy {

enum class Wake : uint8_t { ready, timed_out, cancelled };

// Told about an idle connection in a pool: it became readable (so it is of no use any more) or its time is up.
class IdleWatcher {
 public:
  virtual void on_idle_end(void* connection) = 0;

 protected:
  ~IdleWatcher() = default;
};

class Socket final : private EventTarget, private Timer {
 public:
  Socket(Loop& loop, int fd);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  Loop& loop() { return loop_; }

  // One call of recv/send. Negative results are -errno; EAGAIN is noted as "not ready".
  ssize_t recv(std::span<char> into);
  // Leaves the bytes where they are. More of them raise an edge: note_drained() before waiting for that.
  ssize_t peek(std::span<char> into);
  ssize_t send(std::string_view bytes);
  // Between a socket and a pipe, up to `most` bytes (splice(2)).
  ssize_t splice_out(int pipe_write_fd, size_t most);
  ssize_t splice_in(int pipe_read_fd, size_t most);
  // True: the last recv emptied the socket and nothing has arrived since.
  bool drained() const { return !in_.ready; }
  // For TLS, whose library calls recv itself.
  void note_drained() {
    if (!hung_up_) in_.ready = false;
  }
  void note_send_blocked() { out_.ready = false; }
  // True: nothing waits to be read, made sure of by asking the kernel where that is not known.
  bool quiet();
  // The peer closed its side or the connection broke.
  bool hung_up() const { return hung_up_; }
  bool broken() const { return broken_; }

  struct Direction {
    bool ready;
    Wake result = Wake::ready;
    std::coroutine_handle<> waiter = {};
    base::SteadyTime deadline = {};
  };
  struct Wait {
    Socket& socket;
    Direction& direction;
    base::SteadyTime deadline;
    bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> waiter);
    Wake await_resume() const noexcept;
  };
  // co_await socket.readable(deadline) gives Wake.
  Wait readable(base::SteadyTime deadline) { return Wait{*this, in_, deadline}; }
  Wait writable(base::SteadyTime deadline) { return Wait{*this, out_, deadline}; }
  // Ends the waits with Wake::cancelled; they and all later ones, until clear_cancel().
  void cancel();
  void clear_cancel() { cancelled_ = false; }
  // Brings the deadline of a wait for input forward.
  void hasten_read(base::SteadyTime deadline);

  // Watches instead of waiting (pooled connections); `connection` is handed back to the watcher. Null ends it.
  void watch_idle(IdleWatcher* watcher, void* connection, base::SteadyTime deadline);
  // When this connection breaks (reset, not a mere half-close), `other`'s waits are cancelled: nobody is left to work for.
  void cancel_when_broken(Socket* other) { cancels_ = other; }

 private:
  void on_events(uint32_t epoll_events) override;
  void fire() override;
  void resume(Direction& direction, Wake result);
  void arm_for(base::SteadyTime deadline);

  Loop& loop_;
  int fd_;
  bool hung_up_ = false, broken_ = false, cancelled_ = false;
  // Input that is already there raises the first edge at registration, so waiting for it is right; output is possible at once.
  Direction in_{false}, out_{true};
  IdleWatcher* idle_watcher_ = nullptr;
  void* idle_connection_ = nullptr;
  base::SteadyTime idle_deadline_;
  Socket* cancels_ = nullptr;
};

}  // namespace narthex::proxy
