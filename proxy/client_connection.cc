#include "proxy/client_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <fmt/format.h>

#include <array>

#include "proxy/proxy_protocol.h"

namespace narthex::proxy {
namespace {

bool is_ok(IoState state) { return state == IoState::ok; }

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Ends in a null.
std::array<char, INET6_ADDRSTRLEN> ip_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  int family = AF_INET;
  if (address.ss_family == AF_INET6) {
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6);  // an IPv4 client on a socket for both families
    bytes = v6.s6_addr + (mapped ? 12 : 0);
    family = mapped ? AF_INET : AF_INET6;
  }
  inet_ntop(family, bytes, text.data(), text.size());
  return text;
}

uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

ClientList::~ClientList() {
  while (first_) remove(*first_).reset();
}

void ClientList::add(std::unique_ptr<ClientConnection> connection) {
  ClientConnection* const added = connection.release();
  added->next_ = first_;
  if (first_) first_->previous_ = added;
  first_ = added;
}

std::unique_ptr<ClientConnection> ClientList::remove(ClientConnection& connection) {
  (connection.previous_ ? connection.previous_->next_ : first_) = connection.next_;
  if (connection.next_) connection.next_->previous_ = connection.previous_;
  connection.next_ = connection.previous_ = nullptr;
  return std::unique_ptr<ClientConnection>(&connection);
}

void ClientList::drain(base::SteadyTime idle_until) {
  for (ClientConnection* connection = first_; connection; connection = connection->next_)
    if (connection->idle_) connection->transport_.socket().hasten_read(idle_until);
}

ClientConnection::ClientConnection(WorkerContext& worker, ClientList& list, int fd, const sockaddr_storage& peer, std::string_view port,
                                   tls::ServerContext* tls)
    : worker_(worker),
      list_(list),
      transport_(worker.loop, fd, tls),
      out_(transport_, worker.buffers, limits::kClientWriteGap),
      origin_(std::in_place, ip_of(peer).data(), port, tls != nullptr) {
  worker_.stats.client_connections.add();
  worker_.stats.client_connections_open.add();
}

ClientConnection::~ClientConnection() { worker_.stats.client_connections_open.sub(); }

Task<void> ClientConnection::run() {
  bool goes_on = true;
  int in_a_row = 0;
  const router::Snapshot* const snapshot = worker_.snapshots.current();
  if (snapshot && snapshot->site->trust.proxy_protocol) goes_on = co_await read_proxy_header(snapshot->site->trust);
  if (goes_on && transport_.tls()) goes_on = co_await handshake();
  if (!goes_on) aborted_ = true;
  while (goes_on) {
    if (in_.empty()) {
      idle_ = true;
      auto patience = std::chrono::milliseconds(served_before_ ? limits::kClientIdle : limits::kRequestHead);
      if (worker_.draining) patience = limits::kIdleWhileDraining;
      const IoState waited = co_await transport_.readable(worker_.loop.now() + patience);
      idle_ = false;
      if (waited != IoState::ok) {
        if (waited == IoState::timed_out) transport_.finish_output();
        aborted_ = true;  // no answer is on its way that a reset could eat
        break;
      }
    }
    goes_on = co_await serve();
    // A client that pipelines without end must not keep the others waiting.
    if (!in_.empty() && ++in_a_row % limits::kRequestsPerTurn == 0) co_await worker_.loop.next_turn();
  }
  if (!aborted_) co_await linger();
  retire();
}

// It must come, and only peers that are trusted may send it: anybody else is cut off without a word.
Task<bool> ClientConnection::read_proxy_header(const router::TrustPolicy& trust) {
  if (!trust.peers.holds(origin_->ip())) co_return false;
  const base::SteadyTime deadline = worker_.loop.now() + trust.proxy_protocol_timeout;
  Socket& socket = transport_.socket();
  Buffer memory = worker_.buffers.small();
  for (;;) {
    const Wake wake = co_await socket.readable(deadline);
    if (wake != Wake::ready) co_return false;
    const ssize_t seen = socket.peek(memory.span());
    if (seen == -EAGAIN) continue;
    if (seen <= 0) co_return false;
    const ProxyProtocolHeader header = read_proxy_protocol({memory.span().data(), static_cast<size_t>(seen)});
    if (header.state == ProxyProtocolState::refused) co_return false;
    if (header.state == ProxyProtocolState::incomplete) {
      if (socket.hung_up()) co_return false;
      socket.note_drained();
      continue;
    }
    if (socket.recv(memory.span().first(header.bytes)) != static_cast<ssize_t>(header.bytes)) co_return false;
    if (!header.relayed) co_return true;
    const std::string port = fmt::format("{}", port_of(header.destination));
    origin_.emplace(ip_of(header.source).data(), port, transport_.tls() || port == "443");
    co_return true;
  }
}

