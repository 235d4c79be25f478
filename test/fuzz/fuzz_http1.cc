// Invariant: any bytes give complete, incomplete or refused, as a request and as a response; complete never consumes
// more than was given; fields are views into the input; a chunked body gives no more data than it has bytes; the
// whole at once and byte by byte come to the same end; and Boost.Beast finds the same fields and the same body in
// whatever is accepted.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "proxy/h1_codec.h"
#include "test/support/beast_reading.h"

using narthex::base::check;
using namespace narthex::proxy;
using narthex::test::Reading;

namespace {

// In memory of its exact size, so that a sanitizer sees a read behind it.
class Exact {
 public:
  explicit Exact(std::string_view bytes) : memory_(new char[bytes.size()]), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), memory_.get());
  }
  std::string_view view() const { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<char[]> memory_;
  size_t size_;
};

bool lies_in(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check_fields(const FieldList& fields, std::string_view bytes) {
  check(fields.size() <= limits::kFields, "fields are bounded");
  for (const Field& field : fields) {
    check(lies_in(field.name, bytes) && lies_in(field.value, bytes), "fields are views into the input");
    check(!field.name.empty() && field.value.find_first_of(std::string_view("\r\n\0", 3)) == field.value.npos,
          "fields hold no line ends");
  }
}

struct Body {
  std::string data;
  bool ended = false, malformed = false;
  size_t trailers = 0;
  bool operator==(const Body&) const = default;
};

Body read_chunks(std::string_view bytes, size_t piece) {
  const auto reader = std::make_unique<ChunkedReader>();
  Body body;
  size_t begin = 0, end = 0;
  while (!body.ended && !body.malformed) {
    const Exact window(bytes.substr(begin, end - begin));
    const ChunkedReader::Step step = reader->next(window.view());
    check(step.consumed <= window.view().size(), "a step consumes what was given at the most");
    body.data += step.data;
    begin += step.consumed;
    body.ended = step.state == ChunkedReader::State::end;
    body.malformed = step.state == ChunkedReader::State::malformed;
    if (body.ended) check_fields(reader->trailers(), window.view());
    if (step.state != ChunkedReader::State::more) continue;
    if (end == bytes.size()) break;
    end = std::min(bytes.size(), end + piece);
  }
  body.trailers = body.ended ? reader->trailers().size() : 0;
  check(body.data.size() <= bytes.size(), "a body has no more data than bytes");
  return body;
}

bool names_what_beast_checks(std::string_view bytes) {
  std::string lower(bytes);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const char* name : {"content-length", "transfer-encoding", "connection", "upgrade"})
    if (lower.find(name) != std::string::npos) return true;
  return false;
}

void check_against_beast(const FieldList& fields, const Framing& framing, size_t head_bytes, std::string_view bytes,
                         const std::optional<Reading>& beast) {
  if (!narthex::test::beast_knows_start_line(bytes)) return;
  const std::string_view rest = bytes.substr(head_bytes);
  std::string data;
  if (framing.kind == BodyKind::chunked) {
    const Body body = read_chunks(rest, rest.size());
    // Beast looks at trailers as if they stood in the head, where we drop them (RFC 9110 6.5.1), and sees sooner that a
    // chunk line which is not complete yet will be none.
    if (body.malformed || (!beast && (!body.ended || names_what_beast_checks(rest)))) return;
    data = body.data;
  } else if (framing.kind != BodyKind::none) {
    data = rest.substr(0, framing.kind == BodyKind::length ? framing.length : rest.size());
  }
  check(beast.has_value(), "Beast accepts what we accept");
  Reading::Fields own;
  for (const Field& field : fields) own.emplace_back(field.name, field.value);
  check(beast->fields == own, "Beast sees the same fields");
  check(beast->body == data, "Beast sees the same body");
}

template <class Head, class Read, class Beast>
void check_head(std::string_view bytes, Read read, Beast beast) {
  const auto head = std::make_unique<Head>();
  size_t scanned = 0;
  const Exact all(bytes);
  const HeadResult whole = read(all.view(), scanned, *head);
  check(whole.bytes <= bytes.size(), "a head consumes what was given at the most");
  check((whole.state == HeadState::refused) == (whole.fault != Fault::none), "a refusal has its fault");
  const Framing framing = head->framing;
  if (whole.state == HeadState::complete) {
    check_fields(head->fields, all.view());
    check_against_beast(head->fields, framing, whole.bytes, bytes, beast(bytes));
  }
  HeadResult bytewise;
  scanned = 0;
  for (size_t size = 1; size <= bytes.size() && bytewise.state == HeadState::incomplete; ++size) {
    const Exact some(bytes.substr(0, size));
    bytewise = read(some.view(), scanned, *head);
  }
  check(bytewise.state == whole.state && bytewise.fault == whole.fault && bytewise.bytes == whole.bytes,
        "the same end byte by byte");
  if (whole.state != HeadState::complete) return;
  check(framing.kind == head->framing.kind && framing.length == head->framing.length, "the same framing byte by byte");
  const std::string_view rest = bytes.substr(whole.bytes);
  if (framing.kind == BodyKind::chunked)
    check(read_chunks(rest, rest.size()) == read_chunks(rest, 1), "the same body byte by byte");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Byte by byte costs the square of the length; the limits on long heads have tests of their own.
  const std::string_view bytes(reinterpret_cast<const char*>(data), std::min<size_t>(size, 4096));
  check_head<RequestHead>(
      bytes, [](auto text, size_t& scanned, RequestHead& head) { return read_request_head(text, scanned, head); },
      narthex::test::read_request_by_beast);
  for (const bool asked : {false, true})
    check_head<ResponseHead>(
        bytes,
        [asked](auto text, size_t& scanned, ResponseHead& head) {
          return read_response_head(text, scanned, {asked, asked}, head);
        },
        [asked](std::string_view text) { return narthex::test::read_response_by_beast(text, asked); });
  check(read_chunks(bytes, bytes.size()) == read_chunks(bytes, 1), "the same chunks byte by byte");
  return 0;
}
