#include "controller/check_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <ostream>

#include "controller/api/api_access.h"
#include "controller/folder_source.h"
#include "controller/routes_text.h"
#include "controller/setup.h"

namespace narthex::controller {
namespace {

constexpr auto kClusterTime = std::chrono::seconds(60);
constexpr auto kClusterTurn = std::chrono::milliseconds(100);

std::string counted(size_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

// Everything that there is, once.
struct Read {
  std::vector<ObjectCount> objects;
  std::string trouble;  // why it could not be read
};

Read read_folder(const config::Flags& flags, Compiler& compiler) {
  auto read = read_manifests(flags.manifests);
  if (!read) return {{}, read.error().message()};
  apply(std::move(read->batch), compiler);
  return {std::move(read->objects), ""};
}

Read read_cluster(const config::Flags& flags, const base::Clock& clock, Compiler& compiler, std::ostream& err) {
  auto access = find_api_access(flags, PodSurroundings::of_this_process());
  if (!access) return {{}, access.error().message()};
  for (const std::string& warning : access->warnings) err << "warning: " << warning << '\n';
  boost::asio::io_context loop{1};
  const std::string url = access->url();
  ApiSource source(
      loop, std::move(*access), api_source_options(flags), clock,
      [&compiler](SourceBatch batch) { apply(std::move(batch), compiler); },
      [&compiler](const config::ObjectKey& key) { return compiler.uses_secret(key); });
  source.start();
  const auto deadline = clock.steady_now() + kClusterTime;
  // Somebody waits at the keyboard: the first failure is told, not tried again.
  while (!source.complete() && source.trouble().empty() && !source.stuck() && clock.steady_now() < deadline)
    loop.run_one_for(kClusterTurn);
  if (source.complete()) return {source.object_counts(), ""};
  if (!source.trouble().empty()) return {{}, fmt::format("the API server at {}: {}", url, source.trouble())};
  return {{}, source.waiting_for()};
}

}  // namespace

int check_command(const config::Flags& flags, const base::Clock& clock, std::ostream& out, std::ostream& err) {
  auto options = compiler_options(flags, clock.wall_now());
  if (!options) {
    err << options.error().message() << '\n';
    return 1;
  }
  if (options->backends.external_names == NameRule::resolved) options->backends.external_names = NameRule::unasked;
  Compiler compiler(std::move(*options), clock);
  const Read read = reads_cluster(flags) ? read_cluster(flags, clock, compiler, err) : read_folder(flags, compiler);
  if (!read.trouble.empty()) {
    err << read.trouble << '\n';
    return 1;
  }
  const auto snapshot = compiler.compile();
  const FindingSet::Listed& findings = compiler.findings();
  for (const auto& [finding, units] : findings) out << config::to_text(finding) << '\n';
  out << routes_text(*snapshot);
  const auto refused = static_cast<size_t>(std::count_if(findings.begin(), findings.end(), [](const auto& entry) {
    return entry.first.severity == config::Severity::refused;
  }));
  out << fmt::format("{}, {}, {}, {} refused\n", counted(object_count(read.objects), "object"),
                     counted(route_count(*snapshot), "route"), counted(findings.size(), "finding"), refused);
  out.flush();
  return refused == 0 ? 0 : 1;
}

}  // namespace narthex::controller
