// Small text tools that several folders need. Pure functions, any thread. ASCII rules only: Kubernetes names, host names and
// HTTP tokens are ASCII.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::base {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
std::string lower(std::string_view text);
bool iequals(std::string_view a, std::string_view b);
// Without leading and trailing space, tab, CR and LF.
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);

// Decimal digits only (no sign, no space), within 0..max; otherwise nothing.
std::optional<uint64_t> parse_decimal(std::string_view text, uint64_t max = UINT64_MAX);

// RFC 4648 section 4, padding required, white space between characters allowed (YAML folds long values).
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);  // with padding, without line ends

// Lower-case hexadecimal, 16 digits.
std::string hex(uint64_t value);

// One line whatever is in it: control bytes become \n, \t or \xNN (in JSON form \u00NN, and quotes and backslashes escaped).
std::string escape_line(std::string_view text, bool json);

}  // namespace narthex::base
