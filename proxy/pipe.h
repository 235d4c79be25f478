// Pipes through which large bodies pass from socket to socket inside the kernel (splice(2)), kept for reuse.
// THREAD: the worker's. LIMIT: kFreePipes kept; each holds up to kPipeBytes.
#pragma once

#include <utility>
#include <vector>

namespace narthex::proxy {

struct Pipe {
  int read_fd = -1, write_fd = -1;
  explicit operator bool() const { return read_fd >= 0; }
};

class PipePool final {
 public:
  PipePool() = default;
  ~PipePool();
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;
  // An empty pipe, or none where no descriptor is left (the caller copies instead).
  Pipe take();
  // `empty`: nothing is left in it; otherwise it is closed.
  void give(Pipe pipe, bool empty);

 private:
  std::vector<Pipe> free_;
};

}  // namespace narthex::proxy
