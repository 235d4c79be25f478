#include <catch2/catch.hpp>
#include <random>

#include "base/ip_range.h"

using namespace narthex::base;

TEST_CASE("a range holds its addresses of either family, an IPv4 address in its IPv6 form, too") {
  const auto holds = [](const char* range, const char* ip) { return parse_ip_range(range)->holds(*parse_ip(ip)); };
  CHECK(holds("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
  CHECK(holds("10.0.0.0/8", "::ffff:10.0.0.1"));
  CHECK(holds("192.0.2.1", "192.0.2.1"));
  CHECK(holds("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(holds("0.0.0.0/0", "255.255.255.255"));
  CHECK_FALSE(holds("0.0.0.0/0", "::1"));
  CHECK(holds("::/0", "127.0.0.1"));
}

TEST_CASE("what is no range is refused, and bits behind the prefix are, or are cleared") {
  for (const char* text : {"", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "::1/129", "[::1]", "fe80::1%eth0", "a", "10.0.0.1 ", "1.2.3.4/8/9"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_ip_range(text));
    CHECK_FALSE(parse_loose_ip_range(text));
  }
  CHECK_FALSE(parse_ip_range("10.1.2.3/8"));
  CHECK(parse_loose_ip_range("10.1.2.3/8") == parse_ip_range("10.0.0.0/8"));
  CHECK(parse_loose_ip_range("2001:db8::1/32") == parse_ip_range("2001:db8::/32"));
}

TEST_CASE("many ranges hold what any one of them holds") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<IpRange> ranges;
    for (size_t i = random() % 8; i > 0; --i) {
      IpBytes ip = kMappedPrefix;
      for (size_t byte = 12; byte < 16; ++byte) ip[byte] = static_cast<uint8_t>(random() % 3);
      IpRange range{ip, static_cast<uint8_t>(96 + random() % 33)};
      for (size_t bit = range.bits; bit < 128; ++bit) range.first[bit / 8] &= static_cast<uint8_t>(~(0x80u >> bit % 8));
      ranges.push_back(range);
    }
    const IpRanges all(ranges);
    CHECK(all.empty() == ranges.empty());
    for (int i = 0; i < 100; ++i) {
      IpBytes ip = kMappedPrefix;
      for (size_t byte = 12; byte < 16; ++byte) ip[byte] = static_cast<uint8_t>(random() % 4);
      bool expected = false;
      for (const IpRange& range : ranges) expected = expected || range.holds(ip);
      REQUIRE(all.holds(ip) == expected);
    }
  }
}
