// Canaries: Ingresses that own no route, but are the second backend of routes of others. A canary joins the route with its own host,
// path and pathType, whatever namespace that is of, as in ingress-nginx; all else on the route is as the route's own Ingress asks.
#include <fmt/format.h>

#include <map>

#include "controller/finding_on.h"
#include "controller/route_claims.h"
#include "controller/translate.h"

namespace narthex::controller {
namespace {

using Routes = std::map<ClaimKey, TranslatedRoute*>;

// Of patterns the text is what counts, as where they are claimed.
ClaimKey key_of(const TranslatedHost& host, std::string path, router::PathType type) {
  return host.by_patterns ? ClaimKey{std::move(path), type} : claim_key(std::move(path), type);
}

Routes routes_of(TranslatedHost& host) {
  Routes routes;
  for (TranslatedRoute& route : host.routes) routes.emplace(key_of(host, route.path, route.type), &route);
  if (host.fallback && !host.fallback->unrouted) routes.emplace(claim_key("/", router::PathType::prefix), &*host.fallback);
  return routes;
}

void join(TranslatedHost& host, const Routes& routes, const ClaimKey& key, TranslatedCanary canary, const std::string& field) {
  const auto found = routes.find(key);
  if (found == routes.end()) {
    host.findings.push_back(finding_on(
        *canary.owner, config::Severity::refused, "CanaryWithoutPrimary", field,
        fmt::format("no Ingress serves {} of {}, so this canary gets no requests there; create that one, or correct host, path "
                    "or pathType",
                    to_text(key), host_name(host.host))));
    return;
  }
  std::optional<TranslatedCanary>& taken = found->second->canary;
  if (!taken) {
    taken = std::move(canary);
    return;
  }
  const std::string other = taken->owner == canary.owner ? "of this Ingress itself, at an earlier path"
                                                         : "of Ingress " + to_text(taken->owner->meta.key);
  host.findings.push_back(finding_on(
      *canary.owner, config::Severity::refused, "CanaryConflict", field,
      fmt::format("{} of {} has the canary {}, which comes first, so this one gets no requests there; remove one of the two",
                  to_text(key), host_name(host.host), other)));
}

void join_path(TranslatedHost& host, const Routes& routes, const config::Ingress& ingress, const config::IngressRule& rule,
               const config::IngressPath& path) {
  std::optional<std::string> canonical = canonical_path(path.path);
  std::optional<BackendKey> backend = backend_key(ingress.meta.key.ns, path.backend);
  if (!canonical || !backend) return;  // told with the Ingress itself
  const ClaimKey key = key_of(host, host.by_patterns ? path.path : std::move(*canonical), route_type(path.type));
  join(host, routes, key, {std::move(*backend), &ingress}, path_field(rule, path));
}

}  // namespace

// Unlike the patterns of paths it may begin anywhere, and the case of letters counts. It has to be one by itself, before it is framed.
std::shared_ptr<const router::Regex> compile_header_pattern(const config::Canary& canary) {
  const std::string& pattern = canary.header_pattern;
  if (pattern.empty() || !router::Regex::compile(pattern)) return nullptr;
  base::Result<std::shared_ptr<const router::Regex>> framed = router::Regex::compile("(?s:.*?)(?-i:" + pattern + ")");
  return framed ? *framed : nullptr;
}

void join_canaries(const Store& store, TranslatedHost& host) {
  const IngressesByAge& canaries = store.canaries_of_host(host.host);
  if (canaries.empty()) return;
  const Routes routes = routes_of(host);
  for (const config::Ingress* ingress : canaries) {
    for (const config::IngressRule& rule : ingress->rules) {
      if (rule.host != host.host) continue;
      for (const config::IngressPath& path : rule.paths) join_path(host, routes, *ingress, rule, path);
    }
    if (!ingress->rules.empty() || !ingress->default_backend) continue;
    std::optional<BackendKey> backend = backend_key(ingress->meta.key.ns, *ingress->default_backend);
    if (backend) join(host, routes, {"/", router::PathType::prefix}, {std::move(*backend), ingress}, "spec.defaultBackend");
  }
}

}  // namespace narthex::controller
