// Texts of annotations and settings as values, in ingress-nginx's spellings. Pure; any thread. Nothing means: it is none, which
// whoever asked tells. See names.h for booleans and times.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_range.h"

namespace narthex::config {

// LIMIT: no list has more entries, no text is longer.
inline constexpr size_t kListEntriesMax = 4096;
inline constexpr size_t kValueBytesMax = 256 * 1024;

// nginx's sizes: digits and at most one of k, m, g (1024 each) or b, of either case.
std::optional<uint64_t> parse_size(std::string_view text);
// Whole seconds without unit, 1 to 10,000,000 (115 days).
std::optional<std::chrono::seconds> parse_timeout(std::string_view text);
// Addresses and CIDRs with commas, white space around them; none of them may be broken, and there must be one.
std::optional<std::vector<base::IpRange>> parse_ranges(std::string_view text);
// Parts between `separator`, trimmed, without empty ones.
std::vector<std::string> parse_list(std::string_view text, char separator);
// Status codes first to last with commas.
std::optional<std::vector<uint16_t>> parse_statuses(std::string_view text, uint16_t first, uint16_t last);

// RFC 9110 5.6.2.
bool is_token(std::string_view text);
// What may stand in a Location field (RFC 3986 2, with % only before two hex digits), and no variable of nginx.
bool is_uri_reference(std::string_view text);
// What may stand in a Host field: a name or an address, and perhaps a port (RFC 9110 7.2).
bool is_host_and_port(std::string_view text);
// Visible ASCII, spaces and tabs: what may stand in a field (RFC 9110 5.5).
bool is_field_text(std::string_view text);

}  // namespace narthex::config
