#include <catch2/catch.hpp>
#include <memory>

#include "controller/elector.h"
#include "controller/leader_election.h"
#include "test/controller/written_cluster.h"

namespace narthex::test {
namespace {

using config::Lease;
using controller::Elector;
using controller::ElectionTimes;
using controller::LeaderElection;
using namespace std::chrono_literals;

const std::string kLease = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/leader";

Lease lease_of(const std::string& holder, const std::string& renewed = "2024-05-01T12:00:00.000000Z") {
  Lease lease;
  lease.holder = holder;
  lease.duration_seconds = 15;
  lease.transitions = 3;
  lease.acquire_time = "2024-05-01T11:00:00.000000Z";
  lease.renew_time = renewed;
  lease.resource_version = "7";
  return lease;
}

TEST_CASE("a Lease that is not there, or nobody's, is bid for at once, and a new holder counts a transition") {
  const TurnedClock clock;
  LeaderElection election("a", {});
  CHECK_FALSE(election.bid(clock.steady_now(), clock.wall_now()));  // nothing is known yet
  election.observe(std::nullopt, clock.steady_now());
  auto bid = election.bid(clock.steady_now(), clock.wall_now());
  REQUIRE(bid);
  CHECK(bid->holder == "a");
  CHECK(bid->duration_seconds == 15);
  CHECK(bid->transitions == 0);
  CHECK(bid->acquire_time == bid->renew_time);
  election.observe(lease_of(""), clock.steady_now());
  bid = election.bid(clock.steady_now(), clock.wall_now());
  REQUIRE(bid);
  CHECK(bid->transitions == 4);
  CHECK(bid->resource_version == "7");
}

TEST_CASE("another's Lease is waited for from when it was first seen like this, whatever the wall clocks say") {
  TurnedClock clock;
  LeaderElection election("a", {});
  // Its times are years old: only what is observed counts.
  election.observe(lease_of("b", "2001-01-01T00:00:00.000000Z"), clock.steady_now());
  CHECK_FALSE(election.bid(clock.steady_now(), clock.wall_now()));
  clock.turn(14s);
  election.observe(lease_of("b", "2001-01-01T00:00:00.000000Z"), clock.steady_now());
  CHECK_FALSE(election.bid(clock.steady_now(), clock.wall_now()));
  // Renewed, by a clock that runs far ahead: the wait begins again, and is no longer for that.
  election.observe(lease_of("b", "2099-01-01T00:00:00.000000Z"), clock.steady_now());
  clock.turn(14s);
  clock.skew(-24h);
  election.observe(lease_of("b", "2099-01-01T00:00:00.000000Z"), clock.steady_now());
  CHECK_FALSE(election.bid(clock.steady_now(), clock.wall_now()));
  clock.turn(1s);
  const auto bid = election.bid(clock.steady_now(), clock.wall_now());
  REQUIRE(bid);
  CHECK(bid->transitions == 4);
  CHECK(bid->acquire_time != "2024-05-01T11:00:00.000000Z");
}

TEST_CASE("who leads stops doing so before others may begin, and a renewal keeps what was acquired") {
  TurnedClock clock;
  LeaderElection election("a", {});
  election.observe(std::nullopt, clock.steady_now());
  Lease mine = *election.bid(clock.steady_now(), clock.wall_now());
  CHECK_FALSE(election.leads(clock.steady_now()));  // a bid is not yet a Lease
  election.written(mine, clock.steady_now());
  CHECK(election.leads(clock.steady_now()));
  clock.turn(9999ms);
  CHECK(election.leads(clock.steady_now()));
  const auto renewal = election.bid(clock.steady_now(), clock.wall_now());
  REQUIRE(renewal);
  CHECK(renewal->acquire_time == mine.acquire_time);
  CHECK(renewal->transitions == mine.transitions);
  CHECK(renewal->renew_time != mine.renew_time);
  clock.turn(1ms);
  CHECK_FALSE(election.leads(clock.steady_now()));
}

TEST_CASE("whoever sees another's name in the Lease does not lead any more, and what is released names nobody") {
  TurnedClock clock;
  LeaderElection election("a", {});
  election.written(lease_of("a"), clock.steady_now());
  const auto released = election.release(clock.wall_now());
  REQUIRE(released);
  CHECK(released->holder.empty());
  CHECK(released->duration_seconds == 1);
  CHECK(released->transitions == 3);
  election.observe(lease_of("b"), clock.steady_now());
  CHECK_FALSE(election.leads(clock.steady_now()));
  CHECK_FALSE(election.release(clock.wall_now()));
}

TEST_CASE("the times of an election keep client-go's proportions") {
  const ElectionTimes usual = controller::election_times(15s);
  CHECK(usual.duration == 15s);
  CHECK(usual.renew_deadline == 10s);
  CHECK(usual.retry == 2s);
  CHECK(controller::election_times(30s).renew_deadline == 20s);
  CHECK(controller::election_times(30s).retry == 2s);
  CHECK(controller::election_times(5s).retry < 1s);
}

// One replica; its clock is its own.
struct Replica {
  Replica(WrittenCluster& cluster, const std::string& name, std::chrono::milliseconds skew = {}) {
    clock.skew(skew);
    elector = std::make_unique<Elector>(Elector::Options{{"ns", "leader"}, name, {}}, cluster.call(), clock, [] {});
  }
  TurnedClock clock;
  std::unique_ptr<Elector> elector;
};

// Time passes for all, in steps of a second.
void pass(WrittenCluster& cluster, std::vector<Replica*> replicas, std::chrono::seconds time) {
  for (auto left = time; left.count() > 0; --left) {
    for (Replica* one : replicas) {
      one->clock.turn(1s);
      one->elector->turn();
      cluster.run();
    }
    int leaders = 0;
    for (Replica* one : replicas) leaders += one->elector->leads();
    CHECK(leaders <= 1);
  }
}

TEST_CASE("of two replicas one leads, and the other takes over when it is silent for longer than the Lease") {
  WrittenCluster cluster;
  Replica a(cluster, "a"), b(cluster, "b");
  a.elector->turn();
  cluster.run();
  CHECK(a.elector->leads());
  CHECK(cluster.at(kLease, "spec.holderIdentity") == "a");
  pass(cluster, {&a, &b}, 60s);
  CHECK(a.elector->leads());
  CHECK(cluster.at(kLease, "spec.leaseTransitions") == "0");
  // a is gone.
  pass(cluster, {&b}, 13s);
  CHECK_FALSE(b.elector->leads());
  pass(cluster, {&b}, 8s);
  CHECK(b.elector->leads());
  CHECK(cluster.at(kLease, "spec.holderIdentity") == "b");
  CHECK(cluster.at(kLease, "spec.leaseTransitions") == "1");
  // a comes back and waits.
  a.clock.turn(21s);
  CHECK_FALSE(a.elector->leads());
  pass(cluster, {&a, &b}, 30s);
  CHECK(b.elector->leads());
}

TEST_CASE("clocks that are hours apart neither take the Lease away nor keep it") {
  WrittenCluster cluster;
  Replica a(cluster, "a", -5h), b(cluster, "b", 7h);
  a.elector->turn();
  cluster.run();
  pass(cluster, {&a, &b}, 60s);
  CHECK(a.elector->leads());
  a.clock.skew(48h);
  pass(cluster, {&a, &b}, 60s);
  CHECK(a.elector->leads());
  pass(cluster, {&b}, 21s);
  CHECK(b.elector->leads());
}

TEST_CASE("two that bid at the same time: one gets a conflict, looks again and waits") {
  WrittenCluster cluster;
  cluster.put(kLease, R"({"kind":"Lease","metadata":{"name":"leader","namespace":"ns","labels":{"who":"admin"}},"spec":{}})");
  Replica a(cluster, "a"), b(cluster, "b");
  a.elector->turn();
  b.elector->turn();
  cluster.run();
  b.elector->turn();  // looks again at once
  cluster.run();
  CHECK(a.elector->leads());
  CHECK_FALSE(b.elector->leads());
  CHECK(b.elector->holder() == "a");
  CHECK(cluster.count("PUT") == 2);
  CHECK(cluster.at(kLease, "metadata.labels.who") == "admin");  // what others wrote stays
}

TEST_CASE("a leader that meets a conflict reads again and renews at once") {
  WrittenCluster cluster;
  Replica a(cluster, "a");
  a.elector->turn();
  cluster.run();
  const std::string acquired = cluster.at(kLease, "spec.acquireTime");
  // Somebody labels it: another version.
  std::string labelled = R"({"kind":"Lease","metadata":{"name":"leader","namespace":"ns","labels":{"x":"y"}},"spec":)";
  cluster.put(kLease, labelled + cluster.at(kLease, "spec") + "}");
  a.clock.turn(2s);
  a.elector->turn();
  cluster.run();
  CHECK(a.elector->next_turn() <= a.clock.steady_now());
  a.elector->turn();
  cluster.run();
  CHECK(a.elector->leads());
  CHECK(cluster.at(kLease, "spec.acquireTime") == acquired);
  CHECK(cluster.at(kLease, "metadata.labels.x") == "y");
  a.clock.turn(9s);
  CHECK(a.elector->leads());
}

TEST_CASE("a leader that nobody answers stops leading at its deadline, and leads again when it is answered") {
  WrittenCluster cluster;
  Replica a(cluster, "a");
  a.elector->turn();
  cluster.run();
  cluster.fault = [](const auto&) { return answer_of(0); };
  pass(cluster, {&a}, 9s);
  CHECK(a.elector->leads());
  CHECK_FALSE(a.elector->trouble().empty());
  pass(cluster, {&a}, 1s);
  CHECK_FALSE(a.elector->leads());
  cluster.fault = [](const auto&) { return std::nullopt; };
  pass(cluster, {&a}, 2s);
  CHECK(a.elector->leads());
  CHECK(a.elector->trouble().empty());
  CHECK(cluster.at(kLease, "spec.leaseTransitions") == "0");
}

TEST_CASE("what is released is taken over at the next look, and the old leader bids no more") {
  WrittenCluster cluster;
  Replica a(cluster, "a"), b(cluster, "b");
  a.elector->turn();
  cluster.run();
  pass(cluster, {&a, &b}, 10s);
  bool released = false;
  a.elector->release([&] { released = true; });
  CHECK_FALSE(a.elector->leads());
  cluster.run();
  CHECK(released);
  CHECK(cluster.at(kLease, "spec.holderIdentity").empty());
  pass(cluster, {&a, &b}, 2s);
  CHECK(b.elector->leads());
  bool abandoned = true;
  a.elector->ask_abandoned([&](bool is) { abandoned = is; });
  cluster.run();
  CHECK_FALSE(abandoned);
  pass(cluster, {&a}, 30s);
  CHECK_FALSE(a.elector->leads());
}

TEST_CASE("a replica that does not lead releases nothing, and one in the middle of a renewal waits for its end") {
  WrittenCluster cluster;
  Replica a(cluster, "a"), b(cluster, "b");
  a.elector->turn();
  cluster.run();
  pass(cluster, {&b}, 4s);
  bool released = false;
  b.elector->release([&] { released = true; });
  CHECK(released);
  CHECK(cluster.at(kLease, "spec.holderIdentity") == "a");
  a.clock.turn(2s);
  a.elector->turn();
  REQUIRE(cluster.waiting() == 1);
  released = false;
  a.elector->release([&] { released = true; });
  CHECK_FALSE(released);
  cluster.run();
  CHECK(released);
  CHECK(cluster.at(kLease, "spec.holderIdentity").empty());
}

TEST_CASE("answers that are no Lease are trouble, not the end") {
  WrittenCluster cluster;
  Replica a(cluster, "a");
  cluster.fault = [](const auto&) { return answer_of(200, "[1,2"); };
  a.elector->turn();
  cluster.run();
  CHECK_FALSE(a.elector->leads());
  cluster.fault = [](const auto&) {
    return answer_of(403, R"({"kind":"Status","code":403,"message":"leases is forbidden"})");
  };
  pass(cluster, {&a}, 2s);
  CHECK(a.elector->trouble().find("leases is forbidden") != std::string::npos);
  CHECK(a.elector->next_turn() > a.clock.steady_now());
}

}  // namespace
}  // namespace narthex::test