Task<bool> ClientConnection::handshake() {
  const IoState state = co_await transport_.handshake(worker_.loop.now() + limits::kTlsHandshake);
  if (state != IoState::ok) {
    worker_.stats.tls_handshakes_failed.add();
    co_return false;
  }
  worker_.stats.tls_handshakes.add();
  if (transport_.tls()->resumed()) worker_.stats.tls_resumed.add();
  co_return true;
}

// One request with its answer. True: the connection may carry another one.
Task<bool> ClientConnection::serve() {
  std::unique_ptr<ExchangeMemory> memory = worker_.memories.take();
  memory_ = memory.get();
  const Fault fault = co_await read_head();
  bool goes_on = false;
  if (fault != Fault::client_gone) {
    Exchange exchange(worker_, *this, *memory, *origin_);
    if (fault != Fault::none) {
      co_await exchange.refuse(fault);
    } else {
      if (!memory->request.keep_alive) exchange.announce_close();
      co_await exchange.run();
      goes_on = exchange.client_may_continue() && !exchange.announced_close() && !aborted_;
      if (goes_on) goes_on = co_await finish_request();
    }
    served_before_ = true;
  } else {
    aborted_ = true;
  }
  memory_ = nullptr;
  worker_.memories.give(std::move(memory));
  if (in_.empty()) in_.release();
  head_memory_.release();
  co_return goes_on;
}

Task<Io> ClientConnection::fill(base::SteadyTime deadline) {
  const std::span<char> room = in_.room();
  const Io io = co_await transport_.read(room.first(body_.worth_reading(room.size())), deadline);
  if (io.state == IoState::ok) received(io.bytes);
  co_return io;
}

void ClientConnection::received(size_t bytes) {
  in_.produced(bytes);
  worker_.stats.received_bytes.add(bytes);
}

Task<Fault> ClientConnection::read_head() {
  const auto patience = worker_.draining && in_.empty() ? std::chrono::milliseconds(limits::kIdleWhileDraining) : limits::kRequestHead;
  body_.start({}, nullptr);
  in_.need(worker_.buffers);
  size_t scanned = 0;
  if (in_.empty()) {
    const Io io = transport_.try_read(in_.room());
    if (io.state == IoState::ok) {
      received(io.bytes);
    } else if (io.state != IoState::would_block) {
      return Fault::client_gone;
    }
  }
  if (const std::optional<Fault> read = look_for_head(scanned)) return *read;
  return read_rest_of_head(worker_.loop.now() + patience, scanned);
}

// Nothing: the head is not complete.
std::optional<Fault> ClientConnection::look_for_head(size_t& scanned) {
  if (in_.empty()) return std::nullopt;
  const HeadResult result = read_request_head(in_.view(), scanned, memory_->request);
  if (result.state == HeadState::refused) return result.fault;
  if (result.state != HeadState::complete) return std::nullopt;
  take_head(result.bytes);
  return Fault::none;
}

Task<Fault> ClientConnection::read_rest_of_head(base::SteadyTime deadline, size_t scanned) {
  for (;;) {
    if (in_.room().empty()) {
      if (in_.size() >= limits::kHeadBytes) co_return Fault::head_too_large;
      in_.compact();
      if (in_.room().empty()) in_.grow(worker_.buffers);
    }
    idle_ = in_.empty();  // not one byte of a request: as idle as before
    const Io io = co_await transport_.read(in_.room(), deadline);
    idle_ = false;
    if (io.state == IoState::timed_out && !in_.empty()) co_return Fault::head_timeout;
    if (io.state != IoState::ok) co_return Fault::client_gone;
    received(io.bytes);
    if (const std::optional<Fault> read = look_for_head(scanned)) co_return *read;
  }
}

