// One value of a log line: appended to the line, escaped and cut at its bound (log_format.h says how). Made on the
// stack for each value; views the line. Any thread.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "router/log_format.h"

namespace narthex::router {

class LogWriter final {
 public:
  // LIMIT: `most` bytes, what tells of a cut included. REQUIRES: most >= kLogShareBytes.
  LogWriter(std::string& out, LogEscape escape, size_t most)
      : out_(out), escape_(escape), start_(out.size()), end_(out.size() + most - kCut.size()) {}
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  size_t size() const { return out_.size() - start_; }
  // Of the outside world, so escaped. Cut where the bound is, but not within an escape or a character.
  void text(std::string_view text);
  // Our own, that needs none. All of it or, where there is no room, nothing.
  void plain(std::string_view text) {
    if (fits(text.size())) out_ += text;
  }
  void number(uint64_t number) {
    const fmt::format_int digits(number);
    plain({digits.data(), digits.size()});
  }

 private:
  static constexpr std::string_view kCut = "...";
  bool fits(size_t size) {
    if (cut_ || out_.size() + size <= end_) return !cut_;
    cut_ = true;
    out_ += kCut;
    return false;
  }
  void add_run(std::string_view run);
  size_t add_escaped(std::string_view text);
  void add_unicode(unsigned code);

  std::string& out_;
  const LogEscape escape_;
  const size_t start_, end_;
  bool cut_ = false;
};

}  // namespace narthex::router
