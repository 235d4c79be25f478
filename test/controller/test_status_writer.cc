#include <catch2/catch.hpp>
#include <map>

#include "config/addresses.h"
#include "controller/status_writer.h"
#include "test/controller/written_cluster.h"

namespace narthex::test {
namespace {

using config::ObjectKey;
using controller::StatusView;
using controller::StatusWriter;
using controller::Touch;
using controller::status_to_write;
using namespace std::chrono_literals;

TEST_CASE("a status is written to Ingresses that are ours and show another address, and to no others") {
  const std::string ip = "203.0.113.7";
  CHECK(status_to_write({true, true, ""}, ip, false) == ip);
  CHECK(status_to_write({true, true, "203.0.113.9"}, ip, false) == ip);
  CHECK_FALSE(status_to_write({true, true, ip}, ip, false));
  CHECK_FALSE(status_to_write({true, false, ""}, ip, false));
  CHECK_FALSE(status_to_write({false, false, ""}, ip, false));
  // Not known where we are reached, or nowhere yet.
  CHECK_FALSE(status_to_write({true, true, "203.0.113.9"}, std::nullopt, false));
  CHECK_FALSE(status_to_write({true, true, "203.0.113.9"}, "", false));
}

TEST_CASE("a status is taken away where it is ours, not where another controller wrote it") {
  const std::string ip = "203.0.113.7";
  CHECK(status_to_write({true, false, ip}, ip, true) == "");
  CHECK_FALSE(status_to_write({true, false, "198.51.100.1"}, ip, true));
  CHECK_FALSE(status_to_write({true, false, ""}, ip, true));
}

TEST_CASE("addresses are written as IPs and host names, sorted, each once") {
  CHECK(config::join_addresses({"b.example.com", "203.0.113.7", "", "203.0.113.7"}) == "203.0.113.7,b.example.com");
  CHECK(config::join_addresses({}).empty());
  CHECK(config::load_balancer_json("203.0.113.7,2001:db8::1,lb.example.com") ==
        R"([{"ip":"203.0.113.7"},{"ip":"2001:db8::1"},{"hostname":"lb.example.com"}])");
  CHECK(config::load_balancer_json("") == "null");
}

// A status writer before a cluster, and what its watches have told so far.
struct Site {
  explicit Site(const std::string& addresses = "203.0.113.7")
      : writer(cluster.call(), [this](const ObjectKey& key) { return seen[key]; }, clock, [this] { writer.turn(); }) {
    writer.set_wanted(addresses);
  }
  void add(const std::string& name, Touch touch = {true, false}) { writer.add({"default", name}, touch); }
  // In the cluster, and seen.
  void put(const std::string& name, bool ours, const std::string& address = "") {
    const std::string status =
        address.empty() ? "{}" : R"({"loadBalancer":{"ingress":[{"ip":")" + address + R"("}]},"conditions":[1]})";
    cluster.put(kIngresses + name, R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":")" + name +
                                       R"(","namespace":"default"},"spec":{},"status":)" + status + "}");
    seen[{"default", name}] = {true, ours, address};
  }
  void run() {
    writer.turn();
    cluster.run();
  }
  std::string shown(const std::string& name) { return cluster.at(kIngresses + name, "status.loadBalancer.ingress"); }

  WrittenCluster cluster;
  TurnedClock clock;
  std::map<ObjectKey, StatusView> seen;
  StatusWriter writer;
};

TEST_CASE("a new Ingress gets its address with one patch, and no other field of the status is lost") {
  Site site;
  site.put("web", true, "198.51.100.1");
  site.add("web");
  site.run();
  CHECK(site.shown("web") == R"([{"ip":"203.0.113.7"}])");
  CHECK(site.cluster.at(kIngresses + "web", "status.conditions") == "[1]");
  REQUIRE(site.cluster.requests.size() == 1);
  CHECK(site.cluster.requests[0].method == "PATCH");
  CHECK(site.cluster.requests[0].target == kIngresses + "web/status");
  CHECK(site.writer.counts().written == 1);
  CHECK(site.writer.idle());
}

TEST_CASE("an Ingress that shows the address already costs no request") {
  Site site;
  site.put("web", true, "203.0.113.7");
  site.add("web");
  site.put("other", false);
  site.add("other");
  site.run();
  CHECK(site.cluster.requests.empty());
  CHECK(site.writer.idle());
}

TEST_CASE("an Ingress that is not ours any more loses the address, unless its new owner has written another") {
  Site site;
  site.put("left", false, "203.0.113.7");
  site.put("taken", false, "198.51.100.1");
  site.seen[{"default", "taken"}].addresses = "203.0.113.7";  // the watch has not told yet
  site.add("left", {false, true});
  site.add("taken", {false, true});
  site.run();
  CHECK(site.shown("left").empty());
  CHECK(site.shown("taken") == R"([{"ip":"198.51.100.1"}])");
  CHECK(site.cluster.count("PATCH") == 1);
}

TEST_CASE("a removal that meets a conflict is looked at again, and leaves what the other one wrote") {
  Site site;
  site.put("left", false, "203.0.113.7");
  bool interfered = false;
  site.cluster.fault = [&](const controller::ApiRequest& request) -> std::optional<controller::ApiAnswer> {
    if (request.method != "PATCH" || std::exchange(interfered, true)) return std::nullopt;
    site.put("left", false, "198.51.100.1");  // between the reading and the writing
    site.seen[{"default", "left"}].addresses = "203.0.113.7";
    return std::nullopt;
  };
  site.add("left", {false, true});
  site.run();
  site.run();
  CHECK(interfered);
  CHECK(site.shown("left") == R"([{"ip":"198.51.100.1"}])");
  CHECK(site.writer.idle());
}

