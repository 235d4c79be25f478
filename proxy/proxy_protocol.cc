#include "proxy/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "proxy/limits.h"

namespace narthex::proxy {
namespace {

using State = ProxyProtocolState;

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr size_t kFixedBytes = 16;  // signature, version and command, family and transport, length

enum Command : unsigned { kLocal = 0, kRelay = 1 };
enum Family : unsigned { kUnspecified = 0, kIpv4 = 1, kIpv6 = 2, kUnix = 3 };
enum Transport : unsigned { kNoTransport = 0, kStream = 1, kDatagram = 2 };

ProxyProtocolHeader read_line(std::string_view received);
ProxyProtocolHeader read_binary(std::string_view received);

ProxyProtocolHeader answer(State state) { return {.state = state}; }

// As much of `expected` as there is, is what is there.
bool may_begin_with(std::string_view text, std::string_view expected) {
  const size_t seen = std::min(text.size(), expected.size());
  return text.substr(0, seen) == expected.substr(0, seen);
}

}  // namespace

ProxyProtocolHeader read_proxy_protocol(std::string_view received) {
  if (received.empty()) return answer(State::incomplete);
  return received.front() == kSignature.front() ? read_binary(received) : read_line(received);
}

namespace {

// Version 1, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443" CRLF: what has come of the line, taken piece by piece. A
// piece whose end has not come yet waits; one that cannot become right refuses. Both end the reading.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}
  State state() const { return state_; }  // complete as long as all pieces were there and right
  size_t left() const { return rest_.size(); }

