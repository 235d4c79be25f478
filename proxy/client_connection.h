// A client's connection that speaks HTTP/1, in clear or under TLS: reads requests one after the other and gives each to an exchange.
//
//   [handshake] ─► idle ─► read head ─► exchange ─► rest of the body ─► idle ... ─► linger ─► closed
//
// While idle it holds no buffer and no exchange memory. THREAD: the worker's. Owned by the worker's ClientList; retires itself.
#pragma once

#include <sys/socket.h>

#include <string_view>

#include "proxy/exchange.h"
#include "proxy/h1_body.h"
#include "proxy/h1_output.h"
#include "proxy/worker_context.h"

namespace narthex::proxy {

class ClientConnection;

// All client connections of a worker.
class ClientList final {
 public:
  ~ClientList();
  void add(std::unique_ptr<ClientConnection> connection);
  std::unique_ptr<ClientConnection> remove(ClientConnection& connection);
  // Brings the end of idle connections forward.
  void drain(base::SteadyTime idle_until);

 private:
  ClientConnection* first_ = nullptr;
};

class ClientConnection final : public ClientSide, public Retired {
 public:
  // `port`: as X-Forwarded-Port tells it. `tls`: null in clear.
  ClientConnection(WorkerContext& worker, ClientList& list, int fd, const sockaddr_storage& peer, std::string_view port,
                   tls::ServerContext* tls);
  ~ClientConnection() override;
  void start() { task_ = run(); }

  std::optional<std::string_view> buffered_body() const override;
  Task<BodyPiece> read_body() override;
  const FieldList* request_trailers() const override { return body_.trailers(); }
  uint64_t plain_remaining() const override { return body_.plain_remaining(); }
  void skipped(uint64_t bytes) override { body_.skipped(bytes); }
  Task<bool> send_interim(const OutgoingResponse& response) override;
  Task<bool> send_head(const OutgoingResponse& response, std::string_view first, bool last) override;
  Task<bool> send_body(std::string_view piece, bool last) override;
  Task<bool> send_trailers(const FieldList& trailers) override;
  void abort_response() override;
  std::string_view take_surplus() override;
  bool can_chunk() const override { return memory_->request.version >= 11; }
  Transport* raw() override { return &transport_; }

 private:
  friend class ClientList;
  Task<void> run();
  // The PROXY header of who relays for the client: its addresses become those of the connection. False: to be closed.
  Task<bool> read_proxy_header(const router::TrustPolicy& trust);
  Task<bool> handshake();
  Task<bool> serve();
  Task<Fault> read_head();
  std::optional<Fault> look_for_head(size_t& scanned);
  Task<Fault> read_rest_of_head(base::SteadyTime deadline, size_t scanned);
  Task<Io> fill(base::SteadyTime deadline);
  void received(size_t bytes);  // into in_
  void take_head(size_t bytes);
  Task<bool> finish_request();
  Task<bool> drain_body();
  Task<void> linger();
  void retire();

  WorkerContext& worker_;
  ClientList& list_;
  ClientConnection *next_ = nullptr, *previous_ = nullptr;
  Transport transport_;
  ReadBuffer in_;
  Buffer head_memory_;  // what the head's views point into, where the body is read elsewhere
  H1Output out_;
  H1BodyReader body_;
  ExchangeMemory* memory_ = nullptr;
  std::optional<filters::Origin> origin_;  // never empty; made anew where somebody relays for the client
  size_t in_place_ = 0;  // bytes of head and body at the front of the buffer, given back after the exchange
  std::optional<std::string_view> buffered_body_;
  bool idle_ = false, served_before_ = false, continue_due_ = false, aborted_ = false;
  Task<void> task_;
};

}  // namespace narthex::proxy
