#include "proxy/filters/redirects.h"

namespace narthex::proxy::filters {
namespace {

std::string_view without_port(std::string_view authority) {
  if (authority.ends_with(']')) return authority;
  return authority.substr(0, authority.rfind(':'));
}

std::string_view without_slash(std::string_view target) {
  if (target.ends_with('/')) target.remove_suffix(1);
  return target;
}

}  // namespace

void https_location(const router::HttpsRedirectPolicy& policy, const Asked& asked, std::string_view https_port, std::string& out) {
  out.assign("https://");
  out += without_port(asked.host.empty() ? asked.authority : asked.host);
  if (policy.names_port) out.append(":").append(https_port);
  out += policy.keeps_trailing_slash ? asked.target : without_slash(asked.target);
}

void route_location(const router::RedirectPolicy& policy, const Asked& asked, std::string& out) {
  out.clear();
  if (policy.location.starts_with('/') && !policy.stays_relative) out.append(asked.scheme).append("://").append(asked.authority);
  out += policy.location;
}

void app_root_location(std::string_view app_root, const Asked& asked, std::string& out) {
  out.assign(asked.scheme).append("://").append(asked.authority).append(app_root);
}

void twin_location(std::string_view twin, const Asked& asked, std::string& out) {
  out.assign(asked.scheme).append("://").append(twin).append(":").append(asked.port).append(without_slash(asked.target));
}

}  // namespace narthex::proxy::filters