  bool take(std::string_view literal) {
    if (!may_begin_with(rest_, literal)) return end(State::refused);
    if (rest_.size() < literal.size()) return end(State::incomplete);
    rest_.remove_prefix(literal.size());
    return true;
  }
  char peek() {
    if (rest_.empty()) end(State::incomplete);
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool take_address(int family, sockaddr_storage& out);
  bool take_port(std::string_view behind, sockaddr_storage& out);
  bool take_ignored();

 private:
  bool end(State state) {
    state_ = state;
    return false;
  }
  // The longest run of bytes that are right, whose end must have come.
  template <typename IsRight>
  bool take_run(size_t most, std::string_view& out, IsRight is_right) {
    size_t size = 0;
    while (size < rest_.size() && size <= most && is_right(rest_[size])) ++size;
    if (size > most) return end(State::refused);
    out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
  State state_ = State::complete;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// One address and the space behind it. inet_pton wants what the specification wants: four numbers without leading
// zeros, or groups of hexadecimal digits with one "::". Its third form (::ffff:192.0.2.1) comes from senders that print
// with inet_ntop.
bool Line::take_address(int family, sockaddr_storage& out) {
  const size_t longest = family == AF_INET ? INET_ADDRSTRLEN - 1 : INET6_ADDRSTRLEN - 1;
  std::string_view text;
  const auto is_right = [family](char c) {
    return family == AF_INET ? is_digit(c) || c == '.' : is_hex_digit(c) || c == ':' || c == '.';
  };
  if (!take_run(longest, text, is_right)) return false;
  if (rest_.empty()) return end(State::incomplete);
  std::array<char, INET6_ADDRSTRLEN> ended{};
  std::copy(text.begin(), text.end(), ended.begin());
  out.ss_family = static_cast<sa_family_t>(family);
  void* const at = family == AF_INET ? static_cast<void*>(&reinterpret_cast<sockaddr_in&>(out).sin_addr)
                                     : static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(out).sin6_addr);
  if (inet_pton(family, ended.data(), at) != 1) return end(State::refused);
  return take(" ");
}

void set_port(sockaddr_storage& out, uint16_t port) {
  if (out.ss_family == AF_INET)
    reinterpret_cast<sockaddr_in&>(out).sin_port = htons(port);
  else
    reinterpret_cast<sockaddr_in6&>(out).sin6_port = htons(port);
}

// 0 to 65535 without leading zeros, and `behind`.
bool Line::take_port(std::string_view behind, sockaddr_storage& out) {
  std::string_view digits;
  if (!take_run(5, digits, is_digit)) return false;
  unsigned value = 0;
  for (const char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
  const bool leading_zero = digits.size() > 1 && digits.front() == '0';
  if (value > 65535 || leading_zero || (digits.empty() && !rest_.empty())) return end(State::refused);
  if (rest_.empty()) return end(State::incomplete);
  set_port(out, static_cast<uint16_t>(value));
  return take(behind);
}

// What stands behind UNKNOWN is of no meaning, but it is "text" and only CRLF ends it.
bool Line::take_ignored() {
  std::string_view text;
  return take_run(limits::kProxyLineBytes, text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool take_all(Line& line, ProxyProtocolHeader& out) {
  if (!line.take("PROXY ")) return false;
  if (line.peek() == 'U')
    return line.take("UNKNOWN") && (line.peek() != ' ' || line.take_ignored()) && line.take("\r\n");
  if (!line.take("TCP")) return false;
  const int family = line.peek() == '6' ? AF_INET6 : AF_INET;
  out.relayed = line.take(family == AF_INET6 ? "6 " : "4 ") && line.take_address(family, out.source) &&
                line.take_address(family, out.destination) && line.take_port(" ", out.source) &&
                line.take_port("\r\n", out.destination);
  return out.relayed;
}

ProxyProtocolHeader read_line(std::string_view received) {
  const std::string_view text = received.substr(0, limits::kProxyLineBytes);
  Line line(text);
  ProxyProtocolHeader out;
  if (take_all(line, out)) {
    out.state = State::complete;
    out.bytes = text.size() - line.left();
    return out;
  }
  // No room is left for the end of the line, or for its second half.
  const bool full = text.size() + (text.ends_with('\r') ? 1 : 2) > limits::kProxyLineBytes;
  return answer(full ? State::refused : line.state());
}

unsigned byte_at(std::string_view text, size_t at) { return static_cast<unsigned char>(text[at]); }

// Two bytes, the high one first.
size_t number_at(std::string_view text, size_t at) { return byte_at(text, at) << 8 | byte_at(text, at + 1); }

// Of both addresses and their ports, of a connection of that kind.
size_t address_bytes(unsigned family) {
  switch (family) {
    case kIpv4:
      return 2 * 4 + 2 * 2;
    case kIpv6:
      return 2 * 16 + 2 * 2;
    case kUnix:
      return 2 * 108;
    default:
      return 0;
  }
}

// Type, length and value, one behind the other up to the very end. `block` is what has come of `size` bytes. False: one
// does not lie inside. Nothing of them is used, so that what is inside the values does not matter either.
bool are_extensions(std::string_view block, size_t size, size_t at) {
  constexpr size_t kHeadBytes = 3;
  while (at < size) {
    if (size - at < kHeadBytes) return false;
    if (block.size() < at + kHeadBytes) return true;  // as far as is known
    const size_t value = number_at(block, at + 1);
    at += kHeadBytes;
    if (value > size - at) return false;
    at += value;
  }
  return true;
}

// Source address, destination address, source port, destination port.
void copy_addresses(std::string_view block, unsigned family, ProxyProtocolHeader& out) {
  const size_t size = family == kIpv4 ? 4 : 16;
  const auto copy = [&](size_t from, size_t port_from, sockaddr_storage& to) {
    to.ss_family = family == kIpv4 ? AF_INET : AF_INET6;
    void* const at = family == kIpv4 ? static_cast<void*>(&reinterpret_cast<sockaddr_in&>(to).sin_addr)
                                     : static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(to).sin6_addr);
    std::memcpy(at, block.data() + from, size);
    set_port(to, static_cast<uint16_t>(number_at(block, port_from)));
  };
  copy(0, 2 * size, out.source);
  copy(size, 2 * size + 2, out.destination);
}

// Version 2: signature, then
//
//   version 2 | command    family | transport    length, 2 bytes    addresses    extensions
//
// where the length counts what follows it. LOCAL: the rest has no meaning, not even its family. With neither a family
// nor a transport there is nothing that says what the block is, so nothing in it can be wrong.
ProxyProtocolHeader read_binary(std::string_view received) {
  if (!may_begin_with(received, kSignature)) return answer(State::refused);
  if (received.size() < 13) return answer(State::incomplete);
  const unsigned command = byte_at(received, 12) & 15;
  if (byte_at(received, 12) >> 4 != 2 || command > kRelay) return answer(State::refused);
  if (received.size() < 14) return answer(State::incomplete);
  const unsigned family = byte_at(received, 13) >> 4, transport = byte_at(received, 13) & 15;
  if (command == kRelay && (family > kUnix || transport > kDatagram)) return answer(State::refused);
  constexpr size_t kLongest = limits::kProxyHeaderBytes - kFixedBytes;
  if (received.size() > 14 && byte_at(received, 14) << 8 > kLongest) return answer(State::refused);
  if (received.size() < kFixedBytes) return answer(State::incomplete);
  const size_t length = number_at(received, 14);
  if (length > kLongest) return answer(State::refused);
  const std::string_view block = received.substr(kFixedBytes, length);
  const bool meant = command == kRelay && family != kUnspecified && transport != kNoTransport;
  const size_t addresses = address_bytes(family);
  if (meant && (length < addresses || !are_extensions(block, length, addresses))) return answer(State::refused);
  if (block.size() < length) return answer(State::incomplete);
  ProxyProtocolHeader out{.state = State::complete, .bytes = kFixedBytes + length};
  out.relayed = meant && family != kUnix && transport == kStream;
  if (out.relayed) copy_addresses(block, family, out);
  return out;
}

}  // namespace
}  // namespace narthex::proxy
