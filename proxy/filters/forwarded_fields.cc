#include "proxy/filters/forwarded_fields.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "proxy/filters/claimed_origin.h"
#include "proxy/filters/cors.h"
#include "proxy/filters/hops.h"
#include "proxy/h1_writer.h"

namespace narthex::proxy::filters {
namespace {

// The client's copy of these never reaches a backend: connection-specific, written by us, or a claim that we do not believe.
constexpr bool stays_from_request(FieldId id) {
  switch (id) {
    case FieldId::other:
    case FieldId::trailer:
    case FieldId::cookie:
    case FieldId::set_cookie:
    case FieldId::user_agent:
    case FieldId::referer:
    case FieldId::date:
    case FieldId::server:
    case FieldId::strict_transport_security:
    case FieldId::x_accel: return false;
    default: return true;
  }
}

// A backend's copy of these never reaches a client.
constexpr bool stays_from_response(FieldId id) {
  switch (id) {
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::transfer_encoding:
    case FieldId::te:
    case FieldId::upgrade:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::proxy_authenticate:
    case FieldId::http2_settings:
    case FieldId::nominated:
    case FieldId::date:
    case FieldId::server:
    case FieldId::x_accel: return true;
    default: return false;
  }
}

constexpr std::array<FieldName, 6> kOriginNames = {"X-Real-IP",         "X-Forwarded-For",    "X-Forwarded-Port",
                                                   "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Scheme"};
constexpr std::string_view kServer = "narthex";
constexpr size_t kAddressBytes = 45;  // INET6_ADDRSTRLEN without its null

// A name with '_' or '.', where the settings let such names pass: never one that reads, with '-' instead, like a field that
// stays here, because many servers make one of the two.
bool passes_all_the_same(const Field& field, const router::SitePolicy& site) {
  const bool has_underscore = field.name.find('_') != std::string_view::npos;
  const bool only_underscores = std::all_of(field.name.begin(), field.name.end(), [](char c) {
    return c == '_' || c == '-' || (c >= '0' && c <= '9') || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z');
  });
  if (has_underscore && !site.keeps_underscores) return false;
  if (!only_underscores && site.drops_invalid_names) return false;
  std::string dashed(field.name);
  std::replace_if(dashed.begin(), dashed.end(), [](char c) { return c == '_' || c == '.'; }, '-');
  const FieldId id = identify_field(dashed);
  return id == FieldId::other || (id != FieldId::invalid_name && !stays_from_request(id));
}

void add_claimed_origin(const ClaimedOrigin& claimed, std::string_view authority, OutgoingFields& out) {
  out.add("X-Forwarded-Host", claimed.host.empty() ? authority : std::string_view(claimed.host));
  out.add("X-Real-IP", claimed.client_ip);
  out.add("X-Forwarded-For", claimed.forwarded_for);
  out.add("X-Forwarded-Port", claimed.port);
  out.add("X-Forwarded-Proto", claimed.scheme);
  out.add("X-Forwarded-Scheme", claimed.scheme);
  out.add("X-Scheme", claimed.scheme);
  if (!claimed.original_for.empty()) out.add("X-Original-Forwarded-For", claimed.original_for);
  if (!claimed.original_host.empty()) out.add("X-Original-Forwarded-Host", claimed.original_host);
}

bool is_hidden(const Field& field, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return base::iequals(field.name, name); });
}

}  // namespace

Origin::Origin(std::string_view client_ip, std::string_view port, bool https)
    : https_(https), ip_(base::parse_ip(client_ip).value_or(base::IpBytes{})) {
  static_assert(kOriginNames.size() == kLines);
  const std::string_view address = client_ip.substr(0, kAddressBytes), scheme = https ? "https" : "http";
  const std::array<std::string_view, kLines> values = {address, address, port.substr(0, 5), scheme, scheme, scheme};
  HeadWriter writer(text_);
  for (size_t line = 0; line < kLines; ++line) {
    begins_[line] = static_cast<uint8_t>(writer.written().size());
    writer.field(kOriginNames[line], values[line]);
  }
  begins_[kLines] = static_cast<uint8_t>(writer.written().size());
  base::check(writer.ok() && writer.dropped() == 0, "the fields of an origin have room and good bytes");
}

std::string_view Origin::value_of(size_t line) const {
  const size_t begin = begins_[line] + kOriginNames[line].text().size() + 2;
  return {text_.data() + begin, begins_[line + 1] - begin - 2};
}

void Origin::add_to(OutgoingFields& out) const {
  for (size_t line = 0; line < kLines; ++line)
    out.add({{text_.data() + begins_[line], kOriginNames[line].text().size()}, value_of(line), FieldId::other, true});
}

void forward_request_fields(const ForwardedRequest& request, OutgoingFields& out) {
  const RequestHead& head = request.head;
  const ClaimedOrigin* const claimed = request.claimed;
  out.clear();
  std::string_view host = claimed && !claimed->host.empty() ? std::string_view(claimed->host) : head.authority;
  if (!request.route.upstream_host.empty()) host = request.route.upstream_host;
  out.add("Host", host);
  std::string_view own_id = request.site.generates_request_id ? request.request_id : std::string_view{};
  for (const Field& field : head.fields) {
    if (field.id == FieldId::x_request_id) own_id = field.value.empty() ? own_id : field.value;
    if (!stays_from_request(field.id) || (field.id == FieldId::invalid_name && passes_all_the_same(field, request.site))) out.add(field);
  }
  if (!own_id.empty()) out.add("X-Request-ID", own_id);
  if (claimed) {
    add_claimed_origin(*claimed, head.authority, out);
  } else {
    out.add("X-Forwarded-Host", head.authority);
    request.origin.add_to(out);
  }
  if (!request.forwarded_prefix.empty()) out.add("X-Forwarded-Prefix", request.forwarded_prefix);
  if (request.site.tells_original_uri) out.add("X-Original-URI", head.target);
  if (!request.route.upstream_connection.empty()) out.add("Connection", request.route.upstream_connection);
  add_hop(request.hops, out);
}

void forward_interim_fields(const ResponseHead& response, OutgoingFields& out) {
  out.clear();
  for (const Field& field : response.fields)
    if (!stays_from_response(field.id)) out.add(field);
}

void forward_response_fields(const ResponseHead& response, std::string_view date, const router::SitePolicy& site,
                             const router::RoutePolicy& route, bool tls, OutgoingFields& out) {
  out.clear();
  const bool own_hsts = tls && !site.hsts.empty();
  for (const Field& field : response.fields) {
    if (stays_from_response(field.id)) {
      if (field.id != FieldId::server || !site.passes_backend_server) continue;
    } else if (field.id == FieldId::strict_transport_security && own_hsts) {
      continue;
    } else if (field.id == FieldId::other) {
      if (!site.hidden_fields.empty() && is_hidden(field, site.hidden_fields)) continue;
      if (route.cors && is_cors_field(field.name)) continue;
    }
    out.add(field);
  }
  out.add("Date", date);
  if (own_hsts) out.add("Strict-Transport-Security", site.hsts);
  if (site.tells_server && !site.passes_backend_server) out.add("Server", kServer);
}

void add_site_fields(const router::SitePolicy& site, bool tls, OutgoingFields& out) {
  if (tls && !site.hsts.empty()) out.add("Strict-Transport-Security", site.hsts);
  if (site.tells_server) out.add("Server", kServer);
}

}  // namespace narthex::proxy::filters
