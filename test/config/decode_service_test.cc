#include <fmt/format.h>

#include "test/config/decoding.h"

namespace narthex::config {
namespace {

std::string service(const std::string& spec) {
  return fmt::format("apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{{}}}\n", spec);
}
std::string slice(const std::string& fields, const std::string& version = "v1") {
  return fmt::format(
      "apiVersion: discovery.k8s.io/{}\nkind: EndpointSlice\nmetadata: {{name: web-1, labels: "
      "{{kubernetes.io/service-name: web}}}}\n{}\n",
      version, fields);
}
std::string endpoints(const std::string& fields) {
  return fmt::format("apiVersion: v1\nkind: Endpoints\nmetadata: {{name: web}}\n{}\n", fields);
}

}  // namespace

TEST_CASE("a Service is read with all its ports") {
  const Decoded decoded =
      decode(service("type: NodePort, clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80, "
                     "targetPort: 8080}, {name: "
                     "https, port: 443, targetPort: web-tls, protocol: TCP, appProtocol: https}, {name: dns, port: 53, "
                     "protocol: UDP}]"));
  CHECK(findings_of(decoded) == "");
  const auto one = only<Service>(decoded);
  CHECK(one.type == ServiceType::node_port);
  CHECK(one.cluster_ip == "10.0.0.1");
  REQUIRE(one.ports.size() == 3);
  CHECK(one.ports[0] == ServicePort{"http", 80, 8080, "", "TCP", ""});
  CHECK(one.ports[1] == ServicePort{"https", 443, 0, "web-tls", "TCP", "https"});
  CHECK(one.ports[2] == ServicePort{"dns", 53, 0, "", "UDP", ""});
  CHECK_FALSE(one.publish_not_ready);
  CHECK_FALSE(one.client_ip_affinity);
}

TEST_CASE("a broken Service port costs only that port") {
  const std::pair<const char*, const char*> cases[] = {
      {"{port: 0}", "InvalidPort spec.ports[1].port"},
      {"{port: 65536}", "InvalidPort spec.ports[1].port"},
      {"{}", "InvalidPort spec.ports[1].port"},
      {"{port: '80'}", "WrongType spec.ports[1].port"},
      {"{name: 1, port: 80}", "WrongType spec.ports[1].name"},
      {"{name: A, port: 80}", "InvalidPort spec.ports[1].name"},
      {"{port: 80, targetPort: 0}", "InvalidPort spec.ports[1].targetPort"},
      {"{port: 80, targetPort: '8080'}", "InvalidPort spec.ports[1].targetPort"},
      {"{port: 80, targetPort: true}", "WrongType spec.ports[1].targetPort"},
      {"{port: 80, protocol: HTTP}", "InvalidProtocol spec.ports[1].protocol"},
      {"{port: 80, appProtocol: 1}", "WrongType spec.ports[1].appProtocol"},
      {"80", "WrongType spec.ports[1]"},
  };
  for (const auto& [port, expected] : cases) {
    INFO(port);
    const Decoded decoded =
        decode(service(fmt::format("ports: [{{name: a, port: 1}}, {}, {{name: c, port: 3}}]", port)));
    CHECK(findings_of(decoded) == std::string("refused ") + expected);
    const auto one = only<Service>(decoded);
    REQUIRE(one.ports.size() == 2);
    CHECK(one.ports[1].port == 3);
  }
  CHECK(findings_of(decode(service("ports: [{name: a, port: 1}, {port: 2}]"))) == "note MissingPortName spec.ports[1]");
}

TEST_CASE("every type of Service is read") {
  const std::pair<const char*, ServiceType> cases[] = {{"ClusterIP", ServiceType::cluster_ip},
                                                       {"NodePort", ServiceType::node_port},
                                                       {"LoadBalancer", ServiceType::load_balancer},
                                                       {"ExternalName", ServiceType::external_name}};
  for (const auto& [word, type] : cases) {
    const Decoded decoded = decode(service(fmt::format("type: {}, externalName: db.example.com.", word)));
    CHECK(findings_of(decoded) == "");
    CHECK(only<Service>(decoded).type == type);
    CHECK(only<Service>(decoded).external_name == "db.example.com.");
  }
  CHECK(only<Service>(decode(service("clusterIP: None"))).cluster_ip == "None");
  CHECK(findings_of(decode(service("clusterIP: x"))) == "refused InvalidClusterIP spec.clusterIP");
  CHECK(findings_of(decode(service("type: x"))) == "refused InvalidServiceType spec.type");
  CHECK(findings_of(decode(service("type: ExternalName"))) == "refused InvalidExternalName spec.externalName");
  CHECK(findings_of(decode(service("type: ExternalName, externalName: a b"))) ==
        "refused InvalidExternalName spec.externalName");
  CHECK(findings_of(decode("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n")) == "refused WrongType spec");
}

TEST_CASE("endpoints that are not ready are published when the field or the old annotation says so") {
  CHECK(only<Service>(decode(service("publishNotReadyAddresses: true"))).publish_not_ready);
  CHECK_FALSE(only<Service>(decode(service("publishNotReadyAddresses: false"))).publish_not_ready);
  CHECK(findings_of(decode(service("publishNotReadyAddresses: 'true'"))) ==
        "refused WrongType spec.publishNotReadyAddresses");
  const auto annotated = [](const char* value) {
    return only<Service>(
               decode(fmt::format("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n"
                                  "    service.alpha.kubernetes.io/tolerate-unready-endpoints: '{}'\nspec: {{}}\n",
                                  value)))
        .publish_not_ready;
  };
  CHECK(annotated("true"));
  CHECK_FALSE(annotated("false"));
  CHECK_FALSE(annotated("yes"));
}

TEST_CASE("session affinity by client address has a timeout within a day") {
  const auto seconds = [](const char* config) {
    const auto one = only<Service>(decode(service(fmt::format("sessionAffinity: ClientIP{}", config))));
    CHECK(one.client_ip_affinity);
    return one.client_ip_timeout.count();
  };
  CHECK(seconds("") == 10800);
  CHECK(seconds(", sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}") == 1);
  CHECK(seconds(", sessionAffinityConfig: {clientIP: {timeoutSeconds: 86400}}") == 86400);
  CHECK(seconds(", sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}") == 10800);
  CHECK(seconds(", sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}") == 10800);
  const char* field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
  CHECK(findings_of(
            decode(service("sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}"))) ==
        std::string("refused InvalidTimeout ") + field);
  CHECK(findings_of(
            decode(service("sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: x}}"))) ==
        std::string("refused WrongType ") + field);
  const Decoded other = decode(service("sessionAffinity: Cookie"));
  CHECK(findings_of(other) == "refused InvalidSessionAffinity spec.sessionAffinity");
  CHECK_FALSE(only<Service>(other).client_ip_affinity);
  CHECK_FALSE(only<Service>(decode(service("sessionAffinity: None"))).client_ip_affinity);
}

TEST_CASE("conditions that an EndpointSlice leaves out read as the API says") {
  for (const char* version : {"v1", "v1beta1"}) {
    const Decoded decoded = decode(slice(R"(addressType: IPv4
ports: [{name: http, port: 8080}, {name: '', port: 9090, protocol: UDP}]
endpoints:
- addresses: [10.0.0.1, 10.0.0.2]
- addresses: [10.0.0.3]
  conditions: {}
- addresses: [10.0.0.4]
  conditions: {ready: false}
- addresses: [10.0.0.5]
  conditions: {ready: false, serving: true, terminating: true}
- addresses: [10.0.0.6]
  conditions: {ready: null, serving: null, terminating: null}
  targetRef: {kind: Pod})",
                                         version));
    CHECK(findings_of(decoded) == "");
    const auto one = only<EndpointSlice>(decoded);
    CHECK(one.service == "web");
    CHECK(one.address_type == "IPv4");
    CHECK(one.ports == std::vector<EndpointPort>{{"http", 8080, "TCP"}, {"", 9090, "UDP"}});
    CHECK(one.addresses == std::vector<EndpointAddress>{{"10.0.0.1", true, true, false},
                                                        {"10.0.0.2", true, true, false},
                                                        {"10.0.0.3", true, true, false},
                                                        {"10.0.0.4", false, false, false},
                                                        {"10.0.0.5", false, true, true},
                                                        {"10.0.0.6", true, true, false}});
  }
}

