#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <memory>

#include "controller/cluster_writer.h"
#include "controller/node_addresses.h"
#include "test/support/world.h"
#include "test/controller/written_cluster.h"
#include "test/support/manifests.h"

namespace narthex::test {
namespace {

using controller::ClusterWriter;
using controller::ClusterWriterOptions;
using namespace std::chrono_literals;

const std::string kLease = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/leader";

ClusterWriterOptions options_of(const std::string& name = "pod-1") {
  ClusterWriterOptions options;
  options.pod = {"ns", name};
  options.publish_addresses = "203.0.113.7";
  options.election = controller::Elector::Options{{"ns", "leader"}, name, {}};
  return options;
}

// One replica: a compiler that is told what the cluster holds, and what it writes to it.
struct Replica {
  explicit Replica(WrittenCluster& all, ClusterWriterOptions options = options_of())
      : cluster(all), compiler(default_options(), clock),
        writer(loop, std::move(options), all.call(), compiler, clock) {}

  // As the watches tell.
  void tell(const std::string& yaml) {
    controller::Changes changes = changes_of(yaml);
    for (controller::Change& change : changes)  // no file, no lines
      std::visit([](auto& object) { object.meta.origin = {}; }, *change.object);
    compiler.apply(std::move(changes));
    compile();
  }
  void forget(const std::string& kind, const std::string& name) {
    compiler.apply({controller::removed({kind, "default", name})});
    compile();
  }
  void compile() {
    compiler.compile();
    const auto findings = compiler.take_finding_changes();
    writer.take(findings, compiler.take_touches());
    cluster.run();
  }
  void start() {
    compile();
    writer.start();
    cluster.run();
  }
  void pass(std::chrono::milliseconds time) {
    clock.turn(time);
    writer.turn();
    cluster.run();
  }

  WrittenCluster& cluster;
  boost::asio::io_context loop;
  TurnedClock clock;
  controller::Compiler compiler;
  ClusterWriter writer;
};

// In the cluster and, as `yaml`, for the watches.
std::string put(WrittenCluster& cluster, const std::string& name, const std::string& class_name = "nginx",
                const std::string& address = "") {
  const std::string status = address.empty() ? "{}" : R"({"loadBalancer":{"ingress":[{"ip":")" + address + R"("}]}})";
  cluster.put(kIngresses + name, R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":")" + name +
                                     R"(","namespace":"default"},"spec":{"ingressClassName":")" + class_name +
                                     R"("},"status":)" + status + "}");
  return status_ingress_yaml(name, class_name, address);
}

size_t shown_count(const WrittenCluster& cluster) {
  size_t count = 0;
  for (const std::string& path : cluster.paths(kIngresses))
    count += !cluster.at(path, "status.loadBalancer.ingress").empty();
  return count;
}

size_t events(const WrittenCluster& cluster, const std::string& reason) {
  size_t count = 0;
  for (const std::string& path : cluster.paths(kEvents + "/")) count += cluster.at(path, "reason") == reason;
  return count;
}

TEST_CASE("a leader writes the status of what is there and of what comes, and tells findings and what it took up") {
  WrittenCluster cluster;
  Replica one(cluster);
  one.tell(ingress_class_yaml() + "---\n" + app_yaml("web", {"10.0.0.1"}) + "---\n" + put(cluster, "web"));
  one.start();
  CHECK(shown_count(cluster) == 1);
  CHECK(events(cluster, "Sync") == 1);
  CHECK(events(cluster, "ServiceNotFound") == 0);
  one.tell(put(cluster, "late"));
  CHECK(shown_count(cluster) == 2);
  CHECK(events(cluster, "Sync") == 2);
  CHECK(events(cluster, "ServiceNotFound") == 1);
  // The watch tells what was written: nothing is to be done.
  const size_t requests = cluster.requests.size();
  one.tell(status_ingress_yaml("late", "nginx", "203.0.113.7"));
  one.tell(status_ingress_yaml("web", "nginx", "203.0.113.7"));
  CHECK(cluster.requests.size() == requests);
  CHECK(one.writer.metrics().leads);
  CHECK(one.writer.metrics().statuses_written == 2);
  CHECK(one.writer.metrics().events_written == 3);
}

TEST_CASE("a finding that stands is told again before the cluster forgets its Event, and no longer when it is mended") {
  WrittenCluster cluster;
  ClusterWriterOptions options = options_of();
  options.election.reset();
  Replica one(cluster, std::move(options));
  one.tell(put(cluster, "web"));
  one.start();
  REQUIRE(events(cluster, "ServiceNotFound") == 1);
  cluster.erase(cluster.paths(kEvents + "/")[0]);
  cluster.erase(cluster.paths(kEvents + "/")[0]);
  for (int minute = 0; minute < 44; ++minute) one.pass(1min);
  CHECK(events(cluster, "ServiceNotFound") == 0);
  one.pass(1min);
  CHECK(events(cluster, "ServiceNotFound") == 1);
  one.tell("apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default}\nspec: {ports: [{port: 80}]}\n");
  cluster.erase(cluster.paths(kEvents + "/")[0]);
  for (int minute = 0; minute < 60; ++minute) one.pass(1min);
  CHECK(events(cluster, "ServiceNotFound") == 0);
}

