#include "controller/few.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <vector>

namespace narthex {
namespace {

struct Smaller {
  bool operator()(const int* a, const int* b) const { return *a < *b; }
};
using Few = controller::Few<int, Smaller>;

std::vector<int> members(const Few& few) {
  std::vector<int> all;
  for (const int* member : few) all.push_back(*member);
  return all;
}

TEST_CASE("a set of few holds none, one or several, in order") {
  const int one = 1, two = 2, three = 3;
  Few few;
  CHECK(few.empty());
  CHECK(members(few).empty());
  few.insert(&two);
  CHECK(members(few) == std::vector<int>{2});
  few.insert(&three);
  few.insert(&one);
  CHECK(members(few) == std::vector<int>{1, 2, 3});
  few.erase(&two);
  few.erase(&two);
  few.erase(&three);
  CHECK(members(few) == std::vector<int>{1});
  few.erase(&two);
  CHECK(few.size() == 1);
  few.erase(&one);
  CHECK(few.empty());
}

TEST_CASE("a member that is put in twice is in once") {
  const int one = 1, two = 2;
  Few few;
  few.insert(&one);
  few.insert(&one);
  CHECK(members(few) == std::vector<int>{1});
  few.erase(&one);
  CHECK(few.empty());
  few.insert(&two);
  few.insert(&one);
  few.insert(&two);
  CHECK(members(few) == std::vector<int>{1, 2});
}

TEST_CASE("a set of few does what a set does") {
  std::vector<int> values(20);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i);
  std::mt19937 random(5);
  Few few;
  std::set<int> model;
  for (int step = 0; step < 5000; ++step) {
    const int& value = values[random() % values.size()];
    // Mostly taking away, so that it is often small.
    if (random() % 3 == 0) {
      few.insert(&value);
      model.insert(value);
    } else {
      few.erase(&value);
      model.erase(value);
    }
    REQUIRE(members(few) == std::vector<int>(model.begin(), model.end()));
  }
}

}  // namespace
}  // namespace narthex