TEST_CASE("a broken part of an EndpointSlice costs only that part") {
  const std::tuple<const char*, const char*, size_t> cases[] = {
      {"addressType: IPv4\nendpoints: [{addresses: [10.0.0.1, x]}]", "refused InvalidAddress endpoints[0].addresses[1]",
       1},
      {"addressType: IPv6\nendpoints: [{addresses: ['fd00::1', 10.0.0.1]}]",
       "refused InvalidAddress endpoints[0].addresses[1]", 1},
      {"addressType: FQDN\nendpoints: [{addresses: [a.example.com]}]", "", 1},
      {"addressType: IPv4\nendpoints: [{addresses: [1]}, {addresses: [10.0.0.1]}]",
       "refused WrongType endpoints[0].addresses[0]", 1},
      {"addressType: IPv4\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: 'true'}}]",
       "refused WrongType endpoints[0].conditions.ready", 0},
      {"addressType: IPv4\nendpoints: [x, {addresses: [10.0.0.1]}]", "refused WrongType endpoints[0]", 1},
      {"addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\nports: [{name: all}]",
       "note MissingPort ports[0].port", 1},
      {"addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\nports: [{port: x}]", "refused WrongType ports[0].port",
       1},
      {"addressType: IPv4\nendpoints: null\nports: null", "", 0},
  };
  for (const auto& [fields, expected, addresses] : cases) {
    INFO(fields);
    const Decoded decoded = decode(slice(fields));
    CHECK(findings_of(decoded) == expected);
    CHECK(only<EndpointSlice>(decoded).addresses.size() == addresses);
  }
  CHECK(findings_of(decode(slice("addressType: IPX"))) == "refused InvalidAddressType addressType");
  CHECK(findings_of(
            decode("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\naddressType: IPv4\n")) ==
        "note MissingServiceLabel metadata");
}

