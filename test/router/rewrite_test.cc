#include "router/rewrite.h"

#include <catch2/catch.hpp>
#include <vector>

#include "router/normalise.h"

namespace narthex::router {
namespace {

struct Rule {
  std::string pattern, target, prefix = {};
};

std::shared_ptr<const HostRoutes> compile(const std::vector<Rule>& rules) {
  HostSpec spec;
  spec.host = "a.test";
  spec.by_patterns = true;
  for (const Rule& rule : rules) {
    auto policy = std::make_shared<RoutePolicy>();
    policy->rewrite = std::make_shared<const RewritePolicy>(RewritePolicy{{}, rule.target, rule.prefix});
    RouteSpec route;
    route.path = rule.pattern;
    route.type = PathType::pattern;
    route.backend = static_cast<BackendSlot>(spec.routes.size());
    route.policy = policy;
    route.rewrites = true;
    route.pattern = Regex::compile(rule.pattern).value();
    spec.routes.push_back(std::move(route));
  }
  return HostRoutes::compile(spec);
}

// What the pod is asked for, "prefix path" where a prefix is told; "none" without a route, "400" where it is refused.
std::string ask(const std::vector<Rule>& rules, const std::string& raw) {
  std::string scratch;
  Target target;
  if (normalise_target(raw, scratch, target) != TargetError::none) return "400";
  const auto host = compile(rules);
  const Route* route = host->match(target.path);
  if (!route) return "none";
  RewriteMemory memory;
  Rewritten out;
  if (!rewrite(*host, *route, target.path, memory, out)) return "400";
  return (out.forwarded_prefix.empty() ? "" : std::string(out.forwarded_prefix) + " ") + std::string(out.path) + std::string(target.query);
}

TEST_CASE("a path is replaced by the target with the groups filled in, and the query stays") {
  const std::vector<Rule> rules = {{"/something(/|$)(.*)", "/$2"}};
  CHECK(ask(rules, "/something") == "/");
  CHECK(ask(rules, "/something/") == "/");
  CHECK(ask(rules, "/something/new") == "/new");
  CHECK(ask(rules, "/something/new?x=1&y=2") == "/new?x=1&y=2");
  CHECK(ask(rules, "/somethingelse") == "none");
  CHECK(ask(rules, "/Something/X") == "/X");
  CHECK(ask(rules, "/something//double") == "/double");
  CHECK(ask({{"/foo.+", "/new/backend"}}, "/foo/x/y") == "/new/backend");
  CHECK(ask({{"/app", "/"}}, "/app/x?q=1") == "/?q=1");
  CHECK(ask({{"/a(.)(.)?", "/$2-$1$1$10"}}, "/ax") == "/-xxx0");
  CHECK(ask({{"/x(/.*)", "$1"}}, "/x/y") == "/y");
  CHECK(ask({{"/x(/.*)?", "$1"}}, "/x") == "/");
  CHECK(ask({{"/x/(.*)", "base/$1"}}, "/x/y") == "/base/y");
}

TEST_CASE("a rewritten path is encoded again, and what was no part of the syntax does not become one") {
  const std::vector<Rule> rules = {{"/something(/|$)(.*)", "/$2"}};
  CHECK(ask(rules, "/something/a%20b") == "/a%20b");
  CHECK(ask(rules, "/something/a%20b%2Fc") == "/a%20b/c");
  CHECK(ask(rules, "/something/%3Fa%23b") == "/%3Fa%23b");
  CHECK(ask(rules, "/something/%3Fa%23b?c#") == "400");
  CHECK(ask(rules, "/something/%c3%a9%ff") == "/%C3%A9%FF");
  CHECK(ask(rules, "/something/100%25") == "/100%25");
  CHECK(ask(rules, "/something/%2561") == "/%2561");
  CHECK(ask(rules, "/something/%0d%0aSet-Cookie:x") == "/%0D%0ASet-Cookie:x");
  CHECK(ask(rules, "/something/%00") == "400");
  CHECK(ask(rules, "/something/a%5cb") == "/a%5Cb");
  CHECK(ask(rules, "/something/%7e%40%3A") == "/~@:");
}

TEST_CASE("dot segments that come about in a rewritten path are refused, however they are written") {
  const std::vector<Rule> rules = {{"/api(.*)", "/$1"}};
  CHECK(ask(rules, "/api/x") == "/x");
  CHECK(ask(rules, "/apix") == "/x");
  CHECK(ask(rules, "/api..x/y") == "/..x/y");
  for (const char* raw : {"/api../admin", "/api..", "/api.", "/api./x", "/api%2e%2e/x", "/api%2E./x", "/api..%2fadmin", "/api..%2Fadmin",
                          "/api..%5cadmin", "/api/..%5Cadmin", "/api..;/admin", "/api..;x=1/admin", "/api..%3b/admin", "/api.;"}) {
    INFO(raw);
    CHECK(ask(rules, raw) == "400");
  }
  // The halves of a triplet that groups took apart and the target puts together.
  CHECK(ask({{"/a(.)(..)(..)(.*)", "/$1$3$1$3/x"}}, "/a%252e") == "400");
  CHECK(ask({{"/a(.)5C(.*)", "/$1$2"}}, "/a%5C41") == "/A");
  CHECK(ask({{"/a(.)5C(.*)", "/$1$2"}}, "/a%5C00") == "400");
  CHECK(ask({{"/a(.)5C(.*)", "/$1$2"}}, "/a%5C2e%5C2e") == "400");
  CHECK(ask({{"/a(.)5C(.*)", "/$1$2"}}, "/a%5Czz") == "400");
}

TEST_CASE("an encoded slash must lead to the same route as a plain one would") {
  const std::vector<Rule> rules = {{"/api/admin/.*", "/guarded"}, {"/api/(.*)", "/$1"}};
  CHECK(ask(rules, "/api/x%2Fy") == "/x/y");
  CHECK(ask(rules, "/api/admin/x") == "/guarded");
  CHECK(ask(rules, "/api/admin%2Fx") == "400");
  CHECK(ask(rules, "/api/admin%2fx") == "400");
  CHECK(ask(rules, "/api/x%2F..%2Fadmin%2Fx") == "400");
  CHECK(ask(rules, "/api/admin/x%2F..%2F..%2Fy") == "400");
  CHECK(ask(rules, "/api%2Fadmin/x") == "none");
}

TEST_CASE("X-Forwarded-Prefix is filled in, too, and is one path of this host") {
  CHECK(ask({{"/(svc[0-9])(/|$)(.*)", "/$3", "/$1"}}, "/svc1/x") == "/svc1 /x");
  CHECK(ask({{"/api(/|$)(.*)", "/$2", "/api"}}, "/api/x") == "/api /x");
  CHECK(ask({{"/x(.*)", "/y", "/$1"}}, "/x/evil.org") == "/evil.org /y");
  CHECK(ask({{"/x(.*)", "/y", "/$1"}}, "/x%0d%0aA:b") == "/%0D%0AA:b /y");
  CHECK(ask({{"/x(.*)", "/y", "/$1"}}, "/x..") == "400");
  CHECK(ask({{"/x(.*)", "/y", "$1"}}, "/x") == "/y");
}

TEST_CASE("a target that multiplies what it is given has a bound") {
  std::string target = "/";
  for (int i = 0; i < 100; ++i) target += "$1";
  CHECK(ask({{"/x(.*)", target}}, "/x" + std::string(100, 'a')) == "/" + std::string(10'000, 'a'));
  CHECK(ask({{"/x(.*)", target}}, "/x" + std::string(200, 'a')) == "400");
}

TEST_CASE("a pattern meets the decoded path, but for what would make it ambiguous") {
  const auto text = [](std::string_view path) {
    std::string scratch;
    return std::string(pattern_text(path, scratch));
  };
  CHECK(text("/plain") == "/plain");
  CHECK(text("/a%20b%3F%C3%A9%40") == "/a b?\xc3\xa9@");
  CHECK(text("/a%2Fb%5Cc%25d%0A%7F") == "/a%2Fb%5Cc%25d%0A%7F");
}

TEST_CASE("patterns are tried in the order in which they stand, and the fallback takes the rest") {
  HostSpec spec;
  spec.host = "a.test";
  spec.by_patterns = true;
  for (const char* pattern : {"/foo/bar/[a-z]{3}", "/foo/bar/bar", "/foo/bar/bar", "/foo/.*"}) {
    RouteSpec route;
    route.path = pattern;
    route.type = PathType::pattern;
    route.backend = static_cast<BackendSlot>(spec.routes.size());
    route.pattern = Regex::compile(pattern).value();
    spec.routes.push_back(route);
  }
  RouteSpec fallback;
  fallback.path = "/";
  fallback.backend = 99;
  spec.fallback.push_back(fallback);
  const auto host = HostRoutes::compile(spec);
  CHECK(host->match("/foo/bar/bar")->backend == 0);
  CHECK(host->match("/foo/bar/1")->backend == 3);
  CHECK(host->match("/FOO/%31")->backend == 3);
  CHECK(host->match("/foo")->backend == 99);
  CHECK(host->pattern_of(*host->match("/foo/x")) == spec.routes[3].pattern.get());
  CHECK(host->pattern_of(*host->match("/foo")) == nullptr);
  CHECK(host->routes().size() == 5);
  CHECK(host->path_of(*host->routes()[1]) == "/foo/bar/bar");
  std::weak_ptr<const Regex> watch = spec.routes[0].pattern;
  spec.routes.clear();
  CHECK(watch.lock());
}

}  // namespace
}  // namespace narthex::router
