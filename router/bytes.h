// Comparing and reading short runs of bytes without a call: host names and path elements are mostly under 32 bytes,
// where memcmp and memchr cost more than the work. Reads nothing outside the runs given. Pure functions, any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace narthex::router {

static_assert(std::endian::native == std::endian::little, "the first byte in memory is the lowest of a word");

template <typename Word>
inline Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// `size` bytes as the low bytes of a word, the rest zero. REQUIRES: size < 8.
inline uint64_t load_short(const char* from, size_t size) {
  if (size >= 4) return load<uint32_t>(from) | uint64_t{load<uint32_t>(from + size - 4)} << (8 * (size - 4));
  if (size == 0) return 0;
  const auto byte = [from](size_t at) { return uint64_t{static_cast<uint8_t>(from[at])} << (8 * at); };
  return byte(0) | byte(size / 2) | byte(size - 1);
}

inline bool same_bytes(const char* a, const char* b, size_t size) {
  if (size < 8) return load_short(a, size) == load_short(b, size);
  for (size_t at = 0; at + 8 < size; at += 8)
    if (load<uint64_t>(a + at) != load<uint64_t>(b + at)) return false;
  return load<uint64_t>(a + size - 8) == load<uint64_t>(b + size - 8);
}

inline bool same_bytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && same_bytes(a.data(), b.data(), a.size());
}

// The first element of a path without its leading slash: up to the next slash. The tag spreads elements evenly over 16
// bits; it is no promise between processes.
struct Element {
  std::string_view text;
  uint16_t tag;
};

[[gnu::always_inline]] inline Element first_element(std::string_view rest) {
  constexpr uint64_t kOnes = 0x0101010101010101u, kHigh = 0x8080808080808080u, kSpread = 0x9e3779b97f4a7c15u;
  uint64_t hash = 0;
  for (size_t at = 0;; at += 8) {
    const size_t left = rest.size() - at;
    uint64_t word = left >= 8 ? load<uint64_t>(rest.data() + at) : load_short(rest.data() + at, left);
    const uint64_t differs = word ^ (kOnes * '/');
    const uint64_t slash = (differs - kOnes) & ~differs & kHigh;  // the lowest bit set is that of the first slash
    if (slash != 0) word &= (slash ^ (slash - 1)) >> 8;
    hash = (hash ^ word) * kSpread;
    hash ^= hash >> 32;
    if (slash == 0 && left >= 8)
      continue;  // also at the very end, so that the tag is the same before a slash and before nothing
    const size_t size = slash != 0 ? at + static_cast<size_t>(std::countr_zero(slash)) / 8 : rest.size();
    return {rest.substr(0, size), static_cast<uint16_t>((hash + size) * kSpread >> 48)};
  }
}

}  // namespace narthex::router
