#include "controller/translate_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace narthex::controller {
namespace {

using config::RouteOptions;

const char* to_text(config::SameSite same_site) {
  switch (same_site) {
    case config::SameSite::none: return "None";
    case config::SameSite::lax: return "Lax";
    case config::SameSite::strict: return "Strict";
    case config::SameSite::unset: break;
  }
  return "";
}

router::CookieAffinityPolicy cookie_policy(const config::CookieAffinity& asked) {
  router::CookieAffinityPolicy cookie;
  cookie.persistent = asked.mode == config::AffinityMode::persistent;
  cookie.name = asked.name;
  cookie.path = asked.path;
  cookie.domain = asked.domain;
  cookie.expires = asked.expires;
  cookie.max_age = asked.max_age;
  cookie.secure = asked.secure;
  cookie.same_site = to_text(asked.same_site);
  cookie.conditional_same_site_none = asked.conditional_same_site_none;
  cookie.change_on_failure = asked.change_on_failure;
  return cookie;
}

std::shared_ptr<const router::AccessPolicy> access_policy(const RouteOptions& options) {
  if (!options.allowed && !options.denied) return nullptr;
  auto access = std::make_shared<router::AccessPolicy>();
  if (options.denied) access->denied = base::IpRanges(*options.denied);
  if (options.allowed) access->allowed = base::IpRanges(*options.allowed);
  return access;
}

std::shared_ptr<const router::CorsPolicy> cors_policy(const config::Cors& asked) {
  auto cors = std::make_shared<router::CorsPolicy>();
  cors->origins = asked.origins;
  cors->methods = asked.methods;
  cors->headers = asked.headers;
  cors->expose_headers = asked.expose_headers;
  cors->max_age = fmt::format("{}", asked.max_age_seconds);
  cors->credentials = asked.credentials;
  return cors;
}

router::RetryPolicy retry_policy(const config::Retries& asked) {
  return {asked.on_error,    asked.on_timeout, asked.on_invalid_head, asked.non_idempotent,
          asked.on_statuses, asked.tries,      asked.time};
}

std::shared_ptr<const router::RewritePolicy> rewrite_policy(const RouteOptions& options) {
  const std::string& target = options.rewrite_target;
  if (target.empty()) return nullptr;
  auto rewrite = std::make_shared<router::RewritePolicy>();
  const bool is_url = target.starts_with("http://") || target.starts_with("https://");
  const size_t path = is_url ? std::min(target.find_first_of("/$", target.find("//") + 2), target.size()) : 0;
  rewrite->origin = target.substr(0, path);
  rewrite->path = target.substr(path);
  rewrite->forwarded_prefix = options.forwarded_prefix;
  return rewrite;
}

router::RoutePolicy route_policy(const RouteOptions& options) {
  router::RoutePolicy policy;
  policy.access_log = options.access_log;
  policy.https = {options.https.where_tls, options.https.always, options.https.keeps_trailing_slash, options.https.names_port};
  policy.body_bytes_max = options.body_bytes_max;
  policy.connect_timeout = options.connect_timeout;
  policy.read_timeout = options.read_timeout;
  policy.send_timeout = options.send_timeout;
  policy.retries = retry_policy(options.retries);
  policy.access = access_policy(options);
  if (const auto& asked = options.redirect)
    policy.redirect = std::make_shared<router::RedirectPolicy>(
        router::RedirectPolicy{asked->status, asked->location, asked->stays_relative});
  policy.rewrite = rewrite_policy(options);
  if (options.cors) policy.cors = cors_policy(*options.cors);
  policy.upstream_host = options.upstream_host;
  policy.upstream_connection = options.upstream_connection;
  return policy;
}

// RFC 6797 6.1.
std::string hsts_value(const config::Hsts& hsts) {
  if (!hsts.on) return "";
  return fmt::format("max-age={}{}{}", hsts.max_age_seconds, hsts.include_subdomains ? "; includeSubDomains" : "",
                     hsts.preload ? "; preload" : "");
}

}  // namespace

std::shared_ptr<const router::RoutePolicy> make_policy(const config::IngressAnnotations& annotations,
                                                       const config::DecodedSettings& settings) {
  const bool closed = !annotations.unmet_guards.empty();
  if (!annotations.affinity && !closed && annotations.route == settings.settings.route) return nullptr;
  auto policy = std::make_shared<router::RoutePolicy>(route_policy(annotations.route));
  policy->closed = closed || !settings.unmet_guards.empty();
  if (annotations.affinity) policy->cookie_affinity = cookie_policy(*annotations.affinity);
  return policy;
}

std::shared_ptr<const router::RoutePolicy> with_canary(const router::RoutePolicy& base, const config::Canary& canary,
                                                       std::shared_ptr<const router::Regex> header_pattern, router::BackendSlot slot,
                                                       std::shared_ptr<const router::RouteOwner> owner) {
  auto made = std::make_shared<router::CanaryPolicy>();
  made->backend = slot;
  made->header = canary.header;
  made->header_value = canary.header_value;
  made->header_pattern = std::move(header_pattern);
  made->header_leads_away = !canary.header_pattern.empty() && !made->header_pattern;
  made->cookie = canary.cookie;
  made->weight = canary.weight;
  made->weight_total = canary.weight_total;
  made->sticky = canary.sticky;
  made->owner = std::move(owner);
  auto policy = std::make_shared<router::RoutePolicy>(base);
  policy->canary = std::move(made);
  return policy;
}

std::shared_ptr<const router::SitePolicy> make_site_policy(const config::DecodedSettings& decoded) {
  const config::Settings& settings = decoded.settings;
  auto site = std::make_shared<router::SitePolicy>();
  site->route = route_policy(settings.route);
  site->route.closed = !decoded.unmet_guards.empty();
  site->trust = {settings.trust.forwarded_fields,
                 settings.trust.real_ip,
                 settings.trust.full_forwarded_for,
                 settings.trust.forwarded_for_name,
                 base::IpRanges(settings.trust.peers),
                 settings.trust.proxy_protocol,
                 settings.trust.proxy_protocol_timeout};
  site->hsts = hsts_value(settings.hsts);
  site->redirect_status = settings.redirect_status;
  for (const std::string& name : settings.fields.hidden) site->hidden_fields.push_back(base::lower(name));
  site->keeps_underscores = settings.fields.keeps_underscores;
  site->drops_invalid_names = settings.fields.drops_invalid_names;
  site->generates_request_id = settings.fields.generates_request_id;
  site->tells_original_uri = settings.fields.tells_original_uri;
  site->tells_server = settings.fields.tells_server;
  site->passes_backend_server = settings.fields.passes_backend_server;
  if (settings.blocked)
    site->access = std::make_shared<router::AccessPolicy>(router::AccessPolicy{base::IpRanges(*settings.blocked), std::nullopt});
  return site;
}

}  // namespace narthex::controller
