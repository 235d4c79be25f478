#include "controller/setup.h"

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
  return options;
}

base::Result<CompilerOptions> compiler_options(const config::Flags& flags, base::WallTime now) {
  auto certificate = tls::Certificate::make_self_signed(now);
  if (!certificate) return certificate.error().within("the default certificate");
  CompilerOptions options;
  options.classes = {flags.ingress_class, flags.controller_class, flags.ingress_class_by_name,
                     flags.watch_ingress_without_class, flags.annotations_prefix, false};
  options.classes.only_known_namespaces = reads_cluster(flags) && !flags.watch_namespace_selector.empty();
  // A pod has no loopback address: in a cluster somebody forged it. On one machine it is how backends are reached.
  options.backends.refuse_loopback_endpoints = reads_cluster(flags);
  options.default_backend_service = flags.default_backend_service;
  options.default_ssl_certificate = flags.default_ssl_certificate;
  options.default_certificate = std::move(*certificate);
  return options;
}

void apply(SourceBatch batch, Compiler& compiler) {
  compiler.apply(std::move(batch.changes));
  for (SourceFindings& from : batch.findings) compiler.set_source_findings(from.source, std::move(from.findings));
}

size_t route_count(const router::Snapshot& snapshot) {
  size_t count = 0;
  snapshot.hosts.for_each([&](const router::HostRoutes& host) { count += host.record_count(); });
  return count;
}

size_t object_count(const std::vector<ObjectCount>& objects) {
  size_t count = 0;
  for (const ObjectCount& kind : objects) count += kind.count;
  return count;
}

}  // namespace narthex::controller
