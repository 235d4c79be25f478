#include "controller/leader_election.h"

#include <algorithm>
#include <utility>

namespace narthex::controller {

using namespace std::chrono_literals;

ElectionTimes election_times(std::chrono::milliseconds ttl) {
  ElectionTimes times;
  times.duration = std::max<std::chrono::milliseconds>(ttl, 1s);
  times.renew_deadline = times.duration * 2 / 3;
  times.retry = std::min<std::chrono::milliseconds>(times.duration * 2 / 15, 2s);
  return times;
}

void LeaderElection::observe(std::optional<config::Lease> lease, base::SteadyTime now) {
  const bool same = lease_.has_value() == lease.has_value() && (!lease || lease_->same_record(*lease));
  if (!same) changed_at_ = now;
  lease_ = std::move(lease);
  known_ = true;
  // Somebody took it: from now on two would write.
  if (!lease_ || lease_->holder != identity_) leads_until_.reset();
}

void LeaderElection::written(config::Lease lease, base::SteadyTime sent) {
  lease_ = std::move(lease);
  known_ = true;
  changed_at_ = sent;
  if (lease_->holder == identity_) {
    leads_until_ = sent + times_.renew_deadline;
  } else {
    leads_until_.reset();
  }
}

std::optional<config::Lease> LeaderElection::bid(base::SteadyTime now, base::WallTime wall) const {
  if (!known_) return std::nullopt;
  config::Lease next = lease_.value_or(config::Lease{});
  const bool ours = next.holder == identity_;
  // What others wrote as their duration counts, as they renew in that rhythm; a broken one is read as ours.
  const auto theirs = std::chrono::seconds(std::clamp<int64_t>(next.duration_seconds, 0, 3600));
  const auto wait = theirs.count() > 0 ? std::chrono::milliseconds(theirs) : times_.duration;
  if (!ours && !next.holder.empty() && now < changed_at_ + wait) return std::nullopt;
  next.renew_time = config::micro_time(wall);
  if (!ours) {
    next.acquire_time = next.renew_time;
    if (lease_) ++next.transitions;
  }
  next.holder = identity_;
  next.duration_seconds = std::chrono::ceil<std::chrono::seconds>(times_.duration).count();
  return next;
}

std::optional<config::Lease> LeaderElection::release(base::WallTime wall) const {
  if (!lease_ || lease_->holder != identity_) return std::nullopt;
  config::Lease next = *lease_;
  next.holder.clear();
  next.duration_seconds = 1;
  next.acquire_time = next.renew_time = config::micro_time(wall);
  return next;
}

}  // namespace narthex::controller
