// The laws of the source tree as pure functions: a file in, its violations out ("path:line: what is wrong").
// Values only; any thread. Used by the tests of this folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace narthex::layout {

struct SourceFile {
  std::string path;  // from the root of the tree, "router/trie.cc"
  std::string text;
};

using Violations = std::vector<std::string>;

// Which folder may include which, and which file is the door of which library (design, section 2).
Violations check_includes(const SourceFile& file);
// Lines per file, and what a header begins with.
Violations check_form(const SourceFile& file);
// Words that say nothing in a name: get_, Manager, Helper, Util, Impl, Data, Info.
Violations check_names(const SourceFile& file);
// Tabs, blanks at the end of a line, a missing last newline, notes to self.
Violations check_text(const SourceFile& file);

// The reasons of findings (CamelCase words) that the code of `file` gives.
std::vector<std::string> finding_reasons(const SourceFile& file);

// The text with comments and literals blanked out, line for line.
std::string code_only(std::string_view text);

std::string read_text(const std::string& path);
// Every file of the tree that people write by hand: no build output, no test inputs.
std::vector<SourceFile> read_tree(const std::string& root);

}  // namespace narthex::layout
