// What a source tells the control plane: one object of the store is now so, or is gone. A value; any thread.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "config/objects.h"

namespace narthex::controller {

struct Change {
  config::ObjectRef ref;  // which object; the kind is a kKind of config/objects.h
  std::optional<config::Object> object;  // what it is now; none: it is gone
};

// Changes in the order in which they happened; a later one about the same object wins.
using Changes = std::vector<Change>;

inline Change upserted(config::Object object) {
  config::ObjectRef ref = config::ref_of(object);
  return {std::move(ref), std::move(object)};
}
inline Change removed(config::ObjectRef ref) { return {std::move(ref), std::nullopt}; }

}  // namespace narthex::controller