TEST_CASE("a status of one's own is no change: nothing is translated again for it") {
  WrittenCluster cluster;
  Replica one(cluster);
  one.tell(ingress_class_yaml() + "---\n" + app_yaml("web", {"10.0.0.1"}) + "---\n" + put(cluster, "web"));
  one.start();
  const auto before = one.compiler.counts();
  const auto snapshot = one.compiler.compile();
  one.tell(status_ingress_yaml("web", "nginx", "203.0.113.7"));
  CHECK(one.compiler.counts().hosts == before.hosts);
  CHECK(one.compiler.counts().ingresses == before.ingresses);
  CHECK(one.compiler.compile() == snapshot);
}

TEST_CASE("an Ingress whose class becomes another's loses its address, and gets it back with the class") {
  WrittenCluster cluster;
  Replica one(cluster);
  one.tell(ingress_class_yaml() + "---\n" + put(cluster, "web"));
  one.start();
  REQUIRE(shown_count(cluster) == 1);
  one.tell(status_ingress_yaml("web", "nginx", "203.0.113.7"));
  one.tell(status_ingress_yaml("web", "someone-else", "203.0.113.7"));
  CHECK(shown_count(cluster) == 0);
  one.tell(status_ingress_yaml("web", "someone-else", ""));
  one.tell(status_ingress_yaml("web", "nginx", ""));
  CHECK(shown_count(cluster) == 1);
  // The class goes away, under the Ingress.
  one.tell(status_ingress_yaml("web", "nginx", "203.0.113.7"));
  one.tell("apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\n"
           "spec: {controller: example.com/other}\n");
  CHECK(shown_count(cluster) == 0);
}

TEST_CASE("an Ingress that is deleted and made again within moments gets its address and Sync again") {
  WrittenCluster cluster;
  Replica one(cluster);
  one.tell(ingress_class_yaml() + "---\n" + put(cluster, "web"));
  one.start();
  one.forget("Ingress", "web");
  cluster.erase(kIngresses + "web");
  one.tell(put(cluster, "web"));
  CHECK(shown_count(cluster) == 1);
  CHECK(events(cluster, "Sync") == 2);
}

TEST_CASE("a replica that does not lead writes nothing but its bids, when the leader is silent it takes over") {
  WrittenCluster cluster;
  Replica one(cluster), two(cluster, options_of("pod-2"));
  const std::string site = ingress_class_yaml() + "---\n" + put(cluster, "web");
  one.tell(site);
  one.start();
  const size_t requests = cluster.requests.size();
  two.tell(site);
  two.start();
  CHECK(cluster.requests.size() == requests + 1);
  CHECK_FALSE(two.writer.metrics().leads);
  const std::string late = put(cluster, "late");
  two.tell(late);
  CHECK(cluster.requests.size() == requests + 1);
  for (int i = 0; i < 20; ++i) two.pass(1s);
  CHECK(two.writer.metrics().leads);
  CHECK(shown_count(cluster) == 2);
  CHECK(cluster.at(kLease, "spec.holderIdentity") == "pod-2");
  // The old one has noticed by itself.
  one.clock.turn(20s);
  CHECK_FALSE(one.writer.metrics().leads);
}

TEST_CASE("the last replica takes its addresses away at the end, after nobody else took the Lease") {
  WrittenCluster cluster;
  Replica one(cluster);
  one.tell(ingress_class_yaml() + "---\n" + put(cluster, "web") + "---\n" + put(cluster, "foreign", "other", "198.51.100.1"));
  one.start();
  one.tell(status_ingress_yaml("web", "nginx", "203.0.113.7"));
  bool ended = false;
  one.writer.end([&] { ended = true; });
  cluster.run();
  CHECK(cluster.at(kLease, "spec.holderIdentity").empty());
  CHECK_FALSE(ended);
  CHECK(shown_count(cluster) == 2);
  one.pass(3s);
  CHECK(ended);
  CHECK(shown_count(cluster) == 1);
}

TEST_CASE("a leader that is not the last one gives the Lease to the next, and the addresses stay") {
  WrittenCluster cluster;
  Replica one(cluster), two(cluster, options_of("pod-2"));
  const std::string site = ingress_class_yaml() + "---\n" + put(cluster, "web");
  one.tell(site);
  one.start();
  two.tell(site);
  two.start();
  two.tell(status_ingress_yaml("web", "nginx", "203.0.113.7"));
  one.tell(status_ingress_yaml("web", "nginx", "203.0.113.7"));
  bool ended = false;
  one.writer.end([&] { ended = true; });
  cluster.run();
  two.pass(2s);  // its next look
  CHECK(two.writer.metrics().leads);
  one.pass(3s);
  CHECK(ended);
  CHECK(shown_count(cluster) == 1);
}

