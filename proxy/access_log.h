// The access log: workers write whole lines into bounded rings, one thread writes them out. A slow or blocked log costs lines
// (counted), never a request. AccessLog is owned by the server; each worker has an AccessLogRing.
// LIMIT: 256 KiB waiting per worker; a line is cut at 8 KiB.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace narthex::proxy {

// One finished exchange. Views are read before the call returns.
struct AccessLine {
  base::WallTime time;
  std::string_view client, method, target, host, referer, user_agent, request_id, ns, ingress, backend, upstream;
  std::string_view fault;  // name of the fault, or empty
  uint16_t status = 0, upstream_status = 0;
  uint8_t version = 11;
  uint64_t response_bytes = 0;
  std::chrono::microseconds duration{0};
};

// One writer (the worker), one reader (the log's thread).
class AccessLogRing {
 public:
  static constexpr size_t kBytes = 256 * 1024;
  explicit AccessLogRing(bool json) : json_(json), bytes_(kBytes) {}
  // False: no room, the line is dropped.
  bool add(const AccessLine& line);
  // THREAD: the log's. Moves what waits behind `out`.
  void take(std::string& out);

 private:
  const bool json_;
  std::vector<char> bytes_;
  std::string scratch_;
  alignas(64) std::atomic<uint64_t> written_{0};
  alignas(64) std::atomic<uint64_t> taken_{0};
};

class AccessLog final {
 public:
  // `target`: "-" for standard output, else a file that is appended to.
  static base::Result<std::unique_ptr<AccessLog>> open(const std::string& target, bool json);
  ~AccessLog();  // writes what waits
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  // REQUIRES: before start().
  AccessLogRing* add_ring();
  void start();

 private:
  AccessLog(int fd, bool json) : fd_(fd), json_(json) {}
  void run();
  void write_out();

  int fd_;
  bool json_;
  std::vector<std::unique_ptr<AccessLogRing>> rings_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// The line itself, without its end, for tests. Text: ingress-nginx's log-format-upstream in its meaning here.
void format_access_line(const AccessLine& line, bool json, std::string& out);

}  // namespace narthex::proxy
