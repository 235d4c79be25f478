// What objects refer to, read from their own text alone: hosts, Service ports, Secrets. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "config/annotations.h"
#include "config/objects.h"

namespace narthex::controller {

// A Service port as Ingresses name it: number or name, one text as in ingress-nginx. Empty: the Service's first port.
struct BackendKey {
  config::ObjectKey service;
  std::string port;
  auto operator<=>(const BackendKey&) const = default;
};
struct KeyHash {
  size_t operator()(const config::ObjectKey& key) const { return base::hash(key.name, base::hash(key.ns)); }
};
struct BackendKeyHash {
  size_t operator()(const BackendKey& key) const { return base::hash(key.port, KeyHash()(key.service)); }
};
std::string to_text(const BackendKey& key);  // "default/api:80", the identity of the backend in snapshots
std::string to_text(const config::ObjectKey& key);  // "default/shop"

// None where the reference is broken or names no Service.
std::optional<BackendKey> backend_key(const std::string& ns, const config::IngressBackend& backend);

// How a port reference met a Service: by number, else by name, else by the text of targetPort as ingress-nginx allows.
// Of an ExternalName Service no port is looked for.
enum class PortMatch : uint8_t { no_service, no_port, by_target, found, external_name };
struct FoundPort {
  PortMatch match = PortMatch::no_service;
  const config::ServicePort* port = nullptr;  // points into the Service
};
// Only TCP ports count. `service` may be null.
FoundPort find_port(const config::Service* service, const std::string& port);

// Of an ExternalName Service: the name that the DNS has to be asked for. None where it is another type, or an address.
std::optional<std::string> name_of(const config::Service& service);
// The port to connect to, as ingress-nginx finds it: the targetPort (a number) or the port of the Service port of that
// number or name; a number that the Service does not list is taken as it is. 0: a name that it does not list.
uint16_t external_port(const config::Service& service, const std::string& port);
// The Service of the API server in every cluster.
const config::ObjectKey& api_server_service();

// The hosts that an Ingress has routes for; "" where it has a rule without host, or only a defaultBackend.
std::set<std::string> hosts_of(const config::Ingress& ingress);
// Hosts that annotations name and no rule of the same Ingress does: aliases, and "www.x" for "x" or the other way round.
std::vector<std::string> other_hosts_of(const config::Ingress& ingress, const config::HostOptions& options);
std::string www_twin(const std::string& host);
std::set<BackendKey> backends_of(const config::Ingress& ingress);
// Every host of a tls entry; and, where there is any tls entry, every host of a rule.
std::set<std::string> certificate_hosts_of(const config::Ingress& ingress);
std::set<config::ObjectKey> secrets_of(const config::Ingress& ingress);

}  // namespace narthex::controller
