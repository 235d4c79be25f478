// The body of one HTTP/1 message, taken out of a connection's read buffer according to its framing. No I/O.
// THREAD: the worker's. Pieces are VALID UNTIL the next call of next() or a read into the buffer.
#pragma once

#include <cstdint>
#include <optional>

#include "proxy/buffer.h"
#include "proxy/h1_codec.h"
#include "proxy/sides.h"

namespace narthex::proxy {

class H1BodyReader {
 public:
  // `chunks` is storage for a chunked body's state; it is made anew here and outlives the body.
  void start(const Framing& framing, std::optional<ChunkedReader>* chunks);
  // The next piece that is in the buffer; consumes the one given before. Neighbouring small chunks become one piece.
  BodyPiece next(ReadBuffer& in);
  // The connection ended: the proper end of a body without length, else a failure (fault none: the caller knows whose).
  BodyPiece at_eof();

  bool finished() const { return finished_; }
  // How many bytes of plain body follow; none where the framing does not tell.
  uint64_t plain_remaining() const { return framing_.kind == BodyKind::length ? remaining_ : 0; }
  // That many bytes went past the buffer (splice).
  void skipped(uint64_t bytes);
  // Bytes worth reading at once: not past the end of a body of known length.
  size_t worth_reading(size_t room) const;
  const FieldList* trailers() const;

 private:
  BodyPiece next_of_length(ReadBuffer& in);
  BodyPiece next_chunks(ReadBuffer& in);
  BodyPiece end_of_chunks(std::string_view gathered);

  Framing framing_;
  uint64_t remaining_ = 0;
  size_t given_ = 0;  // bytes at the front of the buffer that belong to the last piece
  bool finished_ = true;
  std::optional<ChunkedReader>* chunks_ = nullptr;
};

}  // namespace narthex::proxy
