// Where a request is sent instead of to a backend: app-root, the www twin, permanent and temporal redirects, and from HTTP to HTTPS.
// Request phase. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "router/policy.h"

namespace narthex::proxy::filters {

// What of a request shows in a redirect.
struct Asked {
  std::string_view scheme;     // "http" or "https", or what a trusted peer said
  std::string_view authority;  // the Host field as it came, with its port
  std::string_view host;       // what to name instead where a trusted peer said so (X-Forwarded-Host); with or without port
  std::string_view target;     // as it came
  std::string_view port;       // of the listener, or what a trusted peer said
};

// "https://host/path?query", as ingress-nginx makes it: the port of the request is left out, and so is a slash at the very end
// unless the policy keeps it. `https_port`: named where the policy wants it.
void https_location(const router::HttpsRedirectPolicy& policy, const Asked& asked, std::string_view https_port, std::string& out);
// The location of a permanent or temporal redirect: a path gets scheme and host of the request before it.
void route_location(const router::RedirectPolicy& policy, const Asked& asked, std::string& out);
void app_root_location(std::string_view app_root, const Asked& asked, std::string& out);
// "scheme://twin:port/path": the port always shows, a slash at the very end does not, as in ingress-nginx.
void twin_location(std::string_view twin, const Asked& asked, std::string& out);

}  // namespace narthex::proxy::filters
