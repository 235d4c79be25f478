// The header of the PROXY protocol, versions 1 and 2 (proxy-protocol.txt by HAProxy, sections 2.1 and 2.2), which a
// load balancer in front writes before the first byte of a client: who is on the other side of it. Reads bytes and does
// no I/O: who hands the socket on to a TLS library peeks and takes exactly `bytes` then. Pure; any thread.
//
// Whether a peer may say this at all is the caller's decision (proxy-real-ip-cidr), and so is the time that it may
// take.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace narthex::proxy {

// Decided as early as bytes allow, where an address is judged as a whole once its end has come: a client that speaks
// HTTP or TLS is refused by its first bytes. What was refused stays so, and what was complete stays the same, whatever
// comes behind.
enum class ProxyProtocolState : uint8_t { incomplete, refused, complete };

struct ProxyProtocolHeader {
  ProxyProtocolState state = ProxyProtocolState::incomplete;
  // True: the addresses below are those of the connection that is relayed. False: those of this connection stand, as
  // the sender speaks for itself (LOCAL), does not know (UNKNOWN, UNSPEC) or relays what is no TCP over IP (UDP, UNIX):
  // section 2.2 asks a receiver that does not implement one of these to treat it as UNSPEC.
  bool relayed = false;
  size_t bytes = 0;                          // that the header occupies; with state complete only
  sockaddr_storage source{}, destination{};  // with relayed only; AF_INET or AF_INET6, both of the same family
};

// `received`: all that the connection has brought so far. LIMIT: kProxyLineBytes, kProxyHeaderBytes; linear in these.
// Addresses of IPv6 that stand for one of IPv4 (::ffff:1.2.3.4) are left as they came.
ProxyProtocolHeader read_proxy_protocol(std::string_view received);

}  // namespace narthex::proxy
