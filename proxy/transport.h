// A byte stream to one peer: a socket, in clear or under TLS. Turns "try, wait, try again" into one awaited call.
// THREAD: the worker's. A resource.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "proxy/socket.h"
#include "proxy/task.h"
#include "tls/server_stream.h"

namespace narthex::proxy {

enum class IoState : uint8_t { ok, eof, failed, timed_out, cancelled, would_block };

struct Io {
  IoState state = IoState::ok;
  size_t bytes = 0;
};

class Transport final {
 public:
  // Null: in clear.
  Transport(Loop& loop, int fd, tls::ServerContext* context)
      : socket_(loop, fd), tls_(context ? std::make_unique<tls::ServerStream>(*context, fd) : nullptr) {}

  Socket& socket() { return socket_; }
  const Socket& socket() const { return socket_; }
  const tls::ServerStream* tls() const { return tls_.get(); }

  Task<IoState> handshake(base::SteadyTime deadline);
  // Up to the size of `into`, at least one byte with ok.
  Task<Io> read(std::span<char> into, base::SteadyTime deadline);
  // All of it; `gap` is the longest wait between two steps.
  Task<IoState> write(std::string_view bytes, std::chrono::milliseconds gap);
  // Waits until a read would give something, without a buffer: co_await gives IoState.
  struct ReadableWait {
    Socket::Wait wait;
    bool pending;  // what TLS has decrypted already
    bool await_ready() const noexcept { return pending || wait.await_ready(); }
    void await_suspend(std::coroutine_handle<> waiter) { wait.await_suspend(waiter); }
    IoState await_resume() const noexcept;
  };
  ReadableWait readable(base::SteadyTime deadline) {
    return {socket_.readable(deadline), tls_ && tls_->has_pending()};
  }
  // One try without waiting. The system is not asked where the socket is known to be drained.
  Io try_read(std::span<char> into);
  // No more output: close_notify, FIN.
  void finish_output();

 private:
  Task<Io> read_later(std::span<char> into, base::SteadyTime deadline);
  Task<IoState> write_later(std::string_view rest, std::chrono::milliseconds gap);
  Io try_write(std::string_view bytes);
  void sync_before();
  void sync_after();

  Socket socket_;
  std::unique_ptr<tls::ServerStream> tls_;
  bool tls_read_wants_write_ = false, tls_write_wants_read_ = false;
};

}  // namespace narthex::proxy
