#include "proxy/filters/forwarded_fields.h"

#include "proxy/filters/hops.h"

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

}  // namespace

void forward_request_fields(const RequestHead& request, const Origin& origin, std::string_view request_id, OutgoingFields& out) {
  out.clear();
  out.add("Host", request.authority);
  std::string_view own_id = request_id;
  for (const Field& field : request.fields) {
    if (field.id == FieldId::x_request_id) own_id = field.value.empty() ? own_id : field.value;
    if (!stays_from_request(field.id)) out.add(field);
  }
  const std::string_view scheme = origin.tls ? "https" : "http";
  out.add("X-Request-ID", own_id);
  out.add("X-Real-IP", origin.client_ip);
  out.add("X-Forwarded-For", origin.client_ip);
  out.add("X-Forwarded-Host", request.authority);
  out.add("X-Forwarded-Port", origin.port);
  out.add("X-Forwarded-Proto", scheme);
  out.add("X-Forwarded-Scheme", scheme);
  out.add("X-Scheme", scheme);
  add_hop(origin.hops, out);
}

void forward_interim_fields(const ResponseHead& response, OutgoingFields& out) {
  out.clear();
  for (const Field& field : response.fields)
    if (!stays_from_response(field.id)) out.add(field);
}

void forward_response_fields(const ResponseHead& response, std::string_view date, OutgoingFields& out) {
  forward_interim_fields(response, out);
  out.add("Date", date);
}

}  // namespace narthex::proxy::filters
