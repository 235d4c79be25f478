// Invariant: a header is decided once. Of the prefixes of any bytes the first ones are incomplete, and from the one
// that is refused or complete on all have the same outcome: what is refused stays so, what is complete keeps its size,
// which is that of this very prefix, and its addresses. Nothing is undecided beyond the bounds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "proxy/limits.h"
#include "proxy/proxy_protocol.h"

using narthex::base::check;
using namespace narthex::proxy;

namespace {

bool is_same(const ProxyProtocolHeader& a, const ProxyProtocolHeader& b) {
  return a.state == b.state && a.relayed == b.relayed && a.bytes == b.bytes &&
         std::memcmp(&a.source, &b.source, sizeof a.source) == 0 &&
         std::memcmp(&a.destination, &b.destination, sizeof a.destination) == 0;
}

void check_decision(const ProxyProtocolHeader& header, size_t size) {
  check(header.state == ProxyProtocolState::complete ? header.bytes == size : header.bytes == 0,
        "the first prefix that is complete is the header");
  check(header.bytes <= limits::kProxyHeaderBytes, "is within the bounds");
  check(header.relayed || (header.source.ss_family == 0 && header.destination.ss_family == 0),
        "has addresses only where they count");
  check(!header.relayed || header.source.ss_family == header.destination.ss_family, "is of one family");
  check(!header.relayed || header.state == ProxyProtocolState::complete, "only a whole header relays");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(bytes), size);
  const ProxyProtocolHeader whole = read_proxy_protocol(raw);
  check(whole.state != ProxyProtocolState::incomplete || size < limits::kProxyHeaderBytes,
        "is decided within the bounds");
  check(whole.bytes <= size, "takes no more than there is");
  bool decided = false;
  for (size_t end = 0; end <= std::min(size, limits::kProxyHeaderBytes + 1); ++end) {
    // A copy of exactly that size, so that a sanitizer sees a read past its end.
    const std::unique_ptr<char[]> exact(new char[end]);
    std::copy_n(raw.data(), end, exact.get());
    const ProxyProtocolHeader header = read_proxy_protocol({exact.get(), end});
    check(!decided || header.state != ProxyProtocolState::incomplete, "a decision stays one");
    if (header.state == ProxyProtocolState::incomplete) continue;
    if (!decided) check_decision(header, end);
    decided = true;
    check(is_same(header, whole), "whole and bytewise are the same");
  }
  check(decided == (whole.state != ProxyProtocolState::incomplete), "what is decided is so at some byte");
  return 0;
}
