#include "test/proxy/h1_transcript.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>

namespace narthex::proxy::test {
namespace {

// The bytes of a connection, given out piece by piece. A small window lies in memory of its exact size, so that a
// sanitizer sees a read behind it.
class Pieces {
 public:
  Pieces(std::string_view stream, size_t piece) : stream_(stream), piece_(piece == 0 ? stream.size() : piece) {
    arrive();
  }
  std::string_view window() const { return window_; }
  void consume(size_t bytes) {
    begin_ += bytes;
    show();
  }
  bool arrive() {
    const size_t before = end_;
    end_ = std::min(end_ + piece_, stream_.size());
    show();
    return end_ > before;
  }

 private:
  void show() {
    window_ = stream_.substr(begin_, end_ - begin_);
    if (window_.size() > 2048) return;
    memory_.reset(new char[window_.size()]);
    std::copy(window_.begin(), window_.end(), memory_.get());
    window_ = {memory_.get(), window_.size()};
  }
  std::string_view stream_, window_;
  size_t piece_, begin_ = 0, end_ = 0;
  std::unique_ptr<char[]> memory_;
};

std::string printable(std::string_view text) {
  if (text.size() > 100) return "#" + std::to_string(text.size());
  std::string out;
  for (const unsigned char c : text) {
    constexpr char digits[] = "0123456789abcdef";
    if (c > 0x20 && c < 0x7f && c != '\\')
      out += static_cast<char>(c);
    else if (c == '\r')
      out += "\\r";
    else if (c == '\n')
      out += "\\n";
    else if (c == ' ')
      out += '_';
    else
      out += std::string("\\x") + digits[c >> 4] + digits[c & 15];
  }
  return out;
}

std::string text_of(const Framing& framing) {
  switch (framing.kind) {
    case BodyKind::none:
      return "none";
    case BodyKind::length:
      return "length=" + std::to_string(framing.length);
    case BodyKind::chunked:
      return "chunked";
    case BodyKind::until_close:
      return "until_close";
  }
  return "?";
}

// The fields that the tests look at: all but those whose effect is told in words.
std::string text_of(const FieldList& fields) {
  std::string out;
  for (const Field& field : fields) {
    if (field.id == FieldId::nominated) out += " nominated:" + printable(field.name);
    if (field.id == FieldId::invalid_name) out += " invalid:" + printable(field.name);
    if (field.id == FieldId::other && field.name.size() <= 7 && (field.name[0] | 0x20) == 'x')
      out += " " + printable(field.name) + "=" + printable(field.value);
  }
  return out;
}

std::string text_of(const RequestHead& head) {
  std::string out = printable(head.method) + " " + printable(head.target) + " " +
                    (head.authority.empty() ? "-" : printable(head.authority)) +
                    (head.version == 10 ? " 1.0 " : " 1.1 ") + text_of(head.framing) +
                    (head.keep_alive ? " keep" : " close");
  if (head.expects_continue) out += " continue";
  if (head.wants_websocket) out += " websocket";
  if (head.accepts_trailers) out += " trailers";
  return out + text_of(head.fields);
}

std::string text_of(const ResponseHead& head) {
  return std::to_string(head.status) + (head.version == 10 ? " 1.0 " : " 1.1 ") + text_of(head.framing) +
         (head.keep_alive ? " keep" : " close") + (head.upgraded ? " upgraded" : "") + text_of(head.fields);
}

// The body, or nothing where it ends badly; `ending` says how.
bool read_chunks(Pieces& pieces, std::string& out, std::string& ending) {
  ChunkedReader reader;
  std::string body;
  for (;;) {
    const ChunkedReader::Step step = reader.next(pieces.window());
    body += step.data;
    if (step.state == ChunkedReader::State::end) {
      out += " body=" + printable(body);
      for (const Field& field : reader.trailers())
        out += " trailer:" + printable(field.name) + "=" + printable(field.value);
    }
    pieces.consume(step.consumed);
    switch (step.state) {
      case ChunkedReader::State::end:
        return true;
      case ChunkedReader::State::data:
        break;
      case ChunkedReader::State::malformed:
        ending = "body malformed";
        return false;
      case ChunkedReader::State::more:
        if (pieces.arrive()) break;
        ending = "body incomplete";
        return false;
    }
  }
}

bool read_body(const Framing& framing, Pieces& pieces, std::string& out, std::string& ending) {
  if (framing.kind == BodyKind::none) return true;
  if (framing.kind == BodyKind::chunked) return read_chunks(pieces, out, ending);
  uint64_t missing = framing.kind == BodyKind::length ? framing.length : UINT64_MAX;
  std::string body;
  do {
    const std::string_view part = pieces.window().substr(0, std::min<uint64_t>(missing, pieces.window().size()));
    body += part;
    missing -= part.size();
    pieces.consume(part.size());
  } while (missing > 0 && pieces.arrive());
  if (framing.kind == BodyKind::length && missing > 0)
    ending = "body incomplete";
  else
    out += " body=" + printable(body);
  return ending.empty();
}

template <class Head, class Read>
std::string transcript(std::string_view stream, size_t piece, Read read) {
  Pieces pieces(stream, piece);
  std::string out;
  const auto head = std::make_unique<Head>();
  while (!pieces.window().empty()) {
    size_t scanned = 0;
    HeadResult result = read(pieces.window(), scanned, *head);
    while (result.state == HeadState::incomplete && pieces.arrive()) result = read(pieces.window(), scanned, *head);
    if (result.state == HeadState::incomplete) return out + "incomplete\n";
    if (result.state == HeadState::refused) return out + "refused " + std::string(row_of(result.fault).name) + "\n";
    if (result.bytes > pieces.window().size()) throw std::logic_error("more consumed than given");
    std::string line = text_of(*head), ending;
    const Framing framing = head->framing;
    pieces.consume(result.bytes);
    const bool whole = read_body(framing, pieces, line, ending);
    out += line + "\n" + (whole ? "" : ending + "\n");
    if (!whole) return out;
    if (pieces.window().empty()) pieces.arrive();
  }
  return out;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (const char c = text[++i]) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'x':
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
        break;
      default:
        out += c;
    }
  }
  return out;
}

