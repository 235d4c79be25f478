#include "proxy/filters/claimed_origin.h"

#include <algorithm>

#include "base/text.h"
#include "router/normalise.h"

namespace narthex::proxy::filters {
namespace {

// All fields of that name as one list (RFC 9110 5.3).
std::string joined(const RequestHead& request, std::string_view name) {
  std::string text;
  for (const Field& field : request.fields) {
    if (!base::iequals(field.name, name)) continue;
    if (!text.empty()) text += ", ";
    text += field.value;
  }
  return text;
}

std::string_view value_of(const RequestHead& request, FieldId id) {
  const Field* field = request.fields.find(id);
  return field ? field->value : std::string_view{};
}

bool is_scheme(std::string_view text) {
  return !text.empty() && text.size() <= 16 && std::all_of(text.begin(), text.end(), [](char c) {
    return (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z') || c == ',' || c == ' ';
  });
}

// From the right: each address was added by the hop behind it, so the first that is not one of ours is the client.
void walk(const std::string& list, const router::TrustPolicy& trust, ClaimedOrigin& out) {
  const std::vector<std::string_view> hops = base::split(list, ',');
  for (size_t i = hops.size(); i-- > 0;) {
    const std::string_view text = base::trim(hops[i]);
    const auto ip = base::parse_ip(text);
    if (!ip) return;
    out.client_ip = text;
    out.ip = *ip;
    if (!trust.peers.holds(*ip)) return;
  }
}

}  // namespace

bool read_claims(const RequestHead& request, const router::TrustPolicy& trust, const Origin& connection, ClaimedOrigin& out) {
  if ((!trust.forwarded_fields && !trust.real_ip) || !trust.peers.holds(connection.ip())) return false;
  out = {};
  out.client_ip = connection.client_ip();
  out.ip = connection.ip();
  out.scheme = connection.https() ? "https" : "http";
  out.port = connection.port();
  out.original_for = joined(request, trust.forwarded_for_name);
  walk(out.original_for, trust, out);
  out.forwarded_for = out.client_ip;
  if (!trust.forwarded_fields) return true;
  if (trust.full_forwarded_for) {
    out.forwarded_for = out.original_for.empty() ? "" : out.original_for + ", ";
    out.forwarded_for += connection.client_ip();
  }
  if (const std::string_view scheme = value_of(request, FieldId::x_forwarded_proto); is_scheme(scheme)) out.scheme = scheme;
  if (const std::string_view port = value_of(request, FieldId::x_forwarded_port); base::parse_decimal(port, UINT16_MAX)) out.port = port;
  out.original_host = value_of(request, FieldId::x_forwarded_host);
  const std::string_view first = base::trim(std::string_view(out.original_host).substr(0, out.original_host.find(',')));
  std::string scratch;
  std::string_view host;
  if (!first.empty() && router::normalise_authority(first, scratch, host)) out.host = first;
  return true;
}

}  // namespace narthex::proxy::filters
