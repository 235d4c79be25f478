// Invariant: whatever the pattern, the target and the path, a rewritten path is refused or is its own canonical form, without dot
// segments and within its bound, and so is the prefix; and the same request gives the same again. Input: three lines, pattern,
// target and request target; the rest is a second pattern, before the first.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "router/normalise.h"
#include "router/rewrite.h"

using narthex::base::check;
using namespace narthex::router;

namespace {

std::string_view take_line(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void add_route(HostSpec& spec, std::string_view pattern, std::string_view target) {
  auto regex = Regex::compile(pattern);
  if (!regex || !pattern.starts_with('/')) return;
  check(pattern.starts_with(literal_prefix(pattern)), "the literal beginning is one");
  auto policy = std::make_shared<RoutePolicy>();
  policy->rewrite = std::make_shared<const RewritePolicy>(RewritePolicy{{}, std::string(target), std::string(target)});
  RouteSpec route;
  route.path = pattern;
  route.type = PathType::pattern;
  route.policy = std::move(policy);
  route.rewrites = true;
  route.pattern = std::move(regex.value());
  spec.routes.push_back(std::move(route));
}

void check_canonical(std::string_view path) {
  std::string scratch;
  Target again;
  check(path.size() <= 3 * kRewrittenBytesMax, "is within the bound");
  check(normalise_target(path, scratch, again) == TargetError::none, "is accepted");
  check(again.path == path && again.query.empty(), "is its own canonical form, without a query");
  const std::string closed = std::string(path) + "/";
  for (const char* segment : {"/../", "/./", "/..;", "/.;", "%2F../", "%5C../"})
    check(closed.find(segment) == std::string::npos, "has no dot segment");
  check(path.find("//") == std::string_view::npos, "has no empty segment");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(bytes), size);
  const std::string_view pattern = take_line(rest), target = take_line(rest), raw = take_line(rest);
  HostSpec spec;
  spec.by_patterns = true;
  add_route(spec, rest, "/other");
  add_route(spec, pattern, target);
  const auto host = HostRoutes::compile(spec);
  std::string scratch;
  Target request;
  if (raw.size() > 8192 || normalise_target(raw, scratch, request) != TargetError::none) return 0;
  const Route* route = host->match(request.path);
  if (!route) return 0;
  RewriteMemory memory, fresh;
  Rewritten out, again;
  const bool done = rewrite(*host, *route, request.path, memory, out);
  const std::string path(out.path), prefix(out.forwarded_prefix);
  check(rewrite(*host, *route, request.path, memory, again) == done, "memory is left over from nothing");
  if (!done) return 0;
  check(again.path == path && again.forwarded_prefix == prefix, "the same request gives the same");
  check_canonical(path);
  if (!prefix.empty()) check_canonical(prefix);
  return 0;
}
