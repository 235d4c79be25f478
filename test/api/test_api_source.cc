// The API source against a made-up API server that behaves: what is read, what is kept, what is asked for.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "test/api/api_world.h"

namespace narthex::test {
namespace {

using config::ObjectKey;
using Verbs = std::map<std::string, size_t>;

controller::ApiSourceOptions in_pages(uint32_t items) {
  controller::ApiSourceOptions options = ApiWorld::quick();
  options.reflector.streaming_lists = false;
  options.reflector.page_items = items;
  return options;
}

TEST_CASE("every kind is listed once, as a stream, and followed") {
  ApiWorld world;
  world.put_site();
  world.begin();
  CHECK(world.has("Ingress default/shop"));
  CHECK(world.has("IngressClass /nginx"));
  CHECK(world.has("Service default/web"));
  CHECK(world.has("EndpointSlice default/web-1"));
  // One call for each kind, though it was a list and is a watch.
  CHECK(world.api.verbs() == Verbs{{"watch ingressclasses", 1},
                                   {"watch ingresses", 1},
                                   {"watch services", 1},
                                   {"watch endpointslices", 1},
                                   {"watch secrets", 1}});
  world.put_ingress("shop", "new.example.com");
  world.run_until([&] { return world.host_of("shop") == "new.example.com"; });
  world.api.cluster().erase("ingresses", "default", "shop");
  world.run_until([&] { return !world.has("Ingress default/shop"); });
  CHECK(world.findings() == "");
}

TEST_CASE("where streams of lists are not offered, lists come in pages, and each kind is listed once") {
  FakeApi::Options server;
  server.streaming_lists = false;
  ApiWorld world(server);
  world.put_site();
  for (int i = 0; i < 25; ++i) world.put_ingress(fmt::format("i-{}", i), fmt::format("h{}.example.com", i));
  controller::ApiSourceOptions options = ApiWorld::quick();
  options.reflector.page_items = 10;
  world.begin(options);
  CHECK(world.source().object_counts().at(1).kind == "Ingress");
  CHECK(world.source().object_counts().at(1).count == 26);
  CHECK(world.host_of("i-24") == "h24.example.com");
  const Verbs verbs = world.api.verbs();
  CHECK(verbs.at("list ingresses") == 3);
  CHECK(verbs.at("list services") == 1);
  CHECK(world.lists("Ingress") == 1);
  world.run_marker();
}

TEST_CASE("a page asks for what the page before ended with, and the watch begins at the list's version") {
  ApiWorld world;
  world.put_site();
  world.put_ingress("a", "a.example.com");
  world.put_ingress("b", "b.example.com");
  world.begin(in_pages(2));
  world.run_until([&] { return world.api.watch_count("ingresses") == 1; });
  std::vector<FakeCall> calls;
  for (const FakeCall& call : world.api.calls())
    if (call.scope.plural == "ingresses") calls.push_back(call);
  REQUIRE(calls.size() == 3);
  CHECK(calls[0].query == std::map<std::string, std::string>{{"limit", "2"}});
  CHECK(calls[1].query.at("continue").ends_with("/default/b"));
  CHECK(calls[2].query.at("resourceVersion") == std::to_string(world.api.cluster().version()));
  CHECK(calls[2].query.at("allowWatchBookmarks") == "true");
  const int seconds = std::stoi(calls[2].query.at("timeoutSeconds"));
  CHECK((seconds >= 300 && seconds <= 600));
}

TEST_CASE("of Secrets those for TLS and those in use are kept, and Helm's releases are not asked for") {
  ApiWorld world;
  world.put_site();
  FakeCluster& cluster = world.api.cluster();
  cluster.put("secrets", "default", "tls", secret_json("default", "tls", "kubernetes.io/tls"));
  cluster.put("secrets", "default", "named", secret_json("default", "named", "Opaque"));
  cluster.put("secrets", "default", "other", secret_json("default", "other", "Opaque"));
  cluster.put("secrets", "default", "release", secret_json("default", "release", "helm.sh/release.v1"));
  world.used_secrets = {{"default", "named"}};
  world.begin();
  CHECK(world.has("Secret default/tls"));
  CHECK(world.has("Secret default/named"));
  CHECK_FALSE(world.has("Secret default/other"));
  for (const FakeCall& call : world.api.calls()) {
    if (call.scope.plural == "secrets") CHECK(call.query.at("fieldSelector") == "type!=helm.sh/release.v1");
  }
}

TEST_CASE("Secrets are asked for when everything that may name them is known") {
  ApiWorld world;
  world.put_site();
  world.begin();
  const auto& calls = world.api.calls();
  CHECK(calls.back().scope.plural == "secrets");
}

TEST_CASE("a Secret that comes into use later is fetched alone, one that does not exist is not") {
  ApiWorld world;
  world.put_site();
  world.api.cluster().put("secrets", "default", "late", secret_json("default", "late", "Opaque", {{"a", "1"}}));
  world.begin();
  CHECK_FALSE(world.has("Secret default/late"));
  world.used_secrets = {{"default", "late"}, {"default", "nowhere"}};
  world.source().want({{"default", "late"}, {"default", "nowhere"}});
  world.run_until([&] { return world.has("Secret default/late"); });
  CHECK(world.api.verbs().at("get secrets default") == 1);
  world.api.cluster().put("secrets", "default", "late", secret_json("default", "late", "Opaque", {{"a", "2"}}));
  const auto value = [&] { return std::get<config::Secret>(world.model.at("Secret default/late")).data.at("a"); };
  world.run_until([&] { return value() == "2"; });
  world.api.cluster().erase("secrets", "default", "late");
  world.run_until([&] { return !world.has("Secret default/late"); });
}

TEST_CASE("Endpoints are read only where there are no EndpointSlices") {
  FakeApi::Options server;
  server.endpoint_slices = false;
  ApiWorld world(server);
  world.put_site();
  world.api.cluster().put("endpoints", "default", "web", endpoints_json("default", "web", "10.244.0.9", 8080));
  world.begin();
  CHECK(world.has("Endpoints default/web"));
  CHECK(world.has_finding("ApiKindNotServed"));
  CHECK(world.findings().starts_with("note EndpointSlice"));
}

TEST_CASE("with namespaces named, only namespaced calls are made, but for the classes") {
  ApiWorld world;
  world.put_site();
  world.put_ingress("inside", "a.example.com", "", "team-a");
  world.put_ingress("outside", "b.example.com", "", "team-b");
  controller::ApiSourceOptions options = ApiWorld::quick();
  options.namespaces = {"default", "team-a"};
  options.default_backend_service = ObjectKey{"kube-system", "fallback"};
  options.default_ssl_certificate = ObjectKey{"certs", "main"};
  world.api.cluster().put("secrets", "certs", "main", secret_json("certs", "main", "kubernetes.io/tls"));
  world.api.cluster().put("secrets", "certs", "secret", secret_json("certs", "secret", "kubernetes.io/tls"));
  world.begin(options);
  CHECK(world.has("Ingress default/shop"));
  CHECK(world.has("Ingress team-a/inside"));
  CHECK_FALSE(world.has("Ingress team-b/outside"));
  CHECK(world.has("Secret certs/main"));
  CHECK_FALSE(world.has("Secret certs/secret"));
  for (const FakeCall& call : world.api.calls()) CHECK((call.scope.plural == "ingressclasses" || call.scope.ns != ""));
  CHECK(world.api.verbs().contains("watch services kube-system"));
}

TEST_CASE("a selector chooses namespaces, which come and go") {
  ApiWorld world;
  world.put_site();
  FakeCluster& cluster = world.api.cluster();
  cluster.put("namespaces", "", "default", namespace_json("default", "\"team\":\"a\""));
  cluster.put("namespaces", "", "other", namespace_json("other", "\"team\":\"b\""));
  controller::ApiSourceOptions options = ApiWorld::quick();
  options.namespace_selector = "team=a";
  world.begin(options);
  CHECK(world.has("Namespace /default"));
  CHECK_FALSE(world.has("Namespace /other"));
  cluster.erase("namespaces", "", "default");
  world.run_until([&] { return !world.has("Namespace /default"); });
}

TEST_CASE("an object that cannot be read costs only itself, and is taken up when it is mended") {
  for (const bool streaming : {true, false}) {
    ApiWorld world;
    world.put_site();
    world.put_ingress("later", "later.example.com");
    const std::string good = ingress_json("default", "broken", "ok.example.com");
    world.api.cluster().put("ingresses", "default", "broken",
                            "{\"metadata\":{\"name\":\"broken\",\"namespace\":\"default\",\"resourceVersion\":\"$V\","
                            "\"annotations\":7},\"spec\":{\"rules\":3}}");
    world.api.cluster().put("ingresses", "default", "nonsense", "{\"metadata\":{\"name\":\"nonsense\",,},\"spec\":{}}");
    controller::ApiSourceOptions options = ApiWorld::quick();
    options.reflector.streaming_lists = streaming;
    world.begin(options);
    CHECK(world.has("Ingress default/shop"));
    CHECK(world.has("Ingress default/later"));
    CHECK(world.has_finding("WrongType"));
    CHECK(world.has_finding("InvalidJson"));
    world.api.cluster().put("ingresses", "default", "broken", good);
    world.run_until([&] { return world.host_of("broken") == "ok.example.com"; });
    CHECK_FALSE(world.has_finding("WrongType"));
  }
}

TEST_CASE("events that wait together are delivered together") {
  ApiWorld world;
  world.put_site();
  world.begin();
  const size_t before = world.batches;
  for (int i = 0; i < 200; ++i) world.put_ingress(fmt::format("i-{}", i), "x.example.com");
  world.run_until([&] { return world.has("Ingress default/i-199"); });
  CHECK(world.batches - before < 100);
}

TEST_CASE("a source that ends leaves nothing behind that calls it") {
  ApiWorld world;
  world.put_site();
  world.start();
  for (int turns = 0; turns < 12; ++turns) world.loop.run_one_for(std::chrono::milliseconds(10));
  {
    ApiWorld other;
    other.put_site();
    other.start();
    for (int turns = 0; turns < 7; ++turns) other.loop.run_one_for(std::chrono::milliseconds(10));
  }
  world.run_until([&] { return world.source().complete(); });
}

}  // namespace
}  // namespace narthex::test
