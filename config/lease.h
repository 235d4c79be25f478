// A Lease of coordination.k8s.io/v1, as far as the election of a leader needs it. What else is in the object (labels,
// owners) is kept and written back. A value; pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "config/objects.h"
#include "config/tree.h"

namespace narthex::config {

struct Lease {
  std::string holder;  // empty: released, or never held
  int64_t duration_seconds = 0, transitions = 0;
  std::string acquire_time, renew_time;  // micro_time()
  std::string resource_version;          // of the object that this was read from; empty: there was none
  Tree object;                           // all of it; not compared

  bool same_record(const Lease& other) const {
    return holder == other.holder && duration_seconds == other.duration_seconds && transitions == other.transitions &&
           acquire_time == other.acquire_time && renew_time == other.renew_time;
  }
};

// Errors: no JSON, or no Lease; one line. Fields of a wrong type read as absent.
base::Result<Lease> decode_lease(std::string_view text);
// The object to create (no resource_version) or to replace the one that was read.
std::string encode_lease(const Lease& lease, const ObjectKey& key);

// metav1.MicroTime: "2024-05-01T12:00:00.123456Z"
std::string micro_time(base::WallTime time);
// metav1.Time: "2024-05-01T12:00:00Z"
std::string second_time(base::WallTime time);

}  // namespace narthex::config
