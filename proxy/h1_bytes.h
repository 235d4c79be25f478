// Which bytes may stand where in HTTP/1 (RFC 9110 5.5 and 5.6.2, RFC 9112 3.2, RFC 3986 3.2.2): one table, and the two
// loops over it that are on every request's way. Constants and pure functions; any thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace narthex::proxy::bytes {

inline constexpr uint8_t kToken = 1;    // tchar
inline constexpr uint8_t kPlain = 2;    // A-Z a-z 0-9 '-': what a field name may have to be passed on
inline constexpr uint8_t kTarget = 4;   // any but controls, space and '#'
inline constexpr uint8_t kHost = 8;     // of uri-host [":" port], without ',' (a list of hosts looks like a host)
inline constexpr uint8_t kValue = 16;   // HTAB, SP, VCHAR, obs-text
inline constexpr uint8_t kQuoted = 32;  // qdtext: what needs no backslash in a quoted-string

inline constexpr std::array<uint8_t, 256> kClass = [] {
  constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~", host_marks = "-._~!$&'()*+;=:[]%";
  std::array<uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const auto in = [c](std::string_view set) {
      return c < 0x80 && set.find(static_cast<char>(c)) != std::string_view::npos;
    };
    const bool printable = c > 0x20 && c != 0x7f, value = printable || c == ' ' || c == '\t';
    table[c] = static_cast<uint8_t>((alnum || in(token_marks) ? kToken : 0) | (alnum || c == '-' ? kPlain : 0) |
                                    (printable && c != '#' ? kTarget : 0) | (alnum || in(host_marks) ? kHost : 0) |
                                    (value ? kValue : 0) | (value && c != '"' && c != '\\' ? kQuoted : 0));
  }
  return table;
}();

constexpr bool is(char c, uint8_t which) { return kClass[static_cast<unsigned char>(c)] & which; }

// Every byte is of that class. True for nothing at all.
constexpr bool all(std::string_view text, uint8_t which) {
  for (const char c : text)
    if (!is(c, which)) return false;
  return true;
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

// The top bit of each byte below 0x20 or equal to 0x7f; bits above a first one may be wrong, the lowest never is.
inline uint64_t not_value(uint64_t word) {
  constexpr uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
  const uint64_t del = word ^ (ones * 0x7f);
  return ((word - ones * 0x20) & ~word & tops) | ((del - ones) & ~del & tops);
}

// The first byte in [at, end) that a field value may not hold, or end. Eight bytes a step; a tab is odd and allowed.
inline const char* skip_value(const char* at, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      uint64_t word;
      std::memcpy(&word, at, 8);
      const uint64_t odd = not_value(word);
      if (odd == 0) {
        at += 8;
        continue;
      }
      at += std::countr_zero(odd) / 8;
      if (*at != '\t') return at;
      ++at;
    }
  }
  while (at != end && is(*at, kValue)) ++at;
  return at;
}

// The top bit of each byte that is no letter, digit or '-'. Sums stay within their byte where the text is ASCII; bits above
// a byte that is not may be wrong, the lowest never is.
inline uint64_t not_plain(uint64_t word) {
  constexpr uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
  const uint64_t lower = word | ones * 0x20, hyphen = word ^ ones * '-';
  const uint64_t letter = (lower + ones * (0x80 - 'a')) & ~(lower + ones * (0x7f - 'z'));
  const uint64_t digit = (word + ones * (0x80 - '0')) & ~(word + ones * (0x7f - '9'));
  return ((~(letter | digit) & (hyphen + ones * 0x7f)) | word) & tops;
}

// The first byte in [at, end) that is no letter, digit or '-', or end.
inline const char* skip_plain(const char* at, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      uint64_t word;
      std::memcpy(&word, at, 8);
      if (const uint64_t odd = not_plain(word)) return at + std::countr_zero(odd) / 8;
    }
  }
  while (at != end && is(*at, kPlain)) ++at;
  return at;
}

// The answers of `look` at the bytes of the text, eight at a time (some twice, where the size is no multiple; missing
// ones read as 'a'), joined by OR.
template <typename Look>
inline uint64_t look_at_words(std::string_view text, Look look) {
  const char* const at = text.data();
  const size_t size = text.size();
  uint64_t word = 0, found = 0;
  if (size >= 8) {
    for (size_t i = 0; i + 8 < size; i += 8) {
      std::memcpy(&word, at + i, 8);
      found |= look(word);
    }
    std::memcpy(&word, at + size - 8, 8);
  } else if (size >= 4) {
    uint32_t first, last;
    std::memcpy(&first, at, 4);
    std::memcpy(&last, at + size - 4, 4);
    word = first | uint64_t{last} << 32;
  } else {
    word = 0x6161616161616161;
    if (size > 0) {
      char three[3] = {at[0], at[size / 2], at[size - 1]};
      std::memcpy(&word, three, 3);
    }
  }
  return found | look(word);
}

inline bool is_value(std::string_view text) {
  const uint64_t odd = look_at_words(text, not_value);
  return odd == 0 || all(text, kValue);  // a tab is odd and allowed
}

inline bool is_token(std::string_view text) {
  const uint64_t odd = look_at_words(text, not_plain);
  return !text.empty() && (odd == 0 || all(text, kToken));
}

// Equal without case. REQUIRES: b is in lower case and holds letters, digits and '-' only.
constexpr bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] + 32) : a[i];
    if (c != b[i]) return false;
  }
  return true;
}

}  // namespace narthex::proxy::bytes
