#include "router/normalise.h"

#include <array>
#include <cstdint>

#include "base/text.h"
#include "router/bytes.h"

namespace narthex::router {
namespace {

enum class PathByte : uint8_t { plain, slash, percent, unescaped, query, bad };

// RFC 3986 3.3 names what a path may hold. We let bytes pass that clients send all the same (>= 0x80, |^{}"<> and
// backquote), as what they would be in percent triplets, and refuse what is read differently by different programs:
// controls, space, '#', '\'.
constexpr std::array<PathByte, 256> kPathBytes = [] {
  std::array<PathByte, 256> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = i <= 0x20 || i == 0x7f ? PathByte::bad : PathByte::plain;
  for (size_t i = 0x80; i < bytes.size(); ++i) bytes[i] = PathByte::unescaped;
  for (const char c : {'|', '^', '{', '}', '"', '<', '>', '`'}) bytes[static_cast<uint8_t>(c)] = PathByte::unescaped;
  bytes['/'] = PathByte::slash;
  bytes['%'] = PathByte::percent;
  bytes['?'] = PathByte::query;
  bytes['#'] = bytes['\\'] = PathByte::bad;
  return bytes;
}();

constexpr PathByte path_byte(char c) { return kPathBytes[static_cast<uint8_t>(c)]; }

// RFC 1035 2.3.4 gives the 253 (255 with length bytes of the wire form). Underscores are in use; percent triplets are
// not decoded into another name but refused.
constexpr size_t kLongestName = 253;
constexpr uint8_t kNameByte = 1, kUpperNameByte = 2, kNameDot = 4;
constexpr std::array<uint8_t, 256> kNameBytes = [] {
  std::array<uint8_t, 256> bytes{};
  for (size_t c = 'a'; c <= 'z'; ++c) bytes[c] = kNameByte;
  for (size_t c = 'A'; c <= 'Z'; ++c) bytes[c] = kUpperNameByte;
  for (size_t c = '0'; c <= '9'; ++c) bytes[c] = kNameByte;
  bytes['-'] = bytes['_'] = kNameByte;
  bytes['.'] = kNameDot;
  return bytes;
}();

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = base::to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// RFC 3986 2.3.
constexpr bool is_unreserved(int byte) {
  const char lower = base::to_lower(static_cast<char>(byte));
  return byte < 0x80 && ((lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
                         byte == '_' || byte == '~');
}

// The byte that a percent triplet at the start of `text` stands for, or -1.
constexpr int decode_triplet(std::string_view text) {
  if (text.size() < 3) return -1;
  const int high = hex_digit(text[1]), low = hex_digit(text[2]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

struct Scan {
  TargetError error = TargetError::none;
  bool canonical = true;
  bool same_but_escapes = true;  // where not canonical: only triplets look otherwise, none was decoded
  size_t size = 0;               // of the raw path; 0 from scan_path where it is not canonical
};

Scan scan_path(std::string_view raw);
bool is_dot_segment(std::string_view from_dot);
bool is_canonical_triplet(std::string_view text);
Scan rewrite_path(std::string_view raw, std::string& path);
TargetError append_segment(std::string_view raw, size_t& at, std::string& path, bool& decoded);
bool resolve_dots(std::string& path, size_t segment);
bool is_valid_query(std::string_view query);
bool is_port_part(std::string_view text);
bool is_ip_literal(std::string_view bracketed);
bool is_plain_name(std::string_view raw);
bool scan_name(std::string_view raw, size_t& size, bool& has_upper);

}  // namespace

TargetError normalise_target(std::string_view raw, std::string& scratch, Target& out) {
  if (raw.empty() || raw[0] != '/') return TargetError::not_absolute_path;
  Scan scan = scan_path(raw);
  const bool canonical = scan.canonical;
  if (scan.error == TargetError::none && !canonical) scan = rewrite_path(raw, scratch);
  if (scan.error != TargetError::none) return scan.error;
  const std::string_view received = raw.substr(0, scan.size), query = raw.substr(scan.size);
  if (!is_valid_query(query)) return TargetError::bad_byte;
  out = {canonical ? received : scratch, query, scan.same_but_escapes ? received : scratch};
  return TargetError::none;
}

bool normalise_authority(std::string_view raw, std::string& scratch, std::string_view& host) {
  std::string_view name = raw;
  bool has_upper = false;
  if (!raw.empty() && raw[0] == '[') {
    const size_t close = raw.find(']');
    if (close == std::string_view::npos) return false;
    name = raw.substr(0, close + 1);
    if (!is_ip_literal(name) || !is_port_part(raw.substr(name.size()))) return false;
    has_upper = true;  // perhaps: "[2001:DB8::1]"
  } else if (!raw.empty()) {
    size_t size = raw.size();
    if (!is_plain_name(raw)) {
      if (!scan_name(raw, size, has_upper) || !is_port_part(raw.substr(size))) return false;
      name = raw.substr(0, size);
    }
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > kLongestName) return false;
  }
  if (has_upper) {
    scratch.assign(name);
    for (char& letter : scratch) letter = base::to_lower(letter);
    name = scratch;
  }
  host = name;
  return true;
}

namespace {

// One pass that finds the usual case: nothing to change. Stops at the first thing that needs rewriting.
Scan scan_path(std::string_view raw) {
  size_t at = 0;
  while (at < raw.size()) {
    switch (path_byte(raw[at])) {
      case PathByte::plain:
        ++at;
        break;
      case PathByte::slash:
        ++at;
        if (at < raw.size() && (raw[at] == '/' || (raw[at] == '.' && is_dot_segment(raw.substr(at)))))
          return {.canonical = false};
        break;
      case PathByte::percent:
        if (!is_canonical_triplet(raw.substr(at))) return {.canonical = false};
        at += 3;
        break;
      case PathByte::unescaped:
        return {.canonical = false};
      case PathByte::query:
        return {.size = at};
      case PathByte::bad:
        return {.error = TargetError::bad_byte};
    }
  }
  return {.size = at};
}

// "." or ".." up to the end of the path or the next slash. Encoded dots are no matter here: their triplet is not
// canonical.
bool is_dot_segment(std::string_view from_dot) {
  const size_t dots = from_dot.size() > 1 && from_dot[1] == '.' ? 2 : 1;
  return from_dot.size() == dots || from_dot[dots] == '/' || from_dot[dots] == '?';
}

bool is_canonical_triplet(std::string_view text) {
  const int byte = decode_triplet(text);
  if (byte <= 0 || is_unreserved(byte)) return false;
  return text[1] < 'a' && text[2] < 'a';
}

// RFC 3986 6.2.2 and 5.2.4, after merging slashes. `path` ends with '/' whenever a segment begins; each byte is written
// once and removed at most once, so the cost is linear.
Scan rewrite_path(std::string_view raw, std::string& path) {
  path.clear();
  path.reserve(raw.size());
  path += '/';
  size_t at = 1;
  bool same = true;
  while (at < raw.size() && raw[at] != '?') {
    if (raw[at] == '/') {
      if (path.back() != '/') {
        path += '/';
      } else {
        same = false;
      }
      ++at;
      continue;
    }
    const size_t segment = path.size();
    bool decoded = false;
    if (const TargetError error = append_segment(raw, at, path, decoded); error != TargetError::none)
      return {.error = error};
    same = !resolve_dots(path, segment) && !decoded && same;
  }
  return {.canonical = false, .same_but_escapes = same, .size = at};
}

void append_triplet(uint8_t byte, std::string& path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  path += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
}

TargetError append_segment(std::string_view raw, size_t& at, std::string& path, bool& decoded) {
  for (; at < raw.size(); ++at) {
    switch (path_byte(raw[at])) {
      case PathByte::slash:
      case PathByte::query:
        return TargetError::none;
      case PathByte::bad:
        return TargetError::bad_byte;
      case PathByte::plain:
        path += raw[at];
        break;
      case PathByte::unescaped:
        append_triplet(static_cast<uint8_t>(raw[at]), path);
        break;
      case PathByte::percent: {
        const int byte = decode_triplet(raw.substr(at));
        if (byte < 0) return TargetError::bad_percent;
        if (byte == 0) return TargetError::bad_byte;
        if (is_unreserved(byte)) {
          path += static_cast<char>(byte);
          decoded = true;
        } else {
          append_triplet(static_cast<uint8_t>(byte), path);
        }
        at += 2;
        break;
      }
    }
  }
  return TargetError::none;
}

// The segment that begins at `segment` has just been written: "." goes, ".." goes together with the segment before it.
bool resolve_dots(std::string& path, size_t segment) {
  const std::string_view written = std::string_view(path).substr(segment);
  const bool up = written == "..";
  if (!up && written != ".") return false;
  path.resize(segment);
  if (up && segment > 1) path.resize(path.rfind('/', segment - 2) + 1);
  return true;
}

bool is_valid_query(std::string_view query) {
  for (const char c : query) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '#') return false;
  }
  return true;
}

// RFC 3986 3.2.3: port = *DIGIT, so that "host:" is allowed.
bool is_port_part(std::string_view text) {
  if (text.empty() || text == ":") return true;
  return text[0] == ':' && base::parse_decimal(text.substr(1), 65535).has_value();
}

// Loosely: what is no address matches no rule anyway.
bool is_ip_literal(std::string_view bracketed) {
  constexpr size_t kLongest = 2 + 45;  // "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]"
  const std::string_view address = bracketed.substr(1, bracketed.size() - 2);
  if (bracketed.size() > kLongest || address.find(':') == std::string_view::npos) return false;
  for (const char c : address)
    if (hex_digit(c) < 0 && c != ':' && c != '.') return false;
  return true;
}

// The usual case: from eight bytes on, a-z 0-9 '-' and single dots, none at the front; no port. Eight bytes a step, the
// last step may repeat some; each class of bytes sets its top bits, as long as all are ASCII.
bool is_plain_name(std::string_view raw) {
  constexpr uint64_t kOnes = 0x0101010101010101u, kTops = 0x8080808080808080u;
  if (raw.size() < 8) return false;
  uint64_t odd = 0, dot_before = 0x80;
  const auto look = [&](uint64_t word) {
    const uint64_t letter = (word + kOnes * (0x80 - 'a')) & ~(word + kOnes * (0x7f - 'z'));
    const uint64_t digit = (word + kOnes * (0x80 - '0')) & ~(word + kOnes * (0x7f - '9'));
    const uint64_t dot = ~((word ^ kOnes * '.') + kOnes * 0x7f) & kTops;
    const uint64_t other = (word ^ kOnes * '-') + kOnes * 0x7f;
    odd |= ((~(letter | digit | dot) & other) | word | (dot & (dot << 8 | dot_before))) & kTops;
    dot_before = dot >> 56;
  };
  size_t at = 0;
  for (; at + 8 <= raw.size(); at += 8) look(load<uint64_t>(raw.data() + at));
  if (at == raw.size()) return odd == 0;
  dot_before = 0;  // the byte before is within the next word or the one before that
  look(load<uint64_t>(raw.data() + raw.size() - 8));
  return odd == 0;
}

// Up to the first byte that no name holds, which must begin the port. False: an empty label.
bool scan_name(std::string_view raw, size_t& size, bool& has_upper) {
  uint8_t before = kNameDot, seen = 0;
  size_t at = 0;
  for (; at < raw.size(); ++at) {
    const uint8_t which = kNameBytes[static_cast<uint8_t>(raw[at])];
    if (which == 0) break;
    if (which & before & kNameDot) return false;
    seen |= which;
    before = which;
  }
  size = at;
  has_upper = seen & kUpperNameByte;
  return true;
}

}  // namespace
}  // namespace narthex::router
