// The far end of one simulated connection: a client, or a pod's side of an upstream connection. Collects what arrives
// and sends what it is told to, step by step, whenever the worker has nothing to do (kernel.h).
// Owned by the Kernel. THREAD: the test's between two runs of the worker; on_change runs on the worker's, during one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace narthex::simulation {

class Peer final {
 public:
  // Owns the descriptor, a non-blocking stream socket.
  explicit Peer(int fd) : fd_(fd) {}
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(std::string_view bytes) { outgoing_ += bytes; }
  // FIN behind all that was sent. A peer that reads the worker's end does so by itself.
  void finish() { finishing_ = true; }
  bool finishing() const { return finishing_; }
  // From now on whatever the worker does with this connection fails.
  void reset();

  // All that has arrived.
  const std::string& received() const { return received_; }
  bool all_sent() const { return outgoing_.empty(); }
  bool ended() const { return ended_; }          // the worker's FIN has arrived, behind everything else
  bool was_reset() const { return was_reset_; }  // a RST has arrived instead, or was sent
  bool closed() const { return ended_ || was_reset_; }

  bool reading = true;                   // false: everything stays in the kernel's buffer
  size_t step_bytes = SIZE_MAX;          // written in one step
  bool answers_end = true;               // false: stays half-open when the worker has ended its side
  size_t parsed = 0;                     // for on_change: how much of what arrived has been dealt with
  std::function<void(Peer&)> on_change;  // something arrived

 private:
  friend class Kernel;
  // True: something moved.
  bool step();
  bool write_some();
  bool read_some();
  // The worker's side is gone in a way that TCP would tell with a RST. What arrived before can still be read.
  void note_reset();
  // FIN at once; what was not sent yet never will be.
  void cut();

  const int fd_;
  std::string received_, outgoing_;
  bool finishing_ = false, finished_ = false, ended_ = false, was_reset_ = false, resetting_ = false;
};

}  // namespace narthex::simulation
