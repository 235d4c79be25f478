#include "proxy/filters/forwarded_fields.h"

#include "base/check.h"
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
constexpr size_t kAddressBytes = 45;  // INET6_ADDRSTRLEN without its null

}  // namespace

Origin::Origin(std::string_view client_ip, std::string_view port, bool tls) : tls_(tls) {
  static_assert(kOriginNames.size() == kLines);
  const std::string_view address = client_ip.substr(0, kAddressBytes), scheme = tls ? "https" : "http";
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

void forward_request_fields(const RequestHead& request, const Origin& origin, uint32_t hops, std::string_view request_id, OutgoingFields& out) {
  out.clear();
  out.add("Host", request.authority);
  std::string_view own_id = request_id;
  for (const Field& field : request.fields) {
    if (field.id == FieldId::x_request_id) own_id = field.value.empty() ? own_id : field.value;
    if (!stays_from_request(field.id)) out.add(field);
  }
  out.add("X-Request-ID", own_id);
  out.add("X-Forwarded-Host", request.authority);
  origin.add_to(out);
  add_hop(hops, out);
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
