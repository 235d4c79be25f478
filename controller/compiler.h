// The incremental compiler: changes in, snapshots and findings out. Owned by main (or check, or a test).
// THREAD: control. Old snapshots may be read by anybody meanwhile; parts that did not change are shared with them.
// One change costs the work of one change: no call iterates over all Ingresses, hosts or findings.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "controller/canary_parts.h"
#include "controller/certificate_book.h"
#include "controller/change.h"
#include "controller/finding_set.h"
#include "controller/store.h"
#include "controller/translate.h"
#include "controller/translate_policy.h"
#include "router/snapshot.h"
#include "tls/sni_index.h"

namespace narthex::controller {

struct CompilerOptions {
  ClassRules classes;     // --ingress-class, --controller-class, ..., --annotations-prefix
  BackendRules backends;  // standalone: loopback endpoints allowed
  std::optional<config::ObjectKey> default_backend_service, default_ssl_certificate;
  std::optional<config::ObjectKey> config_map;  // with the settings
  // Serves where no other certificate fits. REQUIRES: not null.
  std::shared_ptr<const tls::Certificate> default_certificate;
};

// How many units were translated since the start, for tests of cost and for metrics.
struct CompilerCounts {
  uint64_t hosts = 0, backends = 0, certificate_hosts = 0, ingresses = 0, certificates_parsed = 0;
};

struct CertificateExpiry {
  std::string host;  // "" for the default certificate
  config::ObjectKey secret;  // empty for the self-made one
  base::WallTime not_after;
};

class Compiler final {
 public:
  // REQUIRES: the clock outlives this.
  Compiler(CompilerOptions options, const base::Clock& clock);
  Compiler(const Compiler&) = delete;
  Compiler& operator=(const Compiler&) = delete;

  void apply(Changes changes);
  void apply_names(NameChanges changes);
  // Where this program listens, as soon as that is known: nothing is sent there.
  void set_own_listeners(OwnListeners own);
  // What the source itself found while reading (broken documents, for instance), replaced per source (a file, say).
  void set_source_findings(const std::string& source, config::Findings findings);
  // The next generation, or the same pointer as before when nothing that workers see has changed. Never null.
  // Certificates that expired or became valid meanwhile are taken into account.
  std::shared_ptr<const router::Snapshot> compile();
  // Secrets in use that are not in the store, as far as compile() has met them since the last call.
  std::vector<config::ObjectKey> take_missing_secrets() { return std::exchange(missing_secrets_, {}); }
  // Names of the DNS that have come into use or gone out of it, as far as compile() has met them since the last call.
  std::vector<NameUse> take_name_uses() { return std::exchange(name_uses_, {}); }
  // When a certificate will begin or cease to be valid: call compile() then.
  std::optional<base::WallTime> next_turn() const { return book_.next_turn(); }

  // As of the last compile() and set_source_findings(): sorted, unique. VALID UNTIL: the next such call.
  const FindingSet::Listed& findings() const { return findings_.listed(); }
  FindingChanges take_finding_changes() { return findings_.take_changes(); }
  // Every certificate that is being served, by host.
  std::vector<CertificateExpiry> certificate_expiries() const;
  const CompilerCounts& counts() const { return counts_; }
  size_t ingress_count() const { return store_.ingress_count(); }
  // What became of Ingresses since the last call: one change makes one entry.
  Touches take_touches() { return store_.take_touches(); }
  const Store& store() const { return store_; }
  // Does a served Ingress or a flag name this Secret? As of the last apply().
  bool uses_secret(const config::ObjectKey& key) const { return store_.uses_secret(key); }

 private:
  // What all routes of one Ingress share; kept as long as its annotations stay the same.
  struct IngressParts {
    std::unique_ptr<const config::IngressAnnotations> annotations;  // null: they ask for nothing but the settings
    std::shared_ptr<const router::RoutePolicy> policy;
    std::shared_ptr<const router::RoutePolicy> without_https;  // the same, but not redirected to HTTPS; made when needed
    std::shared_ptr<const router::RouteOwner> owner;
  };

  void compile_settings();
  void compile_secrets(const std::set<config::ObjectKey>& keys, base::WallTime now);
  void compile_ingress(const config::ObjectKey& key);
  void compile_backend(const BackendKey& key);
  void compile_host(const std::string& host);
  void compile_certificates(const std::string& host);
  void publish();
  router::BackendSlot default_slot() const;
  router::RouteSpec route_spec(TranslatedRoute route);
  const config::IngressAnnotations& annotations_of(const config::ObjectKey& ingress) const;
  bool without_https(const std::string& path) const;
  const std::shared_ptr<const router::RoutePolicy>& policy_without_https(IngressParts& parts);
  void erase_host(const std::string& host);
  void note_wildcard(const std::string& host, bool has_tls);
  router::BackendSlot take_slot(const BackendKey& key);
  void free_slot(const BackendKey& key);
  void set_certificates(const std::string& host, std::vector<ChosenCertificate> chosen);

  CompilerOptions options_;
  const base::Clock& clock_;
  Store store_;
  CertificateBook book_;
  FindingSet findings_;
  CompilerCounts counts_;
  config::DecodedSettings settings_;
  config::IngressAnnotations plain_;  // of an Ingress that asks for nothing
  std::vector<config::ObjectKey> missing_secrets_;
  std::vector<NameUse> name_uses_;

  std::unordered_map<config::ObjectKey, IngressParts, KeyHash> parts_;
  CanaryParts canaries_;
  std::unordered_map<BackendKey, router::BackendSlot, BackendKeyHash> slots_;
  std::vector<router::BackendSlot> free_slots_;
  std::map<std::string, std::vector<ChosenCertificate>> chosen_;  // by host; "" for the default

  // The snapshot that is being prepared.
  router::HostIndex hosts_;
  router::BackendTable backends_;
  std::shared_ptr<const router::SitePolicy> site_;
  std::set<std::string> tls_wildcards_;
  std::shared_ptr<tls::SniIndex> certificates_;  // null: as published
  bool changed_ = true;                          // the first compile() publishes, whatever there is
  std::shared_ptr<const router::Snapshot> published_;
};

}  // namespace narthex::controller
