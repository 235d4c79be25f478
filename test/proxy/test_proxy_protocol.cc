#include <arpa/inet.h>
#include <netinet/in.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "proxy/limits.h"
#include "proxy/proxy_protocol.h"

namespace narthex::proxy::test {
namespace {

using State = ProxyProtocolState;

std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return std::string(text) + " " + std::to_string(ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return std::string(text) + " " + std::to_string(ntohs(v6.sin6_port));
}

// What comes of it, as text: "incomplete", "refused", "local" or both addresses.
std::string outcome(std::string_view received) {
  const ProxyProtocolHeader header = read_proxy_protocol(received);
  if (header.state == State::incomplete) return "incomplete";
  if (header.state == State::refused) return "refused";
  return header.relayed ? text_of(header.source) + " > " + text_of(header.destination) : "local";
}

// Whole, bytewise and with something behind it, a header gives `expected` and takes exactly its own bytes.
void check_complete(const std::string& header, const std::string& expected) {
  INFO(header);
  for (size_t size = 0; size < header.size(); ++size) CHECK(outcome(header.substr(0, size)) == "incomplete");
  for (const char* behind : {"", "G", "\r\n", "PROXY UNKNOWN\r\n", "\x16\x03\x01 and so on"}) {
    const std::string received = header + behind;
    CHECK(outcome(received) == expected);
    CHECK(read_proxy_protocol(received).bytes == header.size());
  }
}

// The first `good` bytes could become something, one more and it is refused, whatever comes behind.
void check_refused(const std::string& received, size_t good) {
  INFO(received << " after " << good);
  REQUIRE(good < received.size());
  for (size_t size = 0; size <= received.size(); ++size)
    CHECK(outcome(received.substr(0, size)) == (size <= good ? "incomplete" : "refused"));
  CHECK(outcome(received + "\r\n\r\n") == "refused");
}

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string number(size_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 255)}; }

std::string binary(int version_command, int family_transport, const std::string& block) {
  return kSignature + static_cast<char>(version_command) + static_cast<char>(family_transport) + number(block.size()) +
         block;
}

std::string extension(int type, const std::string& value) {
  return static_cast<char>(type) + number(value.size()) + value;
}

const std::string kV4Block("\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb", 12);
const std::string kV6Block = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" +
                             std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x02" +
                             std::string("\xdc\x04\x01\xbb", 4);
const std::string kV4Text = "192.0.2.1 56324 > 198.51.100.2 443", kV6Text = "2001:db8::1 56324 > 2001:db8::2 443";

}  // namespace

TEST_CASE("a line of version 1 gives both addresses") {
  check_complete("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", kV4Text);
  check_complete("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
                 "255.255.255.255 65535 > 255.255.255.255 65535");
  check_complete("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0 0 > 0.0.0.0 0");
  check_complete("PROXY TCP6 2001:db8::1 2001:DB8::2 56324 443\r\n", kV6Text);
  check_complete("PROXY TCP6 :: ::1 1 2\r\n", ":: 1 > ::1 2");
  const std::string longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  check_complete("PROXY TCP6 " + longest + " " + longest + " 65535 65535\r\n",
                 longest + " 65535 > " + longest + " 65535");
  check_complete("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c000:0202 1 2\r\n", "::ffff:192.0.2.1 1 > ::ffff:192.0.2.2 2");
}

TEST_CASE("an unknown line keeps the connection's own addresses, whatever it says") {
  check_complete("PROXY UNKNOWN\r\n", "local");
  check_complete("PROXY UNKNOWN \r\n", "local");
  check_complete("PROXY UNKNOWN 192.0.2.1 nonsense  ~\r\n", "local");
  const std::string longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const std::string line = "PROXY UNKNOWN " + longest + " " + longest + " 65535 65535\r\n";
  CHECK(line.size() == limits::kProxyLineBytes);
  check_complete(line, "local");
}

TEST_CASE("a line that does not end within 107 bytes is refused as soon as it cannot") {
  const std::string line = "PROXY UNKNOWN " + std::string(92, 'x');  // 106 bytes
  check_refused(line, 105);
  check_refused(line.substr(0, 105) + "\rx", 106);
}

