#include "router/host_routes.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

namespace {

using narthex::router::BackendSlot;
using narthex::router::HostRoutes;
using narthex::router::HostSpec;
using narthex::router::kNoBackend;
using narthex::router::kPathBytesMax;
using narthex::router::PathType;
using narthex::router::Route;
using narthex::router::RouteOwner;
using narthex::router::RoutePolicy;
using narthex::router::RouteSpec;

constexpr PathType kExact = PathType::exact, kPrefix = PathType::prefix;

// The rules' numbers are their backends.
std::shared_ptr<const HostRoutes> compile(const std::vector<std::pair<PathType, std::string>>& rules,
                                          bool with_fallback = false) {
  HostSpec spec;
  spec.host = "a.test";
  for (const auto& [type, path] : rules)
    spec.routes.push_back({path, type, static_cast<BackendSlot>(spec.routes.size()), nullptr, nullptr});
  if (with_fallback) spec.fallback.push_back({"", kPrefix, 1'000'000, nullptr, nullptr});
  return HostRoutes::compile(spec);
}

// The text of the rule that takes the path: "Prefix /a", or "none".
std::string match(const HostRoutes& routes, const std::string& path) {
  const Route* route = routes.match(path);
  if (!route) return "none";
  return (route->type == kExact ? "Exact " : "Prefix ") + std::string(routes.path_of(*route));
}

// The rules of the Ingress specification, word for word.
BackendSlot naive_match(const HostSpec& spec, const std::string& path) {
  BackendSlot best = spec.fallback.empty() ? kNoBackend : spec.fallback[0].backend;
  size_t best_size = 0;
  bool found = false;
  for (const RouteSpec& rule : spec.routes) {
    if (rule.type == kExact && rule.path == path) return rule.backend;
    std::string prefix = rule.path;
    while (prefix.ends_with('/')) prefix.pop_back();
    if (rule.type == kExact || (path != prefix && !path.starts_with(prefix + "/"))) continue;
    if (found && prefix.size() <= best_size) continue;
    best = rule.backend;
    best_size = prefix.size();
    found = true;
  }
  return best;
}

std::string random_path(std::mt19937& random, size_t elements_max) {
  static const std::vector<std::string> kElements = {
      "a",        "b",    "aa", "ab", "a-b", "a.b", "a%2Fb", "A", "longer-than-eight", "longer-than-nine",
      "eightbyt", "\xff", "0"};
  std::string path;
  for (size_t elements = random() % (elements_max + 1); elements > 0; --elements)
    path += "/" + kElements[random() % kElements.size()];
  return path.empty() || random() % 4 == 0 ? path + "/" : path;
}

// A rule that no other rule of the table contradicts: first wins is tested elsewhere.
HostSpec random_host(std::mt19937& random, size_t rules, size_t elements_max) {
  HostSpec spec;
  spec.host = "a.test";
  std::map<std::pair<PathType, std::string>, bool> taken;
  for (size_t i = 0; i < rules; ++i) {
    const PathType type = random() % 3 == 0 ? kExact : kPrefix;
    std::string path = random_path(random, elements_max), key = path;
    while (type == kPrefix && key.ends_with('/')) key.pop_back();
    if (!taken.emplace(std::pair(type, key), true).second) continue;
    spec.routes.push_back({path, type, static_cast<BackendSlot>(i), nullptr, nullptr});
  }
  if (random() % 2 == 0) spec.fallback.push_back({"/", kPrefix, 1'000'000, nullptr, nullptr});
  return spec;
}

BackendSlot backend_of(const Route* route) { return route ? route->backend : kNoBackend; }

}  // namespace

