// A connection to an endpoint that speaks HTTP/1.1: one exchange at a time, pooled between them (upstream_pool.h).
// THREAD: the worker's. A resource, freed at the end of a turn.
#pragma once

#include <optional>

#include "proxy/h1_body.h"
#include "proxy/h1_output.h"
#include "proxy/sides.h"
#include "router/backend.h"

namespace narthex::proxy {

class H1Upstream final : public UpstreamSide, public Retired {
 public:
  H1Upstream(Loop& loop, BufferPool& buffers, int fd, const router::Endpoint& endpoint);

  // Before each exchange; `chunks` is storage for a chunked response. The gaps: how long to wait for the next byte.
  void begin(std::optional<ChunkedReader>* chunks, bool to_head, bool sends_upgrade, std::chrono::milliseconds read_gap,
             std::chrono::milliseconds write_gap);
  // Fit for another exchange: the last one ended where its framing said, and both want to go on.
  bool reusable();
  // Gives memory back between exchanges.
  void rest() { in_.release(); }

  const router::Endpoint& endpoint() const { return endpoint_; }
  uint32_t exchanges() const { return exchanges_; }
  Socket& socket() { return transport_.socket(); }

  Task<Fault> send_request(const OutgoingRequest& request, std::string_view first, bool last) override;
  Task<Fault> send_body(std::string_view piece, bool last) override;
  Task<Fault> send_trailers(const FieldList& trailers) override;
  void request_over() override;
  Task<Fault> read_head(ResponseHead& head) override;
  Task<BodyPiece> read_body() override;
  BodyPiece buffered_body() override;
  const FieldList* response_trailers() const override { return body_.trailers(); }
  bool silent() const override { return !heard_; }
  Transport* raw() override { return &transport_; }
  std::string_view take_surplus() override { return in_.view().substr(head_bytes_); }
  // Places in the pool's two lists while idle; the pool alone uses them.
  struct IdleLinks {
    H1Upstream *newer = nullptr, *older = nullptr;  // among all idle connections of the worker
    H1Upstream *above = nullptr, *below = nullptr;  // among those to the same endpoint
  };
  IdleLinks idle;
  uint64_t plain_remaining() const override { return body_.plain_remaining(); }
  void skipped(uint64_t bytes) override { body_.skipped(bytes); }

 private:
  Fault sent(IoState state, bool last);
  base::SteadyTime read_deadline();
  void accept(const ResponseHead& head, size_t bytes);

  Transport transport_;
  BufferPool& buffers_;
  const router::Endpoint endpoint_;
  ReadBuffer in_;
  H1Output out_;
  H1BodyReader body_;
  std::optional<ChunkedReader>* chunks_ = nullptr;
  ResponseContext context_;
  std::chrono::milliseconds read_gap_{};
  uint32_t exchanges_ = 0;
  size_t head_bytes_ = 0;  // of the last head, still in the buffer because it is viewed
  bool request_over_ = false;  // nothing more of it will be sent, be it complete or not
  bool request_sent_ = false, final_head_seen_ = false, keep_alive_ = false, heard_ = false;
};

}  // namespace narthex::proxy
