// Findings of translation: how they name objects and fields, in one place. Pure; any thread.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "config/finding.h"
#include "config/objects.h"

namespace narthex::controller {

template <typename T>
config::Finding finding_on(const T& object, config::Severity severity, std::string reason, std::string field,
                           std::string message) {
  config::Finding finding;
  finding.severity = severity;
  finding.reason = std::move(reason);
  finding.object = {T::kKind, object.meta.key.ns, object.meta.key.name};
  finding.field = std::move(field);
  finding.message = std::move(message);
  finding.origin = object.meta.origin;
  return finding;
}

inline std::string path_field(const config::IngressRule& rule, const config::IngressPath& path) {
  return fmt::format("spec.rules[{}].http.paths[{}]", rule.index, path.index);
}
inline std::string secret_field(const config::IngressTls& entry) {
  return fmt::format("spec.tls[{}].secretName", entry.index);
}

}  // namespace narthex::controller
