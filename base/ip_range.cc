#include "base/ip_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace narthex::base {
namespace {

constexpr uint8_t kMappedBits = 96;

// The address of the text before the slash, and the length of the prefix; bits behind it as they are written.
std::optional<IpRange> parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  const std::optional<IpBytes> ip = parse_ip(address);
  if (!ip) return std::nullopt;
  const bool v6 = address.find(':') != std::string_view::npos;
  const uint64_t width = v6 ? 128 : 32;
  const auto bits = slash == std::string_view::npos ? width : parse_decimal(text.substr(slash + 1), width);
  if (!bits) return std::nullopt;
  return IpRange{*ip, static_cast<uint8_t>(*bits + (v6 ? 0 : kMappedBits))};
}

// Sets every bit behind the prefix, or clears it.
IpBytes filled(const IpRange& range, bool ones) {
  IpBytes ip = range.first;
  for (size_t bit = range.bits; bit < 128; ++bit) {
    const auto mask = static_cast<uint8_t>(0x80u >> bit % 8);
    ip[bit / 8] = static_cast<uint8_t>(ones ? ip[bit / 8] | mask : ip[bit / 8] & ~mask);
  }
  return ip;
}

}  // namespace

std::optional<IpBytes> parse_ip(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = 0;
  IpBytes ip = kMappedPrefix;
  if (inet_pton(AF_INET, terminated, ip.data() + 12) == 1) return ip;
  if (inet_pton(AF_INET6, terminated, ip.data()) == 1) return ip;
  return std::nullopt;
}

bool IpRange::holds(const IpBytes& ip) const {
  const size_t whole = bits / 8u;
  if (!std::equal(ip.begin(), ip.begin() + static_cast<ptrdiff_t>(whole), first.begin())) return false;
  const unsigned rest = bits % 8u;
  return rest == 0 || ((ip[whole] ^ first[whole]) >> (8 - rest)) == 0;
}

std::optional<IpRange> parse_ip_range(std::string_view text) {
  const std::optional<IpRange> range = parse(text);
  return range && filled(*range, false) == range->first ? range : std::nullopt;
}

std::optional<IpRange> parse_loose_ip_range(std::string_view text) {
  std::optional<IpRange> range = parse(text);
  if (range) range->first = filled(*range, false);
  return range;
}

IpRanges::IpRanges(const std::vector<IpRange>& ranges) {
  for (const IpRange& range : ranges) spans_.push_back({filled(range, false), filled(range, true)});
  std::sort(spans_.begin(), spans_.end(), [](const Span& a, const Span& b) { return a.first < b.first; });
  size_t kept = 0;
  for (const Span& span : spans_) {  // prefixes hold one another or have nothing in common
    if (kept != 0 && span.first <= spans_[kept - 1].last) {
      spans_[kept - 1].last = std::max(spans_[kept - 1].last, span.last);
    } else {
      spans_[kept++] = span;
    }
  }
  spans_.resize(kept);
}

bool IpRanges::holds(const IpBytes& ip) const {
  const auto after =
      std::upper_bound(spans_.begin(), spans_.end(), ip, [](const IpBytes& value, const Span& span) { return value < span.first; });
  return after != spans_.begin() && ip <= std::prev(after)->last;
}

}  // namespace narthex::base
