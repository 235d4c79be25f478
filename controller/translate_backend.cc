#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "controller/finding_on.h"
#include "controller/translate.h"

namespace narthex::controller {
namespace {

using config::Severity;

// What is collected on the way through the slices of a Service.
struct Collection {
  const config::Service& service;
  const config::ServicePort& port;
  const BackendRules& rules;
  config::Findings& findings;
  std::vector<router::Endpoint> ready, terminating;
  bool any_address = false, any_port = false;
};

// The port of a slice's pods that stands behind the Service port: the one of its name, else a numeric targetPort.
uint16_t pod_port(const Collection& into, const std::vector<config::EndpointPort>& ports) {
  for (const config::EndpointPort& port : ports) {
    if (port.name == into.port.name && port.port != 0 && (port.protocol.empty() || port.protocol == "TCP")) {
      return port.port;
    }
  }
  if (into.port.target_number != 0) return into.port.target_number;
  return into.port.target_name.empty() ? into.port.port : 0;
}

// Why nothing may ever be sent to that address, whoever wrote it into a slice; empty: it may. Addresses of this machine
// and link-local ones (metadata services of clouds) would lend the controller's place in the network to the author.
std::string_view forbidden_range(const router::Endpoint& endpoint, const BackendRules& rules) {
  const std::array<uint8_t, 16>& ip = endpoint.ip;
  size_t at = 0;
  if (endpoint.v6) {
    const bool zeros = std::all_of(ip.begin(), ip.begin() + 10, [](uint8_t byte) { return byte == 0; });
    const bool mapped = zeros && ip[10] == 0xff && ip[11] == 0xff;  // ::ffff:0:0/96, RFC 4291 2.5.5.2
    const bool rest_zero = std::all_of(ip.begin(), ip.begin() + 15, [](uint8_t byte) { return byte == 0; });
    if (rest_zero && ip[15] == 0) return "unspecified";
    if (rest_zero && ip[15] == 1) return rules.refuse_loopback_endpoints ? "loopback" : "";
    if (ip[0] == 0xff) return "multicast";
    if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) return "link-local";
    if (!mapped) return "";
    at = 12;
  }
  if (ip[at] == 0) return "unspecified";
  if (ip[at] == 127) return rules.refuse_loopback_endpoints ? "loopback" : "";
  if (ip[at] == 169 && ip[at + 1] == 254) return "link-local";
  if (ip[at] >= 224) return ip[at] < 240 ? "multicast" : "reserved";
  return "";
}

template <typename T>
void collect(const T& object, const std::vector<config::EndpointPort>& ports,
             const std::vector<config::EndpointAddress>& addresses, Collection& into) {
  const uint16_t port = pod_port(into, ports);
  into.any_address |= !addresses.empty();
  if (port == 0) return;
  into.any_port = true;
  for (const config::EndpointAddress& address : addresses) {
    const bool publish = into.service.publish_not_ready;
    const bool ready = !address.terminating && (address.ready || publish);
    const bool terminating = address.terminating && (address.serving || publish);
    const std::optional<router::Endpoint> endpoint = router::make_endpoint(address.ip, port);
    if (!endpoint) {
      into.findings.push_back(finding_on(object, Severity::refused, "InvalidAddress", "endpoints",
                                         fmt::format("{} is no IP address, so it is left out", address.ip)));
      continue;
    }
    const std::string_view range = forbidden_range(*endpoint, into.rules);
    if (!range.empty()) {
      into.findings.push_back(finding_on(object, Severity::refused, "ForbiddenAddress", "endpoints",
                                         fmt::format("{} is {}, so it is left out; give addresses of pods or servers",
                                                     address.ip, range)));
      continue;
    }
    if (ready) into.ready.push_back(*endpoint);
    if (terminating) into.terminating.push_back(*endpoint);
  }
}

void collect_slices(const SlicesByName& slices, Collection& into) {
  for (const config::EndpointSlice* slice : slices) {
    if (slice->address_type == "FQDN") {
      into.findings.push_back(finding_on(*slice, Severity::refused, "AddressTypeNotSupported", "addressType",
                                         "FQDN is not supported, so the slice is left out; use IPv4 or IPv6"));
      continue;
    }
    collect(*slice, slice->ports, slice->addresses, into);
  }
}

void sort_unique(std::vector<router::Endpoint>& endpoints) {
  std::vector<std::pair<std::string, router::Endpoint>> by_text;
  by_text.reserve(endpoints.size());
  for (const router::Endpoint& endpoint : endpoints) by_text.emplace_back(to_text(endpoint), endpoint);
  const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  std::sort(by_text.begin(), by_text.end(), before);
  by_text.erase(std::unique(by_text.begin(), by_text.end(), same), by_text.end());
  endpoints.clear();
  for (const auto& [text, endpoint] : by_text) endpoints.push_back(endpoint);
}

void collect_endpoints(const Store& store, const BackendKey& key, const config::Service& service,
                       const config::ServicePort& port, const BackendRules& rules, TranslatedBackend& result) {
  Collection all{service, port, rules, result.findings, {}, {}};
  const SlicesByName& slices = store.slices_of(key.service);
  if (!slices.empty()) {
    collect_slices(slices, all);
  } else if (const config::Endpoints* endpoints = store.endpoints(key.service)) {
    for (const config::EndpointSubset& subset : endpoints->subsets) {
      collect(*endpoints, subset.ports, subset.addresses, all);
    }
  }
  if (all.any_address && !all.any_port) {
    result.findings.push_back(finding_on(
        service, Severity::note, "EndpointPortNotFound", "spec.ports",
        fmt::format("no endpoint has a port for {}; let targetPort {} name a port of the pods",
                    port.name.empty() ? std::to_string(port.port) : port.name, port.target_name)));
  }
  // As kube-proxy: pods on their way out serve only where nobody else does.
  result.backend.endpoints = all.ready.empty() ? std::move(all.terminating) : std::move(all.ready);
  sort_unique(result.backend.endpoints);
}

void check_default(const BackendKey& key, const FoundPort& found, const config::Service* service,
                   config::Findings& findings) {
  if (!key.port.empty() || (found.match != PortMatch::no_service && found.match != PortMatch::no_port)) return;
  config::Service absent;
  absent.meta.key = key.service;
  const std::string why = service ? "the Service has no TCP port; give it one" : "there is no such Service; create it";
  findings.push_back(finding_on(service ? *service : absent, Severity::refused, "DefaultBackendUnusable",
                                "--default-backend-service", why + "; requests that nothing takes get 404"));
}

}  // namespace

TranslatedBackend translate_backend(const Store& store, const BackendKey& key, const BackendRules& rules) {
  TranslatedBackend result;
  result.backend.name = to_text(key);
  result.backend.identity = base::hash(result.backend.name);
  const config::Service* service = store.service(key.service);
  const FoundPort found = find_port(service, key.port);
  check_default(key, found, service, result.findings);
  if (!service) return result;
  if (found.match == PortMatch::external_name) {
    result.findings.push_back(finding_on(*service, Severity::refused, "ExternalNameNotSupported", "spec.externalName",
                                         "names are not resolved, so requests get 503; give the Service endpoints"));
    return result;
  }
  if (service->client_ip_affinity) result.backend.client_ip_affinity = service->client_ip_timeout;
  if (found.port) collect_endpoints(store, key, *service, *found.port, rules, result);
  return result;
}

}  // namespace narthex::controller
