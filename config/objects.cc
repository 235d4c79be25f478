#include "config/objects.h"

#include <type_traits>

namespace narthex::config {

const Meta& meta_of(const Object& object) {
  return std::visit([](const auto& one) -> const Meta& { return one.meta; }, object);
}

ObjectRef ref_of(const Object& object) {
  return std::visit(
      [](const auto& one) {
        return ObjectRef{std::remove_cvref_t<decltype(one)>::kKind, one.meta.key.ns, one.meta.key.name};
      },
      object);
}

}  // namespace narthex::config