// Decides where the head stays while the exchange runs: in place where all of the body is there already, else in memory of its own.
void ClientConnection::take_head(size_t bytes) {
  const Framing& framing = memory_->request.framing;
  const std::string_view rest = in_.view().substr(bytes);
  body_.start(framing, &memory_->request_chunks);
  continue_due_ = false;
  if (framing.kind == BodyKind::none || (framing.kind == BodyKind::length && framing.length <= rest.size())) {
    const size_t length = framing.kind == BodyKind::length ? framing.length : 0;
    buffered_body_ = rest.substr(0, length);
    in_place_ = bytes + length;
    body_.skipped(length);
    return;
  }
  buffered_body_.reset();
  in_place_ = 0;
  continue_due_ = memory_->request.expects_continue && rest.empty();
  head_memory_ = in_.split(bytes, worker_.buffers);
}

std::optional<std::string_view> ClientConnection::buffered_body() const { return buffered_body_; }

Task<BodyPiece> ClientConnection::read_body() {
  for (;;) {
    const BodyPiece piece = body_.next(in_);
    if (piece.state != BodyPiece::State::later) co_return piece;
    if (std::exchange(continue_due_, false)) {
      const IoState told = co_await transport_.write(kContinue, limits::kClientWriteGap);
      if (told != IoState::ok) co_return BodyPiece{BodyPiece::State::failed, {}, false, Fault::client_gone};
    }
    in_.need(worker_.buffers);
    in_.compact();
    if (body_.worth_reading(SIZE_MAX) > limits::kSmallBuffer) in_.grow(worker_.buffers);
    const Io io = co_await fill(worker_.loop.now() + limits::kClientBodyGap);
    if (io.state == IoState::ok) continue;
    const Fault fault = io.state == IoState::timed_out ? Fault::body_timeout : Fault::client_gone;
    co_return BodyPiece{BodyPiece::State::failed, {}, false, fault};
  }
}

Task<bool> ClientConnection::send_interim(const OutgoingResponse& response) {
  return then(out_.response(response, {}, false), is_ok);
}

Task<bool> ClientConnection::send_head(const OutgoingResponse& response, std::string_view first, bool last) {
  return then(out_.response(response, first, last), is_ok);
}

Task<bool> ClientConnection::send_body(std::string_view piece, bool last) {
  return then(out_.piece(piece, last), is_ok);
}

Task<bool> ClientConnection::send_trailers(const FieldList& trailers) {
  return then(out_.trailers(trailers), is_ok);
}

// An answer that ends early must not look complete: no last chunk, no close_notify, and a reset, so that even a body that
// ends with the connection is seen to be cut (RFC 9112 8).
void ClientConnection::abort_response() {
  aborted_ = true;
  const ::linger reset{1, 0};
  setsockopt(transport_.socket().fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

std::string_view ClientConnection::take_surplus() { return in_.view().substr(in_place_); }

// After the answer: leaves the connection in front of the next request. False: it cannot be used any more.
Task<bool> ClientConnection::finish_request() {
  if (buffered_body_) {
    in_.consume(std::exchange(in_place_, 0));
    return true;
  }
  // The client waits for a go-ahead that it does not get: what it sends next may be body or request (RFC 9110 10.1.1).
  if (continue_due_ || body_.plain_remaining() > limits::kDrainBytes) return false;
  return drain_body();
}

Task<bool> ClientConnection::drain_body() {
  size_t drained = 0;
  while (!body_.finished()) {
    const BodyPiece piece = co_await read_body();
    if (piece.state == BodyPiece::State::failed) co_return false;
    drained += piece.bytes.size();
    if (drained > limits::kDrainBytes) co_return false;
  }
  body_.next(in_);  // lets go of the last piece
  co_return true;
}

// Ends our side, then reads on for a moment: closing with unread input would reset the connection and might eat the answer.
Task<void> ClientConnection::linger() {
  transport_.finish_output();
  const base::SteadyTime deadline = worker_.loop.now() + limits::kLinger;
  size_t discarded = 0;
  in_.release();
  while (discarded < limits::kLingerBytes && !transport_.socket().broken()) {
    Socket& socket = transport_.socket();
    if (socket.drained()) {
      const Wake wake = co_await socket.readable(deadline);
      if (wake != Wake::ready) co_return;
    }
    Buffer memory = worker_.buffers.small();
    const ssize_t got = socket.recv(memory.span());
    if (got == 0 || (got < 0 && got != -EAGAIN)) co_return;
    discarded += got > 0 ? static_cast<size_t>(got) : 0;
  }
}

void ClientConnection::retire() { worker_.loop.retire(list_.remove(*this)); }

}  // namespace narthex::proxy
