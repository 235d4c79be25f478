#include "controller/compiler.h"

#include <algorithm>

#include "base/check.h"

namespace narthex::controller {
namespace {

BackendKey default_key(const config::ObjectKey& service) { return {service, ""}; }

// Policies and owners are compared by address: they are kept as long as they say the same (IngressParts).
bool same_routes(const router::HostRoutes& a, const router::HostRoutes& b) {
  const std::vector<const router::Route*> left = a.routes(), right = b.routes();
  const bool same_host = a.tls() == b.tls() && a.by_patterns() == b.by_patterns() && (a.policy() ? b.policy() && *a.policy() == *b.policy() : !b.policy());
  if (!same_host) return false;
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](const router::Route* x, const router::Route* y) {
                      return x->type == y->type && x->backend == y->backend && x->policy == y->policy &&
                             x->owner == y->owner && x->rewrites == y->rewrites && a.path_of(*x) == b.path_of(*y);
                    });
}

bool same_backend(const router::Backend& a, const router::Backend& b) {
  return a.name == b.name && a.endpoints == b.endpoints && a.leads_back == b.leads_back &&
         a.client_ip_affinity == b.client_ip_affinity;
}

bool same_certificates(const std::vector<ChosenCertificate>& a, const std::vector<ChosenCertificate>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ChosenCertificate& x, const ChosenCertificate& y) {
    return x.certificate == y.certificate;
  });
}

tls::CertificateSet to_set(const std::vector<ChosenCertificate>& chosen) {
  tls::CertificateSet set;
  for (const ChosenCertificate& one : chosen) set.push_back(one.certificate);
  return set;
}

}  // namespace