TEST_CASE("whoever speaks another protocol is refused by the first byte that says so") {
  check_refused("GET / HTTP/1.1\r\n", 0);
  check_refused("POST / HTTP/1.1\r\n", 1);
  check_refused("PRI * HTTP/2.0\r\n", 2);
  check_refused("PROPFIND / HTTP/1.1\r\n", 3);
  check_refused("PROXY / HTTP/1.1\r\n", 6);
  check_refused("proxy TCP4 ", 0);
  check_refused("\x16\x03\x01", 0);
  check_refused(std::string(1, '\0'), 0);
  check_refused("\nPROXY TCP4 ", 0);
  check_refused("\r\nGET / HTTP/1.1\r\n", 2);
  check_refused("\r\n\r\nGET / HTTP/1.1\r\n", 4);
}

TEST_CASE("a line that is not exactly of its grammar is refused") {
  const std::string v4 = "PROXY TCP4 192.0.2.1 198.51.100.2 ";
  check_refused("PROXY  TCP4 ", 6);
  check_refused("PROXY\tTCP4 ", 5);
  check_refused("PROXY TCP5 ", 9);
  check_refused("PROXY UDP4 ", 7);
  check_refused("PROXY TCP 192.0.2.1", 9);
  check_refused("PROXY TCP4  192.0.2.1", 11);
  check_refused("PROXY UNKNOWN2\r\n", 13);
  check_refused("PROXY UNKNOWN\n", 13);
  check_refused("PROXY UNKNOWN\rx", 14);
  check_refused("PROXY UNKNOWN \n", 14);
  check_refused("PROXY UNKNOWN a\rb", 16);
  check_refused("PROXY UNKNOWN \x80", 14);
  check_refused(std::string("PROXY UNKNOWN \0", 15), 14);
  check_refused(v4 + "1  ", v4.size() + 2);
  check_refused(v4 + "1\t", v4.size() + 1);
  check_refused(v4 + "1 2 ", v4.size() + 3);
  check_refused(v4 + "1 2\n", v4.size() + 3);
  check_refused(v4 + "1 2\r\r", v4.size() + 4);
  check_refused(v4 + "1\r", v4.size() + 1);
}

TEST_CASE("an address that is none of its family is refused, when its end has come at the latest") {
  const std::string v4 = "PROXY TCP4 ", v6 = "PROXY TCP6 ";
  check_refused(v4 + "2001:", v4.size() + 4);
  check_refused(v4 + "1.2.3 ", v4.size() + 5);
  check_refused(v4 + "1.2.3.256 ", v4.size() + 9);
  check_refused(v4 + "1.2.3.04 ", v4.size() + 8);
  check_refused(v4 + "1.2.3.4.5 ", v4.size() + 9);
  check_refused(v4 + "1.2.3.4\r", v4.size() + 7);
  check_refused(v4 + "0x7f.1 ", v4.size() + 1);
  check_refused(v4 + "1111111111111111", v4.size() + 15);
  check_refused(v4 + "1.2.3.4 -1", v4.size() + 8);
  check_refused(v6 + "1.2.3.4 ", v6.size() + 7);
  check_refused(v6 + "1::2::3 ", v6.size() + 7);
  check_refused(v6 + "12345:: ", v6.size() + 7);
  check_refused(v6 + "1:2:3:4:5:6:7 ", v6.size() + 13);
  check_refused(v6 + "1:2:3:4:5:6:7:8:9 ", v6.size() + 17);
  check_refused(v6 + "fe80::1%eth0", v6.size() + 7);
  check_refused(v6 + "[::1]", v6.size());
  check_refused(v6 + std::string(46, ':'), v6.size() + 45);
}

TEST_CASE("a port is a number up to 65535 in its shortest form") {
  const std::string v4 = "PROXY TCP4 192.0.2.1 198.51.100.2 ";
  check_refused(v4 + "65536", v4.size() + 4);
  check_refused(v4 + "655350", v4.size() + 4 + 1);
  check_refused(v4 + "01", v4.size() + 1);
  check_refused(v4 + "00", v4.size() + 1);
  check_refused(v4 + "+1", v4.size());
  check_refused(v4 + " 1", v4.size());
  check_refused(v4 + "1 65536", v4.size() + 6);
  check_refused(v4 + "1 \r\n", v4.size() + 2);
  check_refused(v4 + "1 0x1", v4.size() + 3);
}

