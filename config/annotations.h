// Annotations of the prefix nginx.ingress.kubernetes.io: from text to typed values. Pure; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "config/finding.h"
#include "config/objects.h"

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

struct IngressAnnotations {
  std::optional<CookieAffinity> affinity;
  // Names of guards (auth-*, allow and deny lists, limits ...) that this version cannot carry out: the routes answer 503.
  std::vector<std::string> unmet_guards;
  bool operator==(const IngressAnnotations&) const = default;
};

// Reads every annotation of the prefix; each one that is unknown, not carried out, or has a bad value gets a finding.
IngressAnnotations decode_annotations(const Meta& meta, const std::string& prefix, Findings& findings);

}  // namespace narthex::config
