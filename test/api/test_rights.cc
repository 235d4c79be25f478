// The calls that are made, against the rights that e2e/rbac gives: neither may be more than the other.
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "config/tree.h"
#include "test/api/api_world.h"

namespace narthex::test {
namespace {

using Rights = std::set<std::string>;  // "list ingresses"

std::vector<std::string> words(const config::Tree& rule, const char* field) {
  std::vector<std::string> out;
  const config::Tree* list = rule.find(field);
  REQUIRE(list != nullptr);
  for (const config::Tree& item : std::get<config::Tree::List>(list->value))
    out.push_back(std::get<std::string>(item.value));
  return out;
}

// To read, of the Role or ClusterRole in the file. What is written (status, Events, the Lease) e2e holds against the
// rights.
Rights rights_in(const std::string& name) {
  std::ifstream file(std::string(NARTHEX_SOURCE_DIR) + "/e2e/rbac/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  const config::TreeDocuments parsed = config::parse_yaml(text.str());
  REQUIRE(parsed.errors.empty());
  Rights rights;
  for (const config::Tree& document : parsed.documents) {
    const config::Tree* rules = document.find("rules");
    if (rules == nullptr) continue;
    for (const config::Tree& rule : std::get<config::Tree::List>(rules->value))
      for (const std::string& resource : words(rule, "resources"))
        for (const std::string& verb : words(rule, "verbs"))
          if (resource != "leases" && (verb == "get" || verb == "list" || verb == "watch"))
            rights.insert(verb + " " + resource);
  }
  return rights;
}

// Everything that is ever asked for with these options: lists as streams and in pages, and a Secret alone.
Rights calls_made(controller::ApiSourceOptions options, const std::string& ns) {
  Rights made;
  for (const bool streaming : {true, false}) {
    ApiWorld world;
    world.put_site();
    world.put_ingress("shop", "shop.example.com", "", ns);
    world.api.cluster().put("secrets", ns, "late", secret_json(ns, "late", "Opaque"));
    options.reflector.streaming_lists = streaming;
    world.begin(options);
    world.used_secrets = {{ns, "late"}};
    world.source().want({{ns, "late"}});
    world.run_until([&] { return world.has("Secret " + ns + "/late") && world.api.watch_count("") >= 4; });
    for (const FakeCall& call : world.api.calls()) made.insert(call.verb() + " " + call.scope.plural);
  }
  return made;
}

TEST_CASE("the rights for a cluster are exactly what is used") {
  controller::ApiSourceOptions options = ApiWorld::quick();
  CHECK(calls_made(options, "default") == rights_in("cluster.yaml"));
  options.namespace_selector = "team=a";
  Rights rights = rights_in("cluster.yaml");
  rights.merge(rights_in("selector.yaml"));
  CHECK(calls_made(options, "default") == rights);
}

TEST_CASE("the rights for a namespace are exactly what is used there") {
  controller::ApiSourceOptions options = ApiWorld::quick();
  options.namespaces = {"web"};
  Rights made = calls_made(options, "web");
  // Tried, and done without.
  CHECK(made.erase("list ingressclasses") + made.erase("watch ingressclasses") == 2);
  CHECK(made == rights_in("namespaced.yaml"));
}

}  // namespace
}  // namespace narthex::test
