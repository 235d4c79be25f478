#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <span>

#include "base/hash.h"
#include "proxy/balance.h"
#include "proxy/filters/affinity.h"

using namespace narthex;
using proxy::filters::choose_by_cookie;

namespace {

router::Backend make_backend(int endpoints, const std::string& name = "default/web:80") {
  router::Backend backend;
  backend.name = name;
  backend.identity = base::hash(name);
  for (int i = 0; i < endpoints; ++i) backend.endpoints.push_back(*router::make_endpoint("10.0.0." + std::to_string(i + 1), 8080));
  return backend;
}

// A request whose Cookie field is `cookie`; valid as long as that text.
struct WithCookie : proxy::RequestHead {
  explicit WithCookie(std::string_view cookie) {
    if (!cookie.empty()) fields.add({"Cookie", cookie, proxy::FieldId::cookie});
  }
};

// A choice among all endpoints of a backend but `tried`.
proxy::Unwanted among(const router::Backend& backend, std::span<const size_t> tried = {}) {
  static const proxy::Refusals none;
  return {backend, tried, none, {}};
}

router::CookieAffinityPolicy make_policy(bool persistent) {
  router::CookieAffinityPolicy policy;
  policy.name = "INGRESSCOOKIE";
  policy.persistent = persistent;
  return policy;
}

struct Session {
  std::string cookie;
  uint64_t endpoint_id;
};

std::vector<Session> open_sessions(const router::CookieAffinityPolicy& policy, const router::Backend& backend, int count) {
  proxy::Random random;
  std::vector<Session> sessions;
  for (int i = 0; i < count; ++i) {
    const auto choice = choose_by_cookie(policy, WithCookie(""), among(backend), random);
    REQUIRE_FALSE(choice.new_cookie_value.empty());
    sessions.push_back({policy.name + "=" + choice.new_cookie_value, backend.endpoints[choice.endpoint].id});
  }
  return sessions;
}

}  // namespace

TEST_CASE("a session returns to its endpoint in any worker, without a second cookie") {
  const bool persistent = GENERATE(false, true);
  const auto policy = make_policy(persistent);
  const auto backend = make_backend(10);
  std::set<uint64_t> used;
  for (const Session& session : open_sessions(policy, backend, 500)) {
    proxy::Random another_worker;
    const auto again = choose_by_cookie(policy, WithCookie(session.cookie), among(backend), another_worker);
    CHECK(backend.endpoints[again.endpoint].id == session.endpoint_id);
    CHECK(again.new_cookie_value.empty());
    used.insert(session.endpoint_id);
  }
  CHECK(used.size() == 10);
}

TEST_CASE("persistent keeps every session whose endpoint lives, whatever else changes") {
  const auto policy = make_policy(true);
  const auto before = make_backend(10);
  const auto sessions = open_sessions(policy, before, 300);
  auto after = make_backend(40);
  const uint64_t gone = after.endpoints[3].id;
  after.endpoints.erase(after.endpoints.begin() + 3);
  proxy::Random random;
  for (const Session& session : sessions) {
    const auto choice = choose_by_cookie(policy, WithCookie(session.cookie), among(after), random);
    if (session.endpoint_id == gone) {
      CHECK_FALSE(choice.new_cookie_value.empty());
    } else {
      CHECK(after.endpoints[choice.endpoint].id == session.endpoint_id);
      CHECK(choice.new_cookie_value.empty());
    }
  }
}

TEST_CASE("balanced moves only the sessions of an endpoint that went, and only to one that came") {
  const auto policy = make_policy(false);
  const auto ten = make_backend(10);
  const auto sessions = open_sessions(policy, ten, 2000);
  auto nine = ten;
  const uint64_t gone = nine.endpoints[7].id;
  nine.endpoints.erase(nine.endpoints.begin() + 7);
  const auto eleven = make_backend(11);
  const uint64_t came = eleven.endpoints[10].id;
  proxy::Random random;
  int moved_to_new = 0;
  for (const Session& session : sessions) {
    const auto smaller = choose_by_cookie(policy, WithCookie(session.cookie), among(nine), random);
    if (session.endpoint_id != gone) CHECK(nine.endpoints[smaller.endpoint].id == session.endpoint_id);
    const auto larger = choose_by_cookie(policy, WithCookie(session.cookie), among(eleven), random);
    if (eleven.endpoints[larger.endpoint].id == session.endpoint_id) continue;
    CHECK(eleven.endpoints[larger.endpoint].id == came);
    ++moved_to_new;
  }
  // 2000 / 11 = 182 expected; four standard deviations are 52.
  CHECK(moved_to_new > 130);
  CHECK(moved_to_new < 234);
}

