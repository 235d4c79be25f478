#include "router/backend.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

namespace {

using narthex::router::Backend;
using narthex::router::BackendSlot;
using narthex::router::BackendTable;
using narthex::router::kNoBackend;
using narthex::router::make_endpoint;

std::shared_ptr<const Backend> backend(const std::string& name) {
  Backend made;
  made.name = name;
  return std::make_shared<const Backend>(std::move(made));
}

using Model = std::map<BackendSlot, std::string>;

void check_equal(const BackendTable& table, const Model& model, BackendSlot slots) {
  for (BackendSlot slot = 0; slot < slots; ++slot) {
    const auto expected = model.find(slot);
    const Backend* found = table.find(slot);
    REQUIRE((found != nullptr) == (expected != model.end()));
    if (found) REQUIRE(found->name == expected->second);
  }
}

}  // namespace

TEST_CASE("an endpoint is an address of either family with a port, and prints as one") {
  const auto v4 = make_endpoint("10.0.0.1", 80);
  REQUIRE(v4);
  CHECK_FALSE(v4->v6);
  CHECK(to_text(*v4) == "10.0.0.1:80");
  CHECK(v4->ip[0] == 10);
  CHECK(v4->ip[3] == 1);
  const auto v6 = make_endpoint("2001:DB8:0:0::1", 8080);
  REQUIRE(v6);
  CHECK(v6->v6);
  CHECK(to_text(*v6) == "[2001:db8::1]:8080");
}

TEST_CASE("what is no address makes no endpoint") {
  for (const std::string text : {"", "localhost", "10.0.0", "10.0.0.256", "10.0.0.1:80", "10.0.0.1 ", "010.0.0.1",
                                 "[::1]", ":::", "fe80::1%eth0", "1::2::3"})
    CHECK_FALSE(make_endpoint(text, 80));
  CHECK_FALSE(make_endpoint(std::string_view("10.0.0.1\0", 9), 80));
  CHECK_FALSE(make_endpoint(std::string(5000, '1'), 80));
}

TEST_CASE("the id of an endpoint follows its text, so that affinity survives restarts") {
  // A constant on purpose: cookies that are out there hold it.
  CHECK(make_endpoint("10.0.0.1", 80)->id == 0xbdac9db975d9f08u);
  CHECK(make_endpoint("::1", 80)->id == make_endpoint("0:0:0:0:0:0:0:1", 80)->id);
  CHECK(make_endpoint("10.0.0.1", 80)->id != make_endpoint("10.0.0.1", 81)->id);
  CHECK(make_endpoint("10.0.0.1", 80) == make_endpoint("10.0.0.1", 80));
  CHECK_FALSE(make_endpoint("10.0.0.1", 80) == make_endpoint("::10.0.0.1", 80));
}

TEST_CASE("a table without a backend in a slot finds none") {
  BackendTable table;
  CHECK(table.find(0) == nullptr);
  CHECK(table.find(kNoBackend) == nullptr);
  table.set(700, nullptr);
  CHECK(table.find(700) == nullptr);
  table.set(700, backend("a"));
  CHECK(table.find(700)->name == "a");
  CHECK(table.find(699) == nullptr);
  CHECK(table.find(kNoBackend) == nullptr);
  table.set(700, nullptr);
  CHECK(table.find(700) == nullptr);
}

TEST_CASE("a table agrees with a map after random changes, and its copies keep what they held") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  constexpr BackendSlot kSlots = 1500;
  BackendTable table;
  Model model;
  std::vector<std::pair<BackendTable, Model>> kept;
  for (int step = 0; step < 4000; ++step) {
    const BackendSlot slot = random() % kSlots;
    if (random() % 3 == 0) {
      table.set(slot, nullptr);
      model.erase(slot);
    } else {
      const std::string name = std::to_string(step);
      table.set(slot, backend(name));
      model[slot] = name;
    }
    if (step % 400 == 0) kept.emplace_back(table, model);
    if (step % 1000 == 0) kept.erase(kept.begin());
  }
  check_equal(table, model, kSlots + 10);
  for (const auto& [old_table, old_model] : kept) check_equal(old_table, old_model, kSlots + 10);
}

TEST_CASE("a table frees a backend that it no longer holds, unless a copy does") {
  BackendTable table;
  auto held = backend("a");
  const std::weak_ptr<const Backend> watched = held;
  table.set(3, std::move(held));
  {
    const BackendTable copy = table;
    table.set(3, nullptr);
    CHECK_FALSE(watched.expired());
    CHECK(copy.find(3)->name == "a");
  }
  CHECK(watched.expired());
}
