#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

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
  bool any_address = false, any_port = false, leads_back = false;
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
    const std::string_view range = refusal_of_endpoint(*endpoint, into.rules);
    if (!range.empty()) {
      const bool leads_back = range == kLeadsBack;
      into.leads_back |= leads_back;
      into.findings.push_back(finding_on(object, Severity::refused, leads_back ? "BackendLoop" : "ForbiddenAddress",
                                         "endpoints",
                                         fmt::format("{} is {}, so it is left out; give addresses of pods or servers",
                                                     leads_back ? to_text(*endpoint) : address.ip, range)));
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
  result.backend.leads_back = result.backend.endpoints.empty() && all.leads_back;
}

// What is refused of a name's addresses, by the reason for it: one finding for each, however many addresses there are.
using Refused = std::map<std::string_view, std::vector<std::string>>;

std::string listed(const std::vector<std::string>& addresses) {
  constexpr size_t kShown = 3;
  const auto shown = addresses.begin() + static_cast<ptrdiff_t>(std::min(addresses.size(), kShown));
  std::string text = fmt::format("{}", fmt::join(addresses.begin(), shown, ", "));
  if (addresses.size() > kShown) text += fmt::format(" and {} more", addresses.size() - kShown);
  return text;
}

// The API server as the cluster itself names it, where that can be seen.
std::vector<base::IpRange> api_servers_of(const Store& store) {
  std::vector<base::IpRange> ranges;
  const auto add = [&](const std::string& ip) {
    if (const std::optional<base::IpRange> range = base::parse_ip_range(ip)) ranges.push_back(*range);
  };
  if (const config::Service* service = store.service(api_server_service())) add(service->cluster_ip);
  for (const config::EndpointSlice* slice : store.slices_of(api_server_service()))
    for (const config::EndpointAddress& address : slice->addresses) add(address.ip);
  if (const config::Endpoints* endpoints = store.endpoints(api_server_service()))
    for (const config::EndpointSubset& subset : endpoints->subsets)
      for (const config::EndpointAddress& address : subset.addresses) add(address.ip);
  return ranges;
}

// Each time and on the addresses, not on the name: whoever runs the zone can change them at any moment (DNS rebinding).
void collect_resolved(const Store& store, const config::Service& service, const ResolvedName& resolved, uint16_t port,
                      const BackendRules& rules, TranslatedBackend& result) {
  const std::vector<base::IpRange> api_servers = api_servers_of(store);
  Refused refused;
  for (const std::string& address : resolved.addresses) {
    const std::optional<router::Endpoint> endpoint = router::make_endpoint(address, port);
    if (!endpoint) continue;  // the DNS gave bytes, not text: there is none
    const std::string_view range = refusal_of_external(*endpoint, rules, api_servers);
    if (range.empty()) {
      result.backend.endpoints.push_back(*endpoint);
    } else {
      refused[range].push_back(range == kLeadsBack ? to_text(*endpoint) : address);
    }
  }
  sort_unique(result.backend.endpoints);
  result.backend.leads_back = result.backend.endpoints.empty() && refused.contains(kLeadsBack);
  for (const auto& [range, addresses] : refused) {
    const bool leads_back = range == kLeadsBack;
    result.findings.push_back(finding_on(
        service, Severity::refused, leads_back ? "BackendLoop" : "ForbiddenAddress", "spec.externalName",
        fmt::format("{} leads to {}, which is {}, so it is left out; {}", service.external_name, listed(addresses),
                    range, leads_back ? "name the server behind it" : "see --allow-external-name-addresses")));
  }
}

void tell_trouble(const config::Service& service, const ResolvedName& resolved, config::Findings& findings) {
  const auto say = [&](Severity severity, std::string reason, const std::string& message) {
    findings.push_back(
        finding_on(service, severity, std::move(reason), "spec.externalName", service.external_name + message));
  };
  if (resolved.cut)
    say(Severity::note, "TooManyAddresses",
        fmt::format(" has more addresses than are taken; the first {} are served", kNameAddressesMax));
  const std::string since =
      fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(resolved.since)));
  const bool gone = resolved.addresses.empty();
  switch (resolved.trouble) {
    case NameTrouble::none: return;
    case NameTrouble::too_many:
      return say(Severity::refused, "TooManyExternalNames",
                 " is one name more than are resolved, so requests get 503; remove some Services of type ExternalName");
    case NameTrouble::absent:
      if (gone)
        return say(Severity::refused, "ExternalNameNotFound",
                   " has no address in the DNS since " + since + ", so requests get 503; mend the name");
      return say(Severity::note, "ExternalNameStale",
                 " has no address in the DNS since " + since + "; those of before are served for half a minute more");
    case NameTrouble::failing:
      if (gone)
        return say(Severity::refused, "ExternalNameFailing",
                   " is answered by no DNS server since " + since + ", so requests get 503; it is tried again");
      return say(Severity::note, "ExternalNameStale",
                 " is answered by no DNS server since " + since + "; the addresses of before are served on");
  }
}

void translate_external(const Store& store, const BackendKey& key, const config::Service& service,
                        const BackendRules& rules, TranslatedBackend& result) {
  const auto refuse = [&](std::string reason, std::string message) {
    result.findings.push_back(
        finding_on(service, Severity::refused, std::move(reason), "spec.externalName", std::move(message)));
  };
  if (service.external_name.empty()) return;  // the decoder has said so
  if (rules.external_names == NameRule::off)
    return refuse("ExternalNameDisabled",
                  "names are not resolved, so requests get 503; remove --disable-svc-external-name, or give the "
                  "Service endpoints");
  const std::optional<std::string> name = name_of(service);
  if (!name)
    return refuse("ExternalNameIsAddress",
                  service.external_name +
                      " is an address and no name, so requests get 503, as with ingress-nginx; leave type and "
                      "externalName out and give the Service an EndpointSlice");
  const uint16_t port = external_port(service, key.port);
  if (port == 0) return;  // told on the Ingress
  if (rules.external_names == NameRule::unasked) {
    result.findings.push_back(finding_on(service, Severity::note, "ExternalNameNotAsked", "spec.externalName",
                                         "no DNS server is asked here, so the routes show no endpoints for it"));
    return;
  }
  const ResolvedName* resolved = store.resolved(*name);
  if (!resolved) return;  // about to be
  tell_trouble(service, *resolved, result.findings);
  collect_resolved(store, service, *resolved, port, rules, result);
}

void check_default(const BackendKey& key, const FoundPort& found, const config::Service* service,
                   config::Findings& findings) {
  const bool no_port = found.match == PortMatch::no_port ||
                       (found.match == PortMatch::external_name && external_port(*service, key.port) == 0);
  if (!key.port.empty() || (found.match != PortMatch::no_service && !no_port)) return;
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
  if (service->client_ip_affinity) result.backend.client_ip_affinity = service->client_ip_timeout;
  if (found.match == PortMatch::external_name) translate_external(store, key, *service, rules, result);
  if (found.port) collect_endpoints(store, key, *service, *found.port, rules, result);
  return result;
}

}  // namespace narthex::controller
