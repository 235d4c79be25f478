#include "proxy/filters/hops.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace narthex::proxy::filters {
namespace {

constexpr std::array<std::string_view, 10> kCounts = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"};
static_assert(kCounts.size() == limits::kHops);

}  // namespace

uint32_t hops_of(const RequestHead& request) {
  uint32_t hops = 0;
  for (const Field& field : request.fields) {
    if (field.id == FieldId::x_scheme && field.value.starts_with("http")) hops = std::max(hops, 1u);
    if (field.id != FieldId::narthex_hops) [[likely]]
      continue;
    // Twice, or no number at all: somebody on the way joined or repeated it. The loop must end all the same.
    const auto count = base::parse_decimal(field.value, limits::kHops);
    hops = std::max(hops, static_cast<uint32_t>(count.value_or(limits::kHops)));
  }
  return hops;
}

void add_hop(uint32_t hops, OutgoingFields& out) {
  if (hops != 0) out.add("X-Narthex-Hops", kCounts[hops]);
}

}  // namespace narthex::proxy::filters
