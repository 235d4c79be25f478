// Cuts a stream of bytes into lines, wherever the pieces of it begin and end. A value; any thread.
// LIMIT: a line of at most the bytes given.
#pragma once

#include <string>
#include <string_view>

namespace narthex::controller {

class LineSplitter final {
 public:
  explicit LineSplitter(size_t line_bytes_max) : most_(line_bytes_max) {}

  // Calls take(line) for each line that is complete now, without its end; empty lines are left out. `take` says whether
  // to go on. False: it did not, or a line is too long.
  template <typename Take>
  bool push(std::string_view piece, Take take) {
    for (size_t end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
      if (rest_.size() + end > most_) return false;
      std::string whole;
      std::string_view line = piece.substr(0, end);
      if (!rest_.empty()) {
        whole.swap(rest_);
        line = whole.append(line);
      }
      piece.remove_prefix(end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty() && !take(line)) return false;
    }
    if (rest_.size() + piece.size() > most_) return false;
    rest_ += piece;
    return true;
  }
  // A line has begun and not ended.
  bool in_line() const { return !rest_.empty(); }

 private:
  size_t most_;
  std::string rest_;
};

}  // namespace narthex::controller
