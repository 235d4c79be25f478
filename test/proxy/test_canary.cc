#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "base/hash.h"
#include "proxy/filters/affinity.h"
#include "proxy/filters/canary.h"
#include "router/regex.h"

using namespace narthex;
using proxy::filters::choose_side;

namespace {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

struct WithFields : proxy::RequestHead {
  explicit WithFields(const Fields& sent) {
    for (const auto& [name, value] : sent) fields.add({name, value, proxy::identify_field(name)});
  }
};

router::CanaryPolicy by_header(std::string value = "") {
  router::CanaryPolicy canary;
  canary.header = "X-Canary";
  canary.header_value = std::move(value);
  return canary;
}

router::CanaryPolicy by_cookie() {
  router::CanaryPolicy canary;
  canary.cookie = "can";
  return canary;
}

bool chooses(const router::CanaryPolicy& canary, const Fields& sent, bool keeps_underscores = false) {
  proxy::Random random;
  return proxy::filters::rules_choose_canary(canary, WithFields(sent), keeps_underscores, random);
}

double share(uint32_t weight, uint32_t total, int times) {
  router::CanaryPolicy canary;
  canary.weight = weight;
  canary.weight_total = total;
  proxy::Random random;
  const WithFields request({});
  int taken = 0;
  for (int i = 0; i < times; ++i) taken += proxy::filters::rules_choose_canary(canary, request, false, random);
  return static_cast<double>(taken) / times;
}

router::Backend backend(const std::string& name) {
  router::Backend made;
  made.name = name;
  made.identity = base::hash(name);
  made.endpoints.push_back(*router::make_endpoint("10.0.0.1", 80));
  return made;
}

}  // namespace

TEST_CASE("a header that says always leads to the canary, never leads away, and anything else decides nothing") {
  router::CanaryPolicy canary = by_header();
  for (const uint32_t weight : {0u, 100u}) {
    canary.weight = weight;
    CHECK(chooses(canary, {{"X-Canary", "always"}}));
    CHECK(chooses(canary, {{"x-canary", "always"}}));
    CHECK_FALSE(chooses(canary, {{"X-Canary", "never"}}));
    for (const char* other : {"", "Always", "NEVER", "always,", "true", "alway"}) CHECK(chooses(canary, {{"X-Canary", other}}) == (weight == 100));
    CHECK(chooses(canary, {{"X-Canary2", "always"}, {"X", "never"}}) == (weight == 100));
    // Twice is one list, and a list is neither.
    CHECK(chooses(canary, {{"X-Canary", "never"}, {"X-Canary", "always"}}) == (weight == 100));
    CHECK(chooses(canary, {{"X-Canary", "always"}, {"a", "b"}, {"x-canary", "always"}, {"x-canary", "c"}}) == (weight == 100));
  }
}

TEST_CASE("the name of the header may be written with underscores, the field itself only where those are kept") {
  router::CanaryPolicy canary = by_header();
  canary.header = "x_canary";
  CHECK(chooses(canary, {{"X-Canary", "always"}}));
  CHECK_FALSE(chooses(canary, {{"X_Canary", "always"}}));
  CHECK(chooses(canary, {{"X_Canary", "always"}}, true));
}

TEST_CASE("with a value of its own the header leads to the canary at that, and at nothing else") {
  router::CanaryPolicy canary = by_header("eu");
  for (const uint32_t weight : {0u, 100u}) {
    canary.weight = weight;
    CHECK(chooses(canary, {{"X-Canary", "eu"}}));
    for (const char* other : {"EU", "always", "never", "eu2", ""}) CHECK(chooses(canary, {{"X-Canary", other}}) == (weight == 100));
    CHECK(chooses(canary, {}) == (weight == 100));
  }
}

TEST_CASE("a pattern for the header leads to the canary where it is matched, and decides nothing else") {
  router::CanaryPolicy canary = by_header();
  canary.header_pattern = *router::Regex::compile("(?s:.*?)(?-i:^(eu|us)-[0-9]+$)");
  for (const uint32_t weight : {0u, 100u}) {
    canary.weight = weight;
    CHECK(chooses(canary, {{"X-Canary", "eu-12"}}));
    for (const char* other : {"EU-12", "eu-", "xeu-1", "always", "never", ""}) CHECK(chooses(canary, {{"X-Canary", other}}) == (weight == 100));
    CHECK(chooses(canary, {}) == (weight == 100));
  }
}

TEST_CASE("where the pattern for the header cannot be searched for, whoever sends the header stays away") {
  router::CanaryPolicy canary = by_header();
  canary.header_leads_away = true;
  canary.weight = 100;
  CHECK_FALSE(chooses(canary, {{"X-Canary", "always"}}));
  CHECK(chooses(canary, {}));
}