TEST_CASE("paths match as the table of the Kubernetes documentation says") {
  using Rules = std::vector<std::pair<PathType, std::string>>;
  struct Row {
    Rules rules;
    std::string path, expected;
  };
  const std::vector<Row> rows = {
      {{{kPrefix, "/"}}, "/", "Prefix /"},
      {{{kPrefix, "/"}}, "/any/thing/", "Prefix /"},
      {{{kExact, "/foo"}}, "/foo", "Exact /foo"},
      {{{kExact, "/foo"}}, "/bar", "none"},
      {{{kExact, "/foo"}}, "/foo/", "none"},
      {{{kExact, "/foo/"}}, "/foo", "none"},
      {{{kPrefix, "/foo"}}, "/foo", "Prefix /foo"},
      {{{kPrefix, "/foo"}}, "/foo/", "Prefix /foo"},
      {{{kPrefix, "/foo/"}}, "/foo", "Prefix /foo/"},
      {{{kPrefix, "/foo/"}}, "/foo/", "Prefix /foo/"},
      {{{kPrefix, "/aaa/bb"}}, "/aaa/bbb", "none"},
      {{{kPrefix, "/aaa/bbb"}}, "/aaa/bbb", "Prefix /aaa/bbb"},
      {{{kPrefix, "/aaa/bbb/"}}, "/aaa/bbb", "Prefix /aaa/bbb/"},
      {{{kPrefix, "/aaa/bbb"}}, "/aaa/bbb/", "Prefix /aaa/bbb"},
      {{{kPrefix, "/aaa/bbb"}}, "/aaa/bbb/ccc", "Prefix /aaa/bbb"},
      {{{kPrefix, "/aaa/bbb"}}, "/aaa/bbbxyz", "none"},
      {{{kPrefix, "/"}, {kPrefix, "/aaa"}}, "/aaa/ccc", "Prefix /aaa"},
      {{{kPrefix, "/"}, {kPrefix, "/aaa"}, {kPrefix, "/aaa/bbb"}}, "/aaa/bbb", "Prefix /aaa/bbb"},
      {{{kPrefix, "/"}, {kPrefix, "/aaa"}, {kPrefix, "/aaa/bbb"}}, "/ccc", "Prefix /"},
      {{{kPrefix, "/aaa"}}, "/ccc", "none"},
      {{{kPrefix, "/foo"}, {kExact, "/foo"}}, "/foo", "Exact /foo"},
  };
  for (const Row& row : rows) {
    INFO(row.path << " expects " << row.expected);
    CHECK(match(*compile(row.rules), row.path) == row.expected);
  }
}

TEST_CASE("an Exact path matches itself alone, slash and case included") {
  const auto routes = compile({{kExact, "/"}, {kExact, "/a"}, {kExact, "/b/"}, {kPrefix, "/b"}, {kExact, "/c/d"}});
  CHECK(match(*routes, "/") == "Exact /");
  CHECK(match(*routes, "/a") == "Exact /a");
  CHECK(match(*routes, "/a/") == "none");
  CHECK(match(*routes, "/A") == "none");
  CHECK(match(*routes, "/b/") == "Exact /b/");
  CHECK(match(*routes, "/b") == "Prefix /b");
  CHECK(match(*routes, "/b/x") == "Prefix /b");
  CHECK(match(*routes, "/c") == "none");
  CHECK(match(*routes, "/c/d/e") == "none");
  CHECK(match(*routes, "/x") == "none");
}

TEST_CASE("Exact and Prefix of the root stand side by side") {
  const auto routes = compile({{kPrefix, "/"}, {kExact, "/"}});
  CHECK(match(*routes, "/") == "Exact /");
  CHECK(match(*routes, "/a") == "Prefix /");
}

TEST_CASE("an unmatched path goes to the fallback, which no other path reaches") {
  const auto with = compile({{kPrefix, "/a"}}, true);
  CHECK(with->match("/b")->backend == 1'000'000);
  CHECK(with->match("/ab")->backend == 1'000'000);
  CHECK(with->match("/a/b")->backend == 0);
  const auto only = compile({}, true);
  CHECK(only->match("/")->backend == 1'000'000);
  CHECK(compile({})->match("/") == nullptr);
  CHECK(compile({{kPrefix, "/"}})->match("*") == nullptr);
  CHECK(compile({{kPrefix, "/"}})->match("") == nullptr);
}

