#include "proxy/tunnel.h"

namespace narthex::proxy {

Task<void> Tunnel::run() {
  last_bytes_ = client_.socket().loop().now();
  Task<void> up = pump(client_, upstream_);
  co_await pump(upstream_, client_);
  co_await up;
}

Task<void> Tunnel::pump(Transport& from, Transport& to) {
  Loop& loop = from.socket().loop();
  for (;;) {
    const IoState waited = co_await from.readable(last_bytes_ + idle_);
    // The other direction may have been busy meanwhile.
    if (waited == IoState::timed_out && loop.now() < last_bytes_ + idle_) continue;
    if (waited != IoState::ok) co_return end_both();
    Buffer memory = buffers_.small();
    const Io io = from.try_read(memory.span());
    if (io.state == IoState::would_block) continue;
    if (io.state == IoState::eof) co_return to.finish_output();
    if (io.state != IoState::ok) co_return end_both();
    last_bytes_ = loop.now();
    const IoState written = co_await to.write({memory.span().data(), io.bytes}, idle_);
    if (written != IoState::ok) co_return end_both();
    if (!from.socket().drained()) co_await loop.next_turn();
  }
}

void Tunnel::end_both() {
  client_.socket().cancel();
  upstream_.socket().cancel();
}

}  // namespace narthex::proxy
