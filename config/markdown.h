// Cells of the Markdown tables that the pages of docs/ are printed with. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace narthex::config {

// Prose: bars, stars and angle brackets stand for themselves; links stay links.
std::string markdown_text(std::string_view text);
// `text` in backquotes; nothing for an empty one.
std::string markdown_code(std::string_view text);

}  // namespace narthex::config
