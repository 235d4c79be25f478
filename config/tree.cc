#include "config/tree.h"

#include <array>

namespace narthex::config {

const Tree* Tree::find(std::string_view key) const {
  const Map* map = std::get_if<Map>(&value);
  if (map == nullptr) return nullptr;
  for (const auto& [name, member] : *map)
    if (name == key) return &member;
  return nullptr;
}

const char* Tree::kind_name() const {
  // In the order of the variant's alternatives.
  static constexpr std::array<const char*, 7> kNames = {
      "nothing", "a boolean (true or false)", "an integer", "a number with a fraction", "a string", "a list", "a map"};
  return kNames[value.index()];
}

}  // namespace narthex::config
