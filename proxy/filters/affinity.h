// Sticky sessions. Choice phase: which endpoint a cookie or a client address leads to; response phase: the cookie to set.
//
//   balanced    cookie = random key | tag; key ─ rendezvous hash ─► endpoint. Nothing is stored, so every worker and every restart
//               agrees, and a change of endpoints moves what consistent hashing must move and no more.
//   persistent  cookie = key of the endpoint | tag; unknown key ─► any endpoint and a new cookie. A session stays while its pod lives.
//
// The key is opaque: a forged one leads to some endpoint that its sender could have reached anyway. THREAD: the worker's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "proxy/balance.h"
#include "proxy/filters/forwarded_fields.h"
#include "proxy/head.h"
#include "router/policy.h"

namespace narthex::proxy::filters {

struct AffinityChoice {
  size_t endpoint = 0;
  std::string new_cookie_value;  // empty: the client's own stays
};

// REQUIRES: endpoints. A session keeps its endpoint unless an attempt there failed and the policy lets it change; one that has none
// yet gets one that is wanted. `begins`: a new session, whatever cookie there is.
AffinityChoice choose_by_cookie(const router::CookieAffinityPolicy& policy, const RequestHead& request, const Unwanted& unwanted,
                                Random& random, bool begins = false);

// The request's cookie was given out for this backend.
bool is_session_of(const router::Backend& backend, const router::CookieAffinityPolicy& policy, const RequestHead& request);

// Service.spec.sessionAffinity ClientIP: the same client address, the same endpoint, as long as that is wanted.
size_t choose_by_client(std::string_view client_ip, const Unwanted& unwanted);

// Of a route whose path is a pattern: the elements that all paths of the route begin with, "/" at the least; "/g" of "/g(/|$)(.*)".
std::string_view cookie_path_of_pattern(std::string_view pattern);

// Value of the Set-Cookie field. `route_path`: where the policy names no path.
std::string set_cookie_value(const router::CookieAffinityPolicy& policy, std::string_view value, std::string_view route_path, bool tls,
                             std::string_view user_agent, base::WallTime now);

}  // namespace narthex::proxy::filters
