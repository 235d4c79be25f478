#include "proxy/h1_body.h"

#include <algorithm>
#include <cstring>

namespace narthex::proxy {

void H1BodyReader::start(const Framing& framing, std::optional<ChunkedReader>* chunks) {
  framing_ = framing;
  remaining_ = framing.kind == BodyKind::length ? framing.length : 0;
  given_ = 0;
  finished_ = framing.kind == BodyKind::none || (framing.kind == BodyKind::length && framing.length == 0);
  chunks_ = chunks;
  if (framing.kind == BodyKind::chunked) chunks->emplace();
}

BodyPiece H1BodyReader::next(ReadBuffer& in) {
  if (given_ > 0) in.consume(std::exchange(given_, 0));
  if (finished_) return {BodyPiece::State::end, {}, true, Fault::none};
  if (framing_.kind == BodyKind::chunked) return next_chunks(in);
  return next_of_length(in);
}

BodyPiece H1BodyReader::next_of_length(ReadBuffer& in) {
  if (in.empty()) return {BodyPiece::State::later, {}, false, Fault::none};
  std::string_view piece = in.view();
  if (framing_.kind == BodyKind::length) {
    piece = piece.substr(0, std::min<uint64_t>(piece.size(), remaining_));
    remaining_ -= piece.size();
    finished_ = remaining_ == 0;
  }
  given_ = piece.size();
  return {BodyPiece::State::bytes, piece, finished_, Fault::none};
}

// Small chunks that lie behind each other are moved together over the chunk lines between them, so that they leave as one.
BodyPiece H1BodyReader::next_chunks(ReadBuffer& in) {
  char* gathered = nullptr;
  size_t gathered_bytes = 0;
  std::string_view rest = in.view();
  for (;;) {
    const ChunkedReader::Step step = (*chunks_)->next(rest);
    given_ += step.consumed;
    rest.remove_prefix(step.consumed);
    switch (step.state) {
      case ChunkedReader::State::data:
        if (!gathered) {
          gathered = const_cast<char*>(step.data.data());  // the buffer is ours, the view merely says const
        } else {
          std::memmove(gathered + gathered_bytes, step.data.data(), step.data.size());
        }
        gathered_bytes += step.data.size();
        continue;
      case ChunkedReader::State::end:
        finished_ = true;
        return end_of_chunks({gathered, gathered_bytes});
      case ChunkedReader::State::malformed:
        finished_ = false;
        return {BodyPiece::State::failed, {}, false, Fault::body_malformed};
      case ChunkedReader::State::more:
        if (gathered_bytes > 0) return {BodyPiece::State::bytes, {gathered, gathered_bytes}, false, Fault::none};
        in.consume(std::exchange(given_, 0));
        return {BodyPiece::State::later, {}, false, Fault::none};
    }
  }
}

BodyPiece H1BodyReader::end_of_chunks(std::string_view gathered) {
  const bool bare = (*chunks_)->trailers().size() == 0;
  if (gathered.empty()) return {BodyPiece::State::end, {}, bare, Fault::none};
  return {BodyPiece::State::bytes, gathered, bare, Fault::none};
}

BodyPiece H1BodyReader::at_eof() {
  if (framing_.kind == BodyKind::until_close) {
    finished_ = true;
    return {BodyPiece::State::end, {}, true, Fault::none};
  }
  return {BodyPiece::State::failed, {}, false, Fault::none};
}

void H1BodyReader::skipped(uint64_t bytes) {
  remaining_ -= std::min(bytes, remaining_);
  if (framing_.kind == BodyKind::length) finished_ = remaining_ == 0;
}

size_t H1BodyReader::worth_reading(size_t room) const {
  if (framing_.kind != BodyKind::length) return room;
  return static_cast<size_t>(std::min<uint64_t>(room, remaining_));
}

const FieldList* H1BodyReader::trailers() const {
  if (framing_.kind != BodyKind::chunked || !chunks_->has_value()) return nullptr;
  const FieldList& trailers = (*chunks_)->trailers();
  return trailers.size() > 0 ? &trailers : nullptr;
}

}  // namespace narthex::proxy
