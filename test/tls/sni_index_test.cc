#include "tls/sni_index.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <random>

#include "test/tls/connected_pair.h"

using namespace narthex;
using tls::CertificateSet;
using tls::SniIndex;

namespace {

CertificateSet fresh() { return {test::parsed(test::make_certificate("x.example.com"))}; }

}  // namespace

TEST_CASE("an exact name comes before a wildcard, and a wildcard before the default") {
  const CertificateSet exact = fresh(), wildcard = fresh(), otherwise = fresh();
  SniIndex index;
  index.set_default(otherwise);
  index.set("a.example.com", exact);
  index.set("*.example.com", wildcard);
  CHECK(index.find("a.example.com") == exact);
  CHECK(index.find("b.example.com") == wildcard);
  CHECK(index.find("example.com") == otherwise);
  CHECK(index.find("other.org") == otherwise);
}

TEST_CASE("a wildcard stands for exactly one label") {
  const CertificateSet wildcard = fresh(), otherwise = fresh();
  SniIndex index;
  index.set_default(otherwise);
  index.set("*.example.com", wildcard);
  const auto [name, found] = GENERATE(table<std::string, bool>({
      {"a.example.com", true},
      {"abc-def.example.com", true},
      {"b.a.example.com", false},
      {"example.com", false},
      {".example.com", false},
      {"*.example.com", false},
      {"*a.example.com", false},
      {"aexample.com", false},
      {"com", false},
  }));
  INFO(name);
  CHECK(index.find(name) == (found ? wildcard : otherwise));
}

TEST_CASE("names are found without regard to case and one trailing dot") {
  const CertificateSet exact = fresh(), otherwise = fresh();
  SniIndex index;
  index.set_default(otherwise);
  index.set("a.example.com", exact);
  CHECK(index.find("A.eXample.COM") == exact);
  CHECK(index.find("a.example.com.") == exact);
  CHECK(index.find("a.example.com..") == otherwise);
}

TEST_CASE("names that no host can have find the default") {
  const CertificateSet exact = fresh(), otherwise = fresh();
  SniIndex index;
  index.set_default(otherwise);
  index.set("a.example.com", exact);
  CHECK(index.find("") == otherwise);
  CHECK(index.find(".") == otherwise);
  CHECK(index.find(std::string("a.example.com\0", 14)) == otherwise);
  CHECK(index.find(std::string(256, 'a')) == otherwise);
  CHECK(index.find(std::string(100'000, 'a') + ".example.com") == otherwise);
}

TEST_CASE("an index without hosts and without a default finds an empty set") {
  const SniIndex index;
  CHECK(index.find("a.example.com").empty());
  CHECK(index.find("").empty());
}

TEST_CASE("a copy of an index keeps what it had when the original changes") {
  const CertificateSet first = fresh(), second = fresh(), otherwise = fresh();
  SniIndex index;
  index.set_default(otherwise);
  index.set("a.example.com", first);
  const SniIndex before = index;
  index.set("a.example.com", second);
  index.set("b.example.com", second);
  CHECK(before.find("a.example.com") == first);
  CHECK(before.find("b.example.com") == otherwise);
  CHECK(index.find("a.example.com") == second);
  const SniIndex with_both = index;
  index.erase("a.example.com");
  CHECK(index.find("a.example.com") == otherwise);
  CHECK(with_both.find("a.example.com") == second);
}

TEST_CASE("erasing what is not there changes nothing") {
  SniIndex index;
  index.erase("a.example.com");
  index.set("a.example.com", fresh());
  index.erase("b.example.com");
  CHECK(index.find("a.example.com").size() == 1);
}

TEST_CASE("the index agrees with a sorted map under random changes") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::vector<CertificateSet> sets{fresh(), fresh(), fresh()};
  std::map<std::string, CertificateSet> model;
  SniIndex index;
  std::vector<std::pair<SniIndex, std::map<std::string, CertificateSet>>> copies;
  for (int step = 0; step < 4000; ++step) {
    const std::string host =
        (random() % 4 == 0 ? "*" : std::to_string(random() % 300)) + "." + std::to_string(random() % 5) + ".com";
    if (random() % 3 == 0) {
      index.erase(host);
      model.erase(host);
    } else {
      const CertificateSet& set = sets[random() % sets.size()];
      index.set(host, set);
      model[host] = set;
    }
    if (step % 400 == 0) copies.emplace_back(index, model);
  }
  copies.emplace_back(index, model);
  for (const auto& [copy, expected] : copies) {
    std::map<std::string, CertificateSet> seen;
    copy.for_each([&seen](std::string_view host, const CertificateSet& set) { seen.emplace(host, set); });
    CHECK(seen == expected);
    for (const auto& [host, set] : expected)
      if (host[0] != '*') CHECK(copy.find(host) == set);
  }
}
