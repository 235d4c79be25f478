// How often a request has come through a Narthex: a count in a field of its own, so that a route that leads back here
// by way of names, load balancers or other replicas ends with 508 and not with the last descriptor. Request phase.
//
// The field is X-Narthex-Hops, not Via (RFC 9110 7.6.3), although that is the standard's place: nginx as a backend
// stops compressing for requests with Via (gzip_proxied is off by default), and ingress-nginx sends none, so answers
// would change for people who move. A request that comes for the first time gets no such field, for the same reason: X-Scheme,
// which every Narthex sends, says that it has come through one. A client that writes the fields can only have its own
// request refused. Pure; any thread. Texts are literals.
#pragma once

#include <cstdint>

#include "proxy/head.h"
#include "proxy/sides.h"

namespace narthex::proxy::filters {

// 0 for a request that comes for the first time; at most limits::kHops, which is also what a count is taken for that
// nobody here can have written. Costs a compare for each field.
uint32_t hops_of(const RequestHead& request);

// One more; nothing for the first time. REQUIRES: hops < limits::kHops.
void add_hop(uint32_t hops, OutgoingFields& out);

}  // namespace narthex::proxy::filters
