#include "controller/setup.h"

namespace narthex::controller {

base::Result<CompilerOptions> compiler_options(const config::Flags& flags, base::WallTime now) {
  auto certificate = tls::Certificate::make_self_signed(now);
  if (!certificate) return certificate.error().within("the default certificate");
  CompilerOptions options;
  options.classes = {flags.ingress_class, flags.controller_class, flags.ingress_class_by_name,
                     flags.watch_ingress_without_class, flags.annotations_prefix};
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
  snapshot.hosts.for_each([&](const router::HostRoutes& host) { count += host.routes().size(); });
  return count;
}

size_t object_count(const std::vector<ObjectCount>& objects) {
  size_t count = 0;
  for (const ObjectCount& kind : objects) count += kind.count;
  return count;
}

}  // namespace narthex::controller
