#include "proxy/filters/cors.h"

#include "base/text.h"

namespace narthex::proxy::filters {
namespace {

// "https://*.example.com" stands for one label more; "https://a.example.com:8443" for itself.
bool matches(std::string_view pattern, std::string_view origin) {
  const size_t star = pattern.find("://*.");
  if (star == std::string_view::npos) return base::iequals(pattern, origin);
  const std::string_view scheme = pattern.substr(0, star + 3), parent = pattern.substr(star + 4);
  if (origin.size() <= scheme.size() + parent.size()) return false;
  const std::string_view label = origin.substr(scheme.size(), origin.size() - scheme.size() - parent.size());
  const auto is_label_byte = [](char c) {
    return (c >= '0' && c <= '9') || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z') || c == '-' || c == '_';
  };
  for (const char c : label)
    if (!is_label_byte(c)) return false;
  return base::iequals(origin.substr(0, scheme.size()), scheme) && base::iequals(origin.substr(scheme.size() + label.size()), parent);
}

}  // namespace

std::optional<std::string_view> allowed_origin(const router::CorsPolicy& policy, const RequestHead& request) {
  if (policy.origins.empty()) return "*";
  const Field* origin = nullptr;
  for (const Field& field : request.fields) {
    if (!base::iequals(field.name, "origin")) continue;
    if (origin) return std::nullopt;  // two of them: whose is it?
    origin = &field;
  }
  if (!origin) return std::nullopt;
  for (const std::string& pattern : policy.origins)
    if (matches(pattern, origin->value)) return origin->value;
  return std::nullopt;
}

void add_cors_fields(const router::CorsPolicy& policy, std::string_view origin, OutgoingFields& out) {
  out.add("Access-Control-Allow-Origin", origin);
  // Caches must not give one origin's answer to another (Fetch, 3.2.5 of CORS protocol and HTTP caches).
  if (origin != "*") out.add("Vary", "Origin");
  if (policy.credentials) out.add("Access-Control-Allow-Credentials", "true");
  out.add("Access-Control-Allow-Methods", policy.methods);
  out.add("Access-Control-Allow-Headers", policy.headers);
  if (!policy.expose_headers.empty()) out.add("Access-Control-Expose-Headers", policy.expose_headers);
  out.add("Access-Control-Max-Age", policy.max_age);
}

bool is_cors_field(std::string_view name) {
  constexpr std::string_view kPrefix = "access-control-";
  return name.size() > kPrefix.size() && base::iequals(name.substr(0, kPrefix.size()), kPrefix);
}

}  // namespace narthex::proxy::filters
