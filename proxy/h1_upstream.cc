#include "proxy/h1_upstream.h"

namespace narthex::proxy {

H1Upstream::H1Upstream(Loop& loop, BufferPool& buffers, int fd, const router::Endpoint& endpoint)
    : transport_(loop, fd, nullptr), buffers_(buffers), endpoint_(endpoint), out_(transport_, buffers, {}) {}

void H1Upstream::begin(std::optional<ChunkedReader>* chunks, bool to_head, bool sends_upgrade, std::chrono::milliseconds read_gap,
                       std::chrono::milliseconds write_gap) {
  read_gap_ = read_gap;
  out_.set_gap(write_gap);
  chunks_ = chunks;
  context_ = {to_head, sends_upgrade};
  head_bytes_ = 0;
  request_sent_ = final_head_seen_ = keep_alive_ = heard_ = false;
  ++exchanges_;
  transport_.socket().clear_cancel();
}

bool H1Upstream::reusable() {
  if (body_.finished()) buffered_body();  // lets go of the last piece
  return request_sent_ && final_head_seen_ && keep_alive_ && body_.finished() && in_.empty() &&
         exchanges_ < limits::kRequestsPerUpstream && !transport_.socket().hung_up();
}

Fault H1Upstream::sent(IoState state, bool last) {
  if (state == IoState::ok) {
    request_sent_ = request_sent_ || last;
    return Fault::none;
  }
  return state == IoState::timed_out ? Fault::upstream_timeout : Fault::upstream_reset;
}

// While the request is on its way its own time-outs hold: an upload may take as long as it flows.
base::SteadyTime H1Upstream::read_deadline() {
  return request_over_ ? transport_.socket().loop().now() + read_gap_ : base::SteadyTime::max();
}

void H1Upstream::request_over() {
  request_over_ = true;
  transport_.socket().hasten_read(read_deadline());
}

Task<Fault> H1Upstream::send_request(const OutgoingRequest& request, std::string_view first, bool last) {
  request_over_ = last;
  return then(out_.request(request, first, last), [this, last](IoState state) { return sent(state, last); });
}

Task<Fault> H1Upstream::send_body(std::string_view piece, bool last) {
  return then(out_.piece(piece, last), [this, last](IoState state) { return sent(state, last); });
}

Task<Fault> H1Upstream::send_trailers(const FieldList& trailers) {
  return then(out_.trailers(trailers), [this](IoState state) { return sent(state, true); });
}

Task<Fault> H1Upstream::read_head(ResponseHead& head) {
  in_.consume(std::exchange(head_bytes_, 0));  // an interim head before this one
  if (!in_.has_memory()) {
    // Memory is taken when there is something to put into it: the buffer used last is still in the cache then.
    const IoState waited = co_await transport_.readable(read_deadline());
    if (waited == IoState::timed_out) co_return Fault::upstream_timeout;
    if (waited != IoState::ok) co_return Fault::upstream_reset;
    in_.need(buffers_);
  }
  size_t scanned = 0;
  for (;;) {
    if (!in_.empty()) {
      const HeadResult result = read_response_head(in_.view(), scanned, context_, head);
      if (result.state == HeadState::refused) co_return result.fault;
      if (result.state == HeadState::complete) {
        accept(head, result.bytes);
        co_return Fault::none;
      }
    }
    if (in_.room().empty()) {
      if (in_.capacity() == in_.size() && in_.capacity() >= limits::kHeadBytes) co_return Fault::upstream_head_too_large;
      in_.compact();
      in_.grow(buffers_);
    }
    const Io io = co_await transport_.read(in_.room(), read_deadline());
    if (io.state == IoState::timed_out) co_return Fault::upstream_timeout;
    if (io.state != IoState::ok) co_return Fault::upstream_reset;
    heard_ = true;
    in_.produced(io.bytes);
  }
}

void H1Upstream::accept(const ResponseHead& head, size_t bytes) {
  head_bytes_ = bytes;
  if (head.status < 200 && head.status != 101) return;
  final_head_seen_ = true;
  keep_alive_ = head.keep_alive && !head.upgraded && head.framing.kind != BodyKind::until_close;
  body_.start(head.framing, chunks_);
}

BodyPiece H1Upstream::buffered_body() {
  in_.consume(std::exchange(head_bytes_, 0));
  BodyPiece piece = body_.next(in_);
  if (piece.state == BodyPiece::State::failed) piece.fault = Fault::upstream_malformed;
  return piece;
}

Task<BodyPiece> H1Upstream::read_body() {
  for (;;) {
    const BodyPiece piece = buffered_body();
    if (piece.state != BodyPiece::State::later) co_return piece;
    in_.need(buffers_);
    in_.compact();
    if (in_.room().size() < limits::kSmallBuffer / 2 || body_.worth_reading(SIZE_MAX) > limits::kSmallBuffer) in_.grow(buffers_);
    if (in_.room().empty()) co_return BodyPiece{BodyPiece::State::failed, {}, false, Fault::upstream_malformed};
    const std::span<char> room = in_.room();
    const Io io = co_await transport_.read(room.first(body_.worth_reading(room.size())), read_deadline());
    if (io.state == IoState::ok) {
      in_.produced(io.bytes);
      continue;
    }
    BodyPiece end = io.state == IoState::eof ? body_.at_eof() : BodyPiece{BodyPiece::State::failed, {}, false, Fault::none};
    if (end.state == BodyPiece::State::failed) end.fault = io.state == IoState::timed_out ? Fault::upstream_timeout : Fault::upstream_truncated;
    co_return end;
  }
}

}  // namespace narthex::proxy
