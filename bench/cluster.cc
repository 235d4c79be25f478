#include "bench/cluster.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::bench {
namespace {

constexpr size_t kNamespaces = 200;
constexpr size_t kTlsEvery = 100;
constexpr size_t kOpaqueSecrets = 4;  // in each namespace, which nobody refers to
constexpr uint32_t kPods = 2;         // of each slice
constexpr uint32_t kAddressesPerSlice = 64;

std::string namespace_of(size_t index) { return fmt::format("team-{:03}", index % kNamespaces); }

// As server-side apply and the controllers leave it.
std::string managed_fields(const char* manager, const char* version, const char* fields) {
  return fmt::format(
      R"("managedFields":[{{"manager":"{}","operation":"Update","apiVersion":"{}","time":"2025-03-01T10:00:00Z",)"
      R"("fieldsType":"FieldsV1","fieldsV1":{}}}])",
      manager, version, fields);
}

std::string meta(const std::string& ns, const std::string& name, uint64_t version, const std::string& more) {
  return fmt::format(
      R"("metadata":{{"name":"{}","namespace":"{}","uid":"6e6ac5f3-3b67-4c37-9f3c-{:012x}","resourceVersion":"{}",)"
      R"("generation":1,"creationTimestamp":"2025-03-01T10:00:00Z",{}}})",
      name, ns, version, version, more);
}

constexpr const char* kIngressFields =
    R"({"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}},"f:labels":)"
    R"({".":{},"f:app.kubernetes.io/name":{},"f:app.kubernetes.io/part-of":{}}},"f:spec":{"f:ingressClassName":{},)"
    R"("f:rules":{}}})";
constexpr const char* kServiceFields =
    R"({"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}}},"f:spec":)"
    R"({"f:internalTrafficPolicy":{},"f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},)"
    R"("f:protocol":{},"f:targetPort":{}}},"f:selector":{},"f:sessionAffinity":{},"f:type":{}}})";
constexpr const char* kSliceFields =
    R"({"f:addressType":{},"f:endpoints":{},"f:metadata":{"f:annotations":{".":{},)"
    R"("f:endpoints.kubernetes.io/last-change-trigger-time":{}},"f:generateName":{},"f:labels":{".":{},)"
    R"("f:endpointslice.kubernetes.io/managed-by":{},"f:kubernetes.io/service-name":{}},"f:ownerReferences":)"
    R"({".":{},"k:{\"uid\":\"6e6ac5f3-3b67-4c37-9f3c-000000000000\"}":{}}},"f:ports":{}})";

}  // namespace

Cluster::Cluster(size_t ingresses, uint16_t backend_port, std::string certificate, std::string key)
    : services_(ingresses),
      backend_port_(backend_port),
      certificate_(std::move(certificate)),
      key_(std::move(key)),
      states_(ingresses) {}

size_t Cluster::count(Kind kind) const {
  switch (kind) {
    case Kind::ingress:
      return states_.size();
    case Kind::ingress_class:
      return 1;
    case Kind::service:
    case Kind::endpoint_slice:
      return services_;
    case Kind::secret:
      return std::min(services_, kNamespaces) * (1 + kOpaqueSecrets);
  }
  return 0;
}

std::string Cluster::render(Kind kind, size_t index) const {
  switch (kind) {
    case Kind::ingress:
      return ingress(index);
    case Kind::ingress_class:
      return R"({"kind":"IngressClass","apiVersion":"networking.k8s.io/v1","metadata":{"name":"nginx","resourceVersion":)"
             R"("1"},"spec":{"controller":"k8s.io/ingress-nginx"}})";
    case Kind::service:
      return service(index);
    case Kind::endpoint_slice:
      return slice(index);
    case Kind::secret:
      return secret(index);
  }
  return {};
}

void Cluster::move_pods(size_t slice) {
  ++states_[slice].pods;
  states_[slice].slice_version = ++version_;
}

void Cluster::change_path(size_t ingress) {
  ++states_[ingress].path;
  states_[ingress].ingress_version = ++version_;
}

void Cluster::change_host(size_t ingress) {
  ++states_[ingress].host;
  states_[ingress].ingress_version = ++version_;
}

size_t Cluster::add_ingress() {
  states_.emplace_back().ingress_version = ++version_;
  return states_.size() - 1;
}

std::string Cluster::host(size_t ingress) const {
  const uint32_t changes = states_[ingress].host;
  return changes == 0 ? fmt::format("app-{}.example.com", ingress)
                      : fmt::format("app-{}-{}.example.com", ingress, changes);
}

std::string Cluster::path(size_t ingress) const { return fmt::format("/api/v{}", states_[ingress].path); }

// 10.0.0.0/8 in runs of 64 addresses; what wraps around meets addresses that have not been used for long.
std::string Cluster::pod(size_t slice, uint32_t which) const {
  const uint32_t own = (states_[slice].pods * kPods + which) % (kAddressesPerSlice - 2) + 1;
  const uint32_t address = static_cast<uint32_t>(slice) * kAddressesPerSlice + own;
  return fmt::format("10.{}.{}.{}", address >> 16 & 255, address >> 8 & 255, address & 255);
}

bool Cluster::is_pod_of(size_t slice, const std::string& address) const {
  for (uint32_t which = 0; which < kPods; ++which)
    if (pod(slice, which) == address) return true;
  return false;
}

