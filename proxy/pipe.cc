#include "proxy/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include "proxy/limits.h"

namespace narthex::proxy {

PipePool::~PipePool() {
  for (const Pipe pipe : free_) {
    close(pipe.read_fd);
    close(pipe.write_fd);
  }
}

Pipe PipePool::take() {
  if (!free_.empty()) {
    const Pipe pipe = free_.back();
    free_.pop_back();
    return pipe;
  }
  int fds[2];
  if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) return {};
  // Where the user's share of pipe memory is used up the default of 64 KiB stays.
  fcntl(fds[1], F_SETPIPE_SZ, static_cast<int>(limits::kPipeBytes));
  return {fds[0], fds[1]};
}

void PipePool::give(Pipe pipe, bool empty) {
  if (!pipe) return;
  if (empty && free_.size() < limits::kFreePipes) return free_.push_back(pipe);
  close(pipe.read_fd);
  close(pipe.write_fd);
}

}  // namespace narthex::proxy
