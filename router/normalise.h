// The one place where request paths and authorities get their canonical form. Routing, access rules and forwarding all
// use what comes out here, so that nobody downstream can read a path differently from how it was matched. Pure; any
// thread.
//
// Path (RFC 3986 6.2.2, and stricter): percent-encoded unreserved characters are decoded, bytes that should have been
// encoded are (from 0x80 on, and |^{}"<> and backquote), hex digits are upper case, runs of slashes are merged, dot
// segments are resolved (never above the root). Encoded slashes and backslashes stay encoded. Refused: NUL and other
// control bytes (raw or encoded NUL), raw backslash, '#', space, broken percent triplets.
#pragma once

#include <string>
#include <string_view>

namespace narthex::router {

// LIMIT: canonical text is at most three times as long as what came in.
struct Target {
  std::string_view path;   // canonical, starts with '/'
  std::string_view query;  // as received, with its '?', or empty
  // What goes upstream: the canonical path, but as it came where it differs in the look of percent triplets only, because
  // some applications compare encoded text (all spellings mean the same, RFC 3986 6.2.2.1 and 2.1).
  std::string_view forwarded;
};

enum class TargetError { none, bad_byte, bad_percent, not_absolute_path };

// `raw` is an origin-form target ("/a/b?c"). The path views `raw` where nothing had to change (the usual case, no
// copy), else `scratch`; the query always views `raw`. `out` is set only on TargetError::none. Linear in raw.size().
// REQUIRES: raw does not view scratch. VALID UNTIL: raw or scratch changes.
TargetError normalise_target(std::string_view raw, std::string& scratch, Target& out);

// Host header or authority (RFC 9110 7.2, RFC 3986 3.2.2): lower case, without port, without one trailing dot. False
// where it is no valid uri-host [":" port]: userinfo, space, bad port, over 253 octets. `host` views `raw` or
// `scratch`. An empty `raw` gives an empty host.
bool normalise_authority(std::string_view raw, std::string& scratch, std::string_view& host);

}  // namespace narthex::router
