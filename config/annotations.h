// Annotations of the prefix nginx.ingress.kubernetes.io: from text to typed values. Pure; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "config/finding.h"
#include "config/objects.h"
#include "config/route_options.h"

namespace narthex::config {

inline constexpr const char* kDefaultAnnotationsPrefix = "nginx.ingress.kubernetes.io";

enum class AffinityMode { balanced, persistent };
enum class SameSite { unset, none, lax, strict };

// affinity: cookie and its session-cookie-* companions, with ingress-nginx's defaults.
struct CookieAffinity {
  AffinityMode mode = AffinityMode::balanced;
  std::string name = "INGRESSCOOKIE";
  std::string path;    // empty: the path of the matched rule
  std::string domain;  // empty: no Domain attribute
  std::optional<std::chrono::seconds> expires, max_age;
  bool secure = false;  // true: also over plain HTTP
  SameSite same_site = SameSite::unset;
  bool conditional_same_site_none = false;
  bool change_on_failure = false;
  bool operator==(const CookieAffinity&) const = default;
};

// What an Ingress asks for the hosts of its rules as a whole; any Ingress of a host is enough.
struct HostOptions {
  std::string app_root;            // empty: none
  bool www_redirect = false;       // from-to-www-redirect
  std::vector<std::string> aliases;  // server-alias, lower case; "*.x" for one label
  bool operator==(const HostOptions&) const = default;
};

// canary-* and affinity-canary-behavior of a canary: which requests of a route go to its backend. Asked in this order: header,
// cookie, weight.
struct Canary {
  std::string header;          // canary-by-header; empty: none
  std::string header_value;    // canary-by-header-value; empty: always and never
  std::string header_pattern;  // canary-by-header-pattern; empty beside a header_value
  std::string cookie;          // canary-by-cookie; empty: none
  uint32_t weight = 0, weight_total = 100;  // of so many requests; the total is not 0
  bool sticky = true;                       // affinity-canary-behavior
  bool operator==(const Canary&) const = default;
};

struct IngressAnnotations {
  RouteOptions route;
  HostOptions host;
  std::optional<CookieAffinity> affinity;
  // A value that ingress-nginx refuses the whole object for: none of it is served.
  bool refused = false;
  // Names of guards (auth-*, allow and deny lists, limits ...) that cannot be carried out as asked: the routes answer 503.
  std::vector<std::string> unmet_guards;
  bool operator==(const IngressAnnotations&) const = default;
};

// Of those, what names hosts: without findings, for whoever must know before anything is translated.
HostOptions decode_host_options(const Meta& meta, const std::string& prefix);

// Reads every annotation of the prefix over the settings' options; each one that is unknown, not carried out, or has a bad value
// gets a finding.
IngressAnnotations decode_annotations(const Meta& meta, const std::string& prefix, const RouteOptions& settings, Findings& findings);

// The same for a canary. Of its other annotations nothing is read nor said, unless nobody knows them: those of the Ingress that it
// stands beside count, and tools that make canaries copy them.
Canary decode_canary(const Meta& meta, const std::string& prefix, Findings& findings);

}  // namespace narthex::config
