#include <catch2/catch.hpp>

#include "test/support/manifests.h"
#include "test/support/world.h"

namespace narthex::test {
namespace {

using base::IpRange;
using controller::NameTrouble;
using controller::NameUse;
using controller::ResolvedName;
using Names = std::vector<std::string>;

std::string external_yaml(const std::string& name, const std::string& service = "web", const std::string& ports = "") {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + service +
         "}\nspec: {type: ExternalName, externalName: " + name + (ports.empty() ? "" : ", ports: " + ports) + "}\n";
}

// An Ingress whose backend is the Service of that name, on a port that is a number or a name.
std::string ingress_to(const std::string& host, const std::string& service, const std::string& port) {
  return "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " + service + "-" + port +
         "}\nspec:\n  ingressClassName: nginx\n  rules:\n  - host: " + host +
         "\n    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: " + service + ", port: {" +
         (port.find_first_not_of("0123456789") == std::string::npos ? "number: " : "name: ") + port + "}}}}]}\n";
}

std::shared_ptr<const router::Snapshot> answer(World& world, ResolvedName resolved) {
  const std::string name = resolved.name;
  world.compiler.apply_names({{name, std::move(resolved)}});
  return world.compiler.compile();
}
ResolvedName good(const std::string& name, Names addresses) { return {name, std::move(addresses)}; }
ResolvedName bad(const std::string& name, Names addresses, NameTrouble trouble) {
  return {name, std::move(addresses), false, trouble, std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000))};
}

std::vector<std::string> texts(const std::vector<NameUse>& uses) {
  std::vector<std::string> all;
  for (const NameUse& use : uses) all.push_back((use.wanted ? "+" : "-") + use.name);
  return all;
}

bool leads_back(const router::Snapshot& snapshot) {
  const router::Route* route = route_for(snapshot, "example.com", "/");
  REQUIRE(route);
  return snapshot.backends.find(route->backend)->leads_back;
}

TEST_CASE("every address of a name is an endpoint, on the Service's port") {
  World world;
  const auto pending = world.apply(ingress_yaml({}) + external_yaml("api.example.org"));
  CHECK(endpoints_for(*pending, "example.com", "/").empty());
  CHECK(world.findings().empty());  // an answer is on its way
  const auto snapshot = answer(world, good("api.example.org", {"192.0.2.1", "192.0.2.2", "2001:db8::1"}));
  CHECK(endpoints_for(*snapshot, "example.com", "/") == Names{"192.0.2.1:80", "192.0.2.2:80", "[2001:db8::1]:80"});
  CHECK(world.findings().empty());
  const auto moved = answer(world, good("api.example.org", {"192.0.2.3"}));
  CHECK(endpoints_for(*moved, "example.com", "/") == Names{"192.0.2.3:80"});
}

TEST_CASE("the port is found as ingress-nginx finds it") {
  const std::string ports =
      "[{name: a, port: 80, targetPort: 8443}, {name: b, port: 81}, {name: c, port: 82, targetPort: web}]";
  const std::pair<const char*, const char*> expected[] = {{"80", "192.0.2.1:8443"}, {"a", "192.0.2.1:8443"},
                                                          {"81", "192.0.2.1:81"},   {"b", "192.0.2.1:81"},
                                                          {"82", "192.0.2.1:82"},   {"9000", "192.0.2.1:9000"}};
  for (const auto& [port, endpoint] : expected) {
    CAPTURE(port);
    World world;
    world.apply(ingress_to("example.com", "web", port) + external_yaml("api.example.org", "web", ports));
    const auto snapshot = answer(world, good("api.example.org", {"192.0.2.1"}));
    CHECK(endpoints_for(*snapshot, "example.com", "/") == Names{endpoint});
    CHECK(world.findings().empty());
  }
  World world;
  world.apply(ingress_to("example.com", "web", "nope") + external_yaml("api.example.org", "web", ports));
  CHECK(endpoints_for(*answer(world, good("api.example.org", {"192.0.2.1"})), "example.com", "/").empty());
  CHECK(world.count("ServicePortNotFound") == 1);
}

TEST_CASE("a name that nobody may be sent to is refused by its addresses, each time they come") {
  for (const char* ip : {"127.0.0.1", "127.8.9.10", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1",
                         "ff02::1", "255.255.255.255", "fd00:ec2::254", "100.100.100.200", "192.0.0.192",
                         "168.63.129.16", "::ffff:127.0.0.1", "::ffff:169.254.169.254"}) {
    CAPTURE(ip);
    World world;
    world.apply(ingress_yaml({}) + external_yaml("api.example.org"));
    CHECK(endpoints_for(*answer(world, good("api.example.org", {"192.0.2.1"})), "example.com", "/").size() == 1);
    const auto rebound = answer(world, good("api.example.org", {ip}));
    CHECK(endpoints_for(*rebound, "example.com", "/").empty());
    CHECK(world.count("ForbiddenAddress") == 1);
    const auto mixed = answer(world, good("api.example.org", {"192.0.2.1", ip}));
    CHECK(endpoints_for(*mixed, "example.com", "/") == Names{"192.0.2.1:80"});
    CHECK(world.count("ForbiddenAddress") == 1);
  }
}

