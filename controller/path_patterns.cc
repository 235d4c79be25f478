#include "controller/path_patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "controller/finding_on.h"
#include "router/regex.h"

namespace narthex::controller {
namespace {

// What decides the order, see order_of_trial.
struct Ranked {
  std::string text;  // of the pattern; of a broken one, what of it is literal
  bool broken = false;
  TranslatedRoute route;
};

// A Prefix without annotations of its own is two locations to ingress-nginx, "/a/" and "/a".
bool is_two_paths(const config::RouteOptions& options, router::PathType type, std::string_view path) {
  const bool is_prefix = type == router::PathType::prefix && !path.ends_with('/') && path.size() < router::kPathBytesMax;
  return is_prefix && !options.use_regex && !is_rewritten(options, path);
}

bool makes_patterns(const config::RouteOptions& options, const config::IngressPath& path) {
  if (path.backend.is_resource) return false;
  if (options.use_regex || is_rewritten(options, path.path)) return true;
  const bool is_exact = path.type == config::PathType::exact;
  return !options.rewrite_target.empty() && !is_exact && !path.path.ends_with('/');  // "/a/" is rewritten to "/a"
}

Ranked ranked(TranslatedHost& host, TranslatedRoute route, std::string path, const config::RouteOptions& options) {
  Ranked one;
  route.path = std::move(path);
  route.type = router::PathType::pattern;
  // The defaultBackend of an Ingress without rules is not rewritten in ingress-nginx (annotations.md 1.11).
  route.rewrites = !route.owner->rules.empty() && is_rewritten(options, route.path);
  auto regex = router::Regex::compile(route.path);
  one.text = route.path;
  if (!regex) {
    one.broken = true;
    const std::string_view literal = router::literal_prefix(route.path);
    one.text = literal.empty() ? "/" : literal;
    host.findings.push_back(finding_on(
        *route.owner, config::Severity::refused, "InvalidRegex", route.field + ".path",
        fmt::format("this path of host {} is a pattern (use-regex or rewrite-target), and cannot be read as one: {}; lookaround and "
                    "backreferences are not supported; until it is mended, requests that begin with {} get 503, unless "
                    "another path that is as long takes them",
                    host.host.empty() ? "*" : host.host, regex.error().message(), one.text)));
    regex = router::Regex::compile(one.text);
    route.backend.reset();
    route.rewrites = false;
  }
  route.pattern = std::move(regex.value());
  one.route = std::move(route);
  return one;
}

// As ingress-nginx writes its locations: the longest first, then backwards by alphabet, then in the order of the claims. What is broken
// takes from nobody who has as much to say.
bool order_of_trial(const Ranked& a, const Ranked& b) {
  if (a.text.size() != b.text.size()) return a.text.size() > b.text.size();
  if (a.broken != b.broken) return b.broken;
  return a.text > b.text;
}

}  // namespace

bool reads_patterns(const Store& store, const std::string& host, const AnnotationsOf& annotations_of) {
  for (const config::Ingress* ingress : store.ingresses_of_host(host)) {
    const config::IngressAnnotations& annotations = annotations_of(ingress->meta.key);
    if (annotations.refused || (!annotations.route.use_regex && annotations.route.rewrite_target.empty())) continue;
    for (const config::IngressRule& rule : ingress->rules) {
      if (rule.host != host) continue;
      for (const config::IngressPath& path : rule.paths)
        if (makes_patterns(annotations.route, path)) return true;
    }
  }
  return false;
}

bool is_rewritten(const config::RouteOptions& options, std::string_view path) {
  return !options.rewrite_target.empty() && options.rewrite_target != path;
}

void turn_into_patterns(TranslatedHost& host, const AnnotationsOf& annotations_of, bool has_default) {
  std::set<std::string> exact;
  for (const TranslatedRoute& route : host.routes)
    if (route.type == router::PathType::exact) exact.insert(route.path);
  std::vector<Ranked> all;
  for (TranslatedRoute& route : host.routes) {
    const config::RouteOptions& options = annotations_of(route.owner->meta.key).route;
    std::string path = route.path;
    if (is_two_paths(options, route.type, path)) {
      all.push_back(ranked(host, route, path + "/", options));
      // Where "/a" is broken, so was "/a/", and that has been told.
      if (exact.contains(path) || all.back().broken) continue;
    }
    all.push_back(ranked(host, std::move(route), std::move(path), options));
  }
  if (has_default) std::erase_if(all, [](const Ranked& one) { return one.broken && one.text == "/"; });
  std::stable_sort(all.begin(), all.end(), order_of_trial);
  host.routes.clear();
  for (Ranked& one : all) host.routes.push_back(std::move(one.route));
}

}  // namespace narthex::controller
