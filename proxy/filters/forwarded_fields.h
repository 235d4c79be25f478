// Which fields pass from one side to the other, and which the proxy writes itself. Request phase and response phase.
// Hop-by-hop fields stay here (RFC 9110 7.6.1); what tells the origin of a request is never taken from the client, because no peer
// is trusted to say it; the set written instead is ingress-nginx's (X-Forwarded-*, X-Real-IP, X-Request-ID, X-Scheme).
// Pure; any thread. Views are VALID UNTIL what they were made from changes.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/head.h"
#include "proxy/sides.h"

namespace narthex::proxy::filters {

// What is known about the connection that a request came on.
struct Origin {
  std::string_view client_ip;
  std::string_view port;  // of the listener, "443" for the TLS one
  bool tls = false;
  uint32_t hops = 0;  // through a Narthex, before this one
};

// `request_id`: used where the client sent none.
void forward_request_fields(const RequestHead& request, const Origin& origin, std::string_view request_id, OutgoingFields& out);

// `date`: this server's own.
void forward_response_fields(const ResponseHead& response, std::string_view date, OutgoingFields& out);
// Of an interim (1xx) response or of 101: without date.
void forward_interim_fields(const ResponseHead& response, OutgoingFields& out);

}  // namespace narthex::proxy::filters
