// One request and its response, between two sides whose protocols it does not know (sides.h).
//
//   normalise ─► match ─► policy ─► choose endpoint ─► connection from the pool ─► send ─► head ─► body ─► account
//                                        ▲                                                  │
//                                        └── again elsewhere, where the fault table allows ───┘
//
// A streamed request body is pumped beside the response, so that neither waits for the other. The snapshot of the match stays
// pinned until the exchange ends (a tunnel lets go of it). THREAD: the worker's. Lives in the connection's coroutine.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "proxy/filters/affinity.h"
#include "proxy/filters/forwarded_fields.h"
#include "proxy/filters/hops.h"
#include "proxy/filters/redirects.h"
#include "proxy/worker_context.h"
#include "router/normalise.h"

namespace narthex::proxy {

class Exchange final {
 public:
  // `origin`: of the connection that it came on.
  Exchange(WorkerContext& worker, ClientSide& client, ExchangeMemory& memory, const filters::Origin& origin);

  // Serves the request that was read into memory.request.
  Task<void> run();
  // Answers a request that could not even be read.
  Task<void> refuse(Fault fault);

  // After run(): the client's connection may carry another exchange as far as this one is concerned.
  bool client_may_continue() const { return client_may_continue_; }
  // The response told the client that the connection ends.
  bool announced_close() const { return announce_close_; }
  // Set before run() where the connection will not go on: the response then says so.
  void announce_close() { announce_close_ = true; }

 private:
  Fault match();
  Fault match_target();
  // exchange_policy.cc: what the policies of site, host and route say before anything is forwarded.
  Fault check_policies();
  Fault check_access() const;
  Fault rewrite_target();
  bool redirects_to_https() const;
  void answer_with(uint16_t status) { own_status_ = status; }
  filters::Asked asked() const;
  std::string_view scheme() const;
  std::string_view client_ip() const;
  void choose_side();
  size_t choose_endpoint();
  std::string_view cookie_path() const;
  Task<Fault> forward();
  Task<UpstreamPool::Connected> connection_to(const router::Endpoint& endpoint);
  Task<Fault> exchange_with(UpstreamSide& upstream);
  Task<Fault> exchange_streaming(UpstreamSide& upstream, Task<Fault> sending);
  Task<void> pump_request(UpstreamSide& upstream);
  Task<Fault> pump_pieces(UpstreamSide& upstream);
  Task<Fault> serve_response(UpstreamSide& upstream);
  Task<Fault> relay_response(UpstreamSide& upstream);
  Task<Fault> relay_body(UpstreamSide& upstream, Task<bool> sending_head);
  Task<std::optional<Fault>> splice_request(UpstreamSide& upstream);
  Task<std::optional<Fault>> splice_response(UpstreamSide& upstream);
  Task<Fault> tunnel(UpstreamSide& upstream);
  Framing response_framing() const;
  bool wants_another(uint16_t status) const;
  bool may_retry(Fault fault, const UpstreamSide* upstream) const;
  bool note_tried(size_t endpoint);
  void add_connection_field(OutgoingFields& fields) const;
  Task<void> answer_fault(Fault fault);
  Task<void> answer(uint16_t status);
  void add_cors_fields(OutgoingFields& fields) const;
  void add_session_cookie(std::string& text, OutgoingFields& fields) const;
  bool encrypted() const;
  void account();
  void log_line();

  WorkerContext& worker_;
  ClientSide& client_;
  ExchangeMemory& memory_;
  const filters::Origin& origin_;
  const base::SteadyTime started_;

  SnapshotHolder::Pin pin_;
  const router::HostRoutes* host_ = nullptr;
  const router::Route* route_ = nullptr;
  const router::RoutePolicy* policy_ = nullptr;  // never null after match(); gone with the pin
  const filters::ClaimedOrigin* claimed_ = nullptr;  // what a trusted peer said; null: nothing that is believed
  const router::Backend* backend_ = nullptr;  // of the two of a canary's route the chosen one
  router::BackendSlot slot_ = router::kNoBackend;
  struct {
    std::string_view host;
    router::Target path;
    std::string_view forwarded_prefix;  // X-Forwarded-Prefix; empty: none
  } target_;

  std::optional<std::string_view> buffered_body_;
  std::array<size_t, limits::kTriedEndpoints> tried_;  // endpoints, each once
  size_t tried_count_ = 0;
  uint32_t attempts_left_ = 0, hops_ = 0;
  bool on_canary_ = false, new_session_ = false;
  uint16_t own_status_ = 0;  // the answer is ours and no fault
  std::array<char, 32> request_id_;  // ours, where the client sent none
  bool announce_close_ = false, client_may_continue_ = true;
  bool head_sent_ = false;         // to the client: from then on no other answer can be given
  uint64_t body_bytes_ = 0;  // of a streamed request body, so far
  bool body_started_ = false;      // bytes of a streamed request body were taken: it cannot be repeated
  bool websocket_ = false;
  bool logged_ = true;
  Fault fault_ = Fault::none;
  Fault pump_fault_ = Fault::none;
  uint16_t status_ = 0;
  uint64_t sent_bytes_ = 0;
  std::optional<size_t> used_endpoint_;
  // What the log wants to know of the route, kept beyond the snapshot by a tunnel.
  std::string kept_names_;
  std::string_view ns_, ingress_, backend_name_;
  std::string_view alternative_name_;  // of the canary's backend where that serves; backend_name_ is the route's own then
};

}  // namespace narthex::proxy
