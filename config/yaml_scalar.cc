#include "config/yaml_scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace narthex::config {
namespace {

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::optional<bool> boolean(std::string_view text) {
  if (one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})) return true;
  if (one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"})) return false;
  return std::nullopt;
}

std::optional<double> special_float(std::string_view text) {
  if (one_of(text, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  const double sign = text.starts_with('-') ? -1 : 1;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (one_of(text, {".inf", ".Inf", ".INF"})) return sign * std::numeric_limits<double>::infinity();
  return std::nullopt;
}

// Go's ParseInt with base 0: 0x, 0o, 0b, a leading 0 is octal. REQUIRES: no underscores.
std::optional<Tree> integer(std::string_view text, uint32_t line) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = text[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    text.remove_prefix(mark >= '0' && mark <= '9' ? 1 : 2);
    if (base == 8 && !(mark == 'o' || mark == 'O' || (mark >= '0' && mark <= '9'))) return std::nullopt;
  }
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  if (negative && value <= kMost + 1) return Tree{static_cast<int64_t>(0 - value), line};
  if (!negative && value <= kMost) return Tree{static_cast<int64_t>(value), line};
  return Tree{negative ? -static_cast<double>(value) : static_cast<double>(value), line};
}

std::optional<double> real(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  // from_chars alone would also take "inf", "nan" and hexadecimal forms.
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
  if (text.find_first_of("0123456789") == std::string_view::npos || text[0] == 'e' || text[0] == 'E')
    return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return negative ? -value : value;
}

}  // namespace

Tree resolve_plain(std::string_view text, uint32_t line) {
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return Tree{std::monostate{}, line};
  if (const auto word = boolean(text)) return Tree{*word, line};
  if (const auto number = special_float(text)) return Tree{*number, line};
  const char first = text[0];
  const bool numeric = (first >= '0' && first <= '9') || first == '+' || first == '-' || first == '.';
  if (numeric) {
    std::string digits(text);
    std::erase(digits, '_');
    if (auto number = integer(digits, line)) return std::move(*number);
    if (const auto number = real(text)) return Tree{*number, line};
  }
  return Tree{std::string(text), line};
}

std::string key_text(const Tree& plain) {
  if (const auto* text = std::get_if<std::string>(&plain.value)) return *text;
  if (const auto* word = std::get_if<bool>(&plain.value)) return *word ? "true" : "false";
  if (const auto* number = std::get_if<int64_t>(&plain.value)) return std::to_string(*number);
  if (const auto* number = std::get_if<double>(&plain.value)) return fmt::format("{}", *number);
  return "null";
}

}  // namespace narthex::config
