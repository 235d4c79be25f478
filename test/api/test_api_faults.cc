// The API source against everything that an API server does to its clients.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "test/api/api_world.h"

namespace narthex::test {
namespace {

using namespace std::chrono_literals;

controller::ApiSourceOptions with_pages(bool pages) {
  controller::ApiSourceOptions options = ApiWorld::quick();
  options.reflector.streaming_lists = !pages;
  return options;
}

// The first `count` calls that `meets` get the fault.
auto first_calls(int count, FakeFault fault, std::function<bool(const FakeCall&)> meets) {
  return [count, fault, meets](const FakeCall& call) mutable -> std::optional<FakeFault> {
    if (count == 0 || !meets(call)) return std::nullopt;
    --count;
    return fault;
  };
}

bool is_of_ingresses(const FakeCall& call) { return call.scope.plural == "ingresses"; }

TEST_CASE("a watch whose time is over goes on from where it was, without a list") {
  ApiWorld world;
  world.put_site();
  world.begin();
  world.run_marker();
  world.api.end_watches("ingresses");
  world.run_until([&] { return world.api.calls().back().query.contains("resourceVersion"); });
  world.run_marker();
  CHECK(world.lists("Ingress") == 1);
  CHECK(world.delivered.at("Ingress default/shop") == 1);
}

TEST_CASE("a watch cut in the middle of an event goes on, and nothing is lost or told twice") {
  ApiWorld world;
  world.put_site();
  world.begin();
  world.run_marker();
  world.api.cut_watches("ingresses");
  world.put_ingress("during", "during.example.com");
  world.run_until([&] { return world.has("Ingress default/during"); });
  world.run_marker();
  CHECK(world.lists("Ingress") == 1);
  CHECK(world.delivered.at("Ingress default/during") == 1);
}

TEST_CASE("410 Gone leads to one new list, and what it does not name is removed") {
  for (const bool pages : {true, false}) {
    ApiWorld world;
    world.put_site();
    world.put_ingress("gone", "gone.example.com");
    world.begin(with_pages(pages));
    world.run_until([&] { return world.api.watch_count("") == 5; });
    world.api.freeze_watches("ingresses");
    world.api.cluster().erase("ingresses", "default", "gone");
    world.put_ingress("fresh", "fresh.example.com");
    world.api.cluster().compact();
    world.api.cut_watches("ingresses");
    world.run_until([&] { return world.has("Ingress default/fresh") && !world.has("Ingress default/gone"); });
    CHECK(world.has("Ingress default/shop"));
    CHECK(world.lists("Ingress") == 2);
    CHECK(world.lists("Service") == 1);
    world.run_marker();
  }
}

TEST_CASE("410 as the answer to the watch itself leads to a list, too") {
  ApiWorld world;
  world.put_site();
  world.begin();
  world.api.fault = first_calls(1, {.status = 410, .body = status_json(410, "Gone", "gone")}, is_of_ingresses);
  world.api.end_watches("ingresses");
  world.run_until([&] { return world.lists("Ingress") == 2; });
  world.run_marker();
}

TEST_CASE("a list whose token expires between two pages begins again with larger ones") {
  ApiWorld world;
  world.put_site();
  for (int i = 0; i < 7; ++i) world.put_ingress(fmt::format("i-{}", i), "x.example.com");
  controller::ApiSourceOptions options = with_pages(true);
  options.reflector.page_items = 3;
  world.api.fault = first_calls(1, {.status = 410, .body = status_json(410, "Expired", "too old")},
                                [](const FakeCall& call) { return call.query.contains("continue"); });
  world.begin(options);
  CHECK(world.source().object_counts().at(1).count == 8);
  CHECK(world.lists("Ingress") == 2);
  std::vector<std::string> limits;
  for (const FakeCall& call : world.api.calls())
    if (is_of_ingresses(call) && call.is_list()) limits.push_back(call.query.at("limit"));
  CHECK(limits == std::vector<std::string>{"3", "3", "12"});
}

TEST_CASE("an answer cut in the middle of a page is asked for again, and nothing half is taken") {
  ApiWorld world;
  world.put_site();
  world.api.fault = first_calls(3, {.cut_after = 400}, is_of_ingresses);
  world.begin(with_pages(true));
  CHECK(world.host_of("shop") == "shop.example.com");
  CHECK(world.delivered.at("Ingress default/shop") == 1);
  CHECK(world.findings() == "");
}

TEST_CASE("429 is waited out for as long as Retry-After says, 5xx with a back-off") {
  ApiWorld world;
  world.put_site();
  const FakeFault busy{
      .status = 429, .body = status_json(429, "TooManyRequests", "busy"), .fields = "Retry-After: 1\r\n"};
  world.api.fault = first_calls(1, busy, is_of_ingresses);
  const auto begun = std::chrono::steady_clock::now();
  world.begin();
  CHECK(std::chrono::steady_clock::now() - begun >= 1s);
  CHECK(world.has("Ingress default/shop"));
  world.api.fault = first_calls(4, {.status = 503, .body = "not json"}, is_of_ingresses);
  world.api.end_watches("ingresses");
  const size_t lists = world.lists("Ingress");
  world.run_until([&] { return world.answers("503") == 4 && world.source().trouble().empty(); });
  world.run_marker();
  CHECK(world.lists("Ingress") == lists);
}

TEST_CASE("an ERROR event that is not 410 is a failure, and the watch goes on from where it was") {
  ApiWorld world;
  world.put_site();
  world.begin();
  world.run_until([&] { return world.api.watch_count("ingresses") == 1; });
  world.api.send("ingresses",
                 "{\"type\":\"ERROR\",\"object\":" + status_json(500, "InternalError", "etcd is away") + "}");
  world.run_until([&] { return world.watches("Ingress") == 2; });
  world.run_marker();
  CHECK(world.lists("Ingress") == 1);
}

TEST_CASE("403 on one kind degrades that part only, says so, and is over when the right is given") {
  ApiWorld world;
  world.put_site();
  bool forbidden = true;
  world.api.fault = [&](const FakeCall& call) -> std::optional<FakeFault> {
    if (!forbidden || call.scope.plural != "secrets") return std::nullopt;
    return FakeFault{.status = 403, .body = status_json(403, "Forbidden", "secrets is forbidden")};
  };
  world.api.cluster().put("secrets", "default", "tls", secret_json("default", "tls", "kubernetes.io/tls"));
  world.begin();
  CHECK(world.has("Ingress default/shop"));
  CHECK(world.findings().find("ApiForbidden: no right to list and watch Secrets (answer 403: secrets is forbidden)") !=
        std::string::npos);
  forbidden = false;
  world.run_until([&] { return world.has("Secret default/tls"); });
  world.run_until([&] { return !world.has_finding("ApiForbidden"); });
}

TEST_CASE("rights that are withdrawn while serving take nothing away") {
  ApiWorld world;
  world.put_site();
  world.begin();
  bool forbidden = true;
  world.api.fault = [&](const FakeCall& call) -> std::optional<FakeFault> {
    if (!forbidden || !is_of_ingresses(call)) return std::nullopt;
    return FakeFault{.status = 403, .body = status_json(403, "Forbidden", "no")};
  };
  world.api.end_watches("ingresses");
  world.run_until([&] { return world.has_finding("ApiForbidden"); });
  CHECK(world.has("Ingress default/shop"));
  CHECK(world.source().complete());
  world.api.cluster().erase("ingresses", "default", "shop");
  forbidden = false;
  world.run_until([&] { return !world.has("Ingress default/shop"); });
}

TEST_CASE("one namespace that is forbidden does not keep the others from being served, all of them do") {
  ApiWorld world;
  world.put_site();
  bool all = true;
  world.api.fault = [&](const FakeCall& call) -> std::optional<FakeFault> {
    if (!is_of_ingresses(call) || (!all && call.scope.ns == "default")) return std::nullopt;
    return FakeFault{.status = 403, .body = status_json(403, "Forbidden", "no")};
  };
  controller::ApiSourceOptions options = ApiWorld::quick();
  options.namespaces = {"default", "closed"};
  world.start(options);
  world.run_until([&] { return world.source().stuck(); });
  CHECK_FALSE(world.source().complete());
  CHECK(world.source().waiting_for().find("Ingresses in namespace closed (answer 403: no)") != std::string::npos);
  all = false;
  world.run_until([&] { return world.source().complete(); });
  CHECK(world.has("Ingress default/shop"));
  CHECK(world.findings().find("Ingresses in namespace closed") != std::string::npos);
}

TEST_CASE("classes that are forbidden are a note, and all else is read") {
  ApiWorld world;
  world.put_site();
  world.api.fault = [](const FakeCall& call) -> std::optional<FakeFault> {
    if (call.scope.plural != "ingressclasses") return std::nullopt;
    return FakeFault{.status = 403, .body = status_json(403, "Forbidden", "no")};
  };
  world.begin();
  CHECK(world.findings().starts_with("note IngressClass: ApiForbidden"));
}

TEST_CASE("while the API server is away everything stays, and it is taken up again where it was") {
  ApiWorld world;
  world.put_site();
  world.begin();
  world.run_marker();
  world.api.stop();
  world.run_until([&] { return world.answers("none") >= 10; });
  CHECK(world.source().complete());
  CHECK(world.source().trouble() != "");
  CHECK(world.has("Ingress default/shop"));
  world.api.start();
  world.run_until([&] { return world.source().trouble().empty(); });
  world.run_marker();
  CHECK(world.lists("Ingress") == 1);
  CHECK(world.delivered.at("Ingress default/shop") == 1);
}

TEST_CASE("an API server that is not there yet is waited for") {
  ApiWorld world;
  world.put_site();
  world.api.stop();
  world.start();
  world.run_until([&] { return world.answers("none") >= 8; });
  CHECK_FALSE(world.source().complete());
  CHECK(world.source().waiting_for().find("has not listed everything yet: IngressClasses (no connection: ") !=
        std::string::npos);
  world.api.start();
  world.run_until([&] { return world.source().complete(); });
  CHECK(world.has("Ingress default/shop"));
}

TEST_CASE("a list that is empty after an outage is believed only when it stays empty") {
  for (const bool pages : {true, false}) {
    ApiWorld world;
    world.put_site();
    world.begin(with_pages(pages));
    world.run_until([&] { return world.api.watch_count("") == 5; });
    // The server comes back without its objects, and has them again when it is asked a second time.
    FakeCluster& cluster = world.api.cluster();
    cluster.lose_everything();
    bool again = false;
    world.api.fault = [&](const FakeCall& call) -> std::optional<FakeFault> {
      const bool lists = call.is_list() || call.query.contains("sendInitialEvents");
      if (is_of_ingresses(call) && lists && std::exchange(again, true)) world.put_ingress("shop", "again.example.com");
      return std::nullopt;
    };
    world.api.end_watches("ingresses");
    world.run_until([&] { return world.host_of("shop") == "again.example.com"; });
    CHECK(world.delivered.at("Ingress default/shop") == 2);
    CHECK(world.lists("Ingress") == 3);
    // This time for good.
    world.api.fault = [](const FakeCall&) { return std::nullopt; };
    world.run_until([&] { return world.api.watch_count("ingresses") >= 1; });
    cluster.lose_everything();
    world.api.end_watches("ingresses");
    world.run_until([&] { return !world.has("Ingress default/shop"); });
    CHECK(world.lists("Ingress") == 5);
  }
}

TEST_CASE("a half-open connection is noticed by its silence after bookmarks") {
  ApiWorld world;
  world.put_site();
  controller::ApiSourceOptions options = ApiWorld::quick();
  options.reflector.times.after_bookmark = 50ms;
  world.begin(options);
  world.run_until([&] { return world.api.watch_count("ingresses") == 1; });
  world.api.bookmark("ingresses");
  world.run_marker();
  world.api.freeze_watches("ingresses");
  world.put_ingress("unheard", "unheard.example.com");
  world.run_until([&] { return world.has("Ingress default/unheard"); });
  CHECK(world.lists("Ingress") == 1);
}

TEST_CASE("a watch that the server does not end in its time is ended here") {
  ApiWorld world;
  world.put_site();
  controller::ApiSourceOptions options = with_pages(true);
  options.reflector.times.watch_least = options.reflector.times.watch_most = 0s;
  options.reflector.times.watch_grace = 50ms;
  world.begin(options);
  world.run_until([&] { return world.watches("Ingress") >= 3; });
  CHECK(world.lists("Ingress") == 1);
  CHECK(world.has("Ingress default/shop"));
}

TEST_CASE("a stream that ought to begin with a list and is silent is taken for one that is not offered") {
  ApiWorld world;
  world.put_site();
  controller::ApiSourceOptions options = ApiWorld::quick();
  options.reflector.times.first_line = 50ms;
  world.api.fault = [](const FakeCall& call) -> std::optional<FakeFault> {
    if (!call.query.contains("sendInitialEvents")) return std::nullopt;
    return FakeFault{.status = 400, .body = status_json(400, "BadRequest", "unknown parameter")};
  };
  world.begin(options);
  CHECK(world.api.verbs().at("list ingresses") == 1);
  world.run_marker();
}

TEST_CASE("events that come twice or too late change nothing") {
  ApiWorld world;
  world.put_site();
  world.begin();
  world.run_until([&] { return world.api.watch_count("ingresses") == 1; });
  const uint64_t old_version = world.api.cluster().version();
  world.put_ingress("shop", "second.example.com");
  world.run_until([&] { return world.host_of("shop") == "second.example.com"; });
  const auto event = [&](const char* type, uint64_t version, const std::string& host) {
    std::string object = ingress_json("default", "shop", host);
    object.replace(object.find("$V"), 2, std::to_string(version));
    world.api.send("ingresses", fmt::format("{{\"type\":\"{}\",\"object\":{}}}", type, object));
  };
  event("MODIFIED", old_version, "late.example.com");
  event("DELETED", old_version, "late.example.com");
  event("MODIFIED", world.api.cluster().version(), "twice.example.com");
  world.run_marker();
  CHECK(world.host_of("shop") == "second.example.com");
  CHECK(world.delivered.at("Ingress default/shop") == 2);
}

TEST_CASE("lines that are no events and types that nobody knows are left out") {
  ApiWorld world;
  world.put_site();
  world.begin();
  world.run_until([&] { return world.api.watch_count("ingresses") == 1; });
  for (const char* line : {"nonsense", "{}", "{\"type\":\"ADDED\"}", "{\"type\":\"NEWS\",\"object\":{}}", "[1,2",
                           "{\"type\":\"ADDED\",\"object\":{\"metadata\":7}}", "{\"type\":\"DELETED\",\"object\":3}"})
    world.api.send("ingresses", line);
  world.run_marker();
  CHECK(world.has("Ingress default/shop"));
  CHECK(world.watches("Ingress") == 1);
}

TEST_CASE("a line that is too long ends the watch, not the program") {
  ApiWorld world;
  world.put_site();
  world.begin();
  world.run_until([&] { return world.api.watch_count("ingresses") == 1; });
  world.api.send("ingresses", std::string(config::kApiObjectBytesMax + 10, 'x'));
  world.run_until([&] { return world.watches("Ingress") == 2; });
  world.run_marker();
}

TEST_CASE("requests that the server drops are tried again") {
  ApiWorld world;
  world.put_site();
  world.api.fault = first_calls(4, {.drop = true}, is_of_ingresses);
  world.begin(with_pages(true));
  CHECK(world.has("Ingress default/shop"));
  CHECK(world.api.verbs().at("list ingresses") == 5);
  CHECK(world.answers("none") >= 2);  // on a kept connection it may have been the server's time-out, and is not told
}

TEST_CASE("requests and watches that are never answered are given up, and tried again") {
  for (const bool pages : {true, false}) {
    ApiWorld world;
    world.put_site();
    controller::ApiSourceOptions options = with_pages(pages);
    options.reflector.times.request = 50ms;
    world.api.fault = first_calls(2, {.hang = true}, is_of_ingresses);
    world.begin(options);
    CHECK(world.has("Ingress default/shop"));
    CHECK(world.answers("none") == 2);
  }
}

TEST_CASE("a back-off grows to its bound and not beyond, and is never the same for all") {
  ApiWorld world;
  world.put_site();
  world.begin();
  int failures = 0;
  std::vector<std::chrono::steady_clock::time_point> times;
  world.api.fault = [&](const FakeCall& call) -> std::optional<FakeFault> {
    if (!is_of_ingresses(call)) return std::nullopt;
    times.push_back(std::chrono::steady_clock::now());
    return ++failures > 30 ? std::nullopt : std::optional(FakeFault{.status = 500, .body = "x"});
  };
  world.api.end_watches("ingresses");
  world.run_until([&] { return failures > 30; });
  // 30 waits of at most 20 ms each, and what the machine takes.
  CHECK(times.back() - times.front() < 10s);
  world.run_until([&] { return world.source().trouble().empty(); });
  world.run_marker();
}

}  // namespace
}  // namespace narthex::test
