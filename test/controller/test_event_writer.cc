#include <catch2/catch.hpp>

#include "controller/event_writer.h"
#include "controller/recent.h"
#include "test/controller/written_cluster.h"

namespace narthex::test {
namespace {

using controller::EventNote;
using controller::EventWriter;
using namespace std::chrono_literals;

EventNote note(const std::string& name, const std::string& message = "there is no Service default/web") {
  return {{"Ingress", "default", name}, true, "ServiceNotFound", message};
}

struct Site {
  Site() : writer("pod-1", cluster.call(), clock, [this] { writer.turn(); }) {}
  void put(const std::string& name) {
    cluster.put(kIngresses + name, R"({"kind":"Ingress","metadata":{"name":")" + name + R"(","namespace":"default"}})");
  }
  void add(EventNote what) {
    writer.add(std::move(what));
    run();
  }
  void run() {
    writer.turn();
    cluster.run();
  }
  // The only Event.
  std::string event(const std::string& names) {
    const auto paths = cluster.paths(kEvents + "/");
    REQUIRE(paths.size() == 1);
    return cluster.at(paths[0], names);
  }

  WrittenCluster cluster;
  TurnedClock clock;
  EventWriter writer;
};

TEST_CASE("a finding becomes an Event on its object, by its uid, so that kubectl describe shows it") {
  Site site;
  site.put("shop");
  config::Finding finding;
  finding.severity = config::Severity::refused;
  finding.reason = "ServiceNotFound";
  finding.object = {"Ingress", "default", "shop"};
  finding.field = "spec.rules[0].http.paths[0].backend.service.name";
  finding.message = "there is no Service default/web \"so\" requests get 503";
  site.add(controller::note_of(finding));
  CHECK(site.event("involvedObject.name") == "shop");
  CHECK(site.event("involvedObject.kind") == "Ingress");
  CHECK(site.event("involvedObject.apiVersion") == "networking.k8s.io/v1");
  CHECK(site.event("involvedObject.uid") == site.cluster.at(kIngresses + "shop", "metadata.uid"));
  CHECK(site.event("type") == "Warning");
  CHECK(site.event("reason") == "ServiceNotFound");
  CHECK(site.event("message") == finding.field + ": " + finding.message);
  CHECK(site.event("count") == "1");
  CHECK(site.event("source.component") == "narthex");
  CHECK(site.event("reportingInstance") == "pod-1");
  CHECK(site.event("metadata.namespace") == "default");
  CHECK(site.event("firstTimestamp").size() == std::string("2024-05-01T12:00:00Z").size());
  finding.severity = config::Severity::note;
  CHECK_FALSE(controller::note_of(finding).warning);
  const EventNote sync = controller::sync_note({"default", "shop"});
  CHECK(sync.reason == "Sync");
  CHECK_FALSE(sync.warning);
}

TEST_CASE("the same thing said again is a count on the same Event, and another thing is another Event") {
  Site site;
  site.put("shop");
  for (int i = 0; i < 3; ++i) {
    site.add(note("shop"));
    site.clock.turn(10s);
  }
  CHECK(site.event("count") == "3");
  CHECK(site.event("lastTimestamp") > site.event("firstTimestamp"));
  CHECK(site.cluster.count("POST") == 1);
  CHECK(site.cluster.count("PATCH") == 2);
  site.add(note("shop", "another"));
  CHECK(site.cluster.paths(kEvents + "/").size() == 2);
}

TEST_CASE("what is said again before it was written is one Event with a count") {
  Site site;
  site.put("shop");
  for (int i = 0; i < 5; ++i) site.writer.add(note("shop"));
  site.run();
  CHECK(site.event("count") == "5");
  CHECK(site.cluster.count("POST") == 1);
}

TEST_CASE("the next leader goes on with the Events that it finds") {
  Site site;
  site.put("shop");
  site.add(note("shop"));
  site.clock.turn(60s);
  EventWriter next("pod-2", site.cluster.call(), site.clock, [] {});
  next.add(note("shop"));
  next.turn();
  site.cluster.run();
  CHECK(site.event("lastTimestamp") > site.event("firstTimestamp"));
  CHECK(next.counts().written == 1);
}

TEST_CASE("an Event that has run out is written anew, and an object made anew has Events of its own") {
  Site site;
  site.put("shop");
  site.add(note("shop"));
  site.cluster.erase(site.cluster.paths(kEvents + "/")[0]);
  site.add(note("shop"));
  CHECK(site.event("count") == "1");
  const std::string before = site.event("involvedObject.uid");
  site.put("shop");  // another uid
  site.add(note("shop"));
  CHECK(site.cluster.paths(kEvents + "/").size() == 2);
  CHECK(site.cluster.at(kIngresses + "shop", "metadata.uid") != before);
}

TEST_CASE("an object that is gone gets no Event, and what is no object of the cluster cannot have one") {
  Site site;
  site.add(note("nobody"));
  CHECK(site.cluster.count("POST") == 0);
  CHECK(site.writer.counts().dropped == 1);
  CHECK(site.writer.waiting() == 0);
  CHECK(can_tell(note("shop")));
  CHECK_FALSE(can_tell(note("")));  // a part of the API
  EventNote broken = note("shop");
  broken.object.kind = "";
  CHECK_FALSE(can_tell(broken));
}

TEST_CASE("an Event on a cluster-wide object stands in the namespace default") {
  Site site;
  site.cluster.put("/apis/networking.k8s.io/v1/ingressclasses/nginx", R"({"metadata":{"name":"nginx"}})");
  site.add({{"IngressClass", "", "nginx"}, true, "MissingController", "is missing"});
  CHECK(site.event("metadata.namespace") == "default");
  CHECK(site.event("involvedObject.namespace").empty());
}

TEST_CASE("one object cannot have more than its share of Events, and all together come at a bounded pace") {
  Site site;
  for (int i = 0; i < 100; ++i) site.writer.add(note("shop", std::to_string(i)));
  CHECK(site.writer.waiting() == 25);
  CHECK(site.writer.counts().dropped == 75);
  site.clock.turn(600s);
  for (int i = 0; i < 100; ++i) site.writer.add(note("shop", "later " + std::to_string(i)));
  CHECK(site.writer.waiting() == 27);  // two more in ten minutes
  site.writer.clear();
  for (int i = 0; i < 1000; ++i) site.writer.add(note("n-" + std::to_string(i)));
  const size_t looked_up = site.cluster.requests.size();
  site.run();
  CHECK(site.cluster.requests.size() == looked_up + 200);
  CHECK(site.writer.next_turn() > site.clock.steady_now());
  CHECK(site.writer.next_turn() <= site.clock.steady_now() + 21ms);
  site.clock.turn(1s);
  site.run();
  CHECK(site.cluster.requests.size() == looked_up + 250);
  site.clock.turn(20s);
  for (int i = 0; i < 20; ++i, site.clock.turn(1s)) site.run();
  CHECK(site.writer.waiting() == 0);
}

TEST_CASE("a flood of Events waits in bounded memory") {
  Site site;
  for (int i = 0; i < 100'000; ++i) site.writer.add(note("n-" + std::to_string(i)));
  CHECK(site.writer.waiting() == EventWriter::kWaiting);
  CHECK(site.writer.counts().dropped == 100'000 - EventWriter::kWaiting);
}

TEST_CASE("a server in trouble is asked again later, one that refuses is not") {
  Site site;
  site.put("shop");
  site.cluster.fault = [](const auto&) { return answer_of(503); };
  site.add(note("shop"));
  CHECK(site.writer.waiting() == 1);
  CHECK(site.cluster.requests.size() == 1);
  CHECK(site.writer.next_turn() == site.clock.steady_now() + 5s);
  site.cluster.fault = [](const auto&) { return std::nullopt; };
  site.clock.turn(5s);
  site.run();
  CHECK(site.event("count") == "1");
  site.cluster.fault = [](const controller::ApiRequest& request) -> std::optional<controller::ApiAnswer> {
    if (request.method == "POST") return answer_of(403);
    return std::nullopt;
  };
  site.add(note("shop", "another"));
  CHECK(site.writer.waiting() == 0);
  CHECK(site.writer.counts().failed == 2);
  site.cluster.fault = [](const auto&) { return answer_of(0); };
  site.add(note("shop", "a third"));
  for (int i = 0; i < 10; ++i, site.clock.turn(60s)) site.run();
  CHECK(site.writer.waiting() == 0);  // given up
}

TEST_CASE("a long message is cut between two characters") {
  config::Finding finding;
  finding.message = std::string(1023, 'x') + "\xc3\xa9";
  CHECK(controller::note_of(finding).message == std::string(1023, 'x'));
  finding.message = std::string(1022, 'x') + "\xc3\xa9";
  CHECK(controller::note_of(finding).message.size() == 1024);
}

TEST_CASE("a map that forgets keeps what was used last, and never more than twice its size") {
  controller::Recent<int, int, 10> recent;
  for (int i = 0; i < 1000; ++i) {
    recent.at(i) = i;
    recent.at(5) = 55;
    CHECK(recent.size() <= 20);
  }
  REQUIRE(recent.find(5));
  CHECK(*recent.find(5) == 55);
  for (int i = 991; i < 1000; ++i) CHECK(recent.find(i));
  CHECK_FALSE(recent.find(100));
  recent.erase(5);
  CHECK_FALSE(recent.find(5));
}

}  // namespace
}  // namespace narthex::test
