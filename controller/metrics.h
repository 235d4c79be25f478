// What Narthex tells Prometheus: plain values in, the text format (version 0.0.4) out. Filled from the data plane's
// counters by main.cc and from the control plane by serve.cc. Pure; any thread.
// LIMIT: the number of series is bounded: status codes 600, faults by their table, findings 1,000 reasons,
// certificates the 10,000 that expire first.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/name_book.h"
#include "controller/source.h"

namespace narthex::controller {

inline constexpr size_t kCertificateSeriesMax = 10'000;
inline constexpr size_t kFindingSeriesMax = 1'000;
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// The data plane's counters, added up over the workers.
struct Traffic {
  struct Response {
    uint16_t code = 0;
    uint64_t count = 0;
  };
  struct Bucket {
    double upper_bound_seconds = 0;
    uint64_t count = 0;  // in this bucket alone
  };
  struct Fault {
    std::string name, party;
    uint64_t count = 0;
  };
  std::vector<Response> responses;
  std::vector<Bucket> durations;     // ascending; without the last one
  uint64_t durations_above = 0;      // +Inf
  double duration_sum_seconds = 0;
  std::vector<Fault> faults;
  uint64_t client_connections = 0, client_connections_open = 0;
  uint64_t tls_handshakes = 0, tls_handshakes_failed = 0, tls_resumed = 0;
  uint64_t upstream_connections = 0, upstream_reused = 0, upstream_idle = 0, upstream_retries = 0;
  uint64_t received_bytes = 0, sent_bytes = 0;
  uint64_t tunnels_open = 0;
  uint64_t access_log_dropped = 0;
};

struct Metrics {
  struct Objects {
    std::string kind;
    uint64_t count = 0;
  };
  struct Findings {
    std::string reason, severity;
    uint64_t count = 0;
  };
  struct Certificate {
    std::string host;  // "*" for the default certificate
    base::WallTime not_after;
  };
  std::string version;
  uint32_t workers = 0;
  base::WallTime started;
  bool ready = false;
  uint64_t published_generation = 0, adopted_generation = 0;
  std::vector<Objects> objects;
  std::vector<Findings> findings;
  std::vector<Certificate> certificates;  // any order; a host may stand more than once
  ApiMetrics api;
  std::optional<WriterMetrics> writer;
  NameCounts names;
  Traffic traffic;
};

std::string metrics_text(const Metrics& metrics);

}  // namespace narthex::controller
