// All that `narthex controller` writes to the API server: the Lease of the leader, and, while this replica is the
// leader, the status of Ingresses and Events. Serving depends on none of it. Owned by serve.cc, which tells what every
// change of the store brought. THREAD: control; nothing blocks.
//
//   start ─► bids for the Lease ─► leads: looks once at all Ingresses and findings, then at each change
//               ▲                     └─ loses it: what waits is dropped
//               └──────────────────────┘
//   end() ─► gives the Lease back ─► nobody takes it for a while: we are the last; our addresses are taken out of the
//            status of all Ingresses (--update-status-on-shutdown) ─► done
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "config/flags.h"
#include "controller/api/api_call.h"
#include "controller/compiler.h"
#include "controller/elector.h"
#include "controller/finding_set.h"
#include "controller/source.h"
#include "controller/status_writer.h"

namespace boost::asio {
class io_context;
}

namespace narthex::controller {

struct ClusterWriterOptions {
  std::optional<Elector::Options> election;  // none: this one writes without asking anybody
  config::ObjectKey pod;                     // no name: not known
  bool update_status = true, update_status_on_shutdown = true, sync_events = true;
  // Where Ingresses are reached: these, else those of a Service, else those of the nodes of our pods.
  std::string publish_addresses;  // as config/addresses.h
  std::optional<config::ObjectKey> publish_service;
  bool internal_node_addresses = false;
  std::chrono::seconds node_interval{60};
};

// POD_NAME and POD_NAMESPACE.
struct PodNames {
  std::string name, ns;
  static PodNames of_this_process();
};
// Errors: writing is not possible, and what is missing for it.
base::Result<ClusterWriterOptions> cluster_writer_options(const config::Flags& flags, const PodNames& pod);

// Where a Service is reached, as ingress-nginx reads it: by its type.
std::string publish_addresses_of(const config::Service& service);

class ClusterWriter final {
 public:
  // REQUIRES: all outlive this; `call` may answer after its end.
  ClusterWriter(boost::asio::io_context& loop, ClusterWriterOptions options, ApiCall call, const Compiler& compiler,
                const base::Clock& clock);
  ~ClusterWriter();
  ClusterWriter(const ClusterWriter&) = delete;
  ClusterWriter& operator=(const ClusterWriter&) = delete;

  // After everything has been listed.
  void start();
  // After each compile.
  void take(const FindingChanges& findings, const Touches& touches);
  // `done` is called once, later or at once.
  void end(std::function<void()> done);
  // Does what is due. The loop does it by itself, but for a clock that is not the real one.
  void turn();
  WriterMetrics metrics() const;

 private:
  class Writing;
  std::shared_ptr<Writing> writing_;
};

}  // namespace narthex::controller
