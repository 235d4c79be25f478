// What one worker has and an exchange uses: plain references to the worker's parts, handed down instead of globals.
// THREAD: the worker's.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/access_log.h"
#include "proxy/balance.h"
#include "proxy/buffer.h"
#include "proxy/filters/claimed_origin.h"
#include "proxy/h1_codec.h"
#include "proxy/loop.h"
#include "proxy/pipe.h"
#include "proxy/sides.h"
#include "proxy/snapshot_holder.h"
#include "proxy/stats.h"
#include "proxy/upstream_pool.h"
#include "router/rewrite.h"

namespace narthex::proxy {

// The memory of one exchange that is too large for a coroutine frame; recycled, so that nothing is allocated per request.
struct ExchangeMemory {
  RequestHead request;
  ResponseHead response;
  std::optional<ChunkedReader> request_chunks, response_chunks;
  std::string path_scratch, host_scratch, cookie, location;
  router::RewriteMemory rewriting;
  filters::ClaimedOrigin claimed;
};

class ExchangeMemoryPool final {
 public:
  std::unique_ptr<ExchangeMemory> take() {
    if (free_.empty()) return std::make_unique<ExchangeMemory>();
    std::unique_ptr<ExchangeMemory> memory = std::move(free_.back());
    free_.pop_back();
    return memory;
  }
  void give(std::unique_ptr<ExchangeMemory> memory) {
    if (free_.size() < limits::kFreeBuffers) free_.push_back(std::move(memory));
  }

 private:
  std::vector<std::unique_ptr<ExchangeMemory>> free_;
};

// "Sat, 21 Nov 2026 12:00:00 GMT" (RFC 9110 5.6.7), formatted once a second.
class DateText {
 public:
  std::string_view at(Loop& loop);

 private:
  base::SteadyTime valid_until_{};
  std::array<char, 32> text_{};
  size_t size_ = 0;
};

struct WorkerContext {
  Loop& loop;
  BufferPool& buffers;
  PipePool& pipes;
  ExchangeMemoryPool& memories;
  UpstreamPool& upstreams;
  SnapshotHolder& snapshots;
  RoundRobin& round_robin;
  Random& random;
  DateText& date;
  // A head that is being put together. One for all exchanges, as it is written before anything waits: these lines stay in
  // the cache.
  OutgoingFields& outgoing;
  Stats& stats;
  AccessLogRing* access_log;  // null: off
  const bool& draining;
};

}  // namespace narthex::proxy
