// What annotations and settings ask for, typed and frozen: per route (RoutePolicy), per host (HostPolicy), and for everything
// (SitePolicy). Made on the control thread, read by all workers. Texts were validated when decoded: none holds a control byte.
// An absent feature costs one null test.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_range.h"
#include "router/backend.h"

namespace narthex::router {

// Sticky sessions by cookie. Texts hold no ';'.
struct CookieAffinityPolicy {
  bool persistent = false;  // false: balanced
  std::string name;         // of the cookie
  std::string path;         // empty: the matched route's own path, or what of a pattern is literal
  std::string domain;       // empty: no attribute
  std::optional<std::chrono::seconds> expires, max_age;
  bool secure = false;    // also over plain HTTP
  std::string same_site;  // "", "None", "Lax", "Strict"
  bool conditional_same_site_none = false;
  bool change_on_failure = false;
};

// Whom a route serves: who is denied, or is not among those who are allowed, gets 403.
struct AccessPolicy {
  base::IpRanges denied;
  std::optional<base::IpRanges> allowed;
};

// Every request is answered with this.
struct RedirectPolicy {
  uint16_t status = 301;
  std::string location;         // absolute, or a path
  bool stays_relative = false;  // a path gets no scheme and host before it
};

struct HttpsRedirectPolicy {
  bool where_tls = true;  // of hosts with an entry in spec.tls
  bool always = false;
  bool keeps_trailing_slash = false;
  bool names_port = false;
};

struct RetryPolicy {
  bool on_error = true, on_timeout = true, on_invalid_head = false, non_idempotent = false;
  std::vector<uint16_t> on_statuses;  // of answers, sorted
  uint32_t tries = 3;                 // the first one counted; 0: no bound of its own
  std::chrono::seconds time{0};       // 0: no bound
};

struct CorsPolicy {
  std::vector<std::string> origins;  // lower case, "https://*.x" for one label; empty: every one
  std::string methods, headers, expose_headers, max_age;
  bool credentials = true;
};

// rewrite-target: what is asked for instead of the path of the request, where the route says so (Route::rewrites). "$1" to "$9" in texts
// stand for the groups of the route's pattern.
struct RewritePolicy {
  std::string origin;  // "https://host": the request is redirected there; empty: a pod is asked
  std::string path;
  std::string forwarded_prefix;  // X-Forwarded-Prefix; empty: none
};

class Regex;
struct RouteOwner;

// The second backend of a route and which requests it gets, asked in this order: header, cookie, weight.
struct CanaryPolicy {
  BackendSlot backend = kNoBackend;
  std::string header;        // empty: none
  std::string header_value;  // leads to the canary; empty: "always" does, and "never" leads away
  std::shared_ptr<const Regex> header_pattern;  // matches values that lead to the canary; null: as header_value says
  bool header_leads_away = false;  // the pattern could not be compiled: whoever sends the header stays with the main backend
  std::string cookie;              // as with a header; empty: none
  uint32_t weight = 0, weight_total = 100;  // so many requests of so many; the total is not 0
  bool sticky = true;  // a session of the route's cookie stays on its side; false: the canary has no sessions
  std::shared_ptr<const RouteOwner> owner;  // the canary Ingress
};

struct RoutePolicy {
  // A guard that was asked for cannot be set up: the route answers 503 (design 5, security features fail closed).
  bool closed = false;
  bool access_log = true;
  HttpsRedirectPolicy https;
  uint64_t body_bytes_max = 1024 * 1024;  // 0: no bound
  std::chrono::seconds connect_timeout{5}, read_timeout{60}, send_timeout{60};
  RetryPolicy retries;
  std::shared_ptr<const AccessPolicy> access;
  std::shared_ptr<const RedirectPolicy> redirect;
  std::shared_ptr<const RewritePolicy> rewrite;
  std::shared_ptr<const CorsPolicy> cors;
  std::string upstream_host;        // instead of the client's; empty: none
  std::string upstream_connection;  // the Connection field towards the backend; empty: as the proxy needs it
  std::optional<CookieAffinityPolicy> cookie_affinity;
  std::shared_ptr<const CanaryPolicy> canary;
};

// Whom a route belongs to, for logs, metrics and /routes. Shared by all routes of an Ingress.
struct RouteOwner {
  std::string ns, ingress;
};

// What concerns a host before any of its routes.
struct HostPolicy {
  std::string app_root;      // where "/" is redirected to; empty: nowhere
  std::string redirect_host;  // the twin that all requests are redirected to (from-to-www-redirect); empty: none
  bool operator==(const HostPolicy&) const = default;
};

// Whom to believe about where a request came from.
struct TrustPolicy {
  bool forwarded_fields = false;  // address, scheme, port and host
  bool real_ip = false;           // the address alone
  bool full_forwarded_for = false;
  std::string forwarded_for_name;
  base::IpRanges peers;  // who is believed
  bool proxy_protocol = false;
  std::chrono::seconds proxy_protocol_timeout{5};
};

struct SitePolicy {
  RoutePolicy route;  // of routes that have none of their own
  TrustPolicy trust;
  std::string hsts;  // the value of Strict-Transport-Security; empty: none is sent
  uint16_t redirect_status = 308;
  std::vector<std::string> hidden_fields;  // of backends' answers, lower case
  bool keeps_underscores = false, drops_invalid_names = true, generates_request_id = true, tells_original_uri = false;
  bool tells_server = false, passes_backend_server = false;
  std::shared_ptr<const AccessPolicy> access;  // of everybody, where the route has none of its own
};

}  // namespace narthex::router
