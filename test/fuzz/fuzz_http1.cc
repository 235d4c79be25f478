// Invariant: any bytes give complete, incomplete or refused, as a request and as a response; complete never consumes
// more than was given; fields are views into the input; a chunked body gives no more data than it has bytes; and the
// whole at once and byte by byte come to the same end.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "proxy/h1_codec.h"

using narthex::base::check;
using namespace narthex::proxy;

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

template <class Head, class Read>
void check_head(std::string_view bytes, Read read) {
  const auto head = std::make_unique<Head>();
  size_t scanned = 0;
  const Exact all(bytes);
  const HeadResult whole = read(all.view(), scanned, *head);
  check(whole.bytes <= bytes.size(), "a head consumes what was given at the most");
  check((whole.state == HeadState::refused) == (whole.fault != Fault::none), "a refusal has its fault");
  if (whole.state == HeadState::complete) check_fields(head->fields, all.view());
  const Framing framing = head->framing;
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
      bytes, [](auto text, size_t& scanned, RequestHead& head) { return read_request_head(text, scanned, head); });
  for (const bool asked : {false, true})
    check_head<ResponseHead>(bytes, [asked](auto text, size_t& scanned, ResponseHead& head) {
      return read_response_head(text, scanned, {asked, asked}, head);
    });
  check(read_chunks(bytes, bytes.size()) == read_chunks(bytes, 1), "the same chunks byte by byte");
  return 0;
}
