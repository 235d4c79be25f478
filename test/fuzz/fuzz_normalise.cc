// Invariant: whatever the bytes, a target is refused or gets one canonical form that is its own canonical form, starts
// with '/', holds no dot segment, double slash, control byte, space or backslash, and is not longer than what came. An
// authority is refused or gets a host that is its own canonical form.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "router/normalise.h"

using narthex::base::check;
using namespace narthex::router;

namespace {

bool is_clean(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '#') return false;
  }
  return true;
}

void check_target(std::string_view raw) {
  std::string scratch, scratch_again;
  Target target, again;
  if (normalise_target(raw, scratch, target) != TargetError::none) return;
  const std::string path(target.path), closed = path + "/", whole = path + std::string(target.query);
  check(path.starts_with('/'), "starts at the root");
  check(whole.size() <= 3 * raw.size(), "is three times as long as what came at the most");
  check(is_clean(whole) && path.find_first_of("\\?") == path.npos, "holds no byte that is refused");
  check(path.find("//") == path.npos, "has no empty segment inside");
  check(closed.find("/./") == closed.npos && closed.find("/../") == closed.npos, "has no dot segment");
  check(target.query.empty() || target.query[0] == '?', "the query has its question mark");
  check(raw.ends_with(target.query), "the query is as it came");
  check(normalise_target(whole, scratch_again, again) == TargetError::none, "is accepted again");
  check(again.path == target.path && again.query == target.query, "is its own canonical form");
  check(target.forwarded == target.path || std::string(target.forwarded) + std::string(target.query) == raw,
        "what is forwarded is canonical or as it came");
  check(normalise_target(target.forwarded, scratch_again, again) == TargetError::none && again.path == target.path,
        "what is forwarded is what was matched");
}

void check_authority(std::string_view raw) {
  std::string scratch, scratch_again;
  std::string_view host, again;
  if (!normalise_authority(raw, scratch, host)) return;
  check(host.empty() == raw.empty(), "only nothing gives no host");
  check(host.size() <= raw.size() && host.size() <= 253, "is within the bounds");
  check(is_clean(host) && host.find_first_of("*%@/\\,?") == host.npos, "holds no byte that is refused");
  check(normalise_authority(host, scratch_again, again) && again == host, "is its own canonical form");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(bytes), size);
  check_target(raw);
  check_authority(raw);
  return 0;
}