TEST_CASE("Endpoints have ready and not ready addresses by subset") {
  const Decoded decoded = decode(endpoints(R"(subsets:
- addresses: [{ip: 10.0.0.1, hostname: a}, {ip: 'fd00::1'}]
  notReadyAddresses: [{ip: 10.0.0.2}]
  ports: [{name: http, port: 8080}]
- addresses: [{ip: x}, 7, {ip: 10.0.0.3}]
  ports: [{port: 0}, {port: 81}]
- 7)"));
  CHECK(findings_of(decoded) ==
        "refused InvalidPort subsets[1].ports[0].port; refused InvalidAddress subsets[1].addresses[0].ip; "
        "refused WrongType subsets[1].addresses[1]; refused WrongType subsets[2]");
  const auto one = only<Endpoints>(decoded);
  REQUIRE(one.subsets.size() == 2);
  CHECK(one.subsets[0].addresses == std::vector<EndpointAddress>{{"10.0.0.1", true, true, false},
                                                                 {"fd00::1", true, true, false},
                                                                 {"10.0.0.2", false, false, false}});
  CHECK(one.subsets[0].ports == std::vector<EndpointPort>{{"http", 8080, "TCP"}});
  CHECK(one.subsets[1].addresses.size() == 1);
  CHECK(one.subsets[1].ports == std::vector<EndpointPort>{{"", 81, "TCP"}});
}

}  // namespace narthex::config
