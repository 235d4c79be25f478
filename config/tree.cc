#include "config/tree.h"

#include <fmt/format.h>

#include <array>
#include <type_traits>

#include "base/text.h"

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

std::string json_quoted(std::string_view text) { return '"' + base::escape_line(text, true) + '"'; }

std::string to_json(const Tree& tree) {
  const auto write = [](const auto& value) -> std::string {
    using T = std::decay_t<decltype(value)>;
    std::string out;
    if constexpr (std::is_same_v<T, std::monostate>) {
      return "null";
    } else if constexpr (std::is_same_v<T, std::string>) {
      return json_quoted(value);
    } else if constexpr (std::is_same_v<T, Tree::List>) {
      for (const Tree& item : value) out += (out.empty() ? "" : ",") + to_json(item);
      return "[" + out + "]";
    } else if constexpr (std::is_same_v<T, Tree::Map>) {
      for (const auto& [name, member] : value)
        out += (out.empty() ? "" : ",") + json_quoted(name) + ":" + to_json(member);
      return "{" + out + "}";
    } else {
      return fmt::format("{}", value);
    }
  };
  return std::visit(write, tree.value);
}

}  // namespace narthex::config
