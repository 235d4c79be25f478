#include <catch2/catch.hpp>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "base/text.h"

using namespace narthex::base;

TEST_CASE("decimal numbers are digits within a bound, nothing else") {
  CHECK(parse_decimal("0") == 0);
  CHECK(parse_decimal("007") == 7);
  CHECK(parse_decimal("18446744073709551615") == UINT64_MAX);
  CHECK(parse_decimal("65535", 65535) == 65535);
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "0x1", "1e3", "18446744073709551616", "99999999999999999999999"})
    CHECK_FALSE(parse_decimal(text));
  CHECK_FALSE(parse_decimal("65536", 65535));
}

TEST_CASE("base64 is decoded with its padding and with the line breaks that YAML leaves in") {
  CHECK(decode_base64("") == "");
  CHECK(decode_base64("Zg==") == "f");
  CHECK(decode_base64("Zm8=") == "fo");
  CHECK(decode_base64("Zm9v") == "foo");
  CHECK(decode_base64("Zm9v\n  YmFy\r\n") == "foobar");
  CHECK(decode_base64("AP+A") == std::string("\x00\xff\x80", 3));
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "Zm=8", "Zm9-", "Zm9v!"}) CHECK_FALSE(decode_base64(text));
}

TEST_CASE("text is trimmed, split and compared by ASCII rules") {
  CHECK(trim(" \t a b \r\n") == "a b");
  CHECK(trim(" \n").empty());
  CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string_view>{""});
  CHECK(iequals("Content-Length", "content-length"));
  CHECK_FALSE(iequals("a", "ab"));
  CHECK_FALSE(iequals("\xc4", "\xe4"));
  CHECK(lower("A-Z[]\xc4") == "a-z[]\xc4");
}

TEST_CASE("an escaped line is one line, and inside JSON also one string") {
  CHECK(escape_line("a\nb\tc\r\x01\x7f", false) == "a\\nb\\tc\\x0d\\x01\\x7f");
  CHECK(escape_line("say \"a\\b\"\n\x1f", true) == "say \\\"a\\\\b\\\"\\n\\u001f");
}

TEST_CASE("the hash is the same in every build and release: affinity cookies depend on it") {
  CHECK(hash("") == 0x2d06800538d394c2u);
  CHECK(hash("10.0.0.1:8080") == hash(std::string("10.0.0.1:") + "8080"));
  CHECK(hash("a") != hash("a", 1));
  CHECK(hex(0x1f) == "000000000000001f");
  CHECK(mix(1, 2) != mix(2, 1));
}

TEST_CASE("an error says what it is within") {
  const Result<int> failed = Error("no such file").within("a.yaml");
  REQUIRE(failed.has_error());
  CHECK(failed.error().message() == "a.yaml: no such file");
}
