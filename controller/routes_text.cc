#include "controller/routes_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/text.h"
#include "tls/sni_index.h"

namespace narthex::controller {
namespace {

using Backends = std::map<std::string, const router::Backend*>;

// Names come from users: no byte of theirs may begin a line of its own.
void add_line(std::string& text, std::string_view line) {
  text += base::escape_line(line, false);
  text += '\n';
}

std::string backend_name(const router::Snapshot& snapshot, router::BackendSlot slot, Backends& seen) {
  const router::Backend* backend = slot == router::kNoBackend ? nullptr : snapshot.backends.find(slot);
  if (!backend) return "nothing";
  seen.emplace(backend->name, backend);
  return backend->name;
}

std::string policy_text(const router::RoutePolicy* policy) {
  std::string text;
  if (!policy) return text;
  if (policy->closed) text += " closed";
  if (policy->redirect) text += fmt::format(" redirect={} {}", policy->redirect->status, policy->redirect->location);
  if (policy->https.always) text += " force-https";
  if (policy->access) text += " access";
  if (policy->cors) text += " cors";
  if (!policy->cookie_affinity) return text;
  const router::CookieAffinityPolicy& cookie = *policy->cookie_affinity;
  text += fmt::format(" affinity=cookie name={} mode={}", cookie.name, cookie.persistent ? "persistent" : "balanced");
  if (!cookie.path.empty()) text += " path=" + cookie.path;
  if (!cookie.domain.empty()) text += " domain=" + cookie.domain;
  if (cookie.expires) text += fmt::format(" expires={}s", cookie.expires->count());
  if (cookie.max_age) text += fmt::format(" max-age={}s", cookie.max_age->count());
  if (cookie.secure) text += " secure";
  if (!cookie.same_site.empty()) text += " same-site=" + cookie.same_site;
  if (cookie.conditional_same_site_none) text += " conditional-same-site-none";
  if (cookie.change_on_failure) text += " change-on-failure";
  return text;
}

std::string rewrite_text(const router::Route& route) {
  if (!route.rewrites) return "";
  const router::RewritePolicy& rewrite = *route.policy->rewrite;
  std::string text = fmt::format(" rewrite={}{}", rewrite.origin, rewrite.path);
  if (!rewrite.forwarded_prefix.empty()) text += fmt::format(" forwarded-prefix={}", rewrite.forwarded_prefix);
  return text;
}

const char* type_name(router::PathType type) {
  switch (type) {
    case router::PathType::exact: return "exact";
    case router::PathType::prefix: return "prefix";
    case router::PathType::pattern: break;
  }
  return "pattern";
}

std::string canary_text(const router::Snapshot& snapshot, const router::CanaryPolicy& canary, Backends& seen) {
  std::string text = fmt::format(" canary={} ({}/{}", backend_name(snapshot, canary.backend, seen), canary.owner->ns, canary.owner->ingress);
  if (!canary.header.empty()) text += " header=" + canary.header;
  if (!canary.header_value.empty()) text += " value=" + canary.header_value;
  if (canary.header_pattern) text += " pattern";
  if (canary.header_leads_away) text += " leads-away";
  if (!canary.cookie.empty()) text += " cookie=" + canary.cookie;
  if (canary.weight != 0) text += fmt::format(" weight={}/{}", canary.weight, canary.weight_total);
  if (!canary.sticky) text += " legacy";
  return text + ")";
}

void add_host(std::string& text, const router::Snapshot& snapshot, const router::HostRoutes& host, Backends& seen) {
  add_line(text, fmt::format("host {}", host.host().empty() ? "*" : host.host()));
  std::vector<const router::Route*> routes = host.routes();
  std::erase_if(routes, [](const router::Route* route) { return route->backend == router::kUnrouted; });
  if (const router::HostPolicy* policy = host.policy(); policy && !policy->redirect_host.empty()) {
    add_line(text, "  all -> " + policy->redirect_host);
  } else if (routes.empty()) {
    add_line(text, "  no routes");
  }
  for (const router::Route* route : routes) {
    const router::CanaryPolicy* canary = route->policy ? route->policy->canary.get() : nullptr;
    add_line(text, fmt::format("  {} {} -> {} ({}/{}){}{}{}", type_name(route->type), host.path_of(*route),
                               backend_name(snapshot, route->backend, seen), route->owner->ns, route->owner->ingress,
                               rewrite_text(*route), policy_text(route->policy), canary ? canary_text(snapshot, *canary, seen) : ""));
  }
}

void add_backend(std::string& text, const router::Backend& backend) {
  const auto& affinity = backend.client_ip_affinity;
  add_line(text, fmt::format("backend {}{}", backend.name,
                             affinity ? fmt::format(" client-ip-affinity={}s", affinity->count()) : ""));
  if (backend.endpoints.empty()) add_line(text, backend.leads_back ? "  leads back here" : "  no endpoints");
  for (const router::Endpoint& endpoint : backend.endpoints) add_line(text, "  " + to_text(endpoint));
}

const char* key_type_name(tls::KeyType type) {
  switch (type) {
    case tls::KeyType::ecdsa: return "ecdsa";
    case tls::KeyType::rsa: return "rsa";
    case tls::KeyType::ed25519: return "ed25519";
  }
  return "";
}

void add_certificates(std::string& text, std::string_view host, const tls::CertificateSet& set) {
  add_line(text, fmt::format("certificate {}", host));
  for (const auto& certificate : set) {
    const auto until = fmt::gmtime(std::chrono::system_clock::to_time_t(certificate->not_after()));
    add_line(text, fmt::format("  {} until={:%Y-%m-%dT%H:%M:%SZ} sha256={:.16} names={}",
                               key_type_name(certificate->key_type()), until, certificate->fingerprint(),
                               fmt::join(certificate->names(), ",")));
  }
}

}  // namespace

std::string routes_text(const router::Snapshot& snapshot) {
  std::string text;
  std::map<std::string_view, const router::HostRoutes*> hosts;
  snapshot.hosts.for_each([&](const router::HostRoutes& host) { hosts.emplace(host.host(), &host); });
  Backends backends;
  for (const auto& [name, host] : hosts) add_host(text, snapshot, *host, backends);
  if (snapshot.default_backend != router::kNoBackend) {
    add_line(text, fmt::format("default -> {}", backend_name(snapshot, snapshot.default_backend, backends)));
  }
  for (const auto& [name, backend] : backends) add_backend(text, *backend);
  std::map<std::string, const tls::CertificateSet*> sets;
  snapshot.certificates->for_each(
      [&](std::string_view host, const tls::CertificateSet& set) { sets.emplace(host, &set); });
  add_certificates(text, "*", snapshot.certificates->find(""));
  for (const auto& [host, set] : sets) add_certificates(text, host, *set);
  return text;
}

}  // namespace narthex::controller
