// Which Ingresses are ours, and what became of them. Values; THREAD: control.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "config/objects.h"

namespace narthex::controller {

// Which Ingresses are ours.
struct ClassRules {
  std::string ingress_class = "nginx";
  std::string controller_class = "k8s.io/ingress-nginx";
  bool ingress_class_by_name = false;
  bool watch_ingress_without_class = false;
  std::string annotations_prefix = "nginx.ingress.kubernetes.io";  // for PREFIX/canary
  bool only_known_namespaces = false;  // a selector chose some: Ingresses of other namespaces are foreign
};

enum class Standing : uint8_t {  // the last two are ours
  foreign,        // another controller's, ignored without a word
  unknown_class,  // names an IngressClass that does not exist: ignored with a note
  canary,         // ours, but a canary: the second backend of others' routes, without host, path or certificate of its own
  served,
};

inline bool is_ours(Standing standing) { return standing == Standing::canary || standing == Standing::served; }

// What happened to an Ingress, for whoever writes to the API server. Its status alone makes nothing dirty.
struct Touch {
  bool changed = false;  // it is new, another one (but for its status), or has become ours
  bool lost = false;     // it was ours and is not any more
};
using Touches = std::map<config::ObjectKey, Touch>;

}  // namespace narthex::controller
