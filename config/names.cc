#include "config/names.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"

namespace narthex::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// `count` digits at the front of `text`, taken off; nothing when they are not there.
std::optional<int> take_digits(std::string_view& text, size_t count) {
  const auto value = base::parse_decimal(text.substr(0, count));
  if (!value || text.size() < count) return std::nullopt;
  text.remove_prefix(count);
  return static_cast<int>(*value);
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// "Z", "+02:00", "-07:30" as the whole rest.
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes{0};
  const bool minus = text.starts_with('-');
  if (!minus && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_digits(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::chrono::minutes offset{*hours * 60 + *minutes};
  return minus ? -offset : offset;
}

}  // namespace

bool is_dns_label(std::string_view text) {
  const auto is_alphanumeric = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || text.size() > 63) return false;
  if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  const auto labels = base::split(text, '.');
  return std::all_of(labels.begin(), labels.end(), is_dns_label);
}

bool is_port_name(std::string_view text) {
  if (!is_dns_label(text) || text.size() > 15 || text.find("--") != std::string_view::npos) return false;
  return std::any_of(text.begin(), text.end(), is_lower);
}

bool is_ipv4(std::string_view text) {
  in_addr address;
  return text.size() <= 15 && inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool is_ipv6(std::string_view text) {
  in6_addr address;
  return text.size() <= 45 && text.find('\0') == std::string_view::npos &&
         inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool has_control_byte(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; });
}

std::optional<std::chrono::sys_seconds> parse_rfc3339(std::string_view text) {
  namespace chrono = std::chrono;
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;  // 60: a leap second
  if (take(text, '.')) {
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
  }
  const auto offset = parse_offset(text);
  const chrono::year_month_day date{chrono::year{*year}, chrono::month(static_cast<unsigned>(*month)),
                                    chrono::day(static_cast<unsigned>(*day))};
  if (!offset || !date.ok()) return std::nullopt;
  return chrono::sys_days{date} + chrono::hours{*hour} + chrono::minutes{*minute} + chrono::seconds{*second} - *offset;
}

std::optional<bool> parse_go_bool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == word) return true;
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == word) return false;
  return std::nullopt;
}

std::string in_quotes(std::string_view text) {
  constexpr size_t kShown = 80;
  return "\"" + base::escape_line(text.substr(0, kShown), false) + (text.size() > kShown ? "...\"" : "\"");
}

}  // namespace narthex::config
