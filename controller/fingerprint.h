// A hash over every field of an object, so that a source can tell "changed" from "read again" without keeping the
// object. Pure; any thread. Stable within one build only: never written anywhere. Two different objects collide once
// in 2^64.
#pragma once

#include <cstdint>

#include "config/objects.h"

namespace narthex::controller {

uint64_t fingerprint(const config::Object& object);

}  // namespace narthex::controller
