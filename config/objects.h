// The Kubernetes objects that Narthex reads, as plain values holding only the fields it uses. Made by decode.h, kept in the
// store. Field names follow the Kubernetes API reference. Values; any thread.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/finding.h"

namespace narthex::config {

// Namespace and name; the namespace is empty for cluster-wide kinds.
struct ObjectKey {
  std::string ns, name;
  auto operator<=>(const ObjectKey&) const = default;
};

struct Meta {
  ObjectKey key;
  std::map<std::string, std::string> annotations, labels;
  std::optional<std::chrono::sys_seconds> creation_time;  // none: treated as younger than any time
  Origin origin;
  bool operator==(const Meta&) const = default;
};

// A Service port by number or by name; neither set: the reference is broken (a finding was made).
struct ServicePortRef {
  uint16_t number = 0;
  std::string name;
  auto operator<=>(const ServicePortRef&) const = default;
};

struct IngressBackend {
  std::string service;  // empty: a resource backend (never served) or a broken one
  ServicePortRef port;
  bool is_resource = false;
  auto operator<=>(const IngressBackend&) const = default;
};

enum class PathType { exact, prefix, implementation_specific };

struct IngressPath {
  std::string path;  // empty in the object: "/"
  PathType type = PathType::implementation_specific;
  IngressBackend backend;
  uint32_t index = 0;  // position in the object, for the field name of findings
  bool operator==(const IngressPath&) const = default;
};

struct IngressRule {
  std::string host;  // lower case; empty: every host; "*.x" one-label wildcard
  bool has_http = false;
  std::vector<IngressPath> paths;
  uint32_t index = 0;
  bool operator==(const IngressRule&) const = default;
};

struct IngressTls {
  std::vector<std::string> hosts;  // lower case
  std::string secret;              // empty: the default certificate
  uint32_t index = 0;
  bool operator==(const IngressTls&) const = default;
};

struct Ingress {
  static constexpr const char* kKind = "Ingress";
  Meta meta;
  std::optional<std::string> class_name;
  std::optional<IngressBackend> default_backend;
  std::vector<IngressRule> rules;
  std::vector<IngressTls> tls;
  std::string addresses;  // .status.loadBalancer.ingress as addresses.h writes it
  // Hosts that its annotations name, beside those of its rules: aliases and www twins. Filled in by the store.
  std::vector<std::string> other_hosts;
  bool operator==(const Ingress&) const = default;
};

struct IngressClass {
  static constexpr const char* kKind = "IngressClass";
  Meta meta;
  std::string controller;
  bool is_default = false;  // ingressclass.kubernetes.io/is-default-class
  bool operator==(const IngressClass&) const = default;
};

struct ServicePort {
  std::string name;
  uint16_t port = 0;
  // targetPort: number, name, or neither (then the same as port).
  uint16_t target_number = 0;
  std::string target_name;
  std::string protocol = "TCP";
  std::string app_protocol;
  bool operator==(const ServicePort&) const = default;
};

enum class ServiceType { cluster_ip, node_port, load_balancer, external_name };

struct Service {
  static constexpr const char* kKind = "Service";
  Meta meta;
  ServiceType type = ServiceType::cluster_ip;
  std::string cluster_ip;  // "None": headless
  std::string external_name;
  std::string external_addresses;  // externalIPs and .status.loadBalancer.ingress as addresses.h writes them
  std::vector<ServicePort> ports;
  bool publish_not_ready = false;  // the field or the old annotation service.alpha.kubernetes.io/tolerate-unready-endpoints
  bool client_ip_affinity = false;
  std::chrono::seconds client_ip_timeout{10800};
  bool operator==(const Service&) const = default;
};

struct EndpointPort {
  std::string name;
  uint16_t port = 0;
  std::string protocol = "TCP";
  bool operator==(const EndpointPort&) const = default;
};

// One address of a slice or of a subset. Absent conditions read as the API says: ready true, serving = ready, terminating false.
struct EndpointAddress {
  std::string ip;
  bool ready = true, serving = true, terminating = false;
  bool operator==(const EndpointAddress&) const = default;
};

struct EndpointSlice {
  static constexpr const char* kKind = "EndpointSlice";
  Meta meta;
  std::string service;       // label kubernetes.io/service-name
  std::string address_type;  // IPv4, IPv6, FQDN
  std::vector<EndpointPort> ports;
  std::vector<EndpointAddress> addresses;
  bool operator==(const EndpointSlice&) const = default;
};

struct EndpointSubset {
  std::vector<EndpointPort> ports;
  std::vector<EndpointAddress> addresses;  // notReadyAddresses have ready = false
  bool operator==(const EndpointSubset&) const = default;
};

struct Endpoints {
  static constexpr const char* kKind = "Endpoints";
  Meta meta;
  std::vector<EndpointSubset> subsets;
  bool operator==(const Endpoints&) const = default;
};

struct Secret {
  static constexpr const char* kKind = "Secret";
  Meta meta;
  std::string type;                         // "kubernetes.io/tls"
  std::map<std::string, std::string> data;  // decoded bytes; stringData wins over data
  bool operator==(const Secret&) const = default;
};

struct ConfigMap {
  static constexpr const char* kKind = "ConfigMap";
  Meta meta;
  std::map<std::string, std::string> data;
  bool operator==(const ConfigMap&) const = default;
};

// Only of those that a selector chose: that one is there says that its Ingresses are served.
struct Namespace {
  static constexpr const char* kKind = "Namespace";
  Meta meta;
  bool operator==(const Namespace&) const = default;
};

using Object = std::variant<Ingress, IngressClass, Service, EndpointSlice, Endpoints, Secret, ConfigMap, Namespace>;

const Meta& meta_of(const Object& object);
ObjectRef ref_of(const Object& object);

}  // namespace narthex::config