// "a{rep:x:3}b" -> "axxxb"
std::string expand(std::string_view text) {
  std::string out;
  for (;;) {
    const size_t open = text.find("{rep:");
    out += unescape(text.substr(0, open));
    if (open == std::string_view::npos) return out;
    const size_t close = text.find('}', open), colon = text.rfind(':', close);
    const std::string repeated = unescape(text.substr(open + 5, colon - open - 5));
    for (int i = std::stoi(std::string(text.substr(colon + 1, close - colon - 1))); i > 0; --i) out += repeated;
    text.remove_prefix(close + 1);
  }
}

bool take_mark(std::string_view& text, std::string_view mark) {
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(mark.size());
  return true;
}

}  // namespace

std::string transcript_of_requests(std::string_view stream, size_t piece) {
  return transcript<RequestHead>(stream, piece, [](auto window, size_t& scanned, RequestHead& head) {
    return read_request_head(window, scanned, head);
  });
}

std::string transcript_of_responses(std::string_view stream, const ResponseContext& context, size_t piece) {
  return transcript<ResponseHead>(stream, piece, [&](auto window, size_t& scanned, ResponseHead& head) {
    return read_response_head(window, scanned, context, head);
  });
}

std::vector<WireCase> read_wire_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<WireCase> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("= ")) {
      cases.back().expected += line.substr(2) + "\n";
    } else if (line.starts_with("  ")) {
      std::string_view text = std::string_view(line).substr(2);
      cases.back().context = {take_mark(text, "{head}"), take_mark(text, "{upgrade}")};
      cases.back().bytes += expand(text);
    } else {
      cases.push_back({line, {}, {}, {}});
    }
  }
  return cases;
}

std::span<const size_t> piece_sizes() {
  static constexpr size_t sizes[] = {0, 1, 2, 3, 5, 7, 16, 31};
  return sizes;
}

}  // namespace narthex::proxy::test
