// Canaries. Choice phase, before an endpoint is chosen: which of the two backends of a route gets the request.
//
//   session cookie of either side ─► that side
//   else header ─► always, never, the value or the pattern that was asked for decides
//   else cookie ─► always, never
//   else a draw by weight, for each request
//
// As in ingress-nginx (annotations.md 5), but per route and not per Service. THREAD: the worker's.
#pragma once

#include "proxy/balance.h"
#include "proxy/head.h"
#include "router/policy.h"

namespace narthex::proxy::filters {

// By header, cookie and weight alone: true for the canary. `keeps_underscores`: X_Canary is a field like X-Canary.
bool rules_choose_canary(const router::CanaryPolicy& canary, const RequestHead& request, bool keeps_underscores, Random& random);

struct SideChoice {
  bool canary = false;
  // The request has a session cookie of neither side, which would leave its client to chance: it gets a new one.
  bool new_session = false;
};

// `policy` has a canary, whose backend is `canary`. REQUIRES: endpoints in both.
SideChoice choose_side(const router::RoutePolicy& policy, const router::Backend& main, const router::Backend& canary, const RequestHead& request,
                       bool keeps_underscores, Random& random);

}  // namespace narthex::proxy::filters