TEST_CASE("a forged or broken cookie leads to some endpoint and harms nothing") {
  const bool persistent = GENERATE(false, true);
  const auto policy = make_policy(persistent);
  const auto backend = make_backend(3);
  proxy::Random random;
  const std::string long_value = "INGRESSCOOKIE=" + std::string(5000, 'a');
  for (const std::string& cookie : {std::string("INGRESSCOOKIE="), std::string("INGRESSCOOKIE=|"), std::string("INGRESSCOOKIE=\xff|x"),
                                    std::string("INGRESSCOOKIE=00000000000000000000000000000000|0"), std::string("=;;=; INGRESSCOOKIE"), long_value}) {
    const auto choice = choose_by_cookie(policy, WithCookie(cookie), among(backend), random);
    CHECK(choice.endpoint < 3);
  }
}

TEST_CASE("the cookie is found among others and a name that merely ends alike is not taken") {
  const auto policy = make_policy(true);
  const auto backend = make_backend(10);
  const Session session = open_sessions(policy, backend, 1).front();
  proxy::Random random;
  const std::string several = "a=b;  X" + session.cookie + "x; " + session.cookie + " ; z=\"q\"";
  const auto choice = choose_by_cookie(policy, WithCookie(several), among(backend), random);
  CHECK(backend.endpoints[choice.endpoint].id == session.endpoint_id);
  const std::string only_alike = "X" + session.cookie;
  CHECK_FALSE(choose_by_cookie(policy, WithCookie(only_alike), among(backend), random).new_cookie_value.empty());
}

TEST_CASE("change-on-failure moves to another endpoint with a cookie that leads there, without it the retry stays") {
  const bool persistent = GENERATE(false, true);
  auto policy = make_policy(persistent);
  const auto backend = make_backend(4);
  const Session session = open_sessions(policy, backend, 1).front();
  proxy::Random random;
  const WithCookie request(session.cookie);
  const size_t failed = choose_by_cookie(policy, request, among(backend), random).endpoint;
  CHECK(choose_by_cookie(policy, request, among(backend, {&failed, 1}), random).endpoint == failed);
  policy.change_on_failure = true;
  const auto moved = choose_by_cookie(policy, request, among(backend, {&failed, 1}), random);
  CHECK(moved.endpoint != failed);
  const std::string cookie = "INGRESSCOOKIE=" + moved.new_cookie_value;
  CHECK(choose_by_cookie(policy, WithCookie(cookie), among(backend), random).endpoint == moved.endpoint);
}

