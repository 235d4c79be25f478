// A finding: something wrong or doubtful in a user's object. A value; it never stops anything. Any thread.
// Reasons are stable CamelCase words (they become Event reasons and metric labels); messages are one sentence that says what
// was expected and what to do.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace narthex::config {

// Where an object was read: a file and a line (1-based), or no file at all for objects from the API server.
struct Origin {
  std::string file;
  uint32_t line = 0;
  auto operator<=>(const Origin&) const = default;
};

// Names an object as a user would: kind, namespace, name. The namespace is empty for cluster-wide kinds.
struct ObjectRef {
  std::string kind, ns, name;
  auto operator<=>(const ObjectRef&) const = default;
};

enum class Severity {
  note,     // works, but is doubtful or old
  refused,  // this part of the object is not carried out; `narthex check` ends with 1
};

struct Finding {
  Severity severity = Severity::note;
  std::string reason;  // "InvalidPath"
  ObjectRef object;    // kind may be empty where the document is not an object at all
  std::string field;   // "spec.rules[0].http.paths[1].path"
  std::string message;
  Origin origin;
  auto operator<=>(const Finding&) const = default;
};

using Findings = std::vector<Finding>;

// "refused Ingress default/shop spec.rules[0].http.paths[1].path: InvalidPath: must start with / (shop.yaml:14)"
std::string to_text(const Finding& finding);

}  // namespace narthex::config
