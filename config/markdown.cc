#include "config/markdown.h"

namespace narthex::config {
namespace {

std::string escaped(std::string_view text, std::string_view marks) {
  std::string out;
  for (const char c : text) {
    if (marks.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string markdown_text(std::string_view text) { return escaped(text, "|*<>"); }

std::string markdown_code(std::string_view text) {
  return text.empty() ? std::string() : "`" + escaped(text, "|") + "`";
}

}  // namespace narthex::config
