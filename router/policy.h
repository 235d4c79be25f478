// What annotations and settings ask for on a route, typed and frozen. An absent feature costs one null test.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace narthex::router {

// Sticky sessions by cookie. Texts were validated when decoded: no control bytes, no ';'.
struct CookieAffinityPolicy {
  bool persistent = false;  // false: balanced
  std::string name;         // of the cookie
  std::string path;         // empty: the matched route's own path
  std::string domain;       // empty: no attribute
  std::optional<std::chrono::seconds> expires, max_age;
  bool secure = false;    // also over plain HTTP
  std::string same_site;  // "", "None", "Lax", "Strict"
  bool conditional_same_site_none = false;
  bool change_on_failure = false;
};

struct RoutePolicy {
  // A guard that was asked for cannot be set up: the route answers 503 (design 5, security features fail closed).
  bool closed = false;
  std::optional<CookieAffinityPolicy> cookie_affinity;
};

// Whom a route belongs to, for logs, metrics and /routes. Shared by all routes of an Ingress.
struct RouteOwner {
  std::string ns, ingress;
};

}  // namespace narthex::router
