#include "proxy/splice.h"

#include <algorithm>
#include <cerrno>

#include "proxy/limits.h"

namespace narthex::proxy {
namespace {

struct Step {
  SpliceEnd end = SpliceEnd::done;
  size_t bytes = 0;
};

Task<Step> fill(Socket& from, Pipe pipe, size_t most, std::chrono::milliseconds gap) {
  for (;;) {
    if (!from.drained()) {
      const ssize_t got = from.splice_out(pipe.write_fd, most);
      if (got > 0) co_return Step{SpliceEnd::done, static_cast<size_t>(got)};
      if (got != -EAGAIN) co_return Step{SpliceEnd::from_ended, 0};
    }
    const Wake wake = co_await from.readable(from.loop().now() + gap);
    if (wake == Wake::timed_out) co_return Step{SpliceEnd::from_timed_out, 0};
    if (wake == Wake::cancelled) co_return Step{SpliceEnd::from_ended, 0};
  }
}

Task<SpliceEnd> empty(Socket& to, Pipe pipe, size_t bytes, std::chrono::milliseconds gap) {
  while (bytes > 0) {
    const ssize_t put = to.splice_in(pipe.read_fd, bytes);
    if (put > 0) {
      bytes -= static_cast<size_t>(put);
      continue;
    }
    if (put != -EAGAIN) co_return SpliceEnd::to_failed;
    const Wake wake = co_await to.writable(to.loop().now() + gap);
    if (wake == Wake::timed_out) co_return SpliceEnd::to_timed_out;
    if (wake == Wake::cancelled) co_return SpliceEnd::to_failed;
  }
  co_return SpliceEnd::done;
}

}  // namespace

Task<Spliced> splice_bytes(Socket& from, Socket& to, Pipe pipe, uint64_t bytes, std::chrono::milliseconds read_gap,
                           std::chrono::milliseconds write_gap) {
  uint64_t moved = 0, since_turn = 0;
  while (moved < bytes) {
    const size_t most = static_cast<size_t>(std::min<uint64_t>(bytes - moved, limits::kPipeBytes));
    const Step step = co_await fill(from, pipe, most, read_gap);
    if (step.end != SpliceEnd::done) co_return Spliced{step.end, moved, moved};
    const SpliceEnd end = co_await empty(to, pipe, step.bytes, write_gap);
    if (end != SpliceEnd::done) co_return Spliced{end, moved + step.bytes, moved};
    moved += step.bytes;
    since_turn += step.bytes;
    if (since_turn >= limits::kBytesPerTurn && moved < bytes) {
      since_turn = 0;
      co_await from.loop().next_turn();
    }
  }
  co_return Spliced{SpliceEnd::done, moved, moved};
}

}  // namespace narthex::proxy
