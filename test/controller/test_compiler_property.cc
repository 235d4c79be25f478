#include <catch2/catch.hpp>
#include <cstdlib>
#include <set>

#include "controller/routes_text.h"
#include "test/controller/universe.h"
#include "test/support/world.h"

namespace narthex::test {
namespace {

using controller::Compiler;

uint64_t seed() {
  if (const char* given = std::getenv("NARTHEX_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device()();
}

std::vector<config::Finding> list(const Compiler& compiler) {
  std::vector<config::Finding> findings;
  for (const auto& [finding, times] : compiler.findings()) findings.push_back(finding);
  return findings;
}

std::string text(const std::vector<config::Finding>& findings) {
  std::string all;
  for (const config::Finding& finding : findings) all += to_text(finding) + "\n";
  return all;
}

controller::CompilerOptions options_for(uint64_t seed) {
  controller::CompilerOptions options = default_options();
  options.classes.watch_ingress_without_class = seed % 2 == 0;
  if (seed % 3 == 0) options.default_backend_service = config::ObjectKey{"a", "s1"};
  if (seed % 4 == 0) options.backends.own = {{*base::parse_ip_range("10.0.0.1")}, {80, 8080}};
  if (seed % 5 < 2) options.default_ssl_certificate = config::ObjectKey{"b", "c1"};
  return options;
}

// What is found by following the changes must be what is listed.
void follow(Compiler& compiler, std::set<config::Finding>& followed) {
  const controller::FindingChanges changes = compiler.take_finding_changes();
  for (const config::Finding& finding : changes.vanished) CHECK(followed.erase(finding) == 1);
  for (const config::Finding& finding : changes.appeared) CHECK(followed.insert(finding).second);
  CHECK(std::vector(followed.begin(), followed.end()) == list(compiler));
}

void run(uint64_t seed, int steps) {
  Universe universe(seed);
  HandClock clock;
  Compiler incremental(options_for(seed), clock);
  std::set<config::Finding> followed;
  std::shared_ptr<const router::Snapshot> before = incremental.compile();
  for (int step = 0; step < steps; ++step) {
    controller::Changes changes;
    for (size_t i = 0, events = universe.below(4); i <= events; ++i) changes.push_back(universe.next());
    if (universe.below(40) == 0) clock.turn(std::chrono::minutes(30));
    if (universe.below(3) == 0) incremental.apply_names({universe.next_name()});
    incremental.apply(std::move(changes));
    const auto after = incremental.compile();
    CHECK(after->generation == before->generation + (after != before));
    CHECK(incremental.compile() == after);
    before = after;
    if (step % 3 != 0) continue;
    INFO("step " << step);
    Compiler fresh(options_for(seed), clock);
    if (seed % 2 == 0) fresh.apply_names(universe.names());
    fresh.apply(universe.shuffled());
    if (seed % 2 != 0) fresh.apply_names(universe.names());
    const auto expected = fresh.compile();
    REQUIRE(controller::routes_text(*after) == controller::routes_text(*expected));
    REQUIRE(text(list(incremental)) == text(list(fresh)));
    follow(incremental, followed);
  }
}

TEST_CASE("any sequence of events gives what the final set gives, in whatever order that is read") {
  const uint64_t first = seed();
  for (uint64_t i = 0; i < 20; ++i) {
    INFO("NARTHEX_SEED=" << first + i);
    run(first + i, 150);
  }
}

}  // namespace
}  // namespace narthex::test
