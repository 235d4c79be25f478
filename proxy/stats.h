// What a worker counts. Written by one worker, read by the control thread at any time: relaxed atomics with a single writer,
// so that counting costs a plain load and store and shares no cache line between workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "proxy/fault.h"

namespace narthex::proxy {

// A counter with one writer.
class Count {
 public:
  void add(uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void sub(uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed); }
  uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Upper bounds of the duration histogram in microseconds: ingress-nginx's --time-buckets.
inline constexpr std::array<uint64_t, 11> kDurationBoundsUs = {5'000,   10'000,  25'000,    50'000,    100'000,  250'000,
                                                               500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

template <typename Cell>
struct StatsOf {
  std::array<Cell, 600> responses{};  // by status code
  std::array<Cell, kDurationBoundsUs.size() + 1> durations{};  // by bucket, the last one is +Inf
  Cell duration_sum_us{};
  std::array<Cell, static_cast<size_t>(Fault::kCount)> faults{};
  Cell client_connections{}, client_connections_open{};
  Cell tls_handshakes{}, tls_handshakes_failed{}, tls_resumed{};
  Cell upstream_connections{}, upstream_reused{}, upstream_idle{}, upstream_retries{};
  Cell received_bytes{}, sent_bytes{};  // from and to clients, as the sockets count them
  Cell tunnels_open{};
  Cell access_log_dropped{};
};

// The single numbers of the above, for adding up.
template <typename Cell>
inline constexpr std::array kScalarStats = {
    &StatsOf<Cell>::duration_sum_us,      &StatsOf<Cell>::client_connections,    &StatsOf<Cell>::client_connections_open,
    &StatsOf<Cell>::tls_handshakes,       &StatsOf<Cell>::tls_handshakes_failed, &StatsOf<Cell>::tls_resumed,
    &StatsOf<Cell>::upstream_connections, &StatsOf<Cell>::upstream_reused,       &StatsOf<Cell>::upstream_idle,
    &StatsOf<Cell>::upstream_retries,     &StatsOf<Cell>::received_bytes,        &StatsOf<Cell>::sent_bytes,
    &StatsOf<Cell>::tunnels_open,         &StatsOf<Cell>::access_log_dropped,
};

using Stats = StatsOf<Count>;      // alive, one per worker
using Totals = StatsOf<uint64_t>;  // added up

}  // namespace narthex::proxy
