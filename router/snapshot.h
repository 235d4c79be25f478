// The snapshot: all that a worker needs to answer a request, frozen. The only header in which the two planes meet.
// Built and freed on the control thread, shared with the workers as const. An exchange pins the snapshot that it was
// matched with; parts that did not change are shared between generations.
#pragma once

#include <cstdint>
#include <memory>

#include "router/backend.h"
#include "router/host_index.h"
#include "router/policy.h"

namespace narthex::tls {
class SniIndex;
}

namespace narthex::router {

struct Snapshot {
  uint64_t generation = 0;  // grows by one with each publication; the first is 1
  HostIndex hosts;
  BackendTable backends;
  // --default-backend-service, for requests that no host or path takes; kNoBackend: 404.
  BackendSlot default_backend = kNoBackend;
  std::shared_ptr<const tls::SniIndex> certificates;  // never null in a published snapshot
  std::shared_ptr<const SitePolicy> site = std::make_shared<const SitePolicy>();  // never null
  // There are wildcard hosts with TLS, which hosts below them are redirected to HTTPS for.
  bool wildcards_have_tls = false;
};

}  // namespace narthex::router
