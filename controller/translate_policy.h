// From options, as config/ decodes them, to the policies that workers carry out. Pure functions; THREAD: control.
#pragma once

#include <memory>

#include "config/annotations.h"
#include "config/settings.h"
#include "router/policy.h"

namespace narthex::controller {

// Null where the settings' own policy does: nothing else is asked for.
std::shared_ptr<const router::RoutePolicy> make_policy(const config::IngressAnnotations& annotations, const config::DecodedSettings& settings);
// A copy of `base` for a route that has a canary with its backend in `slot`. `header_pattern`: its own, compiled.
std::shared_ptr<const router::RoutePolicy> with_canary(const router::RoutePolicy& base, const config::Canary& canary,
                                                       std::shared_ptr<const router::Regex> header_pattern, router::BackendSlot slot,
                                                       std::shared_ptr<const router::RouteOwner> owner);
std::shared_ptr<const router::SitePolicy> make_site_policy(const config::DecodedSettings& settings);

}  // namespace narthex::controller
