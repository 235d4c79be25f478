// The data plane as the control plane sees it: workers behind one pair of ports. Owned by main.cc.
// THREAD: all calls from the control thread. A resource.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proxy/stats.h"
#include "router/snapshot.h"

namespace narthex::proxy {

struct ServerOptions {
  std::string bind_address;  // an IP; empty: all addresses of both families
  uint16_t http_port = 80, https_port = 443;  // 0: any free one
  uint32_t workers = 0;                       // 0: one per CPU that the process may use
  std::string access_log;                     // empty: off; "-": standard output; else a file
  bool access_log_json = false;
};

class Worker;
class AccessLog;

class Server final {
 public:
  // Binds the ports and starts the workers; they answer 503 until the first publish. Errors: port taken (named, with what to
  // do), no right to bind, unreadable address.
  static base::Result<std::unique_ptr<Server>> start(const ServerOptions& options, const base::Clock& clock);
  ~Server();  // stops at once
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t http_port() const { return http_port_; }
  uint16_t https_port() const { return https_port_; }
  uint32_t workers() const { return static_cast<uint32_t>(workers_.size()); }

  // Hands the snapshot to every worker and frees those that no worker needs any more. Never waits.
  void publish(std::shared_ptr<const router::Snapshot> snapshot);
  // Frees the snapshots that came back; also done by publish().
  void reclaim();
  // The generation that every worker has adopted; 0 before the first.
  uint64_t adopted_generation() const;
  Totals totals() const;

  // Stops accepting, answers what is in flight with "Connection: close", closes idle connections after a moment.
  void drain();
  // True when no client connection is left.
  bool drained() const;

 private:
  Server() = default;
  std::unique_ptr<AccessLog> access_log_;
  std::vector<std::unique_ptr<Worker>> workers_;
  uint16_t http_port_ = 0, https_port_ = 0;
};

}  // namespace narthex::proxy
