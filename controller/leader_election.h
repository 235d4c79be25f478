// Who of several replicas writes to the API server: the rules of client-go's leader election by a Lease, as a value
// that is fed with what was read and when. No I/O; elector.h carries it out. THREAD: control.
//
//   another's Lease   counts until it has been observed unchanged for its duration, by our own steady clock: nobody's
//                     wall clock matters. One that was released (no holder) may be taken at once
//   ours              is renewed again and again; a renewal counts from when it was sent, and leads for renew_deadline,
//                     which is shorter than the duration that others wait
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"
#include "config/lease.h"

namespace narthex::controller {

struct ElectionTimes {
  std::chrono::milliseconds duration{15'000}, renew_deadline{10'000}, retry{2'000};
};
// For --election-ttl: client-go's proportions (15 s, 10 s, 2 s), and a retry of 2 s at most.
ElectionTimes election_times(std::chrono::milliseconds ttl);

class LeaderElection final {
 public:
  LeaderElection(std::string identity, ElectionTimes times) : identity_(std::move(identity)), times_(times) {}

  // The Lease as the server has it; none: there is none.
  void observe(std::optional<config::Lease> lease, base::SteadyTime now);
  // The server took this, which was sent then; `lease` is its answer.
  void written(config::Lease lease, base::SteadyTime sent);
  // What is known may be old: bid() needs another observation.
  void forget() { known_ = false; }

  bool knows() const { return known_; }
  // What to write now; none: it is another's, or nothing is known.
  std::optional<config::Lease> bid(base::SteadyTime now, base::WallTime wall) const;
  // The Lease given back, as client-go does; none: it is not ours.
  std::optional<config::Lease> release(base::WallTime wall) const;

  bool leads(base::SteadyTime now) const { return leads_until_ && now < *leads_until_; }
  std::optional<base::SteadyTime> leads_until() const { return leads_until_; }
  void resign() { leads_until_.reset(); }
  // As last observed; empty: nobody's.
  std::string holder() const { return lease_ ? lease_->holder : std::string(); }

 private:
  const std::string identity_;
  const ElectionTimes times_;
  bool known_ = false;                  // lease_ is what the server has, as far as we know
  std::optional<config::Lease> lease_;  // as last observed or written
  base::SteadyTime changed_at_{};       // when it was first observed like this
  std::optional<base::SteadyTime> leads_until_;
};

}  // namespace narthex::controller
