#include "config/values.h"

#include <algorithm>

#include "base/text.h"
#include "config/names.h"

namespace narthex::config {
namespace {

constexpr uint64_t kSecondsMax = 10'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z'; }
bool is_hex(char c) { return is_digit(c) || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'f'); }

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t unit = 1;
  if (!text.empty() && is_letter(text.back())) {
    switch (base::to_lower(text.back())) {
      case 'b': break;
      case 'k': unit = 1024; break;
      case 'm': unit = 1024 * 1024; break;
      case 'g': unit = 1024 * 1024 * 1024; break;
      default: return std::nullopt;
    }
    text.remove_suffix(1);
  }
  const auto number = base::parse_decimal(text, INT64_MAX / unit);
  if (!number) return std::nullopt;
  return *number * unit;
}

std::optional<std::chrono::seconds> parse_timeout(std::string_view text) {
  const auto seconds = base::parse_decimal(text, kSecondsMax);
  if (!seconds || *seconds == 0) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

std::optional<std::vector<base::IpRange>> parse_ranges(std::string_view text) {
  std::vector<base::IpRange> ranges;
  for (const std::string& part : parse_list(text, ',')) {
    const auto range = base::parse_loose_ip_range(part);
    if (!range || ranges.size() == kListEntriesMax) return std::nullopt;
    ranges.push_back(*range);
  }
  if (ranges.empty()) return std::nullopt;
  return ranges;
}

std::vector<std::string> parse_list(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (const std::string_view part : base::split(text, separator))
    if (const std::string_view trimmed = base::trim(part); !trimmed.empty()) parts.emplace_back(trimmed);
  return parts;
}

std::optional<std::vector<uint16_t>> parse_statuses(std::string_view text, uint16_t first, uint16_t last) {
  std::vector<uint16_t> statuses;
  for (const std::string& part : parse_list(text, ',')) {
    const auto status = base::parse_decimal(part, last);
    if (!status || *status < first) return std::nullopt;
    statuses.push_back(static_cast<uint16_t>(*status));
  }
  std::sort(statuses.begin(), statuses.end());
  statuses.erase(std::unique(statuses.begin(), statuses.end()), statuses.end());
  return statuses;
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_digit(c) || is_letter(c) || kMarks.find(c) != std::string_view::npos;
  });
}

bool is_uri_reference(std::string_view text) {
  constexpr std::string_view kMarks = "-._~:/?#[]@!&'()*+,;=";  // RFC 3986 2.2 and 2.3, but for '$'
  if (text.empty()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool triplet = text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2]);
    if (!triplet && !is_digit(text[i]) && !is_letter(text[i]) && kMarks.find(text[i]) == std::string_view::npos) return false;
  }
  return true;
}

bool is_host_and_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && !text.ends_with(']');
  if (has_port && !base::parse_decimal(text.substr(colon + 1), UINT16_MAX)) return false;
  const std::string_view host = has_port ? text.substr(0, colon) : text;
  if (host.starts_with('[') && host.ends_with(']')) return is_ipv6(host.substr(1, host.size() - 2));
  return is_ipv4(host) || is_dns_subdomain(base::lower(host));
}

bool is_field_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\t'; });
}

}  // namespace narthex::config
