// Canaries, as ingress-nginx answers for them: who gets the second backend of a route, by header, cookie, weight and session.
#include <catch2/catch.hpp>
#include <map>

#include "test/feature/site.h"

namespace narthex::test {
namespace {

using Annotations = std::map<std::string, std::string>;

struct CanaryOptions {
  Annotations canary, main = {};
  int main_pods = 1, canary_pods = 1;
  std::string more = {};
};

// example.com leads to Service web, and its canary to Service next.
struct CanarySite {
  explicit CanarySite(CanaryOptions options) {
    for (int i = 0; i < options.canary_pods; ++i) next.push_back(std::make_unique<Backend>("next-" + std::to_string(i + 1)));
    options.canary.emplace("canary", "true");
    const std::string canary = ingress_yaml({.name = "canary", .rules = {{"example.com", {{.service = "next"}}}}, .annotations = options.canary});
    site.emplace(SiteOptions{.pods = options.main_pods,
                             .ingress = {.annotations = options.main},
                             .more = canary + service_with("next", pointers(next)) + options.more});
  }
  // Who answered: "web", "next", or the status where nobody did.
  std::string served_by(const std::vector<Field>& fields = {}) const { return side_of(fetch(site->http(), {.fields = fields})); }
  static std::string side_of(const Response& response) {
    if (response.status != 200) return std::to_string(response.status);
    return response.value("X-Pod").starts_with("next-") ? "next" : "web";
  }
  // Requests out of `times` that the canary served.
  int share(int times, const std::vector<Field>& fields = {}) const {
    const auto connection = connect_plain(site->http());
    int taken = 0;
    for (int i = 0; i < times; ++i) taken += side_of(exchange(*connection, {.fields = fields})) == "next";
    return taken;
  }

