#include "proxy/head.h"

#include "proxy/h1_bytes.h"

namespace narthex::proxy {
namespace {

template <size_t kSize>
uint64_t load(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, kSize);
  return word;
}

// Equal without case, a machine word at a time. Bit 0x20 tells upper from lower case and is set in digits and '-'
// anyway, so that setting it folds exactly the bytes that a plain name may hold. REQUIRES: kSize - 1 plain bytes at
// `at`; lower case.
template <size_t kSize>
bool same(const char* at, const char (&name)[kSize]) {
  constexpr size_t size = kSize - 1;
  constexpr uint64_t fold = 0x2020202020202020;
  if constexpr (size >= 8) {
    for (size_t i = 0; i + 8 <= size; i += 8)
      if ((load<8>(at + i) | fold) != load<8>(name + i)) return false;
    return (load<8>(at + size - 8) | fold) == load<8>(name + size - 8);
  } else {
    constexpr uint64_t tail_fold = fold & (~uint64_t{0} >> (64 - 8 * size));
    return (load<size>(at) | tail_fold) == load<size>(name);
  }
}

// The rest of "x-" names; `name` has 5 bytes at least.
FieldId identify_x(std::string_view name) {
  const char* at = name.data();
  const auto begins = [&](const auto& prefix) { return name.size() >= sizeof(prefix) - 1 && same(at, prefix); };
  switch (name.size()) {
    case 5:
      if (same(at, "x-pad")) return FieldId::x_accel;
      break;
    case 8:
      if (same(at, "x-scheme")) return FieldId::x_scheme;
      break;
    case 9:
      if (same(at, "x-real-ip")) return FieldId::x_real_ip;
      break;
    case 12:
      if (same(at, "x-request-id")) return FieldId::x_request_id;
      break;
    case 13:
      if (same(at, "x-rewrite-url")) return FieldId::x_original;
      break;
    case 14:
      if (same(at, "x-narthex-hops")) return FieldId::narthex_hops;
      break;
    default:
      break;
  }
  if (begins("x-accel-")) return FieldId::x_accel;
  if (begins("x-original-")) return FieldId::x_original;
  if (!begins("x-forwarded-")) return FieldId::other;
  at += sizeof("x-forwarded-") - 1;
  switch (name.size() - (sizeof("x-forwarded-") - 1)) {
    case 3:
      return same(at, "for") ? FieldId::x_forwarded_for : FieldId::x_forwarded_other;
    case 4:
      if (same(at, "host")) return FieldId::x_forwarded_host;
      return same(at, "port") ? FieldId::x_forwarded_port : FieldId::x_forwarded_other;
    case 5:
      return same(at, "proto") ? FieldId::x_forwarded_proto : FieldId::x_forwarded_other;
    case 6:
      if (same(at, "scheme")) return FieldId::x_forwarded_scheme;
      return same(at, "prefix") ? FieldId::x_forwarded_prefix : FieldId::x_forwarded_other;
    default:
      return FieldId::x_forwarded_other;
  }
}

}  // namespace

FieldId identify_field(std::string_view name) {
  if (name.empty() || !bytes::all(name, bytes::kPlain)) return FieldId::invalid_name;
  return identify_plain_field(name);
}

// By length, then by a compare or two: on the way of every field of every head.
FieldId identify_plain_field(std::string_view name) {
  const char* at = name.data();
  const auto pick = [at](const auto& known, FieldId id) { return same(at, known) ? id : FieldId::other; };
  if (name.size() >= 5 && (at[0] | 0x20) == 'x' && at[1] == '-') return identify_x(name);
  if (name.size() > 11 && (at[0] | 0x20) == 's' && same(at, "ssl-client-")) return FieldId::ssl_client;
  switch (name.size()) {
    case 2:
      return pick("te", FieldId::te);
    case 4:
      if (same(at, "host")) return FieldId::host;
      return pick("date", FieldId::date);
    case 5:
      return pick("proxy", FieldId::proxy);
    case 6:
      if (same(at, "cookie")) return FieldId::cookie;
      if (same(at, "expect")) return FieldId::expect;
      return pick("server", FieldId::server);
    case 7:
      if (same(at, "referer")) return FieldId::referer;
      if (same(at, "upgrade")) return FieldId::upgrade;
      return pick("trailer", FieldId::trailer);
    case 9:
      return pick("forwarded", FieldId::forwarded);
    case 10:
      if (same(at, "user-agent")) return FieldId::user_agent;
      if (same(at, "connection")) return FieldId::connection;
      if (same(at, "set-cookie")) return FieldId::set_cookie;
      return pick("keep-alive", FieldId::keep_alive);
    case 14:
      if (same(at, "content-length")) return FieldId::content_length;
      return pick("http2-settings", FieldId::http2_settings);
    case 16:
      return pick("proxy-connection", FieldId::proxy_connection);
    case 17:
      return pick("transfer-encoding", FieldId::transfer_encoding);
    case 18:
      return pick("proxy-authenticate", FieldId::proxy_authenticate);
    case 19:
      return pick("proxy-authorization", FieldId::proxy_authorization);
    case 25:
      return pick("strict-transport-security", FieldId::strict_transport_security);
    default:
      return FieldId::other;
  }
}

}  // namespace narthex::proxy
