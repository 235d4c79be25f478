#include <catch2/catch.hpp>

#include "controller/name_book.h"

namespace narthex::test {
namespace {

using namespace std::chrono_literals;
using controller::NameAnswer;
using controller::NameBook;
using controller::NameBookOptions;
using controller::NameChanges;
using controller::NameTrouble;
using Kind = NameAnswer::Kind;
using Names = std::vector<std::string>;

class TurnedClock final : public base::Clock {
 public:
  base::SteadyTime steady_now() const override { return base::SteadyTime{} + passed_; }
  base::WallTime wall_now() const override { return base::WallTime{} + 1'700'000'000s + passed_; }
  void turn(std::chrono::milliseconds by) { passed_ += by; }

 private:
  std::chrono::milliseconds passed_{1000};
};

NameAnswer found(std::vector<std::string> addresses, std::chrono::seconds ttl = 30s) {
  NameAnswer answer;
  answer.kind = Kind::found;
  answer.addresses = std::move(addresses);
  answer.ttl = ttl;
  return answer;
}
NameAnswer without(Kind kind) {
  NameAnswer answer;
  answer.kind = kind;
  return answer;
}

struct Book {
  explicit Book(NameBookOptions options = {}) : book(options, clock) {}
  // Asked for once, at whatever time that is due, and answered so.
  std::chrono::milliseconds answer_next(const std::string& name, const NameAnswer& answer) {
    const auto due = book.next_due();
    REQUIRE(due);
    const auto waited = std::chrono::ceil<std::chrono::milliseconds>(*due - clock.steady_now());
    if (waited > 0ms) clock.turn(waited);
    REQUIRE(book.take_due() == Names{name});
    book.answer(name, answer);
    return waited;
  }
  TurnedClock clock;
  NameBook book;
};

TEST_CASE("a name is asked for at once, told once, and asked for again when its time is over") {
  Book of;
  CHECK(of.book.settled());
  of.book.want("a.test");
  of.book.want("a.test");
  CHECK_FALSE(of.book.settled());
  CHECK(of.book.take_changes().empty());
  of.answer_next("a.test", found({"192.0.2.1"}));
  CHECK(of.book.settled());
  const NameChanges changes = of.book.take_changes();
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].resolved->addresses == Names{"192.0.2.1"});
  CHECK(changes[0].resolved->trouble == NameTrouble::none);
  of.clock.turn(29'999ms);
  CHECK(of.book.take_due().empty());
  of.clock.turn(3'001ms);  // a tenth by chance, at the most
  REQUIRE(of.book.take_due() == Names{"a.test"});
  of.book.answer("a.test", found({"192.0.2.1"}));
  CHECK(of.book.take_changes().empty());  // nothing new
  of.answer_next("a.test", found({"192.0.2.2"}));
  CHECK(of.book.take_changes().at(0).resolved->addresses == Names{"192.0.2.2"});
}

TEST_CASE("times to live count within a second and an hour") {
  Book of;
  of.book.want("a.test");
  of.answer_next("a.test", found({"192.0.2.1"}, 0s));
  const auto least = of.answer_next("a.test", found({"192.0.2.1"}, 86400s));
  CHECK((least >= 1000ms && least <= 1100ms));
  const auto most = of.answer_next("a.test", found({"192.0.2.1"}));
  CHECK((most >= 3600s && most <= 3960s));
}

TEST_CASE("names that were asked for together are not asked for together ever after") {
  NameBookOptions options;
  options.in_flight = 1000;
  Book of(options);
  for (int i = 0; i < 1000; ++i) of.book.want("n" + std::to_string(i));
  for (const std::string& name : of.book.take_due()) of.book.answer(name, found({"192.0.2.1"}, 100s));
  of.clock.turn(100s);
  size_t asked = 0;
  for (int second = 0; second <= 10; ++second, of.clock.turn(1s)) {
    const size_t due = of.book.take_due().size();
    asked += due;
    CHECK(due < 250);
  }
  CHECK(asked == 1000);
}

TEST_CASE("while the DNS fails the last good answer is kept, and it is said since when") {
  Book of;
  of.book.want("a.test");
  of.answer_next("a.test", found({"192.0.2.1"}));
  of.book.take_changes();
  of.answer_next("a.test", without(Kind::failed));
  const NameChanges changes = of.book.take_changes();
  REQUIRE(changes.size() == 1);
  const controller::ResolvedName first = *changes[0].resolved;
  CHECK(first.trouble == NameTrouble::failing);
  CHECK(first.addresses == Names{"192.0.2.1"});
  CHECK(first.since == std::chrono::floor<std::chrono::seconds>(of.clock.wall_now()));
  for (int i = 0; i < 500; ++i) of.answer_next("a.test", without(Kind::failed));
  CHECK(of.book.take_changes().empty());  // the same trouble since the same time
  CHECK(of.book.counts().in_trouble == 1);
  of.answer_next("a.test", found({"192.0.2.1"}));
  CHECK(of.book.take_changes().at(0).resolved->trouble == NameTrouble::none);
  CHECK(of.book.counts().in_trouble == 0);
}

TEST_CASE("failures are tried again ever more slowly, by chance, and never more slowly than half a minute") {
  Book of;
  of.book.want("a.test");
  of.answer_next("a.test", without(Kind::failed));
  std::chrono::milliseconds longest{1000};
  for (int i = 0; i < 20; ++i, longest = std::min(2 * longest, std::chrono::milliseconds(30'000))) {
    const auto pause = of.answer_next("a.test", without(i % 2 == 0 ? Kind::failed : Kind::absent));
    CHECK(pause >= longest / 2);
    CHECK(pause <= longest);
  }
}

TEST_CASE("a name that is gone keeps its addresses for half a minute, and no longer") {
  Book of;
  of.book.want("a.test");
  of.answer_next("a.test", found({"192.0.2.1"}));
  of.answer_next("a.test", without(Kind::absent));
  const base::SteadyTime gone = of.clock.steady_now();
  CHECK(of.book.take_changes().at(0).resolved->addresses.size() == 1);
  while (of.clock.steady_now() - gone < 30s) {
    CHECK(of.book.take_changes().empty());
    of.answer_next("a.test", without(Kind::absent));
  }
  const NameChanges changes = of.book.take_changes();
  CHECK(changes.at(0).resolved->addresses.empty());
  CHECK(changes.at(0).resolved->trouble == NameTrouble::absent);
  CHECK(of.clock.steady_now() - gone < 61s);
}

TEST_CASE("failures in between do not count as a name being gone") {
  Book of;
  of.book.want("a.test");
  of.answer_next("a.test", found({"192.0.2.1"}));
  for (int i = 0; i < 50; ++i) of.answer_next("a.test", without(i % 2 == 0 ? Kind::absent : Kind::failed));
  CHECK(of.book.take_changes().at(0).resolved->addresses == Names{"192.0.2.1"});
}

TEST_CASE("a name that nobody needs any more is forgotten, even while it is being asked for") {
  Book of;
  of.book.want("a.test");
  of.answer_next("a.test", found({"192.0.2.1"}));
  of.book.take_changes();
  of.book.forget("a.test");
  of.book.forget("a.test");
  const NameChanges changes = of.book.take_changes();
  REQUIRE(changes.size() == 1);
  CHECK_FALSE(changes[0].resolved);
  CHECK_FALSE(of.book.next_due());
  of.book.want("b.test");
  CHECK(of.book.take_due() == Names{"b.test"});
  of.book.forget("b.test");
  CHECK(of.book.settled());
  of.book.want("b.test");  // the old question is still on its way
  CHECK(of.book.take_due() == Names{"b.test"});
  of.book.answer("b.test", found({"192.0.2.2"}));
  of.book.answer("b.test", found({"192.0.2.3"}));
  CHECK(of.book.take_changes().at(0).resolved->addresses == Names{"192.0.2.2"});
  CHECK(of.book.counts().names == 1);
}

TEST_CASE("no more names are in flight than may be, and the longest due go first") {
  NameBookOptions options;
  options.in_flight = 2;
  Book of(options);
  for (const char* name : {"a", "b", "c", "d"}) of.book.want(name);
  CHECK(of.book.take_due() == Names{"a", "b"});
  CHECK(of.book.take_due().empty());
  CHECK_FALSE(of.book.next_due());
  of.book.answer("b", found({"192.0.2.1"}, 1s));
  CHECK(of.book.take_due() == Names{"c"});
  of.clock.turn(5s);
  of.book.answer("a", without(Kind::failed));
  CHECK(of.book.take_due() == Names{"d"});
  of.book.answer("c", without(Kind::failed));
  CHECK(of.book.take_due() == Names{"b"});
}

TEST_CASE("names above the limit are told so, and taken when others go") {
  NameBookOptions options;
  options.names = 1;
  Book of(options);
  of.book.want("a");
  of.book.want("b");
  of.book.want("c");
  NameChanges changes = of.book.take_changes();
  REQUIRE(changes.size() == 2);
  for (const auto& change : changes) CHECK(change.resolved->trouble == NameTrouble::too_many);
  CHECK(of.book.take_due() == Names{"a"});
  of.book.forget("c");
  CHECK_FALSE(of.book.take_changes().at(0).resolved);
  of.book.forget("a");
  changes = of.book.take_changes();
  REQUIRE(changes.size() == 2);  // a is gone, b is not known yet
  for (const auto& change : changes) CHECK_FALSE(change.resolved);
  CHECK(of.book.take_due() == Names{"b"});
}

}  // namespace
}  // namespace narthex::test