  std::vector<std::unique_ptr<Backend>> next;
  std::optional<Site> site;
};

std::string cookie_of(const Response& response) {
  const std::string set = response.value("Set-Cookie");
  return set.substr(0, set.find(';'));
}

std::string findings_of(const CanarySite& site) { return site.site->narthex->admin("/findings").body; }

TEST_CASE("a header leads to the canary at always, away at never, and decides nothing else") {
  const CanarySite site({.canary = {{"canary-by-header", "X-Canary"}}});
  CHECK(site.share(20) == 0);
  CHECK(site.share(20, {{"X-Canary", "always"}}) == 20);
  CHECK(site.share(20, {{"X-Canary", "never"}}) == 0);
  CHECK(site.served_by({{"X-Canary", "other"}}) == "web");
  CHECK(site.served_by({{"x-canary", "always"}}) == "next");
  CHECK(site.served_by({{"X-Canary", "Always"}}) == "web");
  CHECK(site.served_by({{"X-Canary", "never"}, {"X-Canary", "always"}}) == "web");
  CHECK(site.served_by({{"X_Canary", "always"}}) == "web");
  CHECK(findings_of(site).find("Canary") == std::string::npos);
}

TEST_CASE("a header with a value of its own leads to the canary at that alone") {
  const CanarySite site({.canary = {{"canary-by-header", "X-Canary"}, {"canary-by-header-value", "eu"}}});
  CHECK(site.served_by({{"X-Canary", "eu"}}) == "next");
  for (const char* other : {"always", "never", "EU", "eu2"}) CHECK(site.served_by({{"X-Canary", other}}) == "web");
}

TEST_CASE("a pattern is searched for anywhere in the header, by the case of its letters") {
  const CanarySite site({.canary = {{"canary-by-header", "X-Canary"}, {"canary-by-header-pattern", "b(c|d)+e"}, {"canary-by-cookie", "can"}}});
  for (const char* value : {"bce", "abcde", "abcdcdef"}) CHECK(site.served_by({{"X-Canary", value}}) == "next");
  for (const char* value : {"BCE", "be", "always"}) CHECK(site.served_by({{"X-Canary", value}}) == "web");
  CHECK(site.served_by({{"X-Canary", "be"}, {"Cookie", "can=always"}}) == "next");
}

TEST_CASE("with a pattern that is none, whoever sends the header stays with the main backend") {
  for (const char* pattern : {"a(b", "a)(b", "(?=a)b"}) {
    CAPTURE(pattern);
    const CanarySite site({.canary = {{"canary-by-header", "X-Canary"}, {"canary-by-header-pattern", pattern}, {"canary-weight", "100"}}});
    CHECK(site.served_by() == "next");
    CHECK(site.served_by({{"X-Canary", "always"}}) == "web");
    CHECK(findings_of(site).find("InvalidRegex") != std::string::npos);
  }
}

TEST_CASE("a canary joins a route that is a pattern by its text") {
  const CanarySite site({.canary = {{"canary-weight", "0"}},
                         .more = ingress_yaml({.name = "main-pattern", .rules = {{"pattern.org", {{.path = "/x//(.*)/", .type = "ImplementationSpecific"}}}}, .annotations = {{"rewrite-target", "/$1"}}}) +
                                 ingress_yaml({.name = "canary-pattern", .rules = {{"pattern.org", {{.path = "/x//(.*)/", .service = "next", .type = "ImplementationSpecific"}}}},
                                               .annotations = {{"canary", "true"}, {"canary-by-header", "X-Canary"}, {"rewrite-target", "/no"}}})});
  CHECK(site.site->narthex->routes().find("canary=default/next:80 (default/canary-pattern") != std::string::npos);
}

TEST_CASE("a cookie leads to the canary, whatever the case of its name") {
  const CanarySite site({.canary = {{"canary-by-cookie", "can"}}});
  CHECK(site.share(10) == 0);
  CHECK(site.share(10, {{"Cookie", "can=always"}}) == 10);
  CHECK(site.share(10, {{"Cookie", "can=never"}}) == 0);
  CHECK(site.served_by({{"Cookie", "x=y; can=always"}}) == "next");
  CHECK(site.served_by({{"Cookie", "CAN=always"}}) == "next");
  CHECK(site.served_by({{"Cookie", "can=true"}}) == "web");
}

TEST_CASE("the header goes before the cookie, and the cookie before the weight") {
  const CanarySite site({.canary = {{"canary-by-header", "X-Canary"}, {"canary-by-cookie", "can"}, {"canary-weight", "100"}}});
  CHECK(site.served_by() == "next");
  CHECK(site.served_by({{"X-Canary", "never"}}) == "web");
  CHECK(site.served_by({{"Cookie", "can=never"}}) == "web");
  CHECK(site.served_by({{"X-Canary", "always"}, {"Cookie", "can=never"}}) == "next");
  CHECK(site.served_by({{"X-Canary", "never"}, {"Cookie", "can=always"}}) == "web");
  CHECK(site.served_by({{"X-Canary", "foo"}, {"Cookie", "can=never"}}) == "web");
}

// One worker's share strays by a few requests, see Random::spread_below; eight workers' by as many each.
TEST_CASE("a weight is a share of the requests, of a total of 100 or of another one") {
  CHECK(CanarySite({.canary = {{"canary-weight", "0"}}}).share(200) == 0);
  CHECK(CanarySite({.canary = {{"canary-weight", "100"}}}).share(200) == 200);
  for (const auto& [weight, total] : {std::pair("50", "100"), {"100", "200"}, {"25", "50"}}) {
    CAPTURE(weight, total);
    const int taken = CanarySite({.canary = {{"canary-weight", weight}, {"canary-weight-total", total}}}).share(4000);
    CHECK(taken > 2000 - 40);
    CHECK(taken < 2000 + 40);
  }
}

TEST_CASE("a request for the canary is served as the route's own Ingress asks") {
  const CanarySite site({.canary = {{"canary-by-header", "X-Canary"}, {"upstream-vhost", "canary.test"}, {"whitelist-source-range", "192.0.2.0/24"}, {"auth-type", "basic"}},
                         .main = {{"upstream-vhost", "main.test"}, {"denylist-source-range", "127.0.0.2"}}});
  const Response response = fetch(site.site->http(), {.fields = {{"X-Canary", "always"}}});
  CHECK(CanarySite::side_of(response) == "next");
  CHECK(echoed_head(response).value("Host") == "main.test");
  CHECK(exchange(*connect_plain(site.site->http(), "127.0.0.2"), {.fields = {{"X-Canary", "always"}}}).status == 403);
  CHECK(site.site->narthex->routes().find("canary=default/next:80 (default/canary header=X-Canary)") != std::string::npos);
}

TEST_CASE("a canary alone serves nothing, and says so") {
  const Annotations all = {{"canary", "true"}, {"canary-weight", "100"}};
  const CanarySite site({.canary = {{"canary-weight", "0"}},
                         .more = ingress_yaml({.name = "orphan", .rules = {{"orphan.org", {{.service = "next"}}}}, .annotations = all}) +
                                 ingress_yaml({.name = "path", .rules = {{"example.com", {{.path = "/new", .service = "next"}}}}, .annotations = all}) +
                                 ingress_yaml({.name = "type", .rules = {{"example.com", {{.service = "next", .type = "Exact"}}}}, .annotations = all})});
  CHECK(fetch(site.site->http(), {.host = "orphan.org"}).status == 404);
  CHECK(CanarySite::side_of(fetch(site.site->http(), {.target = "/new"})) == "web");
  CHECK(site.share(10) == 0);
  const std::string findings = findings_of(site);
  for (const char* name : {"orphan", "path", "type"}) CHECK(findings.find(std::string("default/") + name + " ") != std::string::npos);
  CHECK(findings.find("CanaryWithoutPrimary") != std::string::npos);
}

TEST_CASE("without pods of its own a canary leaves all to the route, and a route without pods answers 503 all the same") {
  const CanarySite without({.canary = {{"canary-weight", "100"}}, .canary_pods = 0});
  CHECK(without.share(10) == 0);
  CHECK(without.served_by() == "web");
  const CanarySite empty({.canary = {{"canary-weight", "100"}}, .main_pods = 0});
  CHECK(empty.served_by() == "503");
}

TEST_CASE("a session stays on the side that gave out its cookie, before any rule") {
  const CanarySite site({.canary = {{"canary-by-header", "X-Canary"}, {"canary-weight", "0"}},
                         .main = {{"affinity", "cookie"}, {"session-cookie-name", "sid"}},
                         .main_pods = 2,
                         .canary_pods = 2});
  const auto with = [&](const std::string& cookie, const char* header) {
    return fetch(site.site->http(), {.fields = {{"Cookie", cookie}, {"X-Canary", header}}});
  };
  const Response first = fetch(site.site->http(), {.fields = {{"X-Canary", "always"}}});
  REQUIRE(CanarySite::side_of(first) == "next");
  REQUIRE(first.value("Set-Cookie").ends_with("; Path=/; HttpOnly"));
  for (const char* header : {"", "never"}) {
    for (int i = 0; i < 10; ++i) {
      const Response again = with(cookie_of(first), header);
      CHECK(again.value("X-Pod") == first.value("X-Pod"));
      CHECK_FALSE(again.has("Set-Cookie"));
    }
  }
  const Response main = fetch(site.site->http(), {});
  REQUIRE(CanarySite::side_of(main) == "web");
  for (int i = 0; i < 10; ++i) {
    const Response again = with(cookie_of(main), "always");
    CHECK(again.value("X-Pod") == main.value("X-Pod"));
    CHECK_FALSE(again.has("Set-Cookie"));
  }
  // A cookie of neither is replaced, and then its client stays, too.
  const Response strange = with("sid=abc", "always");
  CHECK(CanarySite::side_of(strange) == "next");
  CHECK(CanarySite::side_of(with(cookie_of(strange), "never")) == "next");
}

TEST_CASE("a legacy canary gives out no cookie, and a session of the route stays there") {
  const CanarySite site({.canary = {{"canary-by-header", "X-Canary"}, {"affinity-canary-behavior", "legacy"}},
                         .main = {{"affinity", "cookie"}, {"session-cookie-name", "sid"}},
                         .main_pods = 2,
                         .canary_pods = 2});
  const Response canary = fetch(site.site->http(), {.fields = {{"X-Canary", "always"}}});
  CHECK(CanarySite::side_of(canary) == "next");
  CHECK_FALSE(canary.has("Set-Cookie"));
  const Response main = fetch(site.site->http(), {});
  CHECK(CanarySite::side_of(main) == "web");
  REQUIRE(main.has("Set-Cookie"));
  for (int i = 0; i < 5; ++i) CHECK(site.served_by({{"Cookie", cookie_of(main)}, {"X-Canary", "always"}}) == "web");
}

TEST_CASE("a session survives that its side is given another weight") {
  const CanarySite site({.canary = {{"canary-weight", "50"}}, .main = {{"affinity", "cookie"}}, .main_pods = 2, .canary_pods = 2});
  for (int i = 0; i < 40; ++i) {
    const Response first = fetch(site.site->http(), {});
    CHECK(site.share(5, {{"Cookie", cookie_of(first)}}) == (CanarySite::side_of(first) == "next" ? 5 : 0));
  }
}

TEST_CASE("a canary's weight changes and its Ingress goes while requests run, and none fails") {
  CanarySite site({.canary = {{"canary-weight", "100"}}});
  CHECK(site.served_by() == "next");
  const auto rewrite = [&](const std::string& canary) {
    site.site->options().more = canary + service_with("next", pointers(site.next));
    site.site->write();
  };
  rewrite(ingress_yaml({.name = "canary", .rules = {{"example.com", {{.service = "next"}}}}, .annotations = {{"canary", "true"}}}));
  REQUIRE(eventually([&] { return site.served_by() == "web"; }));
  rewrite("");
  REQUIRE(eventually([&] { return site.site->narthex->routes().find("canary=") == std::string::npos; }));
  CHECK(site.served_by() == "web");
}

}  // namespace
}  // namespace narthex::test
