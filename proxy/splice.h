// Moves bytes of a body from one plain socket to another inside the kernel, through a pipe. THREAD: the worker's.
#pragma once

#include <chrono>
#include <cstdint>

#include "proxy/pipe.h"
#include "proxy/socket.h"
#include "proxy/task.h"

namespace narthex::proxy {

enum class SpliceEnd : uint8_t { done, from_ended, from_timed_out, to_failed, to_timed_out };

struct Spliced {
  SpliceEnd end = SpliceEnd::done;
  uint64_t taken = 0;  // from the one socket: more than what was given to the other where that one failed
  uint64_t moved = 0;
};

// Exactly `bytes` of them, unless a side fails. REQUIRES: an empty pipe; it is empty again with `done`.
Task<Spliced> splice_bytes(Socket& from, Socket& to, Pipe pipe, uint64_t bytes, std::chrono::milliseconds read_gap,
                           std::chrono::milliseconds write_gap);

}  // namespace narthex::proxy
