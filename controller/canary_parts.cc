#include "controller/canary_parts.h"

#include "controller/translate.h"
#include "controller/translate_policy.h"

namespace narthex::controller {

void CanaryParts::set(const config::ObjectKey& ingress, config::Canary canary) {
  const auto [at, is_new] = parts_.try_emplace(ingress);
  Parts& parts = at->second;
  if (is_new) parts.owner = std::make_shared<const router::RouteOwner>(router::RouteOwner{ingress.ns, ingress.name});
  if (parts.canary == canary) return;
  parts.canary = std::move(canary);
  parts.header_pattern = compile_header_pattern(parts.canary);
  parts.made.clear();
}

void CanaryParts::forget_policies() {
  for (auto& [key, parts] : parts_) parts.made.clear();
}

std::shared_ptr<const router::RoutePolicy> CanaryParts::policy(const config::ObjectKey& ingress, router::BackendSlot slot,
                                                               const std::shared_ptr<const router::RoutePolicy>& base,
                                                               const router::RoutePolicy& site) {
  Parts& parts = parts_.at(ingress);
  for (const Made& made : parts.made)
    if (made.base == base && made.slot == slot) return made.policy;
  std::erase_if(parts.made, [](const Made& made) { return made.policy.use_count() == 1; });  // no route has it any more
  return parts.made.emplace_back(Made{base, slot, with_canary(base ? *base : site, parts.canary, parts.header_pattern, slot, parts.owner)}).policy;
}

}  // namespace narthex::controller
