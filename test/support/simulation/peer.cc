#include "test/support/simulation/peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace narthex::simulation {

Peer::~Peer() { ::close(fd_); }

void Peer::reset() { resetting_ = true; }

void Peer::note_reset() {
  read_some();
  was_reset_ = true;
  ended_ = false;
}

void Peer::cut() {
  outgoing_.clear();
  finishing_ = true;
  write_some();
}

bool Peer::step() {
  if (was_reset_) return false;
  const bool wrote = write_some();
  const bool read = read_some();
  if (read && on_change) on_change(*this);
  return wrote || read;
}

bool Peer::write_some() {
  bool moved = false;
  if (!outgoing_.empty()) {
    const size_t most = std::min(outgoing_.size(), step_bytes);
    const ssize_t sent = ::send(fd_, outgoing_.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) outgoing_.erase(0, static_cast<size_t>(sent));
    if (sent < 0 && errno != EAGAIN) outgoing_.clear();
    moved = sent > 0;
  }
  if (finishing_ && !finished_ && outgoing_.empty()) {
    ::shutdown(fd_, SHUT_WR);
    moved = finished_ = true;
  }
  return moved;
}

bool Peer::read_some() {
  bool moved = false;
  std::array<char, 65536> bytes;
  while (reading && !closed()) {
    const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) break;
    moved = true;
    if (got > 0) {
      received_.append(bytes.data(), static_cast<size_t>(got));
      continue;
    }
    (got == 0 ? ended_ : was_reset_) = true;
    if (ended_ && answers_end) finishing_ = true;
  }
  return moved;
}

}  // namespace narthex::simulation
