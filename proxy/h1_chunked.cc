#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "proxy/h1_admission.h"
#include "proxy/h1_bytes.h"
#include "proxy/h1_codec.h"

namespace narthex::proxy {
namespace {

constexpr uint64_t kMostData = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

struct SizeLine {
  uint64_t size = 0;
  size_t overhead = 0;  // bytes that a sender would not have needed: extensions and leading zeros
};

std::optional<SizeLine> parse_size_line(std::string_view line);
bool are_extensions(std::string_view text);
int hex_value(char c);

}  // namespace

ChunkedReader::Step ChunkedReader::next(std::string_view bytes) {
  const char* const begin = bytes.data();
  const auto consumed = [&] { return static_cast<size_t>(bytes.data() - begin); };
  for (;;) {
    if (phase_ == Phase::done) return {State::end, consumed(), {}};
    if (phase_ == Phase::data) {
      if (bytes.empty()) return {State::more, consumed(), {}};
      const std::string_view data = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size())));
      bytes.remove_prefix(data.size());
      remaining_ -= data.size();
      if (remaining_ == 0) phase_ = Phase::data_end;
      return {State::data, consumed(), data};
    }
    switch (advance(bytes)) {
      case Progress::moved:
        continue;
      case Progress::waits:
        return {State::more, consumed(), {}};
      case Progress::broke:
        phase_ = Phase::broken;
        return {State::malformed, consumed(), {}};
    }
  }
}

ChunkedReader::Progress ChunkedReader::advance(std::string_view& bytes) {
  switch (phase_) {
    case Phase::size_line:
      return read_size_line(bytes);
    case Phase::data_end:
      return read_data_end(bytes);
    case Phase::trailers:
      return read_trailers(bytes);
    default:
      return Progress::broke;
  }
}

// chunk-size [ chunk-ext ] CRLF
ChunkedReader::Progress ChunkedReader::read_size_line(std::string_view& bytes) {
  if (bytes.empty()) return Progress::waits;
  if (hex_value(bytes.front()) < 0) return Progress::broke;
  const size_t line_feed = bytes.substr(0, limits::kChunkLineBytes).find('\n');
  if (line_feed == std::string_view::npos)
    return bytes.size() < limits::kChunkLineBytes ? Progress::waits : Progress::broke;
  if (bytes[line_feed - 1] != '\r') return Progress::broke;
  const std::optional<SizeLine> line = parse_size_line(bytes.substr(0, line_feed - 1));
  if (!line || line->size > kMostData - data_bytes_) return Progress::broke;
  overhead_bytes_ += line->overhead;
  if (overhead_bytes_ > data_bytes_ + limits::kChunkOverheadBytes) return Progress::broke;
  bytes.remove_prefix(line_feed + 1);
  remaining_ = line->size;
  data_bytes_ += line->size;
  phase_ = line->size > 0 ? Phase::data : Phase::trailers;
  return Progress::moved;
}

ChunkedReader::Progress ChunkedReader::read_data_end(std::string_view& bytes) {
  constexpr std::string_view line_end = "\r\n";
  const size_t seen = std::min(bytes.size(), line_end.size());
  if (bytes.substr(0, seen) != line_end.substr(0, seen)) return Progress::broke;
  if (seen < line_end.size()) return Progress::waits;
  bytes.remove_prefix(seen);
  phase_ = Phase::size_line;
  return Progress::moved;
}

// *( field-line CRLF ) CRLF
ChunkedReader::Progress ChunkedReader::read_trailers(std::string_view& bytes) {
  const std::string_view section = bytes.substr(0, limits::kTrailerBytes);
  for (size_t at = scanned_; at < section.size(); ++at) {
    at = section.find('\n', at);
    if (at == std::string_view::npos) break;
    if (at == 0 || section[at - 1] != '\r') return Progress::broke;
    if (at != 1 && (at < 3 || section.substr(at - 3, 2) != "\r\n")) continue;
    if (!admit_trailers(section.substr(0, at + 1), trailers_)) return Progress::broke;
    bytes.remove_prefix(at + 1);
    phase_ = Phase::done;
    return Progress::moved;
  }
  scanned_ = section.size();
  return section.size() < limits::kTrailerBytes ? Progress::waits : Progress::broke;
}

namespace {

std::optional<SizeLine> parse_size_line(std::string_view line) {
  SizeLine out;
  size_t digits = 0;
  for (; digits < line.size(); ++digits) {
    const int digit = hex_value(line[digits]);
    if (digit < 0) break;
    if (digits == 16) return std::nullopt;
    out.size = out.size << 4 | static_cast<uint64_t>(digit);
  }
  if (digits == 0 || !are_extensions(line.substr(digits))) return std::nullopt;
  const size_t needed = std::max<size_t>(1, (static_cast<size_t>(std::bit_width(out.size)) + 3) / 4);
  out.overhead = line.size() - needed;
  return out;
}

class ExtensionText {
 public:
  explicit ExtensionText(std::string_view rest) : rest_(rest) {}
  bool empty() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_blanks() {
    while (!rest_.empty() && bytes::is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool take_token() { return take_run(bytes::kToken) > 0; }
  // DQUOTE *( qdtext / quoted-pair ) DQUOTE, the first of them taken already.
  bool take_rest_of_quoted() {
    for (;;) {
      take_run(bytes::kQuoted);
      if (take('"')) return true;
      if (!take('\\') || rest_.empty() || !bytes::is(rest_.front(), bytes::kValue)) return false;
      rest_.remove_prefix(1);
    }
  }

 private:
  size_t take_run(uint8_t which) {
    size_t size = 0;
    while (size < rest_.size() && bytes::is(rest_[size], which)) ++size;
    rest_.remove_prefix(size);
    return size;
  }
  std::string_view rest_;
};

// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ) (RFC 9112 7.1.1)
bool are_extensions(std::string_view text) {
  ExtensionText rest(text);
  while (!rest.empty()) {
    rest.skip_blanks();
    if (!rest.take(';')) return false;
    rest.skip_blanks();
    if (!rest.take_token()) return false;
    ExtensionText value = rest;
    value.skip_blanks();
    if (!value.take('=')) continue;
    value.skip_blanks();
    if (!(value.take('"') ? value.take_rest_of_quoted() : value.take_token())) return false;
    rest = value;
  }
  return true;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace
}  // namespace narthex::proxy
