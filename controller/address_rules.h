// Which addresses requests may be sent to: a guard between what others write (EndpointSlices, the DNS) and the place in
// the network that the controller has. Pure values and functions; any thread.
//
//   address                                          of an EndpointSlice           of an ExternalName
//   unspecified, link-local, multicast, reserved     refused                       refused, unless allowed
//   loopback                                         refused in a cluster          refused, unless allowed
//   metadata services outside of link-local          -                             refused, unless allowed
//   the API server                                   -                             refused, unless allowed
//   our own listeners                                refused, and the route is 508 (both)
//
// Loopback is how backends are reached on one machine, so manifests may name it there; a DNS server that somebody else
// runs may not, there either. "Allowed" is --allow-external-name-addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_range.h"
#include "router/backend.h"

namespace narthex::controller {

base::IpBytes ip_bytes(const router::Endpoint& endpoint);

// Where this program can be reached: any of the addresses on any of the ports.
struct OwnListeners {
  std::vector<base::IpRange> addresses;
  std::vector<uint16_t> ports;
  bool holds(const router::Endpoint& endpoint) const;
  bool operator==(const OwnListeners&) const = default;
};
// Of this machine's interfaces as they are now (a pod's do not change), and of POD_IP and POD_IPS of the environment.
// `bind_address` empty: all of them, and loopback.
std::vector<base::IpRange> own_addresses(const std::string& bind_address);

enum class NameRule : uint8_t {
  resolved,
  off,      // --disable-svc-external-name
  unasked,  // `check`, which asks nobody
};

struct BackendRules {
  bool refuse_loopback_endpoints = false;
  NameRule external_names = NameRule::resolved;
  std::vector<base::IpRange> allowed_external_names;  // --allow-external-name-addresses
  std::vector<base::IpRange> api_servers;             // as far as the command line and the environment tell
  OwnListeners own;
};

// Why nothing may be sent to an endpoint of a slice; empty: it may. "link-local", "this very controller".
std::string_view refusal_of_endpoint(const router::Endpoint& endpoint, const BackendRules& rules);
// The same for an address that a name led to. `api_servers`: those that the cluster itself names.
std::string_view refusal_of_external(const router::Endpoint& endpoint, const BackendRules& rules,
                                     const std::vector<base::IpRange>& api_servers);
// What both say of our own listeners.
inline constexpr std::string_view kLeadsBack = "an address of this controller itself";

}  // namespace narthex::controller
