// Invariant: decode(parse(bytes)) never throws and never crashes. Every object has a name that Kubernetes would take;
// every path of an Ingress begins with / and has no control bytes; every finding has a reason, a message and the file,
// and prints as one line.
#include <cstdint>

#include "base/check.h"
#include "config/annotations.h"
#include "config/decode.h"
#include "config/names.h"

namespace {

using narthex::base::check;
namespace config = narthex::config;

void check_findings(const config::Findings& findings) {
  for (const config::Finding& finding : findings) {
    check(!finding.reason.empty() && !finding.message.empty(), "a finding says what and why");
    check(finding.origin.file == "fuzz", "a finding says where");
    check(!config::has_control_byte(config::to_text(finding)), "a finding is one line");
  }
}

void check_ingress(const config::Ingress& ingress) {
  for (const config::IngressRule& rule : ingress.rules)
    for (const config::IngressPath& path : rule.paths) {
      check(path.path.starts_with('/') && !config::has_control_byte(path.path), "a path is sound");
      const auto& backend = path.backend;
      check(
          backend.is_resource || (!backend.service.empty() && (backend.port.number != 0) != !backend.port.name.empty()),
          "a backend is whole");
    }
  config::Findings findings;
  const auto annotations = config::decode_annotations(ingress.meta, config::kDefaultAnnotationsPrefix, config::RouteOptions{}, findings);
  check_findings(findings);
  if (annotations.affinity)
    check(!config::has_control_byte(annotations.affinity->name + annotations.affinity->path +
                                    annotations.affinity->domain),
          "a cookie is sound");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const config::Decoded decoded = config::decode_manifest(text, "fuzz");
  check_findings(decoded.findings);
  for (const config::Object& object : decoded.objects) {
    const auto& key = config::meta_of(object).key;
    check(config::is_dns_subdomain(key.name), "a name is a name");
    check(key.ns.empty() || config::is_dns_label(key.ns), "a namespace is a namespace");
    if (const auto* ingress = std::get_if<config::Ingress>(&object)) check_ingress(*ingress);
  }
  return 0;
}
