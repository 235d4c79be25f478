// Where objects come from: a folder of manifests (folder_source.h) or an API server (api/api_source.h). What a source
// tells the control plane, and the little that the control plane asks of it. Owned by serve.cc. THREAD: control.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/finding.h"
#include "controller/change.h"

namespace narthex::controller {

// All current findings of one source of text (a file, a folder as such, an object of the API server); they replace what
// it said before.
struct SourceFindings {
  std::string source;
  config::Findings findings;
};

// What happened since the batch before: to be applied together.
struct SourceBatch {
  Changes changes;
  std::vector<SourceFindings> findings;
  bool empty() const { return changes.empty() && findings.empty(); }
};

// Objects of the store by kind, for metrics and the closing lines.
struct ObjectCount {
  std::string kind;
  size_t count = 0;
};

// Called with what changed. REQUIRES: does not destroy the source.
using Deliver = std::function<void(SourceBatch)>;

// How it stands with the API server; all empty for a folder.
struct ApiMetrics {
  struct Requests {
    std::string code;  // "200", "none" where there was no answer
    uint64_t count = 0;
  };
  struct Kind {
    std::string kind;
    uint64_t lists = 0, watches = 0;     // begun since the start
    base::WallTime last_event;           // the epoch: none yet
    uint32_t parts = 0, parts_down = 0;  // scopes that are read, and those of them that cannot be just now
  };
  std::vector<Requests> requests;
  std::vector<Kind> kinds;
};

class Source {
 public:
  virtual ~Source() = default;
  // Everything has been delivered once: what has been applied so far is worth serving. Never takes it back.
  virtual bool complete() const = 0;
  // What it still waits for, for /readyz and the log; empty once complete.
  virtual std::string waiting_for() const = 0;
  virtual std::vector<ObjectCount> object_counts() const = 0;
  // These Secrets are in use and have not been delivered: the source may have left them out.
  virtual void want(const std::vector<config::ObjectKey>&) {}
  virtual ApiMetrics api_metrics() const { return {}; }
};

}  // namespace narthex::controller
