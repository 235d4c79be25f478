// Which fields pass from one side to the other, and which the proxy writes itself. Request phase and response phase.
// Hop-by-hop fields stay here (RFC 9110 7.6.1); what tells the origin of a request is never taken as the client sends it: what a
// trusted peer claims is read first (claimed_origin.h). The set that is written is ingress-nginx's (X-Forwarded-*, X-Real-IP,
// X-Request-ID, X-Scheme).
// Pure; any thread. Views are VALID UNTIL what they were made from changes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/ip_range.h"
#include "proxy/head.h"
#include "proxy/sides.h"
#include "router/policy.h"

namespace narthex::proxy::filters {

// What is known about the connection that requests come on, and the fields that tell it to backends: the same for all
// its requests, so written once, as lines.
class Origin final {
 public:
  // `port`: of the listener, "443" for the TLS one. `https`: the scheme that the client used, be it with us or with who relays
  // for it. LIMIT: 45 bytes of address and 5 of port, the rest is left out.
  Origin(std::string_view client_ip, std::string_view port, bool https);
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;
  std::string_view client_ip() const { return value_of(0); }
  const base::IpBytes& ip() const { return ip_; }
  std::string_view port() const { return value_of(2); }
  bool https() const { return https_; }
  void add_to(OutgoingFields& out) const;

 private:
  static constexpr size_t kLines = 6;
  std::string_view value_of(size_t line) const;
  std::array<char, 224> text_;
  std::array<uint8_t, kLines + 1> begins_;  // of each line, and the end of the last
  const bool https_;
  const base::IpBytes ip_;
};

struct ClaimedOrigin;

// A request that goes on, and all that has a say in its fields.
struct ForwardedRequest {
  const RequestHead& head;
  const Origin& origin;
  const ClaimedOrigin* claimed;  // null: the origin is the connection's
  const router::SitePolicy& site;
  const router::RoutePolicy& route;
  uint32_t hops;                // through a Narthex, before this one
  std::string_view request_id;  // used where the client sent none
  std::string_view forwarded_prefix;  // empty: none is told
};

void forward_request_fields(const ForwardedRequest& request, OutgoingFields& out);

// `date`: this server's own.
void forward_response_fields(const ResponseHead& response, std::string_view date, const router::SitePolicy& site,
                             const router::RoutePolicy& route, bool tls, OutgoingFields& out);
// What a response says that was made here.
void add_site_fields(const router::SitePolicy& site, bool tls, OutgoingFields& out);
// Of an interim (1xx) response or of 101: without date.
void forward_interim_fields(const ResponseHead& response, OutgoingFields& out);

}  // namespace narthex::proxy::filters
