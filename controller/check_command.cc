#include "controller/check_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "controller/folder_source.h"
#include "controller/routes_text.h"
#include "controller/setup.h"

namespace narthex::controller {
namespace {

std::string counted(size_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

}  // namespace

int check_command(const config::Flags& flags, const base::Clock& clock, std::ostream& out, std::ostream& err) {
  auto read = read_manifests(flags.manifests);
  if (!read) {
    err << read.error().message() << '\n';
    return 1;
  }
  auto options = compiler_options(flags, clock.wall_now());
  if (!options) {
    err << options.error().message() << '\n';
    return 1;
  }
  Compiler compiler(std::move(*options), clock);
  apply(std::move(read->batch), compiler);
  const auto snapshot = compiler.compile();
  const FindingSet::Listed& findings = compiler.findings();
  for (const auto& [finding, units] : findings) out << config::to_text(finding) << '\n';
  out << routes_text(*snapshot);
  const auto refused = static_cast<size_t>(std::count_if(findings.begin(), findings.end(), [](const auto& entry) {
    return entry.first.severity == config::Severity::refused;
  }));
  out << fmt::format("{}, {}, {}, {} refused\n", counted(object_count(read->objects), "object"),
                     counted(route_count(*snapshot), "route"), counted(findings.size(), "finding"), refused);
  out.flush();
  return refused == 0 ? 0 : 1;
}

}  // namespace narthex::controller
