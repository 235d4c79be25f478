// A tree as one line, for comparisons in tests: {a: 1, b: [true, "x"]}; strings in quotes, null as null. Pure.
#pragma once

#include <fmt/format.h>

#include <string>

#include "config/tree.h"

namespace narthex::config {

inline std::string text_of(const Tree& tree) {
  if (const auto* word = std::get_if<bool>(&tree.value)) return *word ? "true" : "false";
  if (const auto* number = std::get_if<int64_t>(&tree.value)) return std::to_string(*number);
  if (const auto* number = std::get_if<double>(&tree.value)) return fmt::format("{}d", *number);
  if (const auto* text = std::get_if<std::string>(&tree.value)) return "\"" + *text + "\"";
  if (const auto* list = std::get_if<Tree::List>(&tree.value)) {
    std::string out;
    for (const Tree& item : *list) out += (out.empty() ? "" : ", ") + text_of(item);
    return "[" + out + "]";
  }
  if (const auto* map = std::get_if<Tree::Map>(&tree.value)) {
    std::string out;
    for (const auto& [key, member] : *map) out += (out.empty() ? "" : ", ") + key + ": " + text_of(member);
    return "{" + out + "}";
  }
  return "null";
}

// All documents, then all errors as "!line message".
inline std::string text_of(const TreeDocuments& parsed) {
  std::string out;
  for (const Tree& document : parsed.documents) out += (out.empty() ? "" : " | ") + text_of(document);
  for (const TreeError& error : parsed.errors)
    out += fmt::format("{}!{} {}", out.empty() ? "" : " | ", error.line, error.message);
  return out;
}

inline std::string repeat(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace narthex::config