TEST_CASE("addresses stay at the end where that is asked for, and a replica that never led ends at once") {
  WrittenCluster cluster;
  ClusterWriterOptions options = options_of();
  options.update_status_on_shutdown = false;
  Replica one(cluster, options), two(cluster, options_of("pod-2"));
  one.tell(ingress_class_yaml() + "---\n" + put(cluster, "web"));
  one.start();
  two.start();
  int ended = 0;
  two.writer.end([&] { ++ended; });
  CHECK(ended == 1);
  one.writer.end([&] { ++ended; });
  cluster.run();
  CHECK(ended == 2);
  CHECK(shown_count(cluster) == 1);
}

TEST_CASE("an end while nobody answers is over when what was asked has failed") {
  WrittenCluster cluster;
  Replica one(cluster);
  one.tell(ingress_class_yaml() + "---\n" + put(cluster, "web"));
  one.start();
  cluster.fault = [](const auto&) { return answer_of(0); };
  bool ended = false;
  one.writer.end([&] { ended = true; });
  cluster.run();
  one.pass(3s);
  CHECK(ended);
  CHECK(shown_count(cluster) == 1);
}

TEST_CASE("the published Service says by its type what the status shows, and a change of it reaches all Ingresses") {
  WrittenCluster cluster;
  ClusterWriterOptions options = options_of();
  options.publish_addresses.clear();
  options.publish_service = config::ObjectKey{"default", "front"};
  Replica one(cluster, options);
  one.tell(ingress_class_yaml() + "---\n" + put(cluster, "web") + "---\n" + put(cluster, "shop"));
  one.start();
  CHECK(shown_count(cluster) == 0);
  const std::string service = "apiVersion: v1\nkind: Service\nmetadata: {name: front, namespace: default}\n";
  one.tell(service + "spec: {type: LoadBalancer, clusterIP: 10.96.0.9, ports: [{port: 80}]}\n");
  CHECK(shown_count(cluster) == 0);
  one.tell(service + "spec: {type: LoadBalancer, externalIPs: [203.0.113.8], ports: [{port: 80}]}\n"
                     "status: {loadBalancer: {ingress: [{hostname: lb.example.com}]}}\n");
  for (const char* name : {"web", "shop"})
    CHECK(cluster.at(kIngresses + name, "status.loadBalancer.ingress") ==
          R"([{"ip":"203.0.113.8"},{"hostname":"lb.example.com"}])");
}

TEST_CASE("each type of Service is published as ingress-nginx does it") {
  config::Service service;
  service.cluster_ip = "10.96.0.9";
  service.external_name = "lb.example.com";
  CHECK(controller::publish_addresses_of(service) == "10.96.0.9");
  service.type = config::ServiceType::node_port;
  CHECK(controller::publish_addresses_of(service) == "10.96.0.9");
  service.external_addresses = "203.0.113.8";
  CHECK(controller::publish_addresses_of(service) == "203.0.113.8");
  service.type = config::ServiceType::load_balancer;
  CHECK(controller::publish_addresses_of(service) == "203.0.113.8");
  service.type = config::ServiceType::external_name;
  CHECK(controller::publish_addresses_of(service) == "lb.example.com");
  service = {};
  service.cluster_ip = "None";
  CHECK(controller::publish_addresses_of(service).empty());
}

std::string pod_json(const std::string& name, const std::string& node, bool ready, const std::string& phase = "Running") {
  return R"({"metadata":{"name":")" + name + R"(","labels":{"app":"narthex","pod-template-hash":"x1"}},"spec":{"nodeName":")" +
         node + R"("},"status":{"phase":")" + phase + R"(","conditions":[{"type":"Ready","status":")" +
         (ready ? "True" : "False") + R"("}]}})";
}

