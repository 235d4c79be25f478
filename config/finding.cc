#include "config/finding.h"

#include <fmt/format.h>

#include "base/text.h"

namespace narthex::config {
namespace {

std::string name_of(const ObjectRef& object) {
  if (object.ns.empty()) return object.name;
  return object.ns + "/" + object.name;
}

}  // namespace

std::string to_text(const Finding& finding) {
  std::string out = finding.severity == Severity::refused ? "refused" : "note";
  for (const std::string& part : {finding.object.kind, name_of(finding.object), finding.field})
    if (!part.empty()) out += " " + part;
  out += fmt::format(": {}: {}", finding.reason, finding.message);
  if (!finding.origin.file.empty()) {
    out += " (" + finding.origin.file;
    if (finding.origin.line > 0) out += fmt::format(":{}", finding.origin.line);
    out += ")";
  }
  return base::escape_line(out, false);
}

}  // namespace narthex::config
