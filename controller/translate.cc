#include "controller/translate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "controller/finding_on.h"
#include "controller/path_patterns.h"
#include "controller/route_claims.h"
#include "router/normalise.h"

namespace narthex::controller {
namespace {

// Who owns a path of a host: the first that claimed it.
struct Claim {
  const config::Ingress* owner;
  std::string field;
};
using Claims = std::map<ClaimKey, Claim>;

// Takes the path for `route.owner` unless somebody has it already.
void claim(TranslatedHost& host, Claims& claims, TranslatedRoute route, const std::string& field) {
  const auto key = host.by_patterns ? std::pair(route.path, route.type) : claim_key(route.path, route.type);
  const auto [at, is_first] = claims.try_emplace(key, Claim{route.owner, field});
  if (is_first) {
    host.routes.push_back(std::move(route));
    return;
  }
  const Claim& winner = at->second;
  const std::string where = winner.owner == route.owner ? "this Ingress itself, at " + winner.field
                                                        : "Ingress " + to_text(winner.owner->meta.key);
  host.findings.push_back(finding_on(
      *route.owner, config::Severity::refused, "PathConflict", field,
      fmt::format("{} of {} belongs to {}, which comes first; remove one of the two", to_text(at->first),
                  host_name(host.host), where)));
}

void claim_rule(TranslatedHost& host, Claims& claims, const config::Ingress& ingress, const config::IngressRule& rule) {
  // Of a pattern, the text is what counts: a canonical form would be another pattern.
  for (const config::IngressPath& path : rule.paths) {
    if (path.backend.is_resource) continue;
    std::optional<std::string> canonical = canonical_path(path.path);
    if (!canonical) continue;
    TranslatedRoute route;
    route.path = host.by_patterns ? path.path : std::move(*canonical);
    route.type = route_type(path.type);
    route.backend = backend_key(ingress.meta.key.ns, path.backend);
    route.owner = &ingress;
    if (host.by_patterns) route.field = path_field(rule, path);
    claim(host, claims, std::move(route), path_field(rule, path));
  }
}

TranslatedRoute default_route(const config::Ingress& ingress) {
  TranslatedRoute route;
  route.path = "/";
  route.backend = backend_key(ingress.meta.key.ns, *ingress.default_backend);
  route.owner = &ingress;
  return route;
}

TranslatedRoute unrouted(const config::Ingress& ingress) {
  TranslatedRoute route;
  route.path = "/";
  route.unrouted = true;
  route.owner = &ingress;
  return route;
}

bool has_default(const config::Ingress& ingress) {
  return ingress.default_backend && !ingress.default_backend->is_resource;
}

// By the rules of Ingresses that name the host itself.
TranslatedHost translate_rules(const Store& store, const std::string& host, const AnnotationsOf& annotations_of) {
  TranslatedHost result;
  result.host = host;
  result.tls = !store.ingresses_of_certificate_host(host).empty();
  result.by_patterns = reads_patterns(store, host, annotations_of);
  Claims claims;
  const config::Ingress *fallback = nullptr, *oldest = nullptr;
  for (const config::Ingress* ingress : store.ingresses_of_host(host)) {
    const config::IngressAnnotations& annotations = annotations_of(ingress->meta.key);
    if (annotations.refused) continue;
    if (!oldest) oldest = ingress;
    if (result.policy.app_root.empty()) result.policy.app_root = annotations.host.app_root;
    for (const config::IngressRule& rule : ingress->rules) {
      if (rule.host == host) claim_rule(result, claims, *ingress, rule);
    }
    if (!has_default(*ingress)) continue;
    if (ingress->rules.empty()) {
      claim(result, claims, default_route(*ingress), "spec.defaultBackend");
    } else if (!fallback) {
      fallback = ingress;
    }
  }
  // What no rule takes is still under the policy of the host's oldest Ingress, as in ingress-nginx (annotations.md 1.9).
  if (oldest && !claims.contains({"/", router::PathType::prefix})) result.fallback = fallback ? default_route(*fallback) : unrouted(*oldest);
  join_canaries(store, result);
  if (!result.by_patterns) return result;
  turn_into_patterns(result, annotations_of, fallback != nullptr);
  if (result.fallback) result.fallback->rewrites = is_rewritten(annotations_of(result.fallback->owner->meta.key).route, "/");
  return result;
}

// The host that this one is an alias of; empty: none. Of several the first in the order of their texts, as in ingress-nginx; of a
// host only the oldest Ingress with aliases counts.
std::string aliased_host(const Store& store, const std::string& alias, const AnnotationsOf& annotations_of) {
  std::string first;
  for (const config::Ingress* ingress : store.ingresses_of_other_host(alias)) {
    const config::IngressAnnotations& annotations = annotations_of(ingress->meta.key);
    const std::vector<std::string>& aliases = annotations.host.aliases;
    if (annotations.refused || std::find(aliases.begin(), aliases.end(), alias) == aliases.end()) continue;
    for (const std::string& host : hosts_of(*ingress)) {
      if (!host.empty() && (first.empty() || host < first)) first = host;
    }
  }
  return first;
}

// Where requests for the www twin of a host go.
void redirect_twin(const Store& store, const AnnotationsOf& annotations_of, TranslatedHost& into) {
  const std::string twin = www_twin(into.host);
  for (const config::Ingress* ingress : store.ingresses_of_other_host(into.host)) {
    const config::IngressAnnotations& annotations = annotations_of(ingress->meta.key);
    if (annotations.refused || !annotations.host.www_redirect || !hosts_of(*ingress).contains(twin)) continue;
    into.policy.redirect_host = twin;
    into.fallback = unrouted(*ingress);
    return;
  }
}

}  // namespace

TranslatedHost translate_host(const Store& store, const std::string& host, const AnnotationsOf& annotations_of) {
  TranslatedHost result = translate_rules(store, host, annotations_of);
  if (result.exists()) {
    for (const config::Ingress* ingress : store.ingresses_of_other_host(host))
      result.findings.push_back(finding_on(*ingress, config::Severity::note, "HostTaken", "metadata.annotations",
                                           fmt::format("{} has rules of its own, so that it is no alias or redirect of another host", host)));
    return result;
  }
  if (const std::string primary = aliased_host(store, host, annotations_of); !primary.empty()) {
    TranslatedHost aliased = translate_rules(store, primary, annotations_of);
    aliased.host = host;
    aliased.tls = aliased.tls || result.tls;
    aliased.findings = std::move(result.findings);  // its own are told of the host itself
    return aliased;
  }
  redirect_twin(store, annotations_of, result);
  return result;
}

std::optional<std::string> canonical_path(const std::string& path) {
  // A rule is written decoded; clients must send these bytes as percent triplets. (Others may be sent raw as well, and
  // normalise_target makes one of both.)
  static constexpr std::string_view kEscaped = " #?\\";
  std::string target;
  for (size_t i = 0; i < path.size(); ++i) {
    const auto byte = static_cast<unsigned char>(path[i]);
    const auto is_hex = [&](size_t at) {
      return at < path.size() && std::isxdigit(static_cast<unsigned char>(path[at])) != 0;
    };
    const bool broken_percent = byte == '%' && !(is_hex(i + 1) && is_hex(i + 2));
    if (byte < 0x20 || byte == 0x7f) return std::nullopt;
    if (broken_percent || kEscaped.find(path[i]) != std::string_view::npos) {
      target += fmt::format("%{:02X}", byte);
    } else {
      target += path[i];
    }
  }
  if (target.empty()) target = "/";
  std::string scratch;
  router::Target out;
  if (router::normalise_target(target, scratch, out) != router::TargetError::none) return std::nullopt;
  if (out.path.size() > router::kPathBytesMax) return std::nullopt;
  return std::string(out.path);
}

}  // namespace narthex::controller
