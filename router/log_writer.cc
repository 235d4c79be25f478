#include "router/log_writer.h"

#include <array>
#include <bit>
#include <optional>

#include "router/bytes.h"

namespace narthex::router {
namespace {

constexpr uint8_t bit(LogEscape escape) { return static_cast<uint8_t>(1 << static_cast<unsigned>(escape)); }

// In which modes a byte stands for itself.
constexpr std::array<uint8_t, 256> kPlainBytes = [] {
  std::array<uint8_t, 256> table{};
  for (size_t c = 0; c < table.size(); ++c) {
    const bool control = c < 0x20 || c == 0x7f, quote = c == '"' || c == '\\', ascii = c < 0x80;
    if (!control) table[c] |= bit(LogEscape::none);
    if (!control && !quote && ascii) table[c] |= bit(LogEscape::standard) | bit(LogEscape::json);
  }
  return table;
}();

// The top bit of each byte that does not stand for itself; bits above a first one may be wrong, the lowest never is.
uint64_t not_plain(uint64_t word, LogEscape escape) {
  constexpr uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
  const auto equal = [](uint64_t bytes, char c) {
    const uint64_t differs = bytes ^ (ones * static_cast<uint8_t>(c));
    return (differs - ones) & ~differs & tops;
  };
  const uint64_t control = ((word - ones * 0x20) & ~word & tops) | equal(word, 0x7f);
  if (escape == LogEscape::none) return control;
  return control | equal(word, '"') | equal(word, '\\') | (word & tops);
}

// How many bytes at the start stand for themselves. Eight a step.
size_t plain_run(std::string_view text, LogEscape escape) {
  size_t run = 0;
  for (; run + 8 <= text.size(); run += 8)
    if (const uint64_t odd = not_plain(load<uint64_t>(text.data() + run), escape))
      return run + static_cast<size_t>(std::countr_zero(odd)) / 8;
  while (run < text.size() && kPlainBytes[static_cast<uint8_t>(text[run])] & bit(escape)) ++run;
  return run;
}

bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

struct Character {
  size_t bytes;
  unsigned code;
};

// The character at the start of `text`, whose first byte is above ASCII; nothing where it is none (RFC 3629 4).
std::optional<Character> read_utf8(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return std::nullopt;
  unsigned code = first & (0xffu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if (!is_continuation(text[i])) return std::nullopt;
    code = code << 6 | (static_cast<uint8_t>(text[i]) & 0x3fu);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (overlong || surrogate || code > 0x10ffff) return std::nullopt;
  return Character{bytes, code};
}

void put_hex_byte(std::string& out, unsigned byte) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  out += digits[byte >> 4 & 15];
  out += digits[byte & 15];
}

}  // namespace

void LogWriter::text(std::string_view text) {
  while (!text.empty() && !cut_) {
    const size_t run = plain_run(text, escape_);
    add_run(text.substr(0, run));
    text.remove_prefix(run);
    if (!text.empty() && !cut_) text.remove_prefix(add_escaped(text));
  }
}

void LogWriter::add_run(std::string_view run) {
  size_t most = end_ - out_.size();
  if (run.size() > most)
    for (int i = 0; i < 3 && most > 0 && is_continuation(run[most]); ++i) --most;
  out_ += run.substr(0, most);
  if (run.size() > most) {
    cut_ = true;
    out_ += kCut;
  }
}

void LogWriter::add_unicode(unsigned code) {
  if (!fits(6)) return;
  out_ += "\\u";
  put_hex_byte(out_, code >> 8);
  put_hex_byte(out_, code & 255);
}

// The first character, which does not stand for itself. Gives how many bytes that was.
size_t LogWriter::add_escaped(std::string_view text) {
  const auto byte = static_cast<uint8_t>(text[0]);
  if (escape_ != LogEscape::json) {
    if (!fits(4)) return 1;
    out_ += "\\x";
    put_hex_byte(out_, byte);
    return 1;
  }
  if (byte >= 0x80) {
    const std::optional<Character> character = read_utf8(text);
    const unsigned code = character ? character->code : byte;
    if (!character || code < 0xa0 || code == 0x2028 || code == 0x2029)
      add_unicode(code);
    else
      plain(text.substr(0, character->bytes));
    return character ? character->bytes : 1;
  }
  constexpr std::string_view marked = "\"\\\n\r\t\b\f", marks = "\"\\nrtbf";
  const size_t at = marked.find(text[0]);
  if (at == std::string_view::npos) {
    add_unicode(byte);
  } else if (fits(2)) {
    out_ += '\\';
    out_ += marks[at];
  }
  return 1;
}

}  // namespace narthex::router