TEST_CASE("an Ingress that is ours again before its status was taken away keeps it") {
  Site site;
  site.put("web", false, "203.0.113.7");
  site.add("web", {false, true});
  site.seen[{"default", "web"}].ours = true;
  site.add("web", {true, false});
  site.run();
  CHECK(site.cluster.requests.empty());
  CHECK(site.shown("web") == R"([{"ip":"203.0.113.7"}])");
}

TEST_CASE("at most a few statuses are written at a time, and a new Ingress goes before those that wait") {
  Site site;
  for (int i = 0; i < 100; ++i) {
    site.put("old-" + std::to_string(i), true);
    site.writer.add_later({"default", "old-" + std::to_string(i)});
  }
  site.writer.turn();
  CHECK(site.cluster.waiting() == StatusWriter::kInFlight);
  site.put("new", true);
  site.add("new");
  size_t most = 0;
  while (site.cluster.waiting() > 0) {
    most = std::max(most, site.cluster.waiting());
    site.cluster.answer_one();
  }
  CHECK(most == StatusWriter::kInFlight);
  REQUIRE(site.cluster.requests.size() == 101);
  CHECK(site.cluster.requests[StatusWriter::kInFlight].target == kIngresses + "new/status");
  CHECK(site.writer.counts().written == 101);
}

TEST_CASE("a failed patch is tried again after a while that grows, and an Ingress that is gone is not") {
  Site site;
  site.put("web", true);
  site.cluster.fault = [](const auto&) { return answer_of(500); };
  site.add("web");
  site.run();
  CHECK(site.cluster.requests.size() == 1);
  auto next = site.writer.next_turn() - site.clock.steady_now();
  CHECK(next >= 500ms);
  CHECK(next <= 1s);
  for (int i = 0; i < 10; ++i) {
    site.clock.turn(60s);
    site.run();
  }
  CHECK(site.cluster.requests.size() == 11);
  next = site.writer.next_turn() - site.clock.steady_now();
  CHECK(next >= 30s);
  CHECK(next <= 60s);
  site.cluster.fault = [](const auto&) { return std::nullopt; };
  site.cluster.erase(kIngresses + "web");
  site.clock.turn(60s);
  site.run();
  CHECK(site.cluster.requests.size() == 12);
  CHECK(site.writer.idle());
  CHECK(site.writer.counts().failed == 11);
}

TEST_CASE("Retry-After holds everything back") {
  Site site;
  site.put("web", true);
  site.put("shop", true);
  site.cluster.fault = [](const auto&) {
    auto answer = answer_of(429);
    answer.retry_after = 7s;
    return answer;
  };
  site.add("web");
  site.run();
  site.cluster.fault = [](const auto&) { return std::nullopt; };
  site.add("shop");
  site.run();
  CHECK(site.cluster.requests.size() == 1);
  CHECK(site.writer.next_turn() == site.clock.steady_now() + 7s);
  site.clock.turn(7s);
  site.run();
  CHECK(site.shown("web") == R"([{"ip":"203.0.113.7"}])");
  CHECK(site.shown("shop") == R"([{"ip":"203.0.113.7"}])");
}

TEST_CASE("a quarrel about a status costs one patch in a few seconds, and a change by its owner is answered at once") {
  Site site;
  site.put("web", true);
  site.add("web");
  site.run();
  for (int i = 0; i < 50; ++i) {
    site.put("web", true, "198.51.100.1");  // another controller
    site.add("web", {false, false});
    site.run();
    site.clock.turn(100ms);
  }
  CHECK(site.cluster.requests.size() <= 3);
  const size_t before = site.cluster.requests.size();
  site.put("web", true);
  site.add("web", {true, false});
  site.run();
  CHECK(site.cluster.requests.size() == before + 1);
}

TEST_CASE("what changes while its patch is under way is looked at again") {
  Site site;
  site.put("web", true);
  site.add("web");
  site.writer.turn();
  REQUIRE(site.cluster.waiting() == 1);
  site.seen[{"default", "web"}].ours = false;
  site.add("web", {false, true});
  site.seen[{"default", "web"}].addresses = "203.0.113.7";  // by the time that the answer comes
  site.cluster.run();
  CHECK(site.shown("web").empty());
}

TEST_CASE("another leader's beginning drops what waits, and late answers change nothing") {
  Site site;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    site.put(name, true);
    site.add(name);
  }
  site.writer.turn();
  site.writer.clear();
  site.cluster.run();
  CHECK(site.cluster.requests.size() == StatusWriter::kInFlight);
  CHECK(site.writer.idle());
  site.add("f");
  site.run();
  CHECK(site.writer.counts().written == 1);
}

TEST_CASE("at the end all statuses that show our address are taken away, and a failure is final") {
  Site site;
  site.put("web", true, "203.0.113.7");
  site.put("foreign", true, "198.51.100.1");
  site.put("broken", true, "203.0.113.7");
  site.cluster.fault = [](const controller::ApiRequest& request) -> std::optional<controller::ApiAnswer> {
    if (request.target.find("broken") != std::string::npos) return answer_of(500);
    return std::nullopt;
  };
  site.writer.begin_end();
  for (const char* name : {"web", "foreign", "broken"}) site.writer.add_later({"default", name}, true);
  site.run();
  CHECK(site.writer.idle());
  CHECK(site.shown("web").empty());
  CHECK(site.shown("foreign") == R"([{"ip":"198.51.100.1"}])");
}

}  // namespace
}  // namespace narthex::test
