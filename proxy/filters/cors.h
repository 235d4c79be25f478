// Cross-origin resource sharing (https://fetch.spec.whatwg.org/#http-cors-protocol) as ingress-nginx does it: preflight requests are
// answered here, and every response of the route carries the fields; what a backend says of it is replaced. Request phase and
// response phase. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "proxy/head.h"
#include "proxy/sides.h"
#include "router/policy.h"

namespace narthex::proxy::filters {

// What to answer as Access-Control-Allow-Origin: "*", or the request's own Origin where the policy lists it; nothing where
// it does not, and the route then says nothing about origins. Origins are compared as a whole and without case. VALID UNTIL: the
// head changes.
std::optional<std::string_view> allowed_origin(const router::CorsPolicy& policy, const RequestHead& request);

// `origin`: of allowed_origin. The views are those of the policy and of `origin`.
void add_cors_fields(const router::CorsPolicy& policy, std::string_view origin, OutgoingFields& out);

// A field that the route says itself.
bool is_cors_field(std::string_view name);

}  // namespace narthex::proxy::filters
