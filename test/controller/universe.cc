#include "test/controller/universe.h"

#include <algorithm>
#include <chrono>

#include "controller/references.h"
#include "test/support/certificates.h"

namespace narthex::test {
namespace {

const std::vector<std::string> kNamespaces = {"a", "b"};
const std::vector<std::string> kHosts = {"x.example.com", "*.example.com", "y.example.com", ""};
const std::vector<std::string> kPaths = {"/", "/a", "/a/", "/b", "/b//c"};
const std::vector<std::string> kServices = {"s1", "s2"};
const std::vector<std::string> kSecrets = {"c1", "c2"};
const std::vector<std::string> kNames = {"one.test", "two.test"};
const std::vector<std::string> kPorts = {"http", "admin", "9090"};
const std::string kPrefix = "nginx.ingress.kubernetes.io/";

// Made once per program: two for the same host by key type, one that ends soon, one that nobody can parse.
const std::vector<PemPair>& pairs() {
  static const std::vector<PemPair> made = [] {
    CertificateSpec wide, rsa, brief;
    wide.names = {"x.example.com", "*.example.com"};
    rsa.names = {"x.example.com"};
    rsa.key = KeyKind::rsa2048;
    brief.names = {"x.example.com", "y.example.com"};
    brief.not_after = std::chrono::hours(1);
    return std::vector<PemPair>{make_certificate(wide), make_certificate(rsa), make_certificate(brief), {"no", "pem"}};
  }();
  return made;
}

}  // namespace

controller::Change Universe::next() {
  if (!current_.empty() && one_in(3)) {
    auto victim = current_.begin();
    std::advance(victim, static_cast<ptrdiff_t>(below(current_.size())));
    const config::ObjectRef ref = victim->first;
    current_.erase(victim);
    return controller::removed(ref);
  }
  config::Object made = object();
  current_.insert_or_assign(ref_of(made), made);
  return controller::upserted(std::move(made));
}

controller::NameChange Universe::next_name() {
  const std::string name = pick(kNames);
  if (one_in(4)) {
    resolved_.erase(name);
    return {name, std::nullopt};
  }
  controller::ResolvedName resolved;
  resolved.name = name;
  for (const char* ip : {"10.0.0.1", "10.0.0.9", "127.0.0.1", "169.254.0.1", "fd00::1"})
    if (one_in(3)) resolved.addresses.emplace_back(ip);
  resolved.trouble = static_cast<controller::NameTrouble>(below(4));
  resolved.cut = one_in(6);
  resolved_.insert_or_assign(name, resolved);
  return {name, std::move(resolved)};
}

controller::NameChanges Universe::names() const {
  controller::NameChanges changes;
  for (const auto& [name, resolved] : resolved_) changes.push_back({name, resolved});
  return changes;
}

controller::Changes Universe::shuffled() {
  controller::Changes changes;
  for (const auto& [ref, one] : current_) changes.push_back(controller::upserted(one));
  std::shuffle(changes.begin(), changes.end(), random_);
  return changes;
}

config::ObjectKey Universe::key(const std::vector<std::string>& names) { return {pick(kNamespaces), pick(names)}; }

config::Object Universe::object() {
  switch (below(12)) {
    case 0: return ingress_class();
    case 1: case 2: return service();
    case 3: case 4: return slice();
    case 5: return endpoints();
    case 6: case 7: return secret();
    default: return ingress();
  }
}

config::Ingress Universe::ingress() {
  config::Ingress ingress;
  ingress.meta.key = key({"i1", "i2", "i3"});
  if (one_in(2)) ingress.meta.creation_time = std::chrono::sys_seconds(std::chrono::seconds(below(3)));
  ingress.meta.origin.line = static_cast<uint32_t>(below(3));
  if (!one_in(5)) ingress.class_name = pick({"nginx", "nginx", "nginx", "other", "missing"});
  if (one_in(8)) ingress.meta.annotations["kubernetes.io/ingress.class"] = pick({"nginx", "other"});
  if (one_in(5)) ingress.meta.annotations[kPrefix + "affinity"] = "cookie";
  if (one_in(8)) ingress.meta.annotations[kPrefix + "auth-type"] = "basic";
  if (one_in(4)) add_canary(ingress);
  if (one_in(8)) ingress.meta.annotations[kPrefix + "server-alias"] = pick({"z.example.com", "y.example.com"});
  if (one_in(8)) ingress.meta.annotations[kPrefix + "from-to-www-redirect"] = "true";
  if (one_in(6)) ingress.meta.annotations[kPrefix + "use-regex"] = pick({"true", "false"});
  if (one_in(6)) ingress.meta.annotations[kPrefix + "rewrite-target"] = pick({"/", "/a", "/$1", "bad value"});
  if (one_in(3)) ingress.default_backend = backend();
  if (!one_in(5)) add_rules(ingress);
  if (one_in(2)) add_tls(ingress);
  return ingress;
}

void Universe::add_canary(config::Ingress& ingress) {
  std::map<std::string, std::string>& annotations = ingress.meta.annotations;
  annotations[kPrefix + "canary"] = pick({"true", "true", "true", "false"});
  if (one_in(2)) annotations[kPrefix + "canary-weight"] = pick({"10", "20", "-1"});
  if (one_in(3)) annotations[kPrefix + "canary-by-header"] = pick({"X-Canary", "X-Other"});
  if (one_in(4)) annotations[kPrefix + "affinity-canary-behavior"] = "legacy";
}

void Universe::add_rules(config::Ingress& ingress) {
  for (size_t i = 0, rules = below(3); i <= rules; ++i) {
    config::IngressRule rule;
    rule.host = pick(kHosts);
    rule.index = static_cast<uint32_t>(i);
    rule.has_http = !one_in(6);
    for (size_t j = 0, paths = below(3); rule.has_http && j <= paths; ++j) {
      config::IngressPath path;
      path.path = pick(kPaths);
      path.type = static_cast<config::PathType>(below(3));
      path.backend = backend();
      path.index = static_cast<uint32_t>(j);
      rule.paths.push_back(path);
    }
    ingress.rules.push_back(rule);
  }
}

void Universe::add_tls(config::Ingress& ingress) {
  for (size_t i = 0, entries = below(2); i <= entries; ++i) {
    config::IngressTls entry;
    for (size_t j = 0, hosts = below(3); j < hosts; ++j) entry.hosts.push_back(kHosts[below(3)]);
    if (!one_in(6)) entry.secret = pick(kSecrets);
    entry.index = static_cast<uint32_t>(i);
    ingress.tls.push_back(entry);
  }
}

config::IngressBackend Universe::backend() {
  config::IngressBackend backend;
  backend.is_resource = one_in(10);
  if (backend.is_resource || one_in(15)) return backend;
  backend.service = pick(kServices);
  if (one_in(2)) {
    backend.port.number = one_in(3) ? 81 : 80;
  } else if (!one_in(10)) {
    backend.port.name = pick(kPorts);
  }
  return backend;
}

config::IngressClass Universe::ingress_class() {
  config::IngressClass made;
  made.meta.key.name = pick({"nginx", "other"});
  made.controller = pick({"k8s.io/ingress-nginx", "example.com/other"});
  made.is_default = one_in(2);
  return made;
}

config::Service Universe::service() {
  config::Service service;
  service.meta.key = key(kServices);
  if (one_in(20)) {  // where no name may lead
    service.meta.key = controller::api_server_service();
    service.cluster_ip = pick({"10.0.0.1", "10.0.0.9", "None"});
    return service;
  }
  if (one_in(3)) {
    service.type = config::ServiceType::external_name;
    service.external_name = pick({"one.test", "two.test", "one.test", "10.0.0.9", ""});
  }
  if (!one_in(6)) service.ports.push_back({"http", 80, 0, one_in(2) ? "web" : "", one_in(6) ? "UDP" : "TCP", ""});
  if (one_in(2)) service.ports.push_back({"admin", 81, 9090, "", "TCP", ""});
  service.publish_not_ready = one_in(6);
  service.client_ip_affinity = one_in(6);
  return service;
}

config::EndpointSlice Universe::slice() {
  config::EndpointSlice slice;
  slice.meta.key = key({"e1", "e2", "e3"});
  slice.service = pick(kServices);
  slice.address_type = one_in(10) ? "FQDN" : "IPv4";
  if (!one_in(6)) slice.ports.push_back({"http", static_cast<uint16_t>(8080 + below(2)), "TCP"});
  if (one_in(2)) slice.ports.push_back({"admin", 9090, "TCP"});
  slice.addresses = addresses();
  return slice;
}

config::Endpoints Universe::endpoints() {
  config::Endpoints made;
  made.meta.key = key(kServices);
  made.subsets.push_back({{{"http", 8080, "TCP"}}, addresses()});
  return made;
}

config::Secret Universe::secret() {
  config::Secret secret;
  secret.meta.key = key(kSecrets);
  const PemPair& pair = pairs()[below(pairs().size())];
  if (!one_in(8)) secret.data["tls.crt"] = pair.chain;
  secret.data["tls.key"] = pair.key;
  if (one_in(8)) secret.data["ca.crt"] = "unused";
  return secret;
}

std::vector<config::EndpointAddress> Universe::addresses() {
  std::vector<config::EndpointAddress> made;
  for (size_t i = 0, count = below(4); i < count; ++i) {
    config::EndpointAddress address;
    address.ip = pick({"10.0.0.1", "10.0.0.2", "10.0.0.3", "169.254.0.1", "nonsense"});
    address.terminating = one_in(4);
    address.ready = !address.terminating && !one_in(4);
    address.serving = address.ready || one_in(2);
    made.push_back(address);
  }
  return made;
}

}  // namespace narthex::test
