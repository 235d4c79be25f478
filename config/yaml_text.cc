#include "config/yaml_text.h"

#include <fmt/format.h>

namespace narthex::config {
namespace {

bool is_marker(std::string_view line, std::string_view marker) {
  if (!line.starts_with(marker)) return false;
  return line.size() == marker.size() || line[marker.size()] == ' ' || line[marker.size()] == '\t' ||
         line[marker.size()] == '\r' || line[marker.size()] == '\n';
}

bool is_content(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && line[first] != '#';
}

// The length of the well-formed UTF-8 character at the front of `text` (RFC 3629 4), or 0.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                        : (lead & 0xf0) == 0xe0        ? 3
                        : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const uint8_t second = byte(1);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool outside = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return overlong || outside ? 0 : length;
}

}  // namespace

std::vector<YamlPiece> split_documents(std::string_view text) {
  std::vector<YamlPiece> pieces;
  size_t begin = 0, at = 0;
  uint32_t first_line = 1, line_number = 1;
  bool open = false;  // this piece has its marker or content: the next marker begins another one
  const auto cut = [&](size_t end, uint32_t next_line) {
    if (open) pieces.push_back({text.substr(begin, end - begin), first_line});
    if (open) begin = end, first_line = next_line;
    open = false;
  };
  while (at < text.size()) {
    const size_t newline = text.find('\n', at);
    const size_t next = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::string_view line = text.substr(at, next - at);
    if (is_marker(line, "---")) {
      cut(at, line_number);
      open = true;
    } else if (is_marker(line, "...")) {
      cut(next, line_number + 1);
    } else if (!open) {
      open = is_content(line) && line[0] != '%';
    }
    at = next;
    ++line_number;
  }
  cut(text.size(), line_number);
  return pieces;
}

std::optional<TreeError> bad_byte(const YamlPiece& piece) {
  uint32_t line = piece.first_line;
  for (size_t at = 0; at < piece.text.size();) {
    const auto byte = static_cast<uint8_t>(piece.text[at]);
    if (byte == '\n') ++line;
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
    if (control)
      return TreeError{fmt::format("control byte 0x{:02x}: only text in UTF-8 can be read; remove it", byte), line};
    const size_t length = utf8_length(piece.text.substr(at));
    if (length == 0) return TreeError{fmt::format("byte 0x{:02x} is not UTF-8; save the file as UTF-8", byte), line};
    at += length;
  }
  return std::nullopt;
}

}  // namespace narthex::config
