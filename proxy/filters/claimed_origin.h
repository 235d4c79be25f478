// Where a request came from by what a trusted peer says: X-Forwarded-For, -Proto, -Host and -Port of a proxy in front of us. Of a
// peer that is not trusted nothing is believed, and nothing of it goes on. Request phase. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/ip_range.h"
#include "proxy/filters/forwarded_fields.h"
#include "proxy/head.h"
#include "router/policy.h"

namespace narthex::proxy::filters {

struct ClaimedOrigin {
  std::string client_ip;
  base::IpBytes ip{};
  std::string forwarded_for;                 // to be sent on
  std::string scheme, port;                  // as said, else those of the connection
  std::string host;                          // the first of X-Forwarded-Host; empty: none was said
  std::string original_for, original_host;   // as they came
};

// False: nothing is claimed that is believed (the settings want nothing, or the peer is not trusted). The address is the last one
// in the list that is none of the trusted peers', or the first of all; an address that is none ends the walk.
bool read_claims(const RequestHead& request, const router::TrustPolicy& trust, const Origin& connection, ClaimedOrigin& out);

}  // namespace narthex::proxy::filters
