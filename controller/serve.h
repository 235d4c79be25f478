// The control plane at work: source, compiler, admin pages and signals on one loop, and the way from "loaded" over
// "ready" and "draining" to the end. Owned by main.cc, which lends it the data plane. THREAD: control (the one that
// made it). A resource.
//
//   load: first scan, first snapshot ─► serve: publish, admin port ─► adopted by all workers: ready
//   (of an API server the first snapshot comes while serving, once everything has been listed)
//     ─► SIGTERM or SIGINT: not ready, for the grace period ─► drain ─► drained, or shutdown timeout ─► end
//   A second signal ends at once, wherever the first one led to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/flags.h"
#include "controller/metrics.h"
#include "router/snapshot.h"

namespace narthex::controller {

// What the control plane asks of the data plane. All functions are called on the control thread and do not wait.
struct DataPlane {
  std::function<void(std::shared_ptr<const router::Snapshot>)> publish;
  std::function<void()> reclaim;  // frees snapshots that no worker needs any more
  std::function<uint64_t()> adopted_generation;
  std::function<Traffic()> traffic;
  std::function<void()> drain;
  std::function<bool()> drained;
  uint32_t workers = 0;
  std::string http_address, https_address;  // as chosen, for the log
  std::vector<uint16_t> ports;              // as chosen: nothing is sent to them on our own addresses
};

class ControlPlane final {
 public:
  // Reads all manifests and compiles the first snapshot, or finds out where the API server is. From here on signals are
  // taken note of. Errors: a path that cannot be read, a bad kubeconfig. An API server that is away is none. REQUIRES: the clock outlives this.
  static base::Result<std::unique_ptr<ControlPlane>> load(const config::Flags& flags, const std::string& version,
                                                          const base::Clock& clock);
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  // Publishes and serves until a signal ends it. Errors: the admin port cannot be had.
  base::Result<void> serve(DataPlane plane);

 private:
  class Running;
  explicit ControlPlane(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace narthex::controller
