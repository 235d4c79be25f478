#include "proxy/transport.h"

#include <sys/socket.h>

#include <cerrno>

namespace narthex::proxy {
namespace {

IoState state_of(Wake wake) { return wake == Wake::timed_out ? IoState::timed_out : IoState::cancelled; }

IoState state_of(tls::IoStatus status) {
  switch (status) {
    case tls::IoStatus::done: return IoState::ok;
    case tls::IoStatus::closed: return IoState::eof;
    case tls::IoStatus::failed: return IoState::failed;
    case tls::IoStatus::want_read:
    case tls::IoStatus::want_write: return IoState::would_block;
  }
  return IoState::failed;
}

}  // namespace

// The library reads from the socket by itself: tell it what the reactor knows, and the other way round.
void Transport::sync_before() {
  if (!socket_.drained()) tls_->note_readable();
}

void Transport::sync_after() {
  if (tls_->socket_drained()) socket_.note_drained();
}

Task<IoState> Transport::handshake(base::SteadyTime deadline) {
  for (;;) {
    sync_before();
    const tls::IoResult result = tls_->handshake();
    sync_after();
    const IoState state = state_of(result.status);
    if (state != IoState::would_block) co_return state;
    const bool writable = result.status == tls::IoStatus::want_write;
    if (writable) socket_.note_send_blocked();
    const Wake wake = co_await (writable ? socket_.writable(deadline) : socket_.readable(deadline));
    if (wake != Wake::ready) co_return state_of(wake);
  }
}

Io Transport::try_read(std::span<char> into) {
  if (!tls_) {
    if (socket_.drained()) return {IoState::would_block, 0};
    const ssize_t got = socket_.recv(into);
    if (got > 0) return {IoState::ok, static_cast<size_t>(got)};
    if (got == 0) return {IoState::eof, 0};
    return {got == -EAGAIN ? IoState::would_block : IoState::failed, 0};
  }
  if (socket_.drained() && !tls_->has_pending()) return {IoState::would_block, 0};
  sync_before();
  const tls::IoResult result = tls_->read(into);
  sync_after();
  tls_read_wants_write_ = result.status == tls::IoStatus::want_write;
  if (tls_read_wants_write_) socket_.note_send_blocked();
  return {state_of(result.status), result.bytes};
}

Io Transport::try_write(std::string_view bytes) {
  if (!tls_) {
    const ssize_t sent = socket_.send(bytes);
    if (sent >= 0) return {IoState::ok, static_cast<size_t>(sent)};
    return {sent == -EAGAIN ? IoState::would_block : IoState::failed, 0};
  }
  sync_before();
  const tls::IoResult result = tls_->write(bytes);
  sync_after();
  tls_write_wants_read_ = result.status == tls::IoStatus::want_read;
  if (result.status == tls::IoStatus::want_write) socket_.note_send_blocked();
  return {state_of(result.status), result.bytes};
}

Task<Io> Transport::read(std::span<char> into, base::SteadyTime deadline) {
  const Io io = try_read(into);
  if (io.state != IoState::would_block) return io;
  return read_later(into, deadline);
}

Task<Io> Transport::read_later(std::span<char> into, base::SteadyTime deadline) {
  for (;;) {
    const Wake wake = co_await (tls_read_wants_write_ ? socket_.writable(deadline) : socket_.readable(deadline));
    if (wake != Wake::ready) co_return Io{state_of(wake), 0};
    tls_read_wants_write_ = false;
    const Io io = try_read(into);
    if (io.state != IoState::would_block) co_return io;
  }
}

Task<IoState> Transport::write(std::string_view bytes, std::chrono::milliseconds gap) {
  const Io io = try_write(bytes);
  if (io.state == IoState::ok && io.bytes == bytes.size()) return IoState::ok;
  if (io.state != IoState::ok && io.state != IoState::would_block) return io.state;
  return write_later(bytes.substr(io.bytes), gap);
}

Task<IoState> Transport::write_later(std::string_view rest, std::chrono::milliseconds gap) {
  for (;;) {
    const base::SteadyTime deadline = socket_.loop().now() + gap;
    const Wake wake = co_await (tls_write_wants_read_ ? socket_.readable(deadline) : socket_.writable(deadline));
    if (wake != Wake::ready) co_return state_of(wake);
    const Io io = try_write(rest);
    if (io.state == IoState::ok && io.bytes == rest.size()) co_return IoState::ok;
    if (io.state != IoState::ok && io.state != IoState::would_block) co_return io.state;
    rest.remove_prefix(io.bytes);
  }
}

IoState Transport::ReadableWait::await_resume() const noexcept {
  if (pending) return IoState::ok;
  const Wake wake = wait.await_resume();
  return wake == Wake::ready ? IoState::ok : state_of(wake);
}

void Transport::finish_output() {
  if (tls_) tls_->close_notify();
  shutdown(socket_.fd(), SHUT_WR);
}

}  // namespace narthex::proxy