TEST_CASE("the attributes of the cookie come in ingress-nginx's order") {
  auto policy = make_policy(false);
  const base::WallTime now{std::chrono::seconds(1'000'000'000)};
  CHECK(proxy::filters::set_cookie_value(policy, "v", "/shop", false, "", now) == "INGRESSCOOKIE=v; Path=/shop; HttpOnly");
  policy.expires = std::chrono::seconds(60);
  policy.max_age = std::chrono::seconds(120);
  policy.domain = "example.com";
  policy.path = "/p";
  policy.same_site = "None";
  CHECK(proxy::filters::set_cookie_value(policy, "v", "/shop", true, "", now) ==
        "INGRESSCOOKIE=v; Expires=Sun, 09-Sep-01 01:47:40 GMT; Max-Age=120; Domain=example.com; Path=/p; Secure; HttpOnly; SameSite=None");
  policy.conditional_same_site_none = true;
  const std::string old_chrome = proxy::filters::set_cookie_value(policy, "v", "/", true, "Mozilla/5.0 Chrome/51.0", now);
  CHECK(old_chrome.find("SameSite") == std::string::npos);
}

TEST_CASE("round robin touches every endpoint equally and starts anew for another backend in the same slot") {
  proxy::Random random;
  proxy::RoundRobin round_robin(random);
  const auto backend = make_backend(10);
  std::map<size_t, int> counts;
  for (int i = 0; i < 100; ++i) ++counts[round_robin.next(3, backend)];
  CHECK(counts.size() == 10);
  for (const auto& [endpoint, count] : counts) CHECK(count == 10);
  const auto other = make_backend(2, "default/other:80");
  for (int i = 0; i < 10; ++i) CHECK(round_robin.next(3, other) < 2);
}

TEST_CASE("a client address keeps its endpoint, and spreads with others over all") {
  const auto backend = make_backend(5);
  std::set<size_t> used;
  for (int i = 0; i < 200; ++i) {
    const std::string client = "192.0.2." + std::to_string(i);
    const size_t endpoint = proxy::filters::choose_by_client(client, among(backend));
    CHECK(proxy::filters::choose_by_client(client, among(backend)) == endpoint);
    CHECK(proxy::filters::choose_by_client(client, among(backend, {&endpoint, 1})) != endpoint);
    used.insert(endpoint);
  }
  CHECK(used.size() == 5);
}

TEST_CASE("endpoints that refused lately are passed over while there are others, by every choice but a session's own") {
  const auto backend = make_backend(10);
  const base::SteadyTime now{std::chrono::seconds(100)};
  proxy::Refusals refusals;
  for (size_t i = 0; i < 8; ++i) refusals.add(backend.endpoints[i], now, now + std::chrono::seconds(1));
  const proxy::Unwanted unwanted{backend, {}, refusals, now};
  proxy::Random random;
  proxy::RoundRobin round_robin(random);
  std::map<size_t, int> counts;
  for (int i = 0; i < 100; ++i) ++counts[proxy::draw_wanted(unwanted, [&] { return round_robin.next(1, backend); })];
  CHECK(counts == std::map<size_t, int>{{8, 50}, {9, 50}});
  for (int i = 0; i < 100; ++i) {
    CHECK(proxy::filters::choose_by_client("192.0.2." + std::to_string(i), unwanted) >= 8);
    CHECK(choose_by_cookie(make_policy(i % 2 == 0), WithCookie(""), unwanted, random).endpoint >= 8);
  }
  const auto policy = make_policy(false);
  for (const Session& session : open_sessions(policy, backend, 100))
    CHECK(backend.endpoints[choose_by_cookie(policy, WithCookie(session.cookie), unwanted, random).endpoint].id == session.endpoint_id);

  const size_t tried[] = {8, 9};
  CHECK(proxy::draw_wanted({backend, tried, refusals, now}, [&] { return round_robin.next(1, backend); }) < 8);
  CHECK_FALSE(refusals.has(backend.endpoints[0], now + std::chrono::seconds(1)));
  refusals.remove(backend.endpoints[0]);
  CHECK_FALSE(refusals.has(backend.endpoints[0], now));
}

TEST_CASE("refusals are remembered of a bounded number of endpoints, the newer ones where older ones are over") {
  const base::SteadyTime now{std::chrono::seconds(100)};
  const auto endpoint = [](size_t i) { return *router::make_endpoint("10.0.0.1", static_cast<uint16_t>(i + 1)); };
  proxy::Refusals refusals;
  for (size_t i = 0; i < proxy::limits::kRefusals + 1; ++i) refusals.add(endpoint(i), now, now + std::chrono::seconds(1));
  CHECK(refusals.has(endpoint(proxy::limits::kRefusals - 1), now));
  CHECK_FALSE(refusals.has(endpoint(proxy::limits::kRefusals), now));
  const base::SteadyTime later = now + std::chrono::seconds(1);
  refusals.add(endpoint(proxy::limits::kRefusals), later, later + std::chrono::seconds(1));
  CHECK(refusals.has(endpoint(proxy::limits::kRefusals), later));
}
