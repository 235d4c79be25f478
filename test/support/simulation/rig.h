// A whole data plane in a simulation: the real Server with one worker, pods at made-up addresses, clients. The same
// code as in production down to the system calls. Owned by the test. THREAD: the test's; the pods' handlers run on the
// worker's while it is the worker's turn.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/server.h"
#include "test/support/simulation/kernel.h"

namespace narthex::simulation {

// Called whenever something has arrived at a pod's side of a connection (Peer::on_change).
using PodHandler = std::function<void(Peer&)>;

class Rig final {
 public:
  // `pods` pods at 10.0.0.1:8080, 10.0.0.2:8080... serve example.com; other hosts have no route, empty.example.com
  // has a backend without pods.
  explicit Rig(int pods = 1);
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  // What the pods do; for all of them.
  void set_handler(PodHandler handler) { handler_ = std::move(handler); }
  // What a pod does with each new connection, before anything has arrived.
  void set_greeting(PodHandler greeting) { greeting_ = std::move(greeting); }
  Peer& connect() { return kernel_.connect(server_->http_port()); }
  Peer& connect_tls() { return kernel_.connect(server_->https_port()); }
  // The pods' sides of all upstream connections since the last forget().
  const std::vector<Peer*>& upstreams() const { return upstreams_; }

  Kernel& kernel() { return kernel_; }
  void settle() { kernel_.settle(); }
  void pass(base::milliseconds time) { kernel_.pass(time); }
  proxy::Server& server() { return *server_; }
  proxy::Totals totals() const { return server_->totals(); }
  uint64_t count(proxy::Fault fault) const { return totals().faults[static_cast<size_t>(fault)]; }

  // Ends all clients and lets every time-out pass. What is left over then, in words; empty: nothing, as it should be.
  std::string leftovers();
  // Forgets all peers. REQUIRES: no leftovers.
  void forget();

 private:
  Kernel kernel_;  // before the server, behind which it goes
  std::unique_ptr<proxy::Server> server_;
  PodHandler handler_, greeting_;
  std::vector<Peer*> upstreams_;
};

}  // namespace narthex::simulation
