#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "controller/routes_text.h"
#include "test/support/certificates.h"
#include "test/support/manifests.h"
#include "test/support/world.h"

namespace narthex::test {
namespace {

using controller::CompilerCounts;
using controller::routes_text;
using std::chrono::hours;

// Ingress, host and Service of one number.
std::string site(int i, const std::string& path = "/") {
  IngressSpec spec;
  spec.name = fmt::format("site-{}", i);
  spec.rules = {{fmt::format("h{}.example.com", i), {{path, fmt::format("app-{}", i)}}}};
  return ingress_yaml(spec);
}

std::string sites(int count) {
  std::string yaml;
  for (int i = 0; i < count; ++i) {
    yaml += site(i) + app_yaml(fmt::format("app-{}", i), {fmt::format("10.0.{}.{}", i / 200, i % 200 + 1)});
  }
  return yaml;
}

std::string tls_site(const std::string& name, const std::string& host, const std::string& secret) {
  IngressSpec spec;
  spec.name = name;
  spec.rules = {{host, {{"/" + name, "web"}}}};
  spec.tls = {{{host}, secret}};
  return ingress_yaml(spec);
}

std::string secret(const std::string& name, const PemPair& pair) { return tls_secret_yaml(name, pair.chain, pair.key); }

// What the work between two counts was.
CompilerCounts operator-(const CompilerCounts& a, const CompilerCounts& b) {
  return {a.hosts - b.hosts, a.backends - b.backends, a.certificate_hosts - b.certificate_hosts,
          a.ingresses - b.ingresses, a.certificates_parsed - b.certificates_parsed};
}

std::vector<const tls::Certificate*> served(const router::Snapshot& snapshot, const std::string& name) {
  std::vector<const tls::Certificate*> certificates;
  for (const auto& one : snapshot.certificates->find(name)) certificates.push_back(one.get());
  return certificates;
}

TEST_CASE("the first compilation publishes generation 1 even where there is nothing") {
  World world;
  const auto snapshot = world.compiler.compile();
  REQUIRE(snapshot != nullptr);
  CHECK(snapshot->generation == 1);
  CHECK(snapshot->hosts.size() == 0);
  CHECK(snapshot->default_backend == router::kNoBackend);
  CHECK(served(*snapshot, "any.example.com") == std::vector{default_certificate().get()});
}

TEST_CASE("what workers cannot see makes no new generation") {
  World world;
  const auto first = world.apply(site(1) + app_yaml("app-1", {"10.0.0.1"}));
  CHECK(first->generation == 1);
  CHECK(world.compiler.compile() == first);
  // The same again, some lines further down in its file, with a label and with a Secret that nobody asks for.
  CHECK(world.apply("\n\n\n" + site(1) + app_yaml("app-1", {"10.0.0.1"})) == first);
  CHECK(world.apply(secret("unused", make_certificate("a.example.com"))) == first);
  CHECK(world.compiler.counts().certificates_parsed == 0);
  CHECK(world.remove("Service", "default", "never-there") == first);
  CHECK(world.apply(site(1) + app_yaml("app-1", {"10.0.0.2"}))->generation == 2);
}

TEST_CASE("an endpoint change shares every host with the generation before") {
  World world;
  const auto before = world.apply(sites(50));
  const auto after = world.apply(slice_yaml("app-7", {"10.9.9.9"}));
  CHECK(after->generation == before->generation + 1);
  before->hosts.for_each(
      [&](const router::HostRoutes& routes) { CHECK(after->hosts.find_key(routes.host()) == &routes); });
  CHECK(after->certificates == before->certificates);
  CHECK(endpoints_for(*before, "h7.example.com", "/") == std::vector<std::string>{"10.0.0.8:8080"});
  CHECK(endpoints_for(*after, "h7.example.com", "/") == std::vector<std::string>{"10.9.9.9:8080"});
  const router::Route* other = route_for(*after, "h8.example.com", "/");
  CHECK(after->backends.find(other->backend) == before->backends.find(other->backend));
}

TEST_CASE("one change costs the work of one change, however much else there is") {
  World world;
  world.apply(sites(1000));
  CompilerCounts before = world.compiler.counts();
  world.apply(slice_yaml("app-7", {"10.9.9.9"}));
  CompilerCounts work = world.compiler.counts() - before;
  CHECK(work.backends == 1);
  CHECK(work.hosts + work.ingresses + work.certificate_hosts + work.certificates_parsed == 0);

  before = world.compiler.counts();
  world.apply(site(7, "/new"));
  work = world.compiler.counts() - before;
  CHECK(work.hosts == 1);
  CHECK(work.ingresses == 1);
  CHECK(work.backends <= 1);

  before = world.compiler.counts();
  world.remove("Service", "default", "app-7");
  work = world.compiler.counts() - before;
  CHECK(work.backends == 1);
  CHECK(work.ingresses == 1);  // which is told that its Service has gone
  CHECK(work.hosts == 0);
}

TEST_CASE("a change of a canary costs the work of one change, and shares the policy of what stays the same") {
  World world;
  world.apply(sites(1000));
  const auto canary = [](const std::string& weight) {
    return ingress_yaml({.name = "canary", .rules = {{"h7.example.com", {{.service = "app-8"}}}}, .annotations = {{"canary", "true"}, {"canary-weight", weight}}});
  };
  CompilerCounts before = world.compiler.counts();
  const auto first = world.apply(canary("10"));
  CompilerCounts work = world.compiler.counts() - before;
  CHECK(work.hosts == 1);
  CHECK(work.ingresses == 1);
  CHECK(work.backends == 0);  // its Service is in use already
  const router::Route* route = route_for(*first, "h7.example.com", "/");
  REQUIRE(route->policy);
  REQUIRE(route->policy->canary);
  CHECK(route->policy->canary->weight == 10);
  CHECK(first->backends.find(route->policy->canary->backend)->name == "default/app-8:80");

  // The host is translated again, but what workers see is the same.
  CHECK(world.apply("\n" + canary("10"))->generation == first->generation);
  const auto second = world.apply(canary("20"));
  CHECK(second->generation == first->generation + 1);
  CHECK(route_for(*second, "h7.example.com", "/")->policy->canary->weight == 20);

  before = world.compiler.counts();
  const auto after = world.remove("Ingress", "default", "canary");
  work = world.compiler.counts() - before;
  CHECK(work.hosts == 1);
  CHECK(route_for(*after, "h7.example.com", "/")->policy == nullptr);
  CHECK(world.count("CanaryWithoutPrimary") == 0);
}

TEST_CASE("a canary follows the route that it joins: before it comes, while it changes, when it goes") {
  World world;
  const std::string canary = ingress_yaml({.name = "canary", .rules = {{"example.com", {{.service = "next"}}}}, .annotations = {{"canary", "true"}, {"canary-weight", "10"}}});
  world.apply(canary + app_yaml("next", {"10.0.0.2"}) + app_yaml("web", {"10.0.0.1"}));
  CHECK(world.count("CanaryWithoutPrimary") == 1);
  const auto joined = world.apply(ingress_yaml({}));
  CHECK(world.count("CanaryWithoutPrimary") == 0);
  CHECK(route_for(*joined, "example.com", "/")->policy->canary->weight == 10);
  CHECK_FALSE(route_for(*joined, "example.com", "/")->policy->cors);
  const auto changed = world.apply(ingress_yaml({.annotations = {{"enable-cors", "true"}}}));
  CHECK(route_for(*changed, "example.com", "/")->policy->cors);
  CHECK(route_for(*changed, "example.com", "/")->policy->canary->weight == 10);
  world.remove("Ingress", "default", "web");
  CHECK(world.count("CanaryWithoutPrimary") == 1);
  world.remove("Ingress", "default", "canary");
  CHECK(world.findings().empty());
}

TEST_CASE("a route change does not parse certificates again, and an equal Secret neither") {
  World world;
  const PemPair pair = make_certificate("a.example.com");
  world.apply(tls_site("one", "a.example.com", "cert") + secret("cert", pair));
  CHECK(world.compiler.counts().certificates_parsed == 1);
  world.apply(tls_site("two", "a.example.com", "cert"));
  world.apply("\n\n" + secret("cert", pair));
  CHECK(world.compiler.counts().certificates_parsed == 1);
  world.apply(secret("cert", make_certificate("a.example.com")));
  CHECK(world.compiler.counts().certificates_parsed == 2);
}

TEST_CASE("a changed Secret serves at once, and the old snapshot keeps the old certificate") {
  World world;
  const PemPair pair = make_certificate("a.example.com");
  const auto before = world.apply(tls_site("one", "a.example.com", "cert") + secret("cert", pair));
  const auto after = world.apply(secret("cert", make_certificate("a.example.com")));
  REQUIRE(served(*before, "a.example.com").size() == 1);
  REQUIRE(served(*after, "a.example.com").size() == 1);
  CHECK(served(*before, "a.example.com") != served(*after, "a.example.com"));
  const auto gone = world.remove("Secret", "default", "cert");
  CHECK(served(*gone, "a.example.com") == std::vector{default_certificate().get()});
  CHECK(world.count("SecretNotFound") == 1);
}

TEST_CASE("a certificate that expires gives way to the default one at that moment") {
  World world;
  CertificateSpec spec;
  spec.names = {"a.example.com"};
  spec.not_after = hours(2);
  world.apply(tls_site("one", "a.example.com", "cert"));
  const PemPair pair = make_certificate(spec);
  const auto before = world.apply(secret("cert", pair));
  CHECK(served(*before, "a.example.com") != std::vector{default_certificate().get()});
  REQUIRE(world.compiler.next_turn().has_value());
  CHECK(*world.compiler.next_turn() - world.clock.wall_now() <= hours(2));
  CHECK(world.compiler.compile() == before);

  world.clock.turn(hours(3));
  const auto after = world.compiler.compile();
  CHECK(after->generation == before->generation + 1);
  CHECK(served(*after, "a.example.com") == std::vector{default_certificate().get()});
  CHECK(world.count("CertificateExpired") == 1);
  CHECK_FALSE(world.compiler.next_turn().has_value());
}

TEST_CASE("a certificate for later is taken when its time comes") {
  World world;
  CertificateSpec spec;
  spec.names = {"a.example.com"};
  spec.not_before = hours(2);
  const auto before = world.apply(tls_site("one", "a.example.com", "cert") + secret("cert", make_certificate(spec)));
  CHECK(served(*before, "a.example.com") == std::vector{default_certificate().get()});
  CHECK(world.count("CertificateNotYetValid") == 1);
  world.clock.turn(hours(3));
  CHECK(served(*world.compiler.compile(), "a.example.com") != std::vector{default_certificate().get()});
  CHECK(world.count("CertificateNotYetValid") == 0);
}

TEST_CASE("certificate expiries name host, Secret and time of what is served") {
  World world;
  world.apply(tls_site("one", "a.example.com", "cert") + secret("cert", make_certificate("a.example.com")));
  const auto expiries = world.compiler.certificate_expiries();
  REQUIRE(expiries.size() == 2);
  CHECK(expiries[0].host == "");
  CHECK(expiries[0].secret == config::ObjectKey{});
  CHECK(expiries[0].not_after == default_certificate()->not_after());
  CHECK(expiries[1].host == "a.example.com");
  CHECK(expiries[1].secret == config::ObjectKey{"default", "cert"});
  CHECK(expiries[1].not_after > world.clock.wall_now());
}

TEST_CASE("backend slots of removed Ingresses are used again") {
  World world;
  world.apply(sites(3));
  router::BackendSlot highest = 0;
  for (int i = 100; i < 600; ++i) {
    const auto snapshot = world.apply(site(i) + app_yaml(fmt::format("app-{}", i), {"10.0.0.1"}));
    highest = std::max(highest, route_for(*snapshot, fmt::format("h{}.example.com", i), "/")->backend);
    world.remove("Ingress", "default", fmt::format("site-{}", i));
  }
  CHECK(highest <= 3);
}

TEST_CASE("a snapshot stays as it was whatever happens later") {
  World world;
  const auto first = world.apply(sites(3) + tls_site("tls", "h1.example.com", "cert") +
                                 secret("cert", make_certificate("h1.example.com")));
  const std::string text = routes_text(*first);
  world.remove("Ingress", "default", "site-1");
  world.remove("Secret", "default", "cert");
  world.apply(site(5) + app_yaml("app-5", {"10.5.5.5"}) + slice_yaml("app-2", {"10.6.6.6"}));
  CHECK(routes_text(*first) == text);
  CHECK(routes_text(*world.compiler.compile()) != text);
}

TEST_CASE("findings of a source are listed beside those of translation until it takes them back") {
  World world;
  world.apply(site(1));
  REQUIRE(world.count("ServiceNotFound") == 1);
  config::Finding broken;
  broken.severity = config::Severity::refused;
  broken.reason = "NotYaml";
  broken.origin = {"a.yaml", 3};
  world.compiler.set_source_findings("a.yaml", {broken});
  world.compiler.set_source_findings("b.yaml", {broken});
  CHECK(world.count("NotYaml") == 1);
  world.compiler.set_source_findings("a.yaml", {});
  CHECK(world.count("NotYaml") == 1);
  world.compiler.set_source_findings("b.yaml", {});
  CHECK(world.count("NotYaml") == 0);
  CHECK(world.count("ServiceNotFound") == 1);
}

TEST_CASE("finding changes are what differs on balance") {
  World world;
  world.apply(site(1));
  controller::FindingChanges changes = world.compiler.take_finding_changes();
  REQUIRE(changes.appeared.size() == 1);
  CHECK(changes.appeared[0].reason == "ServiceNotFound");
  CHECK(changes.vanished.empty());
  world.apply(app_yaml("app-1", {"10.0.0.1"}));
  world.remove("Service", "default", "app-1");
  changes = world.compiler.take_finding_changes();
  CHECK(changes.appeared.empty());
  CHECK(changes.vanished.empty());
  world.apply(app_yaml("app-1", {"10.0.0.1"}));
  CHECK(world.compiler.take_finding_changes().vanished.size() == 1);
  CHECK(world.findings().empty());
}

TEST_CASE("the controller's default backend stands aside while it has no endpoints") {
  controller::CompilerOptions options = default_options();
  options.default_backend_service = config::ObjectKey{"system", "lost"};
  World world(std::move(options));
  CHECK(world.compiler.compile()->default_backend == router::kNoBackend);
  CHECK(world.count("DefaultBackendUnusable") == 1);
  const auto with = world.apply(app_yaml("lost", {"10.0.0.1"}, "system"));
  REQUIRE(with->default_backend != router::kNoBackend);
  CHECK(with->backends.find(with->default_backend)->endpoints.size() == 1);
  CHECK(world.findings().empty());
  CHECK(world.apply(slice_yaml("lost", {}, "system"))->default_backend == router::kNoBackend);
}

TEST_CASE("an Ingress that moves within its file keeps its policy, its host and the generation") {
  World world;
  IngressSpec spec;
  spec.annotations = {{"affinity", "cookie"}};
  const auto before = world.apply(ingress_yaml(spec));
  CHECK(world.apply("\n\n" + ingress_yaml(spec)) == before);
  spec.annotations = {{"affinity", "cookie"}, {"session-cookie-name", "route"}};
  CHECK(world.apply(ingress_yaml(spec)) != before);
}

TEST_CASE("a policy is shared by the routes of an Ingress, and lost with its annotation") {
  World world;
  IngressSpec spec;
  spec.rules = {{"a.example.com", {{"/x", "app-1"}, {"/y", "app-1"}}}};
  spec.annotations = {{"affinity", "cookie"}};
  const auto sticky = world.apply(ingress_yaml(spec));
  const router::Route* x = route_for(*sticky, "a.example.com", "/x");
  REQUIRE(x->policy != nullptr);
  REQUIRE(x->policy->cookie_affinity.has_value());
  CHECK(x->policy->cookie_affinity->name == "INGRESSCOOKIE");
  CHECK(route_for(*sticky, "a.example.com", "/y")->policy == x->policy);
  CHECK(x->owner->ingress == "web");
  spec.annotations.clear();
  CHECK(route_for(*world.apply(ingress_yaml(spec)), "a.example.com", "/x")->policy == nullptr);
}

}  // namespace
}  // namespace narthex::test