TEST_CASE("a chain of elements is one node that matches as a whole or not at all") {
  const auto routes = compile({{kPrefix, "/a"}, {kPrefix, "/a/b/c/d"}, {kPrefix, "/a/b/c/e/f"}});
  CHECK(match(*routes, "/a/b/c") == "Prefix /a");
  CHECK(match(*routes, "/a/b/c/d/x") == "Prefix /a/b/c/d");
  CHECK(match(*routes, "/a/b/x/d") == "Prefix /a");
  CHECK(match(*routes, "/a/b/c/e") == "Prefix /a");
  CHECK(match(*routes, "/a/b/c/e/f") == "Prefix /a/b/c/e/f");
  CHECK(match(*routes, "/a/b/c/dd") == "Prefix /a");
}

TEST_CASE("routes are listed element by element with Exact before Prefix, each with its own path, the fallback last") {
  HostSpec spec;
  spec.host = "*.example.com";
  for (const char* path : {"/b", "/a-b", "/a/b", "/a", "/", "/a/"})
    spec.routes.push_back({path, kExact, 1, nullptr, nullptr});
  for (const char* path : {"/a/", "/b/c", "/"}) spec.routes.push_back({path, kPrefix, 2, nullptr, nullptr});
  spec.fallback.push_back({"/fallback", kPrefix, 3, nullptr, nullptr});
  const auto routes = HostRoutes::compile(spec);
  CHECK(routes->host() == "*.example.com");
  std::string text;
  for (const Route* route : routes->routes())
    text += (route->type == kExact ? "E" : "P") + std::string(routes->path_of(*route)) + " ";
  CHECK(text == "E/ P/ E/a E/a/ P/a/ E/a/b E/a-b E/b P/b/c P/fallback ");
}

TEST_CASE("of rules with the same path and type the first wins") {
  const auto routes =
      compile({{kPrefix, "/a/"}, {kPrefix, "/a"}, {kExact, "/b"}, {kExact, "/b"}, {kPrefix, "/"}, {kPrefix, "/"}});
  CHECK(routes->routes().size() == 3);
  CHECK(routes->match("/a")->backend == 0);
  CHECK(routes->match("/b")->backend == 2);
  CHECK(routes->match("/c")->backend == 4);
}

TEST_CASE("a rule whose path is no path is left out and costs no other rule") {
  const auto routes =
      compile({{kPrefix, ""}, {kPrefix, "a"}, {kPrefix, "/" + std::string(kPathBytesMax, 'x')}, {kPrefix, "/ok"}});
  CHECK(routes->routes().size() == 1);
  CHECK(match(*routes, "/ok") == "Prefix /ok");
  CHECK(match(*routes, "/a") == "none");
}

TEST_CASE("policies and owners live as long as the routes and no longer") {
  auto policy = std::make_shared<const RoutePolicy>();
  auto owner = std::make_shared<const RouteOwner>(RouteOwner{"shop", "front"});
  const std::weak_ptr<const RoutePolicy> policy_watch = policy;
  const std::weak_ptr<const RouteOwner> owner_watch = owner;
  HostSpec spec;
  spec.routes.push_back({"/a", kPrefix, 0, policy, owner});
  spec.routes.push_back({"/b", kPrefix, 1, nullptr, owner});
  spec.routes.push_back({"/c", kPrefix, 2, policy, nullptr});
  spec.fallback.push_back({"/", kPrefix, 3, nullptr, owner});
  auto routes = HostRoutes::compile(spec);
  spec = {};
  policy = nullptr;
  owner = nullptr;
  REQUIRE_FALSE(policy_watch.expired());
  CHECK(routes->match("/a")->policy == policy_watch.lock().get());
  CHECK(routes->match("/b")->policy == nullptr);
  CHECK(routes->match("/c")->owner == nullptr);
  CHECK(routes->match("/x")->owner->ingress == "front");
  routes = nullptr;
  CHECK(policy_watch.expired());
  CHECK(owner_watch.expired());
}

