#include "proxy/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "proxy/filters/canary.h"
#include "proxy/filters/cors.h"

namespace narthex::proxy {
namespace {

// RFC 9110 9.2.2.
bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

// Why a request body ended early: the client failed half-way, or the upstream takes nothing more. One that reset may have
// answered before.
bool rules_out_answer(Fault pump_fault) { return pump_fault != Fault::none && pump_fault != Fault::upstream_reset; }

void write_hex(uint64_t value, char* out) {
  static constexpr std::array<char, 512> pairs = [] {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<char, 512> table{};
    for (size_t byte = 0; byte < 256; ++byte) {
      table[2 * byte] = digits[byte >> 4];
      table[2 * byte + 1] = digits[byte & 15];
    }
    return table;
  }();
  for (int i = 7; i >= 0; --i, value >>= 8) std::memcpy(out + 2 * i, &pairs[2 * (value & 255)], 2);
}

}  // namespace

Exchange::Exchange(WorkerContext& worker, ClientSide& client, ExchangeMemory& memory, const filters::Origin& origin)
    : worker_(worker), client_(client), memory_(memory), origin_(origin), started_(worker.loop.now()) {
  memory_.response.status = 0;
}

Task<void> Exchange::run() {
  Fault fault = match();
  if (fault == Fault::none) {
    if (own_status_ == 0) {
      fault = co_await forward();
    } else {
      if (worker_.draining) announce_close_ = true;
      co_await answer(own_status_);
    }
  }
  if (fault != Fault::none) {
    fault_ = fault;
    if (worker_.draining) announce_close_ = true;
    if (row_of(fault).status == 0 || head_sent_) {
      client_may_continue_ = false;
      client_.abort_response();
    } else {
      co_await answer_fault(fault);
    }
  }
  account();
}

Task<void> Exchange::refuse(Fault fault) {
  fault_ = fault;
  announce_close_ = true;
  client_may_continue_ = false;
  // Nothing of a head that was refused is believed, and its views may be stale.
  RequestHead& request = memory_.request;
  request.method = request.target = request.authority = {};
  request.version = 11;
  request.fields.clear();
  co_await answer_fault(fault);
  account();
}

// Finds the route, the backend and whether anything stands in the way.
Fault Exchange::match() {
  pin_ = worker_.snapshots.pin();
  memory_.cookie.clear();  // of an earlier exchange, perhaps of another client
  memory_.location.clear();
  if (!pin_) return Fault::overloaded;  // before the first publication
  if (const Fault fault = match_target(); fault != Fault::none) return fault;
  hops_ = filters::hops_of(memory_.request);
  if (hops_ >= limits::kHops) return Fault::loop_detected;
  host_ = pin_->hosts.find(target_.host);
  route_ = host_ ? host_->match(target_.path.path) : nullptr;
  policy_ = route_ && route_->policy ? route_->policy : &pin_->site->route;
  logged_ = policy_->access_log;
  if (pin_->site->trust.forwarded_fields || pin_->site->trust.real_ip) {
    if (filters::read_claims(memory_.request, pin_->site->trust, origin_, memory_.claimed)) claimed_ = &memory_.claimed;
  }
  if (route_ && route_->owner) {
    ns_ = route_->owner->ns;
    ingress_ = route_->owner->ingress;
  }
  if (const Fault fault = check_policies(); fault != Fault::none || own_status_ != 0) return fault;
  const bool routed = route_ && route_->backend != router::kUnrouted;
  slot_ = routed ? route_->backend : pin_->default_backend;
  if (!routed && slot_ == router::kNoBackend) {
    const Fault denied = check_access();
    return denied == Fault::none ? Fault::no_route : denied;
  }
  backend_ = slot_ == router::kNoBackend ? nullptr : pin_->backends.find(slot_);
  if (!backend_ || backend_->endpoints.empty())
    return backend_ && backend_->leads_back ? Fault::loop_detected : Fault::no_endpoints;
  backend_name_ = backend_->name;
  if (const Fault denied = check_access(); denied != Fault::none) return denied;
  if (policy_->canary) choose_side();
  return route_ && route_->rewrites ? rewrite_target() : Fault::none;
}

Fault Exchange::match_target() {
  const RequestHead& request = memory_.request;
  if (!router::normalise_authority(request.authority, memory_.host_scratch, target_.host)) return Fault::bad_host;
  if (request.target == "*") {  // OPTIONS about the server itself; the codec lets no other method through (RFC 9112 3.2.4)
    target_.path = {"/", {}, "*"};
    return Fault::none;
  }
  const router::TargetError error = router::normalise_target(request.target, memory_.path_scratch, target_.path);
  return error == router::TargetError::none ? Fault::none : Fault::bad_target;
}

// A canary without endpoints leaves everything to the route's own backend.
void Exchange::choose_side() {
  const router::Backend* canary = pin_->backends.find(policy_->canary->backend);
  if (!canary || canary->endpoints.empty()) return;
  const filters::SideChoice side =
      filters::choose_side(*policy_, *backend_, *canary, memory_.request, pin_->site->keeps_underscores, worker_.random);
  new_session_ = side.new_session;
  if (!side.canary) return;
  on_canary_ = true;
  slot_ = policy_->canary->backend;
  backend_ = canary;
  alternative_name_ = canary->name;
}

size_t Exchange::choose_endpoint() {
  const Unwanted unwanted{*backend_, {tried_.data(), tried_count_}, worker_.upstreams.refusals(), worker_.loop.now()};
  if (policy_->cookie_affinity && !(on_canary_ && !policy_->canary->sticky)) {
    filters::AffinityChoice choice =
        filters::choose_by_cookie(*policy_->cookie_affinity, memory_.request, unwanted, worker_.random, new_session_);
    memory_.cookie = std::move(choice.new_cookie_value);
    return choice.endpoint;
  }
  if (backend_->client_ip_affinity) return filters::choose_by_client(client_ip(), unwanted);
  return draw_wanted(unwanted, [&] { return worker_.round_robin.next(slot_, *backend_); });
}

// Of the affinity cookie, where the policy names none.
std::string_view Exchange::cookie_path() const {
  const std::string_view path = host_->path_of(*route_);
  return host_->by_patterns() ? filters::cookie_path_of_pattern(path) : path;
}

// Attempts until one succeeds, may not be repeated, or was the last one: each at an endpoint of its own choice.
Task<Fault> Exchange::forward() {
  buffered_body_ = client_.buffered_body();
  websocket_ = memory_.request.wants_websocket;
  Transport* const client_raw = client_.raw();
  attempts_left_ = policy_->retries.tries == 0 ? limits::kAttemptsMax : policy_->retries.tries;
  for (;;) {
    const size_t endpoint = choose_endpoint();
    used_endpoint_ = endpoint;
    UpstreamPool::Connected connected = co_await connection_to(backend_->endpoints[endpoint]);
    Fault fault = connected.fault;
    if (connected.connection) {
      H1Upstream& upstream = *connected.connection;
      upstream.begin(&memory_.response_chunks, memory_.request.method == "HEAD", websocket_, policy_->read_timeout, policy_->send_timeout);
      if (client_raw) client_raw->socket().cancel_when_broken(&upstream.socket());
      fault = co_await exchange_with(upstream);
      if (client_raw) client_raw->socket().cancel_when_broken(nullptr);
      // Nobody is left to answer, whatever the upstream would have said.
      if (fault != Fault::none && client_raw && client_raw->socket().broken() && !head_sent_)
        fault = Fault::client_gone;
    }
    const bool again = may_retry(fault, connected.connection.get());
    if (connected.connection) worker_.upstreams.give(std::move(connected.connection));
    if (fault == Fault::none || !again) co_return fault;
    const bool others_left = note_tried(endpoint);
    const bool free = fault == Fault::connect_failed && others_left;
    if (!free && --attempts_left_ == 0) co_return fault;
    worker_.stats.upstream_retries.add();
  }
}

// True where there are endpoints that this exchange may try and has not.
bool Exchange::note_tried(size_t endpoint) {
  const auto end = tried_.begin() + static_cast<ptrdiff_t>(tried_count_);
  const bool again = std::find(tried_.begin(), end, endpoint) != end;
  if (!again && tried_count_ < tried_.size()) tried_[tried_count_++] = endpoint;
  return !again && tried_count_ < std::min(tried_.size(), backend_->endpoints.size());
}

// After a failed attempt a fresh connection is made: the idle ones may all have died with their pod.
Task<UpstreamPool::Connected> Exchange::connection_to(const router::Endpoint& endpoint) {
  if (tried_count_ == 0)
    if (auto idle = worker_.upstreams.take(endpoint)) return UpstreamPool::Connected{std::move(idle), Fault::none};
  return worker_.upstreams.connect(endpoint, policy_->connect_timeout);
}

bool Exchange::may_retry(Fault fault, const UpstreamSide* upstream) const {
  if (head_sent_ || body_started_) return false;
  const router::RetryPolicy& retries = policy_->retries;
  if (retries.time.count() != 0 && worker_.loop.now() - started_ >= retries.time) return false;
  const bool timed_out = fault == Fault::connect_timeout || fault == Fault::upstream_timeout;
  const bool repeatable = retries.non_idempotent || is_idempotent(memory_.request.method);
  switch (row_of(fault).retry) {
    case Retry::never: return false;
    case Retry::unsent: return upstream == nullptr && (timed_out ? retries.on_timeout : retries.on_error);
    case Retry::repeatable: return upstream->silent() && repeatable && (timed_out ? retries.on_timeout : retries.on_error);
    case Retry::wanted: return repeatable && (fault == Fault::upstream_status || retries.on_invalid_head);
  }
  return false;
}

// Sends the request and serves the response; a streamed body is pumped beside it.
Task<Fault> Exchange::exchange_with(UpstreamSide& upstream) {
  RequestHead& request = memory_.request;
  write_hex(worker_.random.next(), request_id_.data());
  write_hex(worker_.random.next(), request_id_.data() + 16);
  filters::forward_request_fields(
      {request, origin_, claimed_, *pin_->site, *policy_, hops_, {request_id_.data(), request_id_.size()},
       target_.forwarded_prefix},
      worker_.outgoing);
  OutgoingRequest outgoing{request.method, target_.path.forwarded, target_.path.query, request.framing, websocket_, &worker_.outgoing};
  const bool streams = !buffered_body_;
  if (buffered_body_ && request.framing.kind != BodyKind::none) outgoing.framing = {BodyKind::length, buffered_body_->size()};
  Task<Fault> sending = upstream.send_request(outgoing, buffered_body_.value_or(std::string_view{}), !streams);
  if (streams || !sending.done()) return exchange_streaming(upstream, std::move(sending));
  // A backend may answer and close before it has read everything: look for the answer even then.
  if (sending.take() == Fault::upstream_timeout) return Fault::upstream_timeout;
  return serve_response(upstream);
}

Task<Fault> Exchange::exchange_streaming(UpstreamSide& upstream, Task<Fault> sending) {
  if (co_await sending == Fault::upstream_timeout) co_return Fault::upstream_timeout;
  if (buffered_body_) co_return co_await serve_response(upstream);

  pump_fault_ = Fault::none;
  Task<void> pump = pump_request(upstream);
  Fault result = co_await serve_response(upstream);
  if (!pump.done()) {
    // The answer is complete, or there will be none: the rest of the request is of no use any more.
    client_may_continue_ = false;
    if (Transport* raw = client_.raw()) raw->socket().cancel();
    if (Transport* raw = upstream.raw()) raw->socket().cancel();
  }
  co_await pump;
  if (Transport* raw = client_.raw()) raw->socket().clear_cancel();
  if (result != Fault::none && rules_out_answer(pump_fault_)) result = pump_fault_;
  co_return result;
}

Task<void> Exchange::pump_request(UpstreamSide& upstream) {
  pump_fault_ = co_await pump_pieces(upstream);
  upstream.request_over();
  if (rules_out_answer(pump_fault_))
    if (Transport* raw = upstream.raw()) raw->socket().cancel();
}

Task<Fault> Exchange::pump_pieces(UpstreamSide& upstream) {
  uint64_t since_turn = 0;
  for (;;) {
    const BodyPiece piece = co_await client_.read_body();
    body_started_ = true;
    if (piece.state == BodyPiece::State::failed) co_return piece.fault;
    if (piece.state == BodyPiece::State::end) break;
    body_bytes_ += piece.bytes.size();
    if (policy_->body_bytes_max != 0 && body_bytes_ > policy_->body_bytes_max) co_return Fault::body_too_large;
    const Fault fault = co_await upstream.send_body(piece.bytes, piece.last);
    if (fault != Fault::none || piece.last) co_return fault;
    if (const std::optional<Fault> spliced = co_await splice_request(upstream)) co_return *spliced;
    since_turn += piece.bytes.size();
    if (since_turn >= limits::kBytesPerTurn) {
      since_turn = 0;
      co_await worker_.loop.next_turn();
    }
  }
  if (const FieldList* trailers = client_.request_trailers()) co_return co_await upstream.send_trailers(*trailers);
  co_return co_await upstream.send_body({}, true);
}

Task<void> Exchange::answer_fault(Fault fault) {
  const FaultRow& row = row_of(fault);
  if (row.party == Party::client) announce_close_ = true;
  memory_.location.clear();
  if (row.status != 0) co_return co_await answer(row.status);
  client_.abort_response();
}

// A short answer of our own.
Task<void> Exchange::answer(uint16_t status) {
  status_ = status;
  OutgoingFields& fields = worker_.outgoing;
  fields.clear();
  fields.add("Date", worker_.date.at(worker_.loop));
  const bool has_body = status != 204;
  if (has_body) fields.add("Content-Type", "text/html");
  if (!memory_.location.empty()) fields.add("Location", memory_.location);
  if (pin_) filters::add_site_fields(*pin_->site, encrypted(), fields);
  if (policy_ && policy_->cors) add_cors_fields(fields);
  std::string set_cookie;
  add_session_cookie(set_cookie, fields);
  add_connection_field(fields);
  std::array<char, 192> text;
  const std::string_view reason = reason_phrase(status_);
  const auto end = fmt::format_to_n(text.data(), text.size(), "<!doctype html><title>{0} {1}</title>\n{0} {1}\n", status_, reason);
  const std::string_view body(text.data(), has_body ? std::min(end.size, text.size()) : 0);
  const bool to_head = memory_.request.method == "HEAD";
  head_sent_ = true;
  sent_bytes_ = to_head ? 0 : body.size();
  const Framing framing = has_body ? Framing{BodyKind::length, body.size()} : Framing{};
  const OutgoingResponse response{status_, framing, has_body && !to_head, &fields};
  if (!co_await client_.send_head(response, to_head ? std::string_view{} : body, true)) client_may_continue_ = false;
}

// The view of `text` has to last as long as the fields.
void Exchange::add_session_cookie(std::string& text, OutgoingFields& fields) const {
  if (memory_.cookie.empty()) return;
  const Field* agent = memory_.request.fields.find(FieldId::user_agent);
  text = filters::set_cookie_value(*policy_->cookie_affinity, memory_.cookie, cookie_path(), origin_.https(),
                                   agent ? agent->value : std::string_view{}, worker_.loop.wall_now());
  fields.add("Set-Cookie", text);
}

// Between the client and us.
bool Exchange::encrypted() const { return client_.raw() && client_.raw()->tls() != nullptr; }

void Exchange::add_cors_fields(OutgoingFields& fields) const {
  if (const auto origin = filters::allowed_origin(*policy_->cors, memory_.request)) filters::add_cors_fields(*policy_->cors, *origin, fields);
}

void Exchange::add_connection_field(OutgoingFields& fields) const {
  if (announce_close_) {
    fields.add("Connection", "close");
  } else if (memory_.request.version == 10) {
    fields.add("Connection", "keep-alive");
  }
}

void Exchange::account() {
  Stats& stats = worker_.stats;
  if (fault_ != Fault::none) stats.faults[static_cast<size_t>(fault_)].add();
  if (status_ != 0) {
    stats.responses[status_ % stats.responses.size()].add();
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(worker_.loop.now() - started_);
    const auto took_us = static_cast<uint64_t>(took.count());
    size_t bucket = 0;
    while (bucket < kDurationBoundsUs.size() && took_us > kDurationBoundsUs[bucket]) ++bucket;
    stats.durations[bucket].add();
    stats.duration_sum_us.add(took_us);
  }
  stats.sent_bytes.add(sent_bytes_);
  if (worker_.access_log && logged_) log_line();
}

void Exchange::log_line() {
  const RequestHead& request = memory_.request;
  const auto value = [&](FieldId id) {
    const Field* field = request.fields.find(id);
    return field ? field->value : std::string_view{};
  };
  AccessLine line;
  line.time = worker_.loop.wall_now();
  line.client = client_ip();
  line.method = request.method;
  line.target = request.target;
  line.host = request.authority;
  line.referer = value(FieldId::referer);
  line.user_agent = value(FieldId::user_agent);
  line.request_id = value(FieldId::x_request_id);
  if (line.request_id.empty() && used_endpoint_) line.request_id = {request_id_.data(), request_id_.size()};
  line.ns = ns_;
  line.ingress = ingress_;
  line.backend = backend_name_;
  const std::string upstream = backend_ && used_endpoint_ ? router::to_text(backend_->endpoints[*used_endpoint_]) : std::string();
  line.upstream = upstream;
  line.fault = fault_ == Fault::none ? std::string_view{} : row_of(fault_).name;
  line.status = status_;
  line.upstream_status = memory_.response.status;
  line.version = request.version;
  line.response_bytes = sent_bytes_;
  line.duration = std::chrono::duration_cast<std::chrono::microseconds>(worker_.loop.now() - started_);
  if (!worker_.access_log->add(line)) worker_.stats.access_log_dropped.add();
}

}  // namespace narthex::proxy