TEST_CASE("a cookie is asked by its name in any case, the first of that name") {
  router::CanaryPolicy canary = by_cookie();
  CHECK(chooses(canary, {{"Cookie", "can=always"}}));
  CHECK(chooses(canary, {{"Cookie", "x=y; CAN=always; z=1"}}));
  CHECK(chooses(canary, {{"Cookie", "x=y"}, {"cookie", "Can = always"}}));
  CHECK_FALSE(chooses(canary, {{"Cookie", "xcan=always; cann=always; can; =always"}}));
  canary.weight = 100;
  CHECK_FALSE(chooses(canary, {{"Cookie", "can=never"}}));
  CHECK_FALSE(chooses(canary, {{"Cookie", "can=never; can=always"}}));
  for (const char* other : {"can=", "can=true", "can=Never", "can=\"never\"", "other=never"}) CHECK(chooses(canary, {{"Cookie", other}}));
}

TEST_CASE("the header goes before the cookie, and the cookie before the weight") {
  router::CanaryPolicy canary = by_header();
  canary.cookie = "can";
  canary.weight = 100;
  CHECK(chooses(canary, {}));
  CHECK_FALSE(chooses(canary, {{"X-Canary", "never"}}));
  CHECK_FALSE(chooses(canary, {{"Cookie", "can=never"}}));
  CHECK(chooses(canary, {{"X-Canary", "always"}, {"Cookie", "can=never"}}));
  CHECK_FALSE(chooses(canary, {{"X-Canary", "never"}, {"Cookie", "can=always"}}));
  CHECK_FALSE(chooses(canary, {{"X-Canary", "foo"}, {"Cookie", "can=never"}}));
}

TEST_CASE("a weight is a share of the total, whatever the total is") {
  CHECK(share(0, 100, 10'000) == 0);
  CHECK(share(0, 1, 10'000) == 0);
  CHECK(share(100, 100, 10'000) == 1);
  CHECK(share(500, 100, 10'000) == 1);
  for (const auto& [weight, total, expected] : {std::tuple(50u, 100u, 0.5), {1u, 100u, 0.01}, {100u, 200u, 0.5}, {25u, 50u, 0.5}, {1u, 3u, 1.0 / 3}, {1u, 1000u, 0.001}})
    CHECK(share(weight, total, 10'000) == Approx(expected).margin(0.002));
}

TEST_CASE("a share holds for each of several routes, in whatever rhythm they take turns") {
  router::CanaryPolicy canary;
  canary.weight = 30;
  proxy::Random random;
  const WithFields request({});
  for (const int routes : {2, 3, 7, 10, 100}) {
    std::vector<int> taken(static_cast<size_t>(routes));
    for (int i = 0; i < 10'000; ++i)
      for (int& one : taken) one += proxy::filters::rules_choose_canary(canary, request, false, random);
    for (const int one : taken) CHECK(one == Approx(3000).margin(100));
  }
}

TEST_CASE("a session stays on the side that its cookie was given out on, before any rule") {
  router::RoutePolicy policy;
  policy.cookie_affinity.emplace().name = "sid";
  policy.cookie_affinity->persistent = GENERATE(false, true);
  router::CanaryPolicy rules = by_header();
  const router::Backend main = backend("default/main:80"), canary = backend("default/canary:80");
  proxy::Random random;
  static const proxy::Refusals none;
  const auto cookie_from = [&](const router::Backend& side) {
    return "sid=" + proxy::filters::choose_by_cookie(*policy.cookie_affinity, WithFields({}), {side, {}, none, {}}, random).new_cookie_value;
  };
  const std::string from_main = cookie_from(main), from_canary = cookie_from(canary);
  const auto side_of = [&](const std::string& cookie, std::string_view header) {
    return choose_side(policy, main, canary, WithFields({{"Cookie", cookie}, {"X-Canary", header}}), false, random);
  };
  for (const bool sticky : {true, false}) {
    rules.sticky = sticky;
    policy.canary = std::make_shared<const router::CanaryPolicy>(rules);
    CHECK_FALSE(side_of(from_main, "always").canary);
    CHECK_FALSE(side_of(from_main, "always").new_session);
    CHECK(side_of(from_canary, "never").canary == sticky);
    CHECK(side_of(from_canary, "").new_session == !sticky);
    // What neither has given out leaves it to the rules, and is replaced.
    for (const std::string& strange : {std::string("sid=made-up"), std::string("sid=k|0123456789abcdef0123456789abcdef"), from_main + "0",
                                       from_main.substr(0, from_main.size() - 1), std::string("sid=|"), std::string("a=b")}) {
      CHECK(side_of(strange, "always").canary);
      CHECK_FALSE(side_of(strange, "never").canary);
      CHECK(side_of(strange, "").new_session);
    }
  }
  policy.cookie_affinity.reset();
  CHECK(side_of(from_main, "always").canary);
}
