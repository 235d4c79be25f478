#include "router/host_index.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace {

using narthex::router::BackendSlot;
using narthex::router::HostIndex;
using narthex::router::HostRoutes;
using narthex::router::HostSpec;
using narthex::router::PathType;

std::shared_ptr<const HostRoutes> host(const std::string& name, BackendSlot backend = 0) {
  HostSpec spec;
  spec.host = name;
  spec.routes.push_back({"/", PathType::prefix, backend, nullptr, nullptr});
  return HostRoutes::compile(spec);
}

HostIndex index_of(const std::vector<std::string>& hosts) {
  HostIndex index;
  for (const std::string& name : hosts) index.set(host(name));
  return index;
}

std::string found(const HostIndex& index, const std::string& name) {
  const HostRoutes* routes = index.find(name);
  return routes ? "'" + std::string(routes->host()) + "'" : "none";
}

using Model = std::map<std::string, BackendSlot>;

std::string naive_find(const Model& model, const std::string& name) {
  if (name.starts_with('*')) return "none";
  if (model.contains(name)) return "'" + name + "'";
  const size_t dot = name.find('.');
  if (dot != std::string::npos && dot > 0 && model.contains("*" + name.substr(dot)))
    return "'*" + name.substr(dot) + "'";
  return model.contains("") ? "''" : "none";
}

void check_equal(const HostIndex& index, const Model& model) {
  REQUIRE(index.size() == model.size());
  Model visited;
  index.for_each([&visited](const HostRoutes& routes) {
    REQUIRE(visited.emplace(routes.host(), routes.match("/")->backend).second);
  });
  REQUIRE(visited == model);
  for (const auto& [name, backend] : model) {
    REQUIRE(index.find_key(name) != nullptr);
    REQUIRE(index.find_key(name)->match("/")->backend == backend);
  }
}

std::string random_host(std::mt19937& random, unsigned names) {
  const std::string number = std::to_string(random() % names);
  switch (random() % 8) {
    case 0:
      return "*.h" + number + ".test";
    case 1:
      return "x.h" + number + ".test";
    case 2:
      return "h" + number + ".test";
    case 3:
      return random() % 20 == 0 ? "" : "localhost" + number;
    default:
      return "app" + number + ".example.com";
  }
}

}  // namespace

TEST_CASE("a wildcard host matches exactly one label") {
  const HostIndex index = index_of({"*.foo.com"});
  CHECK(found(index, "bar.foo.com") == "'*.foo.com'");
  CHECK(found(index, "baz.bar.foo.com") == "none");
  CHECK(found(index, "foo.com") == "none");
  CHECK(found(index, ".foo.com") == "none");
  CHECK(found(index, "barfoo.com") == "none");
  CHECK(found(index, "com") == "none");
  CHECK(found(index, "") == "none");
}

TEST_CASE("an exact host comes before a wildcard, and a wildcard before the routes without host") {
  const HostIndex index = index_of({"", "*.foo.com", "bar.foo.com", "foo.com", "[::1]"});
  CHECK(found(index, "bar.foo.com") == "'bar.foo.com'");
  CHECK(found(index, "other.foo.com") == "'*.foo.com'");
  CHECK(found(index, "foo.com") == "'foo.com'");
  CHECK(found(index, "a.bar.foo.com") == "''");
  CHECK(found(index, "[::1]") == "'[::1]'");
  CHECK(found(index, "[::2]") == "''");
  CHECK(found(index, "localhost") == "''");
  CHECK(found(index, "") == "''");
}

TEST_CASE("a literal star matches no rule") {
  const HostIndex index = index_of({"", "*.foo.com", "*.com", "*"});
  CHECK(found(index, "*.foo.com") == "none");
  CHECK(found(index, "*") == "none");
  CHECK(found(index, "*x.foo.com") == "none");
  CHECK(found(index, "foo.com") == "'*.com'");
}

TEST_CASE("a wildcard and its parent are two keys") {
  HostIndex index = index_of({"*.foo.com", "foo.com"});
  CHECK(index.size() == 2);
  CHECK(index.find_key("*.foo.com")->host() == "*.foo.com");
  CHECK(index.find_key("foo.com")->host() == "foo.com");
  CHECK(index.find_key("bar.foo.com") == nullptr);
  index.erase("foo.com");
  CHECK(index.find_key("foo.com") == nullptr);
  CHECK(found(index, "bar.foo.com") == "'*.foo.com'");
}

TEST_CASE("an index without hosts finds none and forgets none") {
  HostIndex index;
  CHECK(index.find("a.test") == nullptr);
  CHECK(index.find_key("") == nullptr);
  index.erase("a.test");
  CHECK(index.size() == 0);
  index.set(host("a.test"));
  index.erase("b.test");
  CHECK(index.size() == 1);
  index.erase("a.test");
  CHECK(index.size() == 0);
  CHECK(index.find("a.test") == nullptr);
}

TEST_CASE("an index agrees with a map after random changes, and its copies keep what they held") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  constexpr unsigned kNames = 20'000;
  HostIndex index;
  Model model;
  std::vector<std::pair<HostIndex, Model>> kept;
  for (int step = 0; step < 120'000; ++step) {
    const std::string name = random_host(random, kNames);
    const bool shrinks = step / 30'000 % 2 == 1;
    if (random() % 4 < (shrinks ? 3u : 1u)) {
      index.erase(name);
      model.erase(name);
    } else {
      index.set(host(name, static_cast<BackendSlot>(step)));
      model[name] = static_cast<BackendSlot>(step);
    }
    if (step % 20'000 == 5) kept.emplace_back(index, model);
  }
  check_equal(index, model);
  for (const auto& [old_index, old_model] : kept) check_equal(old_index, old_model);
  for (int query = 0; query < 20'000; ++query) {
    const std::string name = random_host(random, kNames);
    INFO("host " << name);
    REQUIRE(found(index, name) == naive_find(model, name));
  }
}

TEST_CASE("an index frees the routes that it no longer holds, unless a copy does") {
  HostIndex index = index_of({"a.test", "b.test"});
  auto routes = host("c.test");
  const std::weak_ptr<const HostRoutes> watched = routes;
  index.set(std::move(routes));
  {
    const HostIndex copy = index;
    index.set(host("c.test", 7));
    CHECK_FALSE(watched.expired());
    CHECK(copy.find("c.test")->match("/")->backend == 0);
    CHECK(index.find("c.test")->match("/")->backend == 7);
  }
  CHECK(watched.expired());
}

TEST_CASE("an index that differs in one host shares the routes of all others") {
  HostIndex before;
  for (int i = 0; i < 5000; ++i) before.set(host("app" + std::to_string(i) + ".test"));
  HostIndex after = before;
  after.set(host("app42.test", 1));
  std::set<const HostRoutes*> held, different;
  before.for_each([&held](const HostRoutes& routes) { held.insert(&routes); });
  after.for_each([&](const HostRoutes& routes) {
    if (!held.contains(&routes)) different.insert(&routes);
  });
  REQUIRE(different.size() == 1);
  CHECK((*different.begin())->host() == "app42.test");
}