Compiler::Compiler(CompilerOptions options, const base::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      store_(options_.classes),
      certificates_(std::make_shared<tls::SniIndex>()) {
  base::check(options_.default_certificate != nullptr, "the compiler needs a default certificate");
  plain_.route = settings_.settings.route;
  site_ = make_site_policy(settings_);
  if (options_.config_map) store_.pin_settings(*options_.config_map);
  if (options_.default_backend_service) store_.pin_backend(default_key(*options_.default_backend_service));
  if (options_.default_ssl_certificate) store_.pin_secret(*options_.default_ssl_certificate);
  set_certificates("", {{{}, options_.default_certificate}});
}

void Compiler::apply(Changes changes) {
  for (Change& change : changes) store_.apply(std::move(change));
}

void Compiler::apply_names(NameChanges changes) {
  for (NameChange& change : changes) store_.apply_name(std::move(change));
}

void Compiler::set_own_listeners(OwnListeners own) {
  if (options_.backends.own == own) return;
  options_.backends.own = std::move(own);
  store_.touch_backends();
}

void Compiler::set_source_findings(const std::string& source, config::Findings findings) {
  findings_.replace("source " + source, std::move(findings));
}

std::shared_ptr<const router::Snapshot> Compiler::compile() {
  const base::WallTime now = clock_.wall_now();
  for (const config::ObjectKey& key : book_.take_turned(now)) store_.touch_secret(key);
  if (store_.take_settings_dirty()) compile_settings();
  Dirty dirty = store_.take_dirty();
  compile_secrets(dirty.secrets, now);
  for (const config::ObjectKey& key : dirty.ingresses) compile_ingress(key);
  dirty.ingresses.clear();  // a first load is all there is: what is done with makes room for the snapshot
  for (const BackendKey& key : dirty.backends) compile_backend(key);  // hosts need the slots
  dirty.backends.clear();
  for (const std::string& host : dirty.hosts) compile_host(host);
  for (const std::string& host : dirty.certificate_hosts) compile_certificates(host);
  for (const std::string& name : dirty.names) name_uses_.push_back({name, store_.uses_name(name)});
  if (changed_) publish();
  return published_;
}

// New settings are a change of everything that stands over them.
void Compiler::compile_settings() {
  config::Findings findings;
  config::DecodedSettings decoded;
  if (const config::ConfigMap* map = store_.settings()) decoded = config::decode_settings(*map, findings);
  findings_.replace("settings", std::move(findings));
  if (decoded.settings == settings_.settings && decoded.unmet_guards == settings_.unmet_guards) return;
  settings_ = std::move(decoded);
  plain_.route = settings_.settings.route;
  site_ = make_site_policy(settings_);
  for (auto& [key, parts] : parts_) parts.annotations.reset(), parts.policy.reset(), parts.without_https.reset();
  canaries_.forget_policies();
  store_.touch_ingresses();
  changed_ = true;
}

std::vector<CertificateExpiry> Compiler::certificate_expiries() const {
  std::vector<CertificateExpiry> expiries;
  for (const auto& [host, chosen] : chosen_) {
    for (const ChosenCertificate& one : chosen) expiries.push_back({host, one.secret, one.certificate->not_after()});
  }
  return expiries;
}

void Compiler::compile_secrets(const std::set<config::ObjectKey>& keys, base::WallTime now) {
  for (const config::ObjectKey& key : keys) {
    if (book_.refresh(store_, key, now)) ++counts_.certificates_parsed;
    if (store_.uses_secret(key) && store_.secret(key) == nullptr) missing_secrets_.push_back(key);
  }
  if (!options_.default_ssl_certificate || !keys.contains(*options_.default_ssl_certificate)) return;
  TranslatedCertificates translated = translate_default_certificate(store_, book_, *options_.default_ssl_certificate);
  findings_.replace("default certificate", std::move(translated.findings));
  if (translated.chosen.empty()) translated.chosen.push_back({{}, options_.default_certificate});
  set_certificates("", std::move(translated.chosen));
}

void Compiler::compile_ingress(const config::ObjectKey& key) {
  ++counts_.ingresses;
  TranslatedIngress translated = translate_ingress(store_, book_, key, settings_.settings.route);
  findings_.replace("ingress " + to_text(key), std::move(translated.findings));
  if (translated.canary) {
    canaries_.set(key, std::move(*translated.canary));
  } else {
    canaries_.erase(key);
  }
  if (!translated.annotations) {
    parts_.erase(key);
    return;
  }
  const auto [at, is_new] = parts_.try_emplace(key);
  IngressParts& parts = at->second;
  if (is_new) parts.owner = std::make_shared<const router::RouteOwner>(router::RouteOwner{key.ns, key.name});
  if ((parts.annotations ? *parts.annotations : plain_) == *translated.annotations) return;
  parts.policy = make_policy(*translated.annotations, settings_);
  parts.without_https.reset();
  parts.annotations = std::make_unique<const config::IngressAnnotations>(std::move(*translated.annotations));
}

const config::IngressAnnotations& Compiler::annotations_of(const config::ObjectKey& ingress) const {
  const auto found = parts_.find(ingress);
  return found == parts_.end() || !found->second.annotations ? plain_ : *found->second.annotations;
}

void Compiler::compile_backend(const BackendKey& key) {
  const std::string unit = "backend " + to_text(key);
  if (!store_.uses_backend(key)) {
    findings_.replace(unit, {});
    free_slot(key);
    return;
  }
  ++counts_.backends;
  TranslatedBackend translated = translate_backend(store_, key, options_.backends);
  findings_.replace(unit, std::move(translated.findings));
  const router::BackendSlot slot = take_slot(key);
  const router::Backend* before = backends_.find(slot);
  if (before && same_backend(*before, translated.backend)) return;
  backends_.set(slot, std::make_shared<const router::Backend>(std::move(translated.backend)));
  changed_ = true;
}

void Compiler::compile_host(const std::string& host) {
  const std::string unit = "host " + host;
  const bool asked_for = !store_.ingresses_of_host(host).empty() || !store_.ingresses_of_other_host(host).empty();
  if (!asked_for && store_.canaries_of_host(host).empty()) {
    findings_.replace(unit, {});
    note_wildcard(host, false);
    return erase_host(host);
  }
  ++counts_.hosts;
  TranslatedHost translated =
      translate_host(store_, host, [this](const config::ObjectKey& key) -> const auto& { return annotations_of(key); });
  findings_.replace(unit, std::move(translated.findings));
  note_wildcard(host, translated.tls && translated.exists());
  if (!translated.exists()) return erase_host(host);
  router::HostSpec spec;
  spec.host = host;
  spec.tls = translated.tls;
  spec.by_patterns = translated.by_patterns;
  if (translated.policy != router::HostPolicy{}) spec.policy = std::make_shared<const router::HostPolicy>(std::move(translated.policy));
  for (TranslatedRoute& route : translated.routes) spec.routes.push_back(route_spec(std::move(route)));
  if (translated.fallback) spec.fallback.push_back(route_spec(std::move(*translated.fallback)));
  const router::HostRoutes* before = hosts_.find_key(host);
  std::shared_ptr<const router::HostRoutes> routes = router::HostRoutes::compile(spec);
  if (before && same_routes(*before, *routes)) return;
  hosts_.set(std::move(routes));
  changed_ = true;
}

void Compiler::erase_host(const std::string& host) {
  if (!hosts_.find_key(host)) return;
  hosts_.erase(host);
  changed_ = true;
}

void Compiler::note_wildcard(const std::string& host, bool has_tls) {
  if (!host.starts_with("*.")) return;
  if (has_tls ? tls_wildcards_.insert(host).second : tls_wildcards_.erase(host) != 0) changed_ = true;
}

void Compiler::compile_certificates(const std::string& host) {
  ++counts_.certificate_hosts;
  TranslatedCertificates translated = translate_certificates(store_, book_, host);
  findings_.replace("certificate " + host, std::move(translated.findings));
  set_certificates(host, std::move(translated.chosen));
}

void Compiler::publish() {
  auto snapshot = std::make_shared<router::Snapshot>();
  snapshot->generation = published_ ? published_->generation + 1 : 1;
  snapshot->hosts = hosts_;
  snapshot->backends = backends_;
  snapshot->default_backend = default_slot();
  snapshot->site = site_;
  snapshot->wildcards_have_tls = !tls_wildcards_.empty();
  snapshot->certificates = certificates_ ? std::exchange(certificates_, nullptr) : published_->certificates;
  published_ = std::move(snapshot);
  changed_ = false;
}

// Without endpoints the default backend stands aside: 404, as ingress-nginx answers, says more than 503.
router::BackendSlot Compiler::default_slot() const {
  if (!options_.default_backend_service) return router::kNoBackend;
  const router::BackendSlot slot = slots_.at(default_key(*options_.default_backend_service));
  return backends_.find(slot)->endpoints.empty() ? router::kNoBackend : slot;
}

router::RouteSpec Compiler::route_spec(TranslatedRoute route) {
  IngressParts& parts = parts_.at(route.owner->meta.key);
  router::RouteSpec spec;
  spec.path = std::move(route.path);
  spec.type = route.type;
  spec.rewrites = route.rewrites;
  spec.pattern = std::move(route.pattern);
  if (route.backend) spec.backend = slots_.at(*route.backend);
  if (route.unrouted) spec.backend = router::kUnrouted;
  spec.policy = without_https(spec.path) ? policy_without_https(parts) : parts.policy;
  if (route.canary)
    spec.policy = canaries_.policy(route.canary->owner->meta.key, slots_.at(route.canary->backend), spec.policy, site_->route);
  spec.owner = parts.owner;
  return spec;
}

// The rule's own path is what counts, not that of requests (no-tls-redirect-locations, as in ingress-nginx).
bool Compiler::without_https(const std::string& path) const {
  const std::vector<std::string>& prefixes = settings_.settings.without_https;
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) { return path.starts_with(prefix); });
}

