#include "controller/references.h"

#include "base/text.h"
#include "config/names.h"

namespace narthex::controller {
namespace {

bool is_tcp(const config::ServicePort& port) { return port.protocol.empty() || port.protocol == "TCP"; }

}  // namespace

std::string to_text(const BackendKey& key) {
  return to_text(key.service) + (key.port.empty() ? "" : ":" + key.port);
}

std::string to_text(const config::ObjectKey& key) { return key.ns + "/" + key.name; }

std::optional<BackendKey> backend_key(const std::string& ns, const config::IngressBackend& backend) {
  if (backend.is_resource || backend.service.empty()) return std::nullopt;
  std::string port = backend.port.number != 0 ? std::to_string(backend.port.number) : backend.port.name;
  if (port.empty()) return std::nullopt;
  return BackendKey{{ns, backend.service}, std::move(port)};
}

FoundPort find_port(const config::Service* service, const std::string& port) {
  if (!service) return {};
  if (service->type == config::ServiceType::external_name) return {PortMatch::external_name, nullptr};
  const config::ServicePort* by_name = nullptr;
  const config::ServicePort* by_target = nullptr;
  for (const config::ServicePort& candidate : service->ports) {
    if (!is_tcp(candidate)) continue;
    if (port.empty() || std::to_string(candidate.port) == port) return {PortMatch::found, &candidate};
    if (!by_name && candidate.name == port) by_name = &candidate;
    const uint16_t target = candidate.target_number;
    const bool is_target = candidate.target_name == port || (target != 0 && std::to_string(target) == port);
    if (!by_target && is_target) by_target = &candidate;
  }
  if (by_name) return {PortMatch::found, by_name};
  if (by_target) return {PortMatch::by_target, by_target};
  return {PortMatch::no_port, nullptr};
}

std::optional<std::string> name_of(const config::Service& service) {
  const std::string& name = service.external_name;
  if (service.type != config::ServiceType::external_name || name.empty()) return std::nullopt;
  const std::string bare = name.substr(0, name.size() - (name.back() == '.' ? 1 : 0));
  if (config::is_ipv4(bare) || config::is_ipv6(bare)) return std::nullopt;
  return name;
}

uint16_t external_port(const config::Service& service, const std::string& port) {
  for (const config::ServicePort& candidate : service.ports) {
    if (!is_tcp(candidate)) continue;
    const bool wanted = port.empty() || std::to_string(candidate.port) == port || candidate.name == port;
    if (wanted) return candidate.target_number != 0 ? candidate.target_number : candidate.port;
  }
  return static_cast<uint16_t>(base::parse_decimal(port, 65535).value_or(0));
}

const config::ObjectKey& api_server_service() {
  static const config::ObjectKey key{"default", "kubernetes"};
  return key;
}

std::set<std::string> hosts_of(const config::Ingress& ingress) {
  std::set<std::string> hosts;
  for (const config::IngressRule& rule : ingress.rules) hosts.insert(rule.host);
  if (ingress.rules.empty() && ingress.default_backend) hosts.insert("");
  return hosts;
}

std::string www_twin(const std::string& host) {
  return host.starts_with("www.") ? host.substr(4) : "www." + host;
}

std::vector<std::string> other_hosts_of(const config::Ingress& ingress, const config::HostOptions& options) {
  if (options.aliases.empty() && !options.www_redirect) return {};
  const std::set<std::string> own = hosts_of(ingress);
  std::set<std::string> others(options.aliases.begin(), options.aliases.end());
  for (const std::string& host : own)
    if (options.www_redirect && !host.empty() && !host.starts_with('*')) others.insert(www_twin(host));
  for (const std::string& host : own) others.erase(host);
  return {others.begin(), others.end()};
}

std::set<BackendKey> backends_of(const config::Ingress& ingress) {
  std::set<BackendKey> keys;
  const std::string& ns = ingress.meta.key.ns;
  const auto add = [&](const config::IngressBackend& backend) {
    if (std::optional<BackendKey> key = backend_key(ns, backend)) keys.insert(std::move(*key));
  };
  if (ingress.default_backend) add(*ingress.default_backend);
  for (const config::IngressRule& rule : ingress.rules) {
    for (const config::IngressPath& path : rule.paths) add(path.backend);
  }
  return keys;
}

std::set<std::string> certificate_hosts_of(const config::Ingress& ingress) {
  std::set<std::string> hosts;
  for (const config::IngressTls& entry : ingress.tls) hosts.insert(entry.hosts.begin(), entry.hosts.end());
  if (!ingress.tls.empty()) {
    for (const config::IngressRule& rule : ingress.rules) hosts.insert(rule.host);
    hosts.insert(ingress.other_hosts.begin(), ingress.other_hosts.end());
  }
  hosts.erase("");  // no server name can lead there
  return hosts;
}

std::set<config::ObjectKey> secrets_of(const config::Ingress& ingress) {
  std::set<config::ObjectKey> keys;
  for (const config::IngressTls& entry : ingress.tls) {
    if (!entry.secret.empty()) keys.insert({ingress.meta.key.ns, entry.secret});
  }
  return keys;
}

}  // namespace narthex::controller
