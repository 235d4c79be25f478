// Service. Rules as in kubernetes pkg/apis/core/validation, as far as a proxy needs them.
#include <fmt/format.h>

#include "config/addresses.h"
#include "config/decode_kinds.h"
#include "config/names.h"

namespace narthex::config {
namespace {

constexpr const char* kTolerateUnready = "service.alpha.kubernetes.io/tolerate-unready-endpoints";
constexpr int64_t kMaxAffinitySeconds = 86400;  // a day, as the API has it

bool read_target_port(const Node& node, ServicePort& into) {
  if (!node.present()) return true;
  if (!std::holds_alternative<std::string>(node.tree()->value)) return read_port_number(node, into.target_number);
  std::string name;
  if (!node.read(name)) return false;
  if (is_port_name(name)) {
    into.target_name = std::move(name);
    return true;
  }
  node.refuse("InvalidPort", in_quotes(name) + " is neither a number without quotes nor the name of a container port");
  return false;
}

std::optional<ServicePort> read_port(const Node& node) {
  ServicePort port;
  const Node number = node.member("port"), name = node.member("name");
  if (!node.expect_map() || !name.read(port.name) || !read_port_number(number, port.port)) return std::nullopt;
  if (port.port == 0) {
    number.refuse("InvalidPort", "is missing; give the number of the port");
    return std::nullopt;
  }
  if (!port.name.empty() && !is_dns_label(port.name)) {
    name.refuse("InvalidPort", in_quotes(port.name) + " is no port name (lower case letters, digits and -)");
    return std::nullopt;
  }
  if (!read_target_port(node.member("targetPort"), port) || !read_protocol(node.member("protocol"), port.protocol) ||
      !node.member("appProtocol").read(port.app_protocol))
    return std::nullopt;
  return port;
}

void read_ports(const Node& node, std::vector<ServicePort>& into) {
  const size_t count = node.list_size();
  for (size_t i = 0; i < count; ++i) {
    const Node item = node.item(i);
    auto port = read_port(item);
    if (!port) continue;
    if (port->name.empty() && count > 1)
      item.note("MissingPortName", "a Service with several ports needs a name for each; a cluster refuses it without");
    into.push_back(std::move(*port));
  }
}

void read_type(const Node& node, ServiceType& into) {
  std::string word;
  if (!node.read(word) || !node.present()) return;
  if (word == "ClusterIP") {
    into = ServiceType::cluster_ip;
  } else if (word == "NodePort") {
    into = ServiceType::node_port;
  } else if (word == "LoadBalancer") {
    into = ServiceType::load_balancer;
  } else if (word == "ExternalName") {
    into = ServiceType::external_name;
  } else {
    node.refuse("InvalidServiceType", in_quotes(word) +
                                          " must be ClusterIP, NodePort, LoadBalancer or ExternalName; taken as "
                                          "ClusterIP");
  }
}

// A DNS name; a dot at its end is allowed here.
void read_external_name(const Node& node, Service& into) {
  std::string name;
  if (!node.read(name)) return;
  std::string_view bare = name;
  if (bare.ends_with('.')) bare.remove_suffix(1);
  if (is_dns_subdomain(bare)) {
    into.external_name = std::move(name);
  } else if (into.type == ServiceType::external_name) {
    node.refuse("InvalidExternalName", name.empty()
                                           ? std::string("is missing; a Service of type ExternalName needs a DNS name")
                                           : in_quotes(name) + " must be a DNS name");
  }
}

void read_affinity(const Node& spec, Service& into) {
  const Node node = spec.member("sessionAffinity");
  const Node config = spec.member("sessionAffinityConfig"), client = config.member("clientIP");
  const Node timeout = client.member("timeoutSeconds");
  std::string word;
  if (!node.read(word)) return;
  if (!word.empty() && word != "None" && word != "ClientIP") {
    node.refuse("InvalidSessionAffinity", in_quotes(word) + " must be None or ClientIP; taken as None");
    return;
  }
  into.client_ip_affinity = word == "ClientIP";
  if (!config.present() || !config.expect_map() || !client.present() || !client.expect_map()) return;
  int64_t seconds = into.client_ip_timeout.count();
  if (!timeout.read(seconds)) return;
  if (seconds < 1 || seconds > kMaxAffinitySeconds) {
    timeout.refuse("InvalidTimeout", fmt::format("{} must be within 1..{} seconds; taken as {}", seconds,
                                                 kMaxAffinitySeconds, into.client_ip_timeout.count()));
    return;
  }
  into.client_ip_timeout = std::chrono::seconds(seconds);
}

void read_cluster_ip(const Node& node, std::string& into) {
  std::string text;
  if (!node.read(text)) return;
  if (text.empty() || text == "None" || is_ipv4(text) || is_ipv6(text)) {
    into = std::move(text);
  } else {
    node.refuse("InvalidClusterIP", in_quotes(text) + " must be None or an IP address; taken as absent");
  }
}

// What the API server has checked already, and only --publish-service reads.
std::string read_external_addresses(const Tree& root) {
  std::vector<std::string> all = load_balancer_addresses(root);
  const Tree* spec = root.find("spec");
  const Tree* ips = spec == nullptr ? nullptr : spec->find("externalIPs");
  const Tree::List* list = ips == nullptr ? nullptr : std::get_if<Tree::List>(&ips->value);
  for (size_t i = 0; list != nullptr && i < list->size(); ++i)
    if (const auto* ip = std::get_if<std::string>(&(*list)[i].value)) all.push_back(*ip);
  return join_addresses(std::move(all));
}

}  // namespace

std::optional<Object> decode_service(const Node& root, Meta meta) {
  Service service;
  service.meta = std::move(meta);
  service.external_addresses = read_external_addresses(*root.tree());
  const auto tolerate = service.meta.annotations.find(kTolerateUnready);
  if (tolerate != service.meta.annotations.end())
    service.publish_not_ready = parse_go_bool(tolerate->second).value_or(false);
  const Node spec = root.member("spec");
  if (!spec.expect_map()) return service;
  read_type(spec.member("type"), service.type);
  read_cluster_ip(spec.member("clusterIP"), service.cluster_ip);
  read_external_name(spec.member("externalName"), service);
  read_ports(spec.member("ports"), service.ports);
  bool publish = false;
  if (spec.member("publishNotReadyAddresses").read(publish) && publish) service.publish_not_ready = true;
  read_affinity(spec, service);
  return service;
}

}  // namespace narthex::config
