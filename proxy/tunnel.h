// Bytes in both directions after a 101, until both sides have ended: half-close passes through, and silence in both directions
// for the read time-out ends it. A silent direction holds no buffer. THREAD: the worker's.
#pragma once

#include <chrono>

#include "proxy/buffer.h"
#include "proxy/transport.h"

namespace narthex::proxy {

class Tunnel final {
 public:
  Tunnel(Transport& client, Transport& upstream, BufferPool& buffers, std::chrono::milliseconds idle)
      : client_(client), upstream_(upstream), buffers_(buffers), idle_(idle) {}
  Task<void> run();

 private:
  Task<void> pump(Transport& from, Transport& to);
  void end_both();

  Transport& client_;
  Transport& upstream_;
  BufferPool& buffers_;
  std::chrono::milliseconds idle_;
  base::SteadyTime last_bytes_{};
};

}  // namespace narthex::proxy
