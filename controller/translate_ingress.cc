#include <fmt/format.h>

#include <algorithm>

#include "config/names.h"
#include "controller/finding_on.h"
#include "controller/translate.h"

namespace narthex::controller {
namespace {

using config::Severity;

std::string ports_of(const config::Service& service) {
  std::string text;
  for (const config::ServicePort& port : service.ports) {
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", port.port, port.name.empty() ? "" : " (" + port.name + ")");
  }
  return text.empty() ? "no ports" : text;
}

void check_backend(const Store& store, const config::Ingress& ingress, const config::IngressBackend& backend,
                   const std::string& field, std::string_view outcome, config::Findings& findings) {
  if (backend.is_resource) {
    findings.push_back(finding_on(ingress, Severity::refused, "ResourceBackend", field + ".resource",
                                  "a resource cannot be a backend here, so this is not served; name a Service"));
    return;
  }
  const std::optional<BackendKey> key = backend_key(ingress.meta.key.ns, backend);
  if (!key) return;  // broken, and the decoder has said so
  const config::Service* service = store.service(key->service);
  const FoundPort found = find_port(service, key->port);
  if (found.match == PortMatch::no_service) {
    findings.push_back(finding_on(ingress, Severity::refused, "ServiceNotFound", field + ".service.name",
                                  fmt::format("there is no Service {}, so {}; create it or mend the name",
                                              to_text(key->service), outcome)));
  } else if (found.match == PortMatch::no_port ||
             (found.match == PortMatch::external_name && external_port(*service, key->port) == 0)) {
    findings.push_back(finding_on(ingress, Severity::refused, "ServicePortNotFound", field + ".service.port",
                                  fmt::format("Service {} has no TCP port {}, so {}; it has {}",
                                              to_text(key->service), key->port, outcome, ports_of(*service))));
  } else if (found.match == PortMatch::by_target) {
    findings.push_back(finding_on(ingress, Severity::note, "ServicePortByTarget", field + ".service.port",
                                  fmt::format("{} is a targetPort of Service {}; name its port {} instead", key->port,
                                              to_text(key->service), found.port->port)));
  }
}

// `outcome`: what becomes of requests for a Service that is not there.
void check_rules(const Store& store, const config::Ingress& ingress, std::string_view outcome, config::Findings& findings) {
  if (ingress.default_backend) {
    check_backend(store, ingress, *ingress.default_backend, "spec.defaultBackend", outcome, findings);
  } else if (ingress.rules.empty()) {
    findings.push_back(finding_on(ingress, Severity::note, "NothingToServe", "spec.rules",
                                  "has neither rules nor a defaultBackend that can be read; add one"));
  }
  for (const config::IngressRule& rule : ingress.rules) {
    for (const config::IngressPath& path : rule.paths) {
      check_backend(store, ingress, path.backend, path_field(rule, path) + ".backend", outcome, findings);
      if (canonical_path(path.path)) continue;
      findings.push_back(finding_on(
          ingress, Severity::refused, "InvalidPath", path_field(rule, path) + ".path",
          fmt::format("no request can have this path, so it is not served; start with /, use no control characters "
                      "and at most {} bytes",
                      router::kPathBytesMax)));
    }
  }
}

void check_header_pattern(const Store& store, const config::Ingress& ingress, const config::Canary& canary, config::Findings& findings) {
  if (canary.header_pattern.empty() || compile_header_pattern(canary)) return;
  findings.push_back(finding_on(
      ingress, Severity::refused, "InvalidRegex", fmt::format("metadata.annotations[{}/canary-by-header-pattern]", store.rules().annotations_prefix),
      fmt::format("{} cannot be compiled, so requests with that header go to the main backend; write a pattern of RE2",
                  config::in_quotes(canary.header_pattern))));
}

const char* reason_of(SecretState state) {
  switch (state) {
    case SecretState::missing: return "SecretNotFound";
    case SecretState::wrong_keys: return "SecretWithoutCertificate";
    case SecretState::broken: return "CertificateBroken";
    case SecretState::not_yet_valid: return "CertificateNotYetValid";
    case SecretState::expired: return "CertificateExpired";
    case SecretState::usable: break;
  }
  return "";
}

std::string names_of(const tls::Certificate& certificate) {
  const std::string names = fmt::format("{}", fmt::join(certificate.names(), ", "));
  return names.empty() ? "no name" : names;
}

void check_hosts(const config::Ingress& ingress, const config::IngressTls& entry, const SecretCertificate& page,
                 config::Findings& findings) {
  std::vector<std::string> hosts = entry.hosts;
  if (hosts.empty()) {
    for (const config::IngressRule& rule : ingress.rules) hosts.push_back(rule.host);
  }
  for (const std::string& host : hosts) {
    if (host.empty() || page.certificate->covers(host)) continue;
    findings.push_back(finding_on(
        ingress, Severity::refused, "HostNotCovered", secret_field(entry),
        fmt::format("the certificate in Secret {}/{} is for {}, not for {}, which is served without it",
                    ingress.meta.key.ns, entry.secret, names_of(*page.certificate), host)));
  }
}

void check_tls(const CertificateBook& book, const config::Ingress& ingress, config::Findings& findings) {
  for (const config::IngressTls& entry : ingress.tls) {
    if (entry.secret.empty()) continue;  // asks for the default certificate
    const SecretCertificate& page = book.look_up({ingress.meta.key.ns, entry.secret});
    if (page.state == SecretState::usable) {
      check_hosts(ingress, entry, page, findings);
      continue;
    }
    const std::string why = page.state == SecretState::missing
                                ? fmt::format("there is no Secret {}/{}; create it", ingress.meta.key.ns, entry.secret)
                                : page.why;
    findings.push_back(finding_on(ingress, Severity::refused, reason_of(page.state), secret_field(entry),
                                  why + "; its hosts are served without it"));
  }
}

}  // namespace

TranslatedIngress translate_ingress(const Store& store, const CertificateBook& book, const config::ObjectKey& key,
                                    const config::RouteOptions& settings) {
  TranslatedIngress result;
  const config::Ingress* ingress = store.ingress(key);
  switch (store.standing(key)) {
    case Standing::foreign:
      break;
    case Standing::unknown_class:
      result.findings.push_back(finding_on(
          *ingress, Severity::note, "IngressClassNotFound", "spec.ingressClassName",
          fmt::format("there is no IngressClass {}, so no controller serves this; create it, or name {}",
                      *ingress->class_name, store.rules().ingress_class)));
      break;
    case Standing::canary:
      result.canary = config::decode_canary(ingress->meta, store.rules().annotations_prefix, result.findings);
      check_header_pattern(store, *ingress, *result.canary, result.findings);
      check_rules(store, *ingress, "all requests go to the main backend", result.findings);
      break;
    case Standing::served:
      result.annotations = config::decode_annotations(ingress->meta, store.rules().annotations_prefix, settings, result.findings);
      check_rules(store, *ingress, "requests get 503", result.findings);
      check_tls(book, *ingress, result.findings);
      break;
  }
  return result;
}

}  // namespace narthex::controller
