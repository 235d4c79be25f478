// IP addresses and ranges of them, of both families in one form. Values and pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace narthex::base {

// 16 bytes for both families, so that ::ffff:127.0.0.1 is no other address than 127.0.0.1 (RFC 4291 2.5.5.2). Network order.
using IpBytes = std::array<uint8_t, 16>;
inline constexpr IpBytes kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// IPv4 or IPv6 in text form, without port, brackets or zone.
std::optional<IpBytes> parse_ip(std::string_view text);

struct IpRange {
  IpBytes first{};  // bits behind the prefix are zero
  uint8_t bits = 128;
  bool holds(const IpBytes& ip) const;
  bool operator==(const IpRange&) const = default;
};
// "10.0.0.0/8", "fd00::/8", or one address. Nothing where it is neither, or has bits set behind the prefix.
std::optional<IpRange> parse_ip_range(std::string_view text);
// The same, but bits behind the prefix are cleared: "10.1.2.3/8" is 10.0.0.0/8, as in lists of ingress-nginx.
std::optional<IpRange> parse_loose_ip_range(std::string_view text);

// Many ranges, for look-ups: sorted and without overlaps, so that holds() costs O(log ranges).
class IpRanges {
 public:
  IpRanges() = default;
  explicit IpRanges(const std::vector<IpRange>& ranges);
  bool holds(const IpBytes& ip) const;
  bool empty() const { return spans_.empty(); }
  bool operator==(const IpRanges&) const = default;

 private:
  struct Span {
    IpBytes first, last;
    bool operator==(const Span&) const = default;
  };
  std::vector<Span> spans_;
};

}  // namespace narthex::base
