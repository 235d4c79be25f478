// One tree for YAML and JSON: what yaml.cc and json.cc make and decode.cc reads. Keeps the line of every node for findings.
// A value; any thread. LIMIT: depth, nodes and bytes as given in TreeLimits; aliases count as the nodes that they stand for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace narthex::config {

struct Tree {
  using List = std::vector<Tree>;
  struct Member;
  using Map = std::vector<Member>;  // in the order of the text; a key given twice is an error
  // null, boolean, integer, real, text, list, map
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map> value;
  uint32_t line = 0;  // 1-based

  // The member of that name, or null when this is no map or has none. VALID UNTIL: this tree changes.
  const Tree* find(std::string_view key) const;
  // "a string", "a map", ... for messages.
  const char* kind_name() const;
};

// One key and its value. No std::pair: clang 14 cannot make one of a type that is not complete yet.
struct Tree::Member {
  std::string first;
  Tree second;
};

struct TreeLimits {
  uint32_t depth = 100;          // Kubernetes objects are about 15 deep
  uint32_t nodes = 4'000'000;    // 100,000 Ingresses in one List are about 3 million
  size_t bytes = 512u << 20;     // of text
};

// A text that could not be read on to its end: what was wrong, and where.
struct TreeError {
  std::string message;
  uint32_t line = 0;
};

// The documents of a text in order, and why the rest could not be read (if it could not). Documents in front of a broken one
// are kept.
struct TreeDocuments {
  std::vector<Tree> documents;
  std::vector<TreeError> errors;
};

// YAML 1.2 with the booleans of Kubernetes' reader (yes, no, on, off, y, n count too); multi-document; anchors and aliases.
TreeDocuments parse_yaml(std::string_view text, const TreeLimits& limits = {});
// One line of JSON. Numbers that are no integers are written as fmt writes them.
std::string to_json(const Tree& tree);
// With its quotes. Bytes that are no UTF-8 stay as they are.
std::string json_quoted(std::string_view text);
// RFC 8259, one document. Members named `left_out`, wherever they stand, are read over and cost nothing.
TreeDocuments parse_json(std::string_view text, const TreeLimits& limits = {}, std::string_view left_out = {});

}  // namespace narthex::config
