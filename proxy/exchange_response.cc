// The half of the exchange that carries the response back: interim heads, the final head, the body, tunnels.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "proxy/exchange.h"
#include "proxy/splice.h"
#include "proxy/tunnel.h"

namespace narthex::proxy {
namespace {

bool is_plain(Transport* transport) { return transport && !transport->tls(); }

}  // namespace

// Interim responses go on to clients that know them, apart from 100: that one is our own business (Expect stays here).
Task<Fault> Exchange::serve_response(UpstreamSide& upstream) {
  ResponseHead& head = memory_.response;
  for (int interim = 0; interim <= limits::kInterimResponses; ++interim) {
    const Fault fault = co_await upstream.read_head(head);
    if (fault != Fault::none) co_return fault;
    if (head.upgraded) co_return co_await tunnel(upstream);
    if (head.status >= 200) {
      if (wants_another(head.status)) co_return Fault::upstream_status;
      co_return co_await relay_response(upstream);
    }
    if (head.status == 100 || memory_.request.version < 11) continue;
    filters::forward_interim_fields(head, worker_.outgoing);
    const OutgoingResponse interim_head{head.status, {}, false, &worker_.outgoing};
    if (!co_await client_.send_interim(interim_head)) co_return Fault::client_gone;
  }
  co_return Fault::upstream_malformed;
}

// proxy-next-upstream: http_503 and the like. The last attempt's answer goes to the client whatever it is.
bool Exchange::wants_another(uint16_t status) const {
  const std::vector<uint16_t>& unwanted = policy_->retries.on_statuses;
  if (unwanted.empty() || attempts_left_ <= 1) return false;
  return std::find(unwanted.begin(), unwanted.end(), status) != unwanted.end() && may_retry(Fault::upstream_status, nullptr);
}

// How the client is told the length (RFC 9112 6.3): from the decision made on the upstream's bytes, never from its fields.
Framing Exchange::response_framing() const {
  const ResponseHead& head = memory_.response;
  if (memory_.request.method == "HEAD" || head.status == 304) {
    const Field* length = head.fields.find(FieldId::content_length);
    const std::optional<uint64_t> bytes = length ? base::parse_decimal(length->value) : std::nullopt;
    return bytes ? Framing{BodyKind::length, *bytes} : Framing{};
  }
  if (head.framing.kind == BodyKind::none || head.framing.kind == BodyKind::length) return head.framing;
  return {client_.can_chunk() ? BodyKind::chunked : BodyKind::until_close, 0};
}

Task<Fault> Exchange::relay_response(UpstreamSide& upstream) {
  const ResponseHead& head = memory_.response;
  BodyPiece first = upstream.buffered_body();
  if (first.state == BodyPiece::State::failed) return first.fault;
  OutgoingResponse response{head.status, response_framing(), head.framing.kind != BodyKind::none, &worker_.outgoing};
  if (response.has_body && response.framing.kind == BodyKind::until_close) announce_close_ = true;
  if (worker_.draining) announce_close_ = true;
  filters::forward_response_fields(head, worker_.date.at(worker_.loop), *pin_->site, *policy_, encrypted(), worker_.outgoing);
  if (policy_->cors) add_cors_fields(worker_.outgoing);
  std::string set_cookie;
  add_session_cookie(set_cookie, worker_.outgoing);
  add_connection_field(worker_.outgoing);
  status_ = head.status;
  head_sent_ = true;
  const bool trailers_follow = first.state == BodyPiece::State::end && upstream.response_trailers() != nullptr;
  const bool complete = !trailers_follow && (first.last || first.state == BodyPiece::State::end);
  sent_bytes_ = first.bytes.size();
  Task<bool> sending = client_.send_head(response, first.bytes, complete);
  if (!complete) return relay_body(upstream, std::move(sending));
  return then(std::move(sending), [](bool sent) { return sent ? Fault::none : Fault::client_gone; });
}

Task<Fault> Exchange::relay_body(UpstreamSide& upstream, Task<bool> sending_head) {
  if (!co_await sending_head) co_return Fault::client_gone;
  uint64_t since_turn = 0;
  for (;;) {
    if (const std::optional<Fault> spliced = co_await splice_response(upstream)) co_return *spliced;
    const BodyPiece piece = co_await upstream.read_body();
    if (piece.state == BodyPiece::State::failed) co_return piece.fault;
    if (piece.state == BodyPiece::State::end) break;
    sent_bytes_ += piece.bytes.size();
    if (!co_await client_.send_body(piece.bytes, piece.last)) co_return Fault::client_gone;
    if (piece.last) co_return Fault::none;
    since_turn += piece.bytes.size();
    if (since_turn >= limits::kBytesPerTurn) {
      since_turn = 0;
      co_await worker_.loop.next_turn();
    }
  }
  const FieldList* trailers = upstream.response_trailers();
  Task<bool> ending = trailers ? client_.send_trailers(*trailers) : client_.send_body({}, true);
  const bool sent = co_await ending;
  co_return sent ? Fault::none : Fault::client_gone;
}

// Nothing where splicing is not possible or not worth it.
Task<std::optional<Fault>> Exchange::splice_response(UpstreamSide& upstream) {
  Transport *from = upstream.raw(), *to = client_.raw();
  const uint64_t bytes = upstream.plain_remaining();
  if (bytes < limits::kSpliceFrom || !is_plain(from) || !is_plain(to)) co_return std::nullopt;
  const Pipe pipe = worker_.pipes.take();
  if (!pipe) co_return std::nullopt;
  const Spliced result = co_await splice_bytes(from->socket(), to->socket(), pipe, bytes, policy_->read_timeout, limits::kClientWriteGap);
  worker_.pipes.give(pipe, result.end == SpliceEnd::done);
  upstream.skipped(result.taken);
  sent_bytes_ += result.moved;
  switch (result.end) {
    case SpliceEnd::done: co_return Fault::none;
    case SpliceEnd::from_ended: co_return Fault::upstream_truncated;
    case SpliceEnd::from_timed_out: co_return Fault::upstream_timeout;
    case SpliceEnd::to_failed:
    case SpliceEnd::to_timed_out: break;
  }
  co_return Fault::client_gone;
}

Task<std::optional<Fault>> Exchange::splice_request(UpstreamSide& upstream) {
  Transport *from = client_.raw(), *to = upstream.raw();
  const uint64_t bytes = client_.plain_remaining();
  if (bytes < limits::kSpliceFrom || !is_plain(from) || !is_plain(to)) co_return std::nullopt;
  const Pipe pipe = worker_.pipes.take();
  if (!pipe) co_return std::nullopt;
  const Spliced result = co_await splice_bytes(from->socket(), to->socket(), pipe, bytes, limits::kClientBodyGap, policy_->send_timeout);
  worker_.pipes.give(pipe, result.end == SpliceEnd::done);
  client_.skipped(result.taken);
  worker_.stats.received_bytes.add(result.taken);
  switch (result.end) {
    case SpliceEnd::done: co_return co_await upstream.send_body({}, true);
    case SpliceEnd::from_ended: co_return Fault::client_gone;
    case SpliceEnd::from_timed_out: co_return Fault::body_timeout;
    case SpliceEnd::to_failed: co_return Fault::upstream_reset;
    case SpliceEnd::to_timed_out: break;
  }
  co_return Fault::upstream_timeout;
}

Task<Fault> Exchange::tunnel(UpstreamSide& upstream) {
  filters::forward_interim_fields(memory_.response, worker_.outgoing);
  worker_.outgoing.add("Connection", "upgrade");
  worker_.outgoing.add("Upgrade", "websocket");
  status_ = 101;
  head_sent_ = true;
  client_may_continue_ = false;
  const std::string_view early = upstream.take_surplus();
  const OutgoingResponse switching{101, {}, false, &worker_.outgoing};
  if (!co_await client_.send_head(switching, early, true)) co_return Fault::client_gone;
  const Fault fault = co_await upstream.send_body(client_.take_surplus(), false);
  if (fault != Fault::none) co_return Fault::none;
  // A tunnel may live for days: it must not hold the snapshot that it was matched with.
  kept_names_ = fmt::format("{}\n{}\n{}\n{}", ns_, ingress_, backend_name_, alternative_name_);
  const std::vector<std::string_view> names = base::split(kept_names_, '\n');
  ns_ = names[0];
  ingress_ = names[1];
  backend_name_ = names[2];
  alternative_name_ = names[3];
  const std::chrono::milliseconds idle = policy_->read_timeout;
  host_ = nullptr;
  route_ = nullptr;
  policy_ = nullptr;
  backend_ = nullptr;
  pin_.release();
  worker_.stats.tunnels_open.add();
  Tunnel bytes(*client_.raw(), *upstream.raw(), worker_.buffers, idle);
  co_await bytes.run();
  worker_.stats.tunnels_open.sub();
  co_return Fault::none;
}

}  // namespace narthex::proxy
