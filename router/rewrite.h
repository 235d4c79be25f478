// rewrite-target and x-forwarded-prefix: from the path of a request, and the groups that its route's pattern finds in it, to the path
// that the pod is asked for. What comes out is canonical again (normalise.h). Pure; any thread.
//
// The text that patterns meet is the canonical path with its percent triplets decoded, but for those that would make it ambiguous:
// %25, %2F, %5C and control bytes stay as they are. So "%2F" is no slash to a pattern. In a path that is rewritten it becomes
// one, as in ingress-nginx, and the request is refused unless both readings lead to the same route.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "router/host_routes.h"

namespace narthex::router {

// LIMIT: of a rewritten path or prefix; a target may name a group many times.
inline constexpr size_t kRewrittenBytesMax = 16 * 1024;

// `path` is canonical. VALID UNTIL: path or scratch changes.
std::string_view pattern_text(std::string_view path, std::string& scratch);

// Recycled from one request to the next; views that rewrite() gives are into it.
struct RewriteMemory {
  std::string slashes, text, filled, read, path, prefix;
};

struct Rewritten {
  std::string_view path;              // canonical; may be empty where the policy names an origin
  std::string_view forwarded_prefix;  // empty: none is told
};

// REQUIRES: host.match(path) gave `route`, which rewrites. False: there is no such path that all read alike: it has dot segments,
// control bytes, half of a percent triplet, or is too long; or its encoded slashes would lead to another route.
bool rewrite(const HostRoutes& host, const Route& route, std::string_view path, RewriteMemory& memory, Rewritten& out);

}  // namespace narthex::router
