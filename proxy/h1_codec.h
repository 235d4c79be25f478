// HTTP/1 without I/O: bytes in, heads and framing decisions out. What is not certain is refused, never repaired.
//
// A head is read once (h1_admission.h). Boost.Beast's parser was a second reading behind it at first; it cost 3,700 of
// 15,100 instructions a request and could only repeat what was known. It reads along in tests and under fuzzing instead.
// Whether a head is complete, incomplete or refused, and why, depends on its bytes alone, never on how they were cut.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/fault.h"
#include "proxy/head.h"

namespace narthex::proxy {

enum class HeadState : uint8_t { complete, incomplete, refused };

struct HeadResult {
  HeadState state = HeadState::incomplete;
  size_t bytes = 0;           // consumed by the head, with complete (empty lines in front of it included)
  Fault fault = Fault::none;  // with refused
};

// Reads a request head from the front of `bytes`. Leading empty lines (CRLF) are skipped, 4 at the most (RFC 9112 2.2).
// Called again with more bytes after `incomplete`; `scanned` remembers how far the search for the end got (start with
// 0). VALID UNTIL: out views `bytes`.
HeadResult read_request_head(std::string_view bytes, size_t& scanned, RequestHead& out);

// What the response answers: decides whether it has a body (RFC 9112 6.3, steps 1 and 2).
struct ResponseContext {
  bool to_head = false;       // of a HEAD request
  bool sent_upgrade = false;  // an Upgrade was asked for; otherwise 101 is malformed
};
HeadResult read_response_head(std::string_view bytes, size_t& scanned, const ResponseContext& context,
                              ResponseHead& out);

// Takes a chunked body apart (RFC 9112 7.1): CRLF only, size 1-16 hex digits up to 2^63-1, extensions checked for
// grammar and dropped, trailer fields checked like head fields. Owned by who reads the body. LIMIT: kChunkLineBytes,
// kChunkOverheadBytes, kTrailerBytes, kFields. A trailer section is taken whole, so it must fit the caller's buffer.
//
//   size_line ─► data ─► data_end ─► size_line ... ─► trailers ─► done       any ─► broken
class ChunkedReader final {
 public:
  enum class State : uint8_t { more, data, end, malformed };
  struct Step {
    State state = State::more;
    size_t consumed = 0;    // bytes of the input that are done with (the data included), with `more` too
    std::string_view data;  // with State::data: a view into the input, never empty
  };
  // Goes on to the next piece of data or the end. `more`: give again what was not consumed, with more behind it.
  Step next(std::string_view bytes);
  // Trailer fields, after State::end. VALID UNTIL: the input of the last step changes. Framing and routing fields
  // (RFC 9110 6.5.1) are left out.
  const FieldList& trailers() const { return trailers_; }
  // How many bytes of the current chunk are still to come (for splice).
  uint64_t chunk_remaining() const { return remaining_; }

 private:
  enum class Phase : uint8_t { size_line, data, data_end, trailers, done, broken };
  enum class Progress : uint8_t { moved, waits, broke };
  Progress read_size_line(std::string_view& bytes);
  Progress read_data_end(std::string_view& bytes);
  Progress read_trailers(std::string_view& bytes);
  Progress advance(std::string_view& bytes);
  Phase phase_ = Phase::size_line;
  uint64_t remaining_ = 0;
  uint64_t data_bytes_ = 0, overhead_bytes_ = 0;
  size_t scanned_ = 0;  // of the trailer section, in search of its end
  FieldList trailers_;
};

}  // namespace narthex::proxy