TEST_CASE("a header of version 2 gives both addresses") {
  check_complete(binary(0x21, 0x11, kV4Block), kV4Text);
  check_complete(binary(0x21, 0x21, kV6Block), kV6Text);
}

TEST_CASE("extensions of version 2 are passed over") {
  const std::string extensions = extension(0x01, "h2") + extension(0x04, "") + extension(0x02, "example.com") +
                                 extension(0xee, std::string(300, '\xff'));
  check_complete(binary(0x21, 0x11, kV4Block + extensions), kV4Text);
  check_complete(binary(0x21, 0x21, kV6Block + extension(0x20, "not looked into")), kV6Text);
}

TEST_CASE("what is not relayed TCP over IP keeps the connection's own addresses") {
  check_complete(binary(0x20, 0x00, ""), "local");
  check_complete(binary(0x20, 0x11, kV4Block), "local");
  check_complete(binary(0x20, 0xff, "anything at all"), "local");
  check_complete(binary(0x21, 0x00, ""), "local");
  check_complete(binary(0x21, 0x00, "anything at all"), "local");
  check_complete(binary(0x21, 0x01, "anything at all"), "local");
  check_complete(binary(0x21, 0x10, ""), "local");
  check_complete(binary(0x21, 0x12, kV4Block), "local");
  check_complete(binary(0x21, 0x22, kV6Block + extension(1, "h3")), "local");
  check_complete(binary(0x21, 0x31, std::string(216, 'u')), "local");
  check_complete(binary(0x21, 0x32, std::string(216, 'u') + extension(4, "")), "local");
}

TEST_CASE("a header of another version, command, family or transport is refused at that byte") {
  for (const int byte : {0x00, 0x01, 0x11, 0x22, 0x2f, 0x31, 0xff}) check_refused(binary(byte, 0x11, kV4Block), 12);
  for (const int byte : {0x13, 0x1f, 0x23, 0x33, 0x41, 0x40, 0xf1, 0xff, 0x03})
    check_refused(binary(0x21, byte, kV4Block), 13);
}

TEST_CASE("the signature counts byte by byte") {
  const std::string whole = binary(0x21, 0x11, kV4Block);
  for (size_t at = 1; at < kSignature.size(); ++at) {
    std::string received = whole;
    received[at] ^= 0x20;
    check_refused(received, at);
  }
}

TEST_CASE("a length of version 2 must hold the addresses and stay within the bound") {
  check_refused(binary(0x21, 0x11, kV4Block.substr(1)), 15);
  check_refused(binary(0x21, 0x11, ""), 15);
  check_refused(binary(0x21, 0x21, kV4Block), 15);
  check_refused(binary(0x21, 0x12, ""), 15);
  check_refused(binary(0x21, 0x31, std::string(215, 'u')), 15);
  const size_t most = limits::kProxyHeaderBytes - 16;
  const auto padded = [](size_t length) {
    return binary(0x21, 0x11, kV4Block + extension(4, std::string(length - kV4Block.size() - 3, '\0')));
  };
  CHECK(outcome(padded(most)) == kV4Text);
  CHECK(read_proxy_protocol(padded(most)).bytes == limits::kProxyHeaderBytes);
  check_refused(padded(most + 1).substr(0, 40), 15);
  check_refused(binary(0x20, 0x00, std::string(most + 1, '\0')).substr(0, 40), 15);
  check_refused(binary(0x20, 0x00, std::string(65535, '\0')).substr(0, 40), 14);
}

TEST_CASE("an extension that does not lie inside is refused before its value comes") {
  check_refused(binary(0x21, 0x11, kV4Block + "\x01"), 15);  // one byte is none, which the length tells already
  check_refused(binary(0x21, 0x11, kV4Block + std::string("\x01\x00", 2)), 15);
  check_refused(binary(0x21, 0x11, kV4Block + std::string("\x01\x00\x01", 3)), 16 + 12 + 2);
  check_refused(binary(0x21, 0x11, kV4Block + std::string("\x01\xff\xff", 3) + "value"), 16 + 12 + 2);
  check_refused(binary(0x21, 0x11, kV4Block + extension(4, "ab") + "\x01"), 16 + 12 + 2);
  check_refused(binary(0x21, 0x12, kV4Block + std::string("\x01\x00\x01", 3)), 16 + 12 + 2);
}

}  // namespace narthex::proxy::test