TEST_CASE("without flags the status shows the nodes that run ready pods of ours") {
  WrittenCluster cluster;
  ClusterWriterOptions options = options_of();
  options.publish_addresses.clear();
  Replica one(cluster, options);
  cluster.put("/api/v1/namespaces/ns/pods/pod-1", pod_json("pod-1", "n1", true));
  cluster.put("/api/v1/nodes/n1", R"({"metadata":{"name":"n1"},"status":{"addresses":[{"type":"InternalIP","address":)"
                                  R"("192.0.2.1"},{"type":"ExternalIP","address":"203.0.113.1"}]}})");
  cluster.put("/api/v1/nodes/n2",
              R"({"metadata":{"name":"n2"},"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.2"}]}})");
  std::string pods = pod_json("pod-1", "n1", false);  // the kubelet has not looked yet
  cluster.fault = [&](const controller::ApiRequest& request) -> std::optional<controller::ApiAnswer> {
    if (request.target.find("/pods?labelSelector=app%3Dnarthex") == std::string::npos) return std::nullopt;
    return answer_of(200, "{\"items\":[" + pods + "]}");
  };
  one.tell(ingress_class_yaml() + "---\n" + put(cluster, "web"));
  one.start();
  CHECK(cluster.at(kIngresses + "web", "status.loadBalancer.ingress") == "");
  pods = pod_json("pod-1", "n1", true) + "," + pod_json("pod-2", "n2", true) + "," + pod_json("pod-3", "n3", false) + "," +
         pod_json("pod-4", "n4", true, "Succeeded");
  one.pass(2s);
  CHECK(cluster.at(kIngresses + "web", "status.loadBalancer.ingress") == R"([{"ip":"192.0.2.2"},{"ip":"203.0.113.1"}])");
  pods = pod_json("pod-1", "n1", true);
  one.pass(60s);  // has to be elected again after so long
  one.pass(2s);
  one.pass(60s);
  CHECK(cluster.count("GET", "/nodes/") >= 3);
}

TEST_CASE("external addresses of a node win unless internal ones are asked for") {
  const auto node = config::parse_json(R"({"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.1"},)"
                                       R"({"type":"ExternalIP","address":"203.0.113.1"},{"type":"Hostname"}]}})");
  CHECK(controller::addresses_of_node(node.documents.at(0), false) == std::vector<std::string>{"203.0.113.1"});
  CHECK(controller::addresses_of_node(node.documents.at(0), true) == std::vector<std::string>{"192.0.2.1"});
}

TEST_CASE("without election this replica writes at once, and without a namespace nothing is written by chance") {
  config::Flags flags;
  CHECK(controller::cluster_writer_options(flags, {"pod", ""}).has_error());
  auto options = controller::cluster_writer_options(flags, {"pod", "ns"});
  REQUIRE(options.has_value());
  REQUIRE(options->election);
  CHECK(options->election->identity == "pod");
  CHECK(options->election->lease == config::ObjectKey{"ns", "ingress-controller-leader"});
  options = controller::cluster_writer_options(flags, {"", "ns"});
  CHECK(options->election->identity != controller::cluster_writer_options(flags, {"", "ns"})->election->identity);
  flags.disable_leader_election = true;
  flags.publish_status_addresses = {"203.0.113.7"};
  options = controller::cluster_writer_options(flags, {"", ""});
  REQUIRE(options.has_value());
  CHECK_FALSE(options->election);

  WrittenCluster cluster;
  Replica one(cluster, *options);
  one.tell(ingress_class_yaml() + "---\n" + put(cluster, "web"));
  one.start();
  CHECK(shown_count(cluster) == 1);
  CHECK(cluster.paths("/apis/coordination").empty());
  one.tell(status_ingress_yaml("web", "nginx", "203.0.113.7"));
  bool ended = false;
  one.writer.end([&] { ended = true; });
  cluster.run();
  CHECK(ended);
  CHECK(shown_count(cluster) == 0);
}

TEST_CASE("no Sync and no status where flags say so, and findings all the same") {
  WrittenCluster cluster;
  ClusterWriterOptions options = options_of();
  options.update_status = options.sync_events = false;
  Replica one(cluster, options);
  one.tell(ingress_class_yaml() + "---\n" + put(cluster, "web"));
  one.start();
  one.tell(put(cluster, "late"));
  CHECK(shown_count(cluster) == 0);
  CHECK(events(cluster, "Sync") == 0);
  CHECK(events(cluster, "ServiceNotFound") == 2);
}

TEST_CASE("a thousand broken Ingresses beside a hundred good ones: all good ones get their address, each has its Events") {
  WrittenCluster cluster;
  Replica one(cluster);
  one.tell(ingress_class_yaml() + "---\n" + app_yaml("web", {"10.0.0.1"}));
  one.start();
  std::string yaml;
  for (int i = 0; i < 1100; ++i) {
    const std::string name = (i < 1000 ? "bad-" : "good-") + std::to_string(i);
    put(cluster, name);
    yaml += "---\n" + status_ingress_yaml(name, "nginx", "", i < 1000 ? "nobody" : "web");
  }
  one.tell(yaml);
  CHECK(shown_count(cluster) == 1100);
  for (int i = 0; i < 60; ++i) one.pass(1s);
  CHECK(events(cluster, "Sync") == 1100);
  CHECK(events(cluster, "ServiceNotFound") == 1000);
  CHECK(one.writer.metrics().events_waiting == 0);
  CHECK(one.writer.metrics().events_dropped == 0);
}

}  // namespace
}  // namespace narthex::test
