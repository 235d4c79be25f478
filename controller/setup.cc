#include "controller/setup.h"

#include "controller/api/api_access.h"

namespace narthex::controller {

bool reads_cluster(const config::Flags& flags) {
  if (flags.command == config::Command::controller) return true;
  return flags.command == config::Command::check && flags.manifests.empty();
}

ApiSourceOptions api_source_options(const config::Flags& flags) {
  ApiSourceOptions options;
  options.namespaces = flags.watch_namespaces;
  options.namespace_selector = flags.watch_namespace_selector;
  options.default_backend_service = flags.default_backend_service;
  options.default_ssl_certificate = flags.default_ssl_certificate;
  options.publish_service = flags.publish_service;
  options.config_map = flags.config_map;
  return options;
}

base::Result<BackendRules> backend_rules(const config::Flags& flags) {
  BackendRules rules;
  // A pod has no loopback address: in a cluster somebody forged it. On one machine it is how backends are reached.
  rules.refuse_loopback_endpoints = reads_cluster(flags);
  if (flags.disable_external_names) rules.external_names = NameRule::off;
  for (const std::string& text : flags.allowed_external_names) {
    const std::optional<base::IpRange> range = base::parse_ip_range(text);
    if (!range) return base::Error("--allow-external-name-addresses: " + text + " has bits set behind its prefix");
    rules.allowed_external_names.push_back(*range);
  }
  const PodSurroundings pod = PodSurroundings::of_this_process();
  std::vector<std::string> hosts = {pod.host};
  if (reads_cluster(flags)) {
    if (const auto access = find_api_access(flags, pod)) hosts.push_back(access->host);
  }
  for (const std::string& host : hosts) {
    if (const std::optional<base::IpRange> range = base::parse_ip_range(host)) rules.api_servers.push_back(*range);
  }
  rules.own.addresses = own_addresses(flags.bind_address);
  for (const uint16_t port : {flags.http_port, flags.https_port, flags.admin_port})
    if (port != 0) rules.own.ports.push_back(port);
  return rules;
}

base::Result<CompilerOptions> compiler_options(const config::Flags& flags, base::WallTime now) {
  auto certificate = tls::Certificate::make_self_signed(now);
  if (!certificate) return certificate.error().within("the default certificate");
  CompilerOptions options;
  options.classes = {flags.ingress_class, flags.controller_class, flags.ingress_class_by_name,
                     flags.watch_ingress_without_class, flags.annotations_prefix, false};
  options.classes.only_known_namespaces = reads_cluster(flags) && !flags.watch_namespace_selector.empty();
  auto rules = backend_rules(flags);
  if (!rules) return rules.error();
  options.backends = std::move(*rules);
  options.default_backend_service = flags.default_backend_service;
  options.default_ssl_certificate = flags.default_ssl_certificate;
  options.config_map = flags.config_map;
  options.default_certificate = std::move(*certificate);
  return options;
}

void apply(SourceBatch batch, Compiler& compiler) {
  compiler.apply(std::move(batch.changes));
  for (SourceFindings& from : batch.findings) compiler.set_source_findings(from.source, std::move(from.findings));
}

size_t route_count(const router::Snapshot& snapshot) {
  size_t count = 0;
  snapshot.hosts.for_each([&](const router::HostRoutes& host) { count += host.route_count(); });
  return count;
}

size_t object_count(const std::vector<ObjectCount>& objects) {
  size_t count = 0;
  for (const ObjectCount& kind : objects) count += kind.count;
  return count;
}

}  // namespace narthex::controller
