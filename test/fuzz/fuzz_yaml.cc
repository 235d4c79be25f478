// Invariant: whatever the bytes, parse_yaml ends within its limits: no exception, no crash, no document beyond the
// depth and the number of nodes asked for, and every error has a message and a line.
#include <cstdint>

#include "base/check.h"
#include "config/tree.h"
#include "config/tree_builder.h"

namespace {

constexpr narthex::config::TreeLimits kLimits{.depth = 20, .nodes = 2000, .bytes = 1u << 20};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using narthex::base::check;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto parsed = narthex::config::parse_yaml(text, kLimits);
  for (const auto& document : parsed.documents) {
    const auto measured = narthex::config::measure(document);
    check(measured.nodes <= kLimits.nodes, "nodes within the limit");
    check(measured.height <= kLimits.depth, "depth within the limit");
    check(measured.bytes <= kLimits.bytes, "bytes within the limit");
  }
  check(parsed.errors.size() <= 101, "errors are bounded");
  for (const auto& error : parsed.errors)
    check(!error.message.empty() && error.line > 0, "an error says what and where");
  return 0;
}
