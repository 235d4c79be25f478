// The one hash of the project: XXH3 (libxxhash). The result is stable across processes, machines and releases, because
// affinity depends on it. Not for secrets. Any thread.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace narthex::base {

inline uint64_t hash(std::string_view bytes, uint64_t seed = 0) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }

// Mixes two words into one that depends on every bit of both (SplitMix64's finaliser).
constexpr uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t x = a + 0x9e3779b97f4a7c15u * (b | 1) + b;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace narthex::base
