// Translation: from the store to routes, backends, certificates and findings, one unit at a time. Pure functions of
// their arguments: translating a unit again from the same store gives the same. THREAD: control.
// Pointers in results point into the store. VALID UNTIL: the next Store::apply.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/annotations.h"
#include "config/finding.h"
#include "controller/address_rules.h"
#include "controller/certificate_book.h"
#include "controller/store.h"
#include "router/backend.h"
#include "router/host_routes.h"

namespace narthex::controller {

// The second backend of a route, with the canary Ingress that it comes from.
struct TranslatedCanary {
  BackendKey backend;
  const config::Ingress* owner = nullptr;
};

// A router::RouteSpec before slots were given out.
struct TranslatedRoute {
  std::string path;  // canonical, at most router::kPathBytesMax
  router::PathType type = router::PathType::prefix;
  std::optional<BackendKey> backend;  // none: broken, answers 503
  bool unrouted = false;              // no rule stands for it: only what its owner's policy says, then 404
  const config::Ingress* owner = nullptr;
  std::string field = {};  // of the rule in its owner, for findings
  bool rewrites = false;
  std::shared_ptr<const router::Regex> pattern = nullptr;  // of type pattern
  std::optional<TranslatedCanary> canary;
};

struct TranslatedHost {
  std::string host;
  std::vector<TranslatedRoute> routes;      // no two claim the same path
  std::optional<TranslatedRoute> fallback;  // never beside Prefix /
  bool tls = false;                         // some Ingress has it in spec.tls, or has spec.tls and a rule for it
  bool by_patterns = false;  // all routes are of type pattern: the first that matches wins
  router::HostPolicy policy;
  config::Findings findings;  // PathConflict, InvalidRegex, CanaryWithoutPrimary, CanaryConflict
  bool exists() const { return !routes.empty() || fallback; }
};

// What the annotations of a served Ingress ask for.
using AnnotationsOf = std::function<const config::IngressAnnotations&(const config::ObjectKey&)>;

// The paths of all Ingresses of a host, merged: the oldest claims first, later claimants of a path get a finding.
TranslatedHost translate_host(const Store& store, const std::string& host, const AnnotationsOf& annotations_of);

// canary-by-header-pattern, searched for anywhere in the header's value; null where there is none, or it cannot be compiled.
std::shared_ptr<const router::Regex> compile_header_pattern(const config::Canary& canary);

// The canaries of a host joined to its routes, the oldest of each; findings about those that have no route or come too late.
// REQUIRES: paths of patterns are still the texts of their rules.
void join_canaries(const Store& store, TranslatedHost& host);

struct TranslatedBackend {
  router::Backend backend;
  config::Findings findings;  // on the Service and on its slices
};

TranslatedBackend translate_backend(const Store& store, const BackendKey& key, const BackendRules& rules);

struct ChosenCertificate {
  config::ObjectKey secret;
  std::shared_ptr<const tls::Certificate> certificate;
};

struct TranslatedCertificates {
  std::vector<ChosenCertificate> chosen;  // one per key type at most, ECDSA first; empty: the host has none of its own
  config::Findings findings;              // CertificateConflict
};

// The oldest Ingress with a usable certificate for the host decides the namespace; its others may add a key type.
TranslatedCertificates translate_certificates(const Store& store, const CertificateBook& book, const std::string& host);

struct TranslatedIngress {
  std::optional<config::IngressAnnotations> annotations;  // none where it is not served, or a canary
  std::optional<config::Canary> canary;
  config::Findings findings;  // class, annotations, paths, Services and ports that are not there, tls entries
};

// `settings`: what the annotations stand over.
TranslatedIngress translate_ingress(const Store& store, const CertificateBook& book, const config::ObjectKey& key,
                                    const config::RouteOptions& settings);

// The certificate of --default-ssl-certificate; nothing chosen where it cannot be used.
TranslatedCertificates translate_default_certificate(const Store& store, const CertificateBook& book,
                                                     const config::ObjectKey& secret);

// A rule's path as canonical request paths are compared with it (router/normalise.h); none where it cannot be one.
std::optional<std::string> canonical_path(const std::string& path);

}  // namespace narthex::controller
