// The word-wise checks against the table that they stand for.
#include <catch2/catch.hpp>
#include <string>

#include "proxy/h1_bytes.h"

namespace narthex::proxy::bytes {
namespace {

TEST_CASE("any byte at any place of a name or a value is judged as the table says") {
  for (size_t size = 1; size <= 20; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        for (const char around : {'a', 'Z', '-', '9'}) {
          std::string text(size, around);
          text[at] = static_cast<char>(byte);
          const bool token = is_token(text) == all(text, kToken), value = is_value(text) == all(text, kValue);
          if (token && value) continue;
          INFO("byte " << byte << " at " << at << " of " << size);
          REQUIRE(token);
          REQUIRE(value);
        }
      }
    }
  }
}

TEST_CASE("nothing at all is a value and no token") {
  CHECK(is_value(""));
  CHECK_FALSE(is_token(""));
}

TEST_CASE("two odd bytes beside each other do not make each other even") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      std::string text = "abcdefgh";
      text[3] = static_cast<char>(first);
      text[4] = static_cast<char>(second);
      if (is_token(text) == all(text, kToken) && is_value(text) == all(text, kValue)) continue;
      FAIL("bytes " << first << " and " << second);
    }
  }
}

TEST_CASE("a name is skipped up to the first byte that is not plain, wherever both stand") {
  for (size_t size = 0; size <= 20; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'z');
        text[at] = static_cast<char>(byte);
        if (at + 1 < size) text[at + 1] = '\xff';
        size_t expected = 0;
        while (expected < size && is(text[expected], kPlain)) ++expected;
        if (skip_plain(text.data(), text.data() + size) == text.data() + expected) continue;
        FAIL("byte " << byte << " at " << at << " of " << size);
      }
    }
  }
}

}  // namespace
}  // namespace narthex::proxy::bytes
