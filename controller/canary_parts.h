// The canaries of the Compiler: what each asks for, and the policies of the routes that it has joined, kept as long as they say the
// same, so that routes can be compared by address. Owned by the Compiler. THREAD: control.
// LIMIT: as many policies as differ among the routes of a canary, and as many more as old snapshots still hold.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "config/annotations.h"
#include "controller/references.h"
#include "router/policy.h"

namespace narthex::controller {

class CanaryParts final {
 public:
  CanaryParts() = default;
  CanaryParts(const CanaryParts&) = delete;
  CanaryParts& operator=(const CanaryParts&) = delete;

  void set(const config::ObjectKey& ingress, config::Canary canary);
  void erase(const config::ObjectKey& ingress) { parts_.erase(ingress); }
  // Policies made from `site` before are of no use any more.
  void forget_policies();
  // The policy of a route that asks for `base` (null: only for what `site` says) and has this canary, with its backend in `slot`.
  // REQUIRES: the canary was set.
  std::shared_ptr<const router::RoutePolicy> policy(const config::ObjectKey& ingress, router::BackendSlot slot,
                                                    const std::shared_ptr<const router::RoutePolicy>& base, const router::RoutePolicy& site);

 private:
  struct Made {
    std::shared_ptr<const router::RoutePolicy> base;
    router::BackendSlot slot;
    std::shared_ptr<const router::RoutePolicy> policy;
  };
  struct Parts {
    config::Canary canary;
    std::shared_ptr<const router::Regex> header_pattern;
    std::shared_ptr<const router::RouteOwner> owner;
    std::vector<Made> made;
  };

  std::unordered_map<config::ObjectKey, Parts, KeyHash> parts_;
};

}  // namespace narthex::controller