TEST_CASE("random tables agree with a matcher that reads the specification word for word") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int table = 0; table < 400; ++table) {
    const HostSpec spec = random_host(random, random() % 40, 1 + random() % 6);
    const auto routes = HostRoutes::compile(spec);
    for (int query = 0; query < 200; ++query) {
      const std::string path = random_path(random, 7);
      INFO("table " << table << ", path " << path);
      REQUIRE(backend_of(routes->match(path)) == naive_match(spec, path));
    }
  }
}

TEST_CASE("a host that outgrows the narrow nodes agrees with the matcher too") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const HostSpec spec = random_host(random, 20'000, 6);
  const auto routes = HostRoutes::compile(spec);
  REQUIRE(routes->index_bytes() > 100'000);
  for (int query = 0; query < 300; ++query) {
    const std::string path = random_path(random, 7);
    INFO("path " << path);
    REQUIRE(backend_of(routes->match(path)) == naive_match(spec, path));
  }
}

TEST_CASE("ten thousand siblings are told apart, those with equal tags too") {
  std::vector<std::pair<PathType, std::string>> rules;
  for (int i = 0; i < 10'000; ++i) rules.emplace_back(kPrefix, "/shop/item" + std::to_string(i) + "/page");
  const auto routes = compile(rules);
  for (int i = 0; i < 10'000; ++i) {
    REQUIRE(backend_of(routes->match("/shop/item" + std::to_string(i) + "/page/x")) == static_cast<BackendSlot>(i));
    REQUIRE(routes->match("/shop/item" + std::to_string(i) + "/pag") == nullptr);
    REQUIRE(routes->match("/shop/item" + std::to_string(i + 10'000) + "/page") == nullptr);
  }
}

TEST_CASE("paths of two thousand elements nest without recursion, each a rule of its own") {
  std::vector<std::pair<PathType, std::string>> rules;
  std::string path;
  for (int depth = 0; depth < 2000; ++depth) {
    path += "/a";
    rules.emplace_back(depth % 2 == 0 ? kPrefix : kExact, path);
  }
  const auto routes = compile(rules);
  CHECK(routes->match(path)->backend == 1999);
  CHECK(routes->match(path + "/")->backend == 1998);
  CHECK(routes->match(path + "/a/a/a")->backend == 1998);
  CHECK(routes->match(path.substr(0, 2002))->backend == 1000);
  CHECK(routes->match(path.substr(0, 2000) + "/b")->backend == 998);
  CHECK(routes->match("/b") == nullptr);
}

TEST_CASE("many long paths that differ at their ends only are compiled and matched") {
  const std::string common = "/" + std::string(kPathBytesMax - 10, 'x') + "/";
  std::vector<std::pair<PathType, std::string>> rules;
  for (int i = 0; i < 3000; ++i) rules.emplace_back(kExact, common + std::to_string(i));
  const auto routes = compile(rules);
  for (int i = 0; i < 3000; i += 7)
    REQUIRE(backend_of(routes->match(common + std::to_string(i))) == static_cast<BackendSlot>(i));
  CHECK(routes->match(common + "3000") == nullptr);
  CHECK(routes->match(common) == nullptr);
}

TEST_CASE("ten paths of a usual length cost no more than the promised bytes") {
  std::vector<std::pair<PathType, std::string>> rules = {{kPrefix, "/"}};
  for (int i = 0; i < 10; ++i)
    rules.emplace_back(
        kPrefix, "/api/v" + std::to_string(i % 3) + "/svc" + std::to_string(500 + i) + "/res" + std::to_string(i));
  CHECK(compile(rules)->index_bytes() <= rules.size() * 42);  // 45, of which the host table takes three
}