TEST_CASE("a range that the flag allows is served, the others stay refused") {
  controller::CompilerOptions options = default_options();
  options.backends.allowed_external_names = {*base::parse_ip_range("127.0.0.0/8")};
  World world(std::move(options));
  world.apply(ingress_yaml({}) + external_yaml("api.example.org"));
  const auto snapshot = answer(world, good("api.example.org", {"127.0.0.1", "169.254.169.254", "::1"}));
  CHECK(endpoints_for(*snapshot, "example.com", "/") == Names{"127.0.0.1:80"});
  CHECK(world.count("ForbiddenAddress") == 2);
}

TEST_CASE("no name leads to the API server, whether flags or the cluster say where it is") {
  controller::CompilerOptions options = default_options();
  options.backends.api_servers = {*base::parse_ip_range("10.96.0.1")};
  World world(std::move(options));
  world.apply(ingress_yaml({}) + external_yaml("api.example.org"));
  const auto first = answer(world, good("api.example.org", {"10.96.0.1", "10.0.0.5"}));
  CHECK(endpoints_for(*first, "example.com", "/") == Names{"10.0.0.5:80"});
  const auto second = world.apply(slice_yaml("kubernetes", {"10.0.0.5"}));
  CHECK(endpoints_for(*second, "example.com", "/").empty());
  const auto third = world.apply(slice_yaml("kubernetes", {"10.0.0.6"}));
  CHECK(endpoints_for(*third, "example.com", "/") == Names{"10.0.0.5:80"});
}

TEST_CASE("our own listeners are recognised behind a name and in a slice, and only their ports") {
  controller::CompilerOptions options = default_options();
  options.backends.own = {{*base::parse_ip_range("10.0.0.9")}, {80, 443}};
  options.backends.allowed_external_names = {*base::parse_ip_range("0.0.0.0/0")};  // does not allow loops
  World world(std::move(options));
  world.apply(ingress_yaml({}) + external_yaml("api.example.org"));
  const auto looping = answer(world, good("api.example.org", {"10.0.0.9"}));
  CHECK(endpoints_for(*looping, "example.com", "/").empty());
  CHECK(leads_back(*looping));
  CHECK(world.count("BackendLoop") == 1);
  const auto partly = answer(world, good("api.example.org", {"10.0.0.9", "10.0.0.8"}));
  CHECK(endpoints_for(*partly, "example.com", "/") == Names{"10.0.0.8:80"});
  CHECK_FALSE(leads_back(*partly));
  CHECK(world.count("BackendLoop") == 1);
  const auto other_port = world.apply(external_yaml("api.example.org", "web", "[{port: 80, targetPort: 8080}]"));
  CHECK(endpoints_for(*other_port, "example.com", "/").size() == 2);

  World forged([] {
    controller::CompilerOptions own = default_options();
    own.backends.own = {{*base::parse_ip_range("10.0.0.9")}, {8080}};
    return own;
  }());
  const auto snapshot = forged.apply(ingress_yaml({}) + app_yaml("web", {"10.0.0.9"}));
  CHECK(leads_back(*snapshot));
  CHECK(forged.count("BackendLoop") == 1);
  forged.compiler.set_own_listeners({{*base::parse_ip_range("10.0.0.9")}, {80}});
  CHECK(endpoints_for(*forged.compiler.compile(), "example.com", "/") == Names{"10.0.0.9:8080"});
}

TEST_CASE("what the DNS cannot say is told on the Service, and what it last said is served") {
  World world;
  world.apply(ingress_yaml({}) + external_yaml("api.example.org"));
  const auto stale = answer(world, bad("api.example.org", {"192.0.2.1"}, NameTrouble::failing));
  CHECK(endpoints_for(*stale, "example.com", "/") == Names{"192.0.2.1:80"});
  CHECK(world.findings() ==
        Names{"note Service default/web spec.externalName: ExternalNameStale: api.example.org is answered by no DNS "
              "server since 2023-11-14T22:13:20Z; the addresses of before are served on (test.yaml:17)"});
  answer(world, bad("api.example.org", {"192.0.2.1"}, NameTrouble::absent));
  CHECK(world.count("ExternalNameStale") == 1);
  answer(world, bad("api.example.org", {}, NameTrouble::absent));
  CHECK(world.count("ExternalNameNotFound") == 1);
  answer(world, bad("api.example.org", {}, NameTrouble::failing));
  CHECK(world.count("ExternalNameFailing") == 1);
  answer(world, bad("api.example.org", {}, NameTrouble::too_many));
  CHECK(world.count("TooManyExternalNames") == 1);
  answer(world, good("api.example.org", {"192.0.2.1"}));
  CHECK(world.findings().empty());
}

