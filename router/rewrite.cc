#include "router/rewrite.h"

#include <algorithm>

#include "router/normalise.h"
#include "router/regex.h"

namespace narthex::router {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

int hex_digit(char c) {
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  const size_t digit = kHexDigits.find(c);
  return digit == std::string_view::npos ? -1 : static_cast<int>(digit);
}

// The byte that a percent triplet at the start of `text` stands for, or -1.
int decode_triplet(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_digit(text[1]), low = hex_digit(text[2]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

// What a pattern does not see decoded: in the text a '%' always begins a triplet.
bool stays_encoded(int byte) { return byte < 0x20 || byte == 0x7f || byte == '%' || byte == '/' || byte == '\\'; }

// What normalise_target refuses raw, or takes for the end of the path, though it was only decoded for the pattern.
bool needs_encoding(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte >= 0x7f || c == '?' || c == '#' || c == '\\';
}

bool append(std::string_view text, std::string& out) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (needs_encoding(c)) {
      out += {'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    } else {
      out += c;
    }
  }
  return out.size() <= kRewrittenBytesMax;
}

// $1 to $9 stand for groups. Nothing is measured beforehand: the text grows as it is written.
bool fill(std::string_view pattern, const Groups& groups, std::string& out) {
  out.clear();
  for (size_t at = 0; at < pattern.size();) {
    const size_t dollar = std::min(pattern.find('$', at), pattern.size());
    if (!append(pattern.substr(at, dollar - at), out)) return false;
    at = dollar;
    if (at == pattern.size()) break;
    const bool group = at + 1 < pattern.size() && pattern[at + 1] >= '1' && pattern[at + 1] <= '9';
    if (!append(group ? groups[static_cast<size_t>(pattern[at + 1] - '0')] : pattern.substr(at, 1), out)) return false;
    at += group ? 2 : 1;
  }
  return true;
}

// "." or ".." between slashes, also for those who decode first, take a backslash for a slash, or drop what follows a ';'. The path of a
// request has none: a rewritten one gets them where pieces meet ("/api(.*)" to "/$1" makes "/../x" of "/api../x").
bool has_dot_segment(std::string_view path) {
  size_t dots = 0;
  bool only_dots = false, cut = false;
  const auto is_dots = [&] { return only_dots && (dots == 1 || dots == 2); };
  for (size_t at = 0; at < path.size();) {
    const int decoded = decode_triplet(path.substr(at));
    const char c = decoded < 0 ? path[at] : static_cast<char>(decoded);
    at += decoded < 0 ? 1 : 3;
    if (c == '/' || c == '\\') {
      if (is_dots()) return true;
      dots = 0, only_dots = true, cut = false;
    } else if (c == ';') {
      cut = true;
    } else if (!cut) {
      only_dots = only_dots && c == '.';
      ++dots;
    }
  }
  return is_dots();
}

// `filled` begins with a slash.
bool make_canonical(std::string_view filled, std::string& scratch, std::string_view& out) {
  Target target;
  if (has_dot_segment(filled) || normalise_target(filled, scratch, target) != TargetError::none) return false;
  out = target.path;
  return true;
}

// The path with its encoded slashes as slashes, where that leads to the same route.
bool read_slashes(const HostRoutes& host, const Route& route, RewriteMemory& memory, std::string_view& path) {
  constexpr std::string_view kSlash = "%2F";
  if (path.find(kSlash) == std::string_view::npos) return true;
  memory.slashes.assign(path);
  for (size_t at = 0; (at = memory.slashes.find(kSlash, at)) != std::string::npos; ++at) memory.slashes.replace(at, kSlash.size(), "/");
  Target target;
  if (normalise_target(memory.slashes, memory.read, target) != TargetError::none) return false;
  path = target.path;
  return host.match(path) == &route;
}

}  // namespace

std::string_view pattern_text(std::string_view path, std::string& scratch) {
  if (path.find('%') == std::string_view::npos) return path;
  scratch.clear();
  for (size_t at = 0; at < path.size();) {
    const int byte = decode_triplet(path.substr(at));
    if (byte < 0) {
      scratch += path[at++];
      continue;
    }
    if (stays_encoded(byte)) {
      scratch += path.substr(at, 3);
    } else {
      scratch += static_cast<char>(byte);
    }
    at += 3;
  }
  return scratch;
}

bool rewrite(const HostRoutes& host, const Route& route, std::string_view path, RewriteMemory& memory, Rewritten& out) {
  const RewritePolicy& policy = *route.policy->rewrite;
  if (!read_slashes(host, route, memory, path)) return false;
  Groups groups{};
  if (const Regex* regex = host.pattern_of(route); regex && !regex->matches(pattern_text(path, memory.text), groups)) return false;
  out = {};
  if (!policy.forwarded_prefix.empty()) {
    if (!fill(policy.forwarded_prefix, groups, memory.filled)) return false;
    // Applications put it before their links, where two slashes would begin the name of a host.
    if (!memory.filled.empty() && memory.filled[0] != '/') memory.filled.insert(0, 1, '/');
    if (!memory.filled.empty() && !make_canonical(memory.filled, memory.prefix, out.forwarded_prefix)) return false;
    memory.prefix.assign(out.forwarded_prefix);
    out.forwarded_prefix = memory.prefix;
  }
  if (!fill(policy.path, groups, memory.filled)) return false;
  if (memory.filled.empty() && !policy.origin.empty()) return true;
  if (!memory.filled.starts_with('/')) memory.filled.insert(0, 1, '/');
  return make_canonical(memory.filled, memory.path, out.path);
}

}  // namespace narthex::router
