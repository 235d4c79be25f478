// The text of a YAML file before it is parsed: what may be in it at all, and where its documents begin. Pure; any
// thread. VALID UNTIL: the pieces are views into the text.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/tree.h"

namespace narthex::config {

// One document's text with its own marker line; `first_line` is the 1-based line it begins in.
struct YamlPiece {
  std::string_view text;
  uint32_t first_line = 1;
};

// Cuts at `---` and behind `...` at the beginning of a line: these end a document wherever they stand, in block scalars
// and quoted text too (YAML 1.2.2, 9.1.2), so that a broken document costs only itself. Directives stay with what they
// precede.
std::vector<YamlPiece> split_documents(std::string_view text);

// The first byte that YAML does not allow (5.1: control bytes other than tab, LF and CR; what is not UTF-8). yaml-cpp
// itself takes byte 4 for the end of the text, and guesses UTF-16 and UTF-32 from zero bytes.
std::optional<TreeError> bad_byte(const YamlPiece& piece);

}  // namespace narthex::config