std::string Cluster::ingress(size_t index) const {
  const size_t service_index = index % services_;
  const std::string ns = namespace_of(service_index), service = fmt::format("app-{}", service_index);
  const std::string name = fmt::format("app-{}", index), host = this->host(index);
  const std::string backend = fmt::format(R"({{"service":{{"name":"{}","port":{{"number":80}}}}}})", service);
  const bool tls = !certificate_.empty() && index % kTlsEvery == 0;
  const std::string spec = fmt::format(
      R"({{"ingressClassName":"nginx",{}"rules":[{{"host":"{}","http":{{"paths":[{{"path":"{}","pathType":"Prefix","backend":)"
      R"({}}},{{"path":"/static","pathType":"Prefix","backend":{}}}]}}}}]}})",
      tls ? fmt::format(R"("tls":[{{"hosts":["{}"],"secretName":"cert"}}],)", host) : "", host, path(index), backend,
      backend);
  std::string applied = fmt::format(
      R"({{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{{"annotations":{{}},"name":"{}","namespace":)"
      R"("{}"}},"spec":{}}}\n)",
      name, ns, spec);
  std::string quoted;
  for (const char c : applied) quoted += c == '"' ? std::string("\\\"") : std::string(1, c);
  return fmt::format(
      R"({{"kind":"Ingress","apiVersion":"networking.k8s.io/v1",{},"spec":{},"status":{{"loadBalancer":{{}}}}}})",
      meta(ns, name, states_[index].ingress_version,
           fmt::format(R"("labels":{{"app.kubernetes.io/name":"{}","app.kubernetes.io/part-of":"{}"}},"annotations":)"
                       R"({{"kubectl.kubernetes.io/last-applied-configuration":"{}"}},{})",
                       name, ns, quoted,
                       managed_fields("kubectl-client-side-apply", "networking.k8s.io/v1", kIngressFields))),
      spec);
}

std::string Cluster::service(size_t index) const {
  const std::string ns = namespace_of(index), name = fmt::format("app-{}", index);
  return fmt::format(
      R"({{"kind":"Service","apiVersion":"v1",{},"spec":{{"ports":[{{"name":"http","protocol":"TCP","port":80,"targetPort":{}}}],)"
      R"("selector":{{"app":"{}"}},"clusterIP":"172.20.{}.{}","clusterIPs":["172.20.{}.{}"],"type":"ClusterIP",)"
      R"("sessionAffinity":"None","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","internalTrafficPolicy":"Cluster"}},)"
      R"("status":{{"loadBalancer":{{}}}}}})",
      meta(ns, name, 1,
           fmt::format(R"("labels":{{"app":"{}"}},{})", name,
                       managed_fields("kubectl-client-side-apply", "v1", kServiceFields))),
      backend_port_, name, index >> 8 & 255, index & 255, index >> 8 & 255, index & 255);
}

std::string Cluster::slice(size_t index) const {
  const std::string ns = namespace_of(index), name = fmt::format("app-{}", index);
  std::string endpoints;
  for (uint32_t which = 0; which < kPods; ++which)
    endpoints += fmt::format(
        R"({}{{"addresses":["{}"],"conditions":{{"ready":true,"serving":true,"terminating":false}},"targetRef":)"
        R"({{"kind":"Pod","namespace":"{}","name":"{}-6d4cf56db6-x{}","uid":"6e6ac5f3-3b67-4c37-9f3c-{:012x}"}},)"
        R"("nodeName":"node-{}","zone":"eu-1a"}})",
        which == 0 ? "" : ",", pod(index, which), ns, name, which, index, which);
  return fmt::format(
      R"({{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1",{},"addressType":"IPv4","endpoints":[{}],"ports":)"
      R"([{{"name":"http","port":{},"protocol":"TCP"}}]}})",
      meta(ns, name + "-x7k2p", states_[index].slice_version,
           fmt::format(R"("generateName":"{}-","labels":{{"app":"{}","endpointslice.kubernetes.io/managed-by":)"
                       R"("endpointslice-controller.k8s.io","kubernetes.io/service-name":"{}"}},"annotations":)"
                       R"({{"endpoints.kubernetes.io/last-change-trigger-time":"2025-03-01T10:00:00Z"}},)"
                       R"("ownerReferences":[{{"apiVersion":"v1","kind":"Service","name":"{}","uid":)"
                       R"("6e6ac5f3-3b67-4c37-9f3c-000000000000","controller":true,"blockOwnerDeletion":true}}],{})",
                       name, name, name, name,
                       managed_fields("kube-controller-manager", "discovery.k8s.io/v1", kSliceFields))),
      endpoints, backend_port_);
}

std::string Cluster::secret(size_t index) const {
  const std::string ns = namespace_of(index / (1 + kOpaqueSecrets));
  const size_t which = index % (1 + kOpaqueSecrets);
  const bool tls = which == 0;
  const std::string bytes = tls ? fmt::format(R"("tls.crt":"{}","tls.key":"{}")", certificate_, key_)
                                : R"("password":"c2VjcmV0","user":"YWRtaW4=")";
  return fmt::format(R"({{"kind":"Secret","apiVersion":"v1",{},"type":"{}","data":{{{}}}}})",
                     meta(ns, tls ? "cert" : fmt::format("settings-{}", which), 1, R"("labels":{"app":"any"})"),
                     tls ? "kubernetes.io/tls" : "Opaque", bytes);
}

}  // namespace narthex::bench