const std::shared_ptr<const router::RoutePolicy>& Compiler::policy_without_https(IngressParts& parts) {
  if (parts.without_https) return parts.without_https;
  auto policy = std::make_shared<router::RoutePolicy>(parts.policy ? *parts.policy : site_->route);
  policy->https.where_tls = policy->https.always = false;
  return parts.without_https = std::move(policy);
}

router::BackendSlot Compiler::take_slot(const BackendKey& key) {
  const auto [at, is_new] = slots_.try_emplace(key);
  if (!is_new) return at->second;
  if (free_slots_.empty()) {
    at->second = static_cast<router::BackendSlot>(slots_.size() - 1);
  } else {
    at->second = free_slots_.back();
    free_slots_.pop_back();
  }
  return at->second;
}

void Compiler::free_slot(const BackendKey& key) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return;
  backends_.set(found->second, nullptr);
  free_slots_.push_back(found->second);
  slots_.erase(found);
  changed_ = true;
}

void Compiler::set_certificates(const std::string& host, std::vector<ChosenCertificate> chosen) {
  std::vector<ChosenCertificate>& before = chosen_[host];
  const bool same = same_certificates(before, chosen);
  before = std::move(chosen);
  if (!same) {
    if (!certificates_) certificates_ = std::make_shared<tls::SniIndex>(*published_->certificates);
    if (host.empty()) {
      certificates_->set_default(to_set(before));
    } else if (before.empty()) {
      certificates_->erase(host);
    } else {
      certificates_->set(host, to_set(before));
    }
    changed_ = true;
  }
  if (before.empty()) chosen_.erase(host);
}

}  // namespace narthex::controller