TEST_CASE("an address is no name") {
  for (const char* ip : {"192.0.2.1", "192.0.2.1."}) {
    World world;
    const auto snapshot = world.apply(ingress_yaml({}) + external_yaml(ip));
    CHECK(endpoints_for(*snapshot, "example.com", "/").empty());
    CHECK(world.count("ExternalNameIsAddress") == 1);
    CHECK(world.compiler.take_name_uses().empty());
  }
}

TEST_CASE("names that are switched off are neither wanted nor served") {
  controller::CompilerOptions options = default_options();
  options.backends.external_names = controller::NameRule::off;
  World world(std::move(options));
  world.apply(ingress_yaml({}) + external_yaml("api.example.org"));
  CHECK(endpoints_for(*answer(world, good("api.example.org", {"192.0.2.1"})), "example.com", "/").empty());
  CHECK(world.count("ExternalNameDisabled") == 1);
}

TEST_CASE("a name is wanted for as long as a route leads to it") {
  World world;
  world.apply(external_yaml("api.example.org"));
  CHECK(texts(world.compiler.take_name_uses()) == Names{"-api.example.org"});
  world.apply(ingress_yaml({}));
  CHECK(texts(world.compiler.take_name_uses()) == Names{"+api.example.org"});
  world.apply(external_yaml("api.example.org", "other") + ingress_to("b.example.com", "other", "80"));
  CHECK(texts(world.compiler.take_name_uses()) == Names{"+api.example.org"});
  world.apply(external_yaml("new.example.org"));
  CHECK(texts(world.compiler.take_name_uses()) == Names{"+api.example.org", "+new.example.org"});
  world.remove("Ingress", "default", "other-80");
  CHECK(texts(world.compiler.take_name_uses()) == Names{"-api.example.org"});
  world.remove("Service", "default", "web");
  CHECK(texts(world.compiler.take_name_uses()) == Names{"-new.example.org"});
}

TEST_CASE("one answer costs the translation of the backends of that name") {
  World world;
  std::string yaml;
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    yaml += external_yaml("n" + n + ".example.org", "s" + n) + ingress_to("h" + n + ".example.com", "s" + n, "80");
  }
  world.apply(yaml);
  const controller::CompilerCounts before = world.compiler.counts();
  answer(world, good("n7.example.org", {"192.0.2.7"}));
  const controller::CompilerCounts after = world.compiler.counts();
  CHECK(after.backends == before.backends + 1);
  CHECK(after.hosts == before.hosts);
  CHECK(after.ingresses == before.ingresses);
  answer(world, good("n7.example.org", {"192.0.2.7"}));
  CHECK(world.compiler.counts().backends == after.backends);
}

TEST_CASE("ranges of addresses are read strictly and hold both spellings of an IPv4 address") {
  const auto holds = [](const char* range, const char* ip) {
    const auto parsed = base::parse_ip_range(range);
    REQUIRE(parsed);
    return parsed->holds(controller::ip_bytes(*router::make_endpoint(ip, 0)));
  };
  CHECK(holds("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
  CHECK(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK(holds("172.16.0.0/12", "172.31.255.255"));
  CHECK_FALSE(holds("172.16.0.0/12", "172.32.0.0"));
  CHECK(holds("192.0.2.1", "192.0.2.1"));
  CHECK_FALSE(holds("192.0.2.1", "192.0.2.2"));
  CHECK(holds("::/0", "127.0.0.1"));
  CHECK(holds("0.0.0.0/0", "127.0.0.1"));
  CHECK_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
  CHECK(holds("fd00::/8", "fdff::1"));
  for (const char* wrong :
       {"", "/8", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "fd00::/129", "fd00::1/8", "a/8", "10.0.0.0/"})
    CHECK_FALSE(base::parse_ip_range(wrong));
}

TEST_CASE("all interfaces are our own where we listen on all, else that one address") {
  const auto holds = [](const std::string& bind, const char* ip) {
    const controller::OwnListeners own{controller::own_addresses(bind), {80}};
    CHECK_FALSE(own.holds(*router::make_endpoint(ip, 81)));
    return own.holds(*router::make_endpoint(ip, 80));
  };
  CHECK(holds("", "127.0.0.1"));
  CHECK(holds("", "127.1.2.3"));
  CHECK(holds("", "::1"));
  CHECK(holds("0.0.0.0", "127.0.0.1"));
  CHECK_FALSE(holds("", "192.0.2.1"));
  CHECK(holds("127.0.0.2", "127.0.0.2"));
  CHECK_FALSE(holds("127.0.0.2", "127.0.0.1"));
}

}  // namespace
}  // namespace narthex::test
