// The part of the exchange that asks the policies of site, host and route before anything is forwarded. The order is
// ingress-nginx's (annotations.md 4.17 and 9.1): what its configuration answers in its rewrite phase comes before who may ask.
#include "base/text.h"
#include "proxy/exchange.h"
#include "proxy/filters/cors.h"
#include "proxy/filters/redirects.h"

namespace narthex::proxy {
namespace {

constexpr std::string_view kHttpsPort = "443";  // as X-Forwarded-Port tells it
constexpr uint16_t kNoContent = 204, kFound = 302;

bool is_too_large(const Framing& framing, uint64_t max) {
  return framing.kind == BodyKind::length && max != 0 && framing.length > max;
}

bool is_denied(const router::AccessPolicy& access, const base::IpBytes& ip) {
  return access.denied.holds(ip) || (access.allowed && !access.allowed->holds(ip));
}

}  // namespace

// An answer of our own is set where no fault comes back.
Fault Exchange::check_policies() {
  const router::RoutePolicy& policy = *policy_;
  if (const router::HostPolicy* host = host_ ? host_->policy() : nullptr) {
    if (!host->redirect_host.empty()) {
      filters::twin_location(host->redirect_host, asked(), memory_.location);
      answer_with(pin_->site->redirect_status);
      return Fault::none;
    }
    if (!host->app_root.empty() && target_.path.path == "/") {
      filters::app_root_location(host->app_root, asked(), memory_.location);
      answer_with(kFound);
      return Fault::none;
    }
  }
  if (policy.closed) return Fault::guard_closed;
  if (is_too_large(memory_.request.framing, policy.body_bytes_max)) return Fault::body_too_large;
  if (policy.cors && memory_.request.method == "OPTIONS" && filters::allowed_origin(*policy.cors, memory_.request)) {
    answer_with(kNoContent);
  } else if (policy.redirect) {
    filters::route_location(*policy.redirect, asked(), memory_.location);
    answer_with(policy.redirect->status);
  } else if (route_ && route_->rewrites && !policy.rewrite->origin.empty()) {
    return rewrite_target();
  } else if (redirects_to_https()) {
    if (memory_.request.authority.empty()) return Fault::bad_host;  // there is no name to redirect to
    filters::https_location(policy.https, asked(), kHttpsPort, memory_.location);
    answer_with(pin_->site->redirect_status);
  }
  return Fault::none;
}

// Another path for the pod, or another place for the client.
Fault Exchange::rewrite_target() {
  if (target_.path.forwarded == "*") return Fault::none;  // OPTIONS about the server has no path
  router::Rewritten rewritten;
  if (!router::rewrite(*host_, *route_, target_.path.path, memory_.rewriting, rewritten)) return Fault::bad_target;
  const std::string& origin = policy_->rewrite->origin;
  if (!origin.empty()) {
    memory_.location.assign(origin).append(rewritten.path).append(target_.path.query);
    answer_with(kFound);
    return Fault::none;
  }
  target_.path.forwarded = rewritten.path;
  target_.forwarded_prefix = rewritten.forwarded_prefix;
  return Fault::none;
}

// "Has TLS" is an entry in spec.tls of the host or of the wildcard above it, whatever came of its certificate.
bool Exchange::redirects_to_https() const {
  const router::HttpsRedirectPolicy& https = policy_->https;
  if (claimed_ == nullptr ? origin_.https() : claimed_->scheme != "http") return false;
  if (https.always) return true;
  if (!https.where_tls || !host_ || host_->host().empty()) return false;
  if (host_->tls()) return true;
  if (!pin_->wildcards_have_tls || target_.host.find('.') == std::string_view::npos) return false;
  std::string wildcard = "*";
  wildcard += target_.host.substr(target_.host.find('.'));
  const router::HostRoutes* parent = pin_->hosts.find_key(wildcard);
  return parent && parent->tls();
}

// REQUIRES: an address that is known; one that is not (all zero) is in no list of those who are allowed.
Fault Exchange::check_access() const {
  const base::IpBytes& ip = claimed_ ? claimed_->ip : origin_.ip();
  // The lists of a route replace that of everybody's, as in ingress-nginx; here the latter keeps out in either case.
  if (pin_->site->access && is_denied(*pin_->site->access, ip)) return Fault::access_denied;
  return policy_->access && is_denied(*policy_->access, ip) ? Fault::access_denied : Fault::none;
}

filters::Asked Exchange::asked() const {
  const RequestHead& request = memory_.request;
  return {scheme(), request.authority, claimed_ ? std::string_view(claimed_->host) : std::string_view{}, request.target,
          claimed_ ? std::string_view(claimed_->port) : origin_.port()};
}

std::string_view Exchange::scheme() const {
  if (claimed_) return claimed_->scheme;
  return origin_.https() ? "https" : "http";
}

std::string_view Exchange::client_ip() const { return claimed_ ? std::string_view(claimed_->client_ip) : origin_.client_ip(); }

}  // namespace narthex::proxy
