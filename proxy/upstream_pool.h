// Connections to endpoints between exchanges, one pool per worker, keyed by address: never by configuration, so that a change of
// routes empties nothing. The connection used last is used first. THREAD: the worker's.
// LIMIT: kIdleUpstreamsPerWorker idle connections; the oldest goes when there is one more. Each idles kIdleUpstream at the most.
#pragma once

#include <memory>
#include <unordered_map>

#include "proxy/balance.h"
#include "proxy/h1_upstream.h"
#include "proxy/stats.h"

namespace narthex::proxy {

class UpstreamPool final : private IdleWatcher {
 public:
  UpstreamPool(Loop& loop, BufferPool& buffers, Stats& stats) : loop_(loop), buffers_(buffers), stats_(stats) {}
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  // The idle connection used last, or null.
  std::unique_ptr<H1Upstream> take(const router::Endpoint& endpoint);
  struct Connected {
    std::unique_ptr<H1Upstream> connection;
    Fault fault = Fault::none;
  };
  Task<Connected> connect(const router::Endpoint& endpoint, std::chrono::milliseconds patience);
  // After an exchange: keeps it or closes it.
  void give(std::unique_ptr<H1Upstream> connection);
  // The endpoints at which connect() failed a moment ago.
  const Refusals& refusals() const { return refusals_; }

 private:
  Connected refused(const router::Endpoint& endpoint, Fault fault);
  void on_idle_end(void* connection) override;
  std::unique_ptr<H1Upstream> unlink(H1Upstream& connection);
  std::unique_ptr<H1Upstream> unlink(H1Upstream& connection, H1Upstream*& top);
  void close(std::unique_ptr<H1Upstream> connection);
  void forget_unused_endpoints();

  Loop& loop_;
  BufferPool& buffers_;
  Stats& stats_;
  // The connection on top of each endpoint's stack; null where all are in use.
  std::unordered_map<router::Endpoint, H1Upstream*, router::EndpointHash> tops_;
  Refusals refusals_;
  H1Upstream *newest_ = nullptr, *oldest_ = nullptr;
  size_t idle_ = 0;
};

}  // namespace narthex::proxy
