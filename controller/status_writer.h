// Writes .status.loadBalancer.ingress of Ingresses: the addresses at which we serve, to those that are ours and show
// another; none to those that were ours and still show ours. By a merge patch of that one field. Owned by the cluster
// writer, which tells what changed and calls turn() when next_turn() says. THREAD: control.
//
//   to be written ─► looked at again ─► patched ─► done          (404: it is gone; done)
//        ▲               └─ nothing to do: done        └─ failed: back-off, 1 s to 60 s; Retry-After is kept to
//        └─ to be removed: read first, and patched only as it was read (409: read again), as its new owner writes, too
//
// LIMITs: kInFlight requests at a time; one entry for each Ingress that waits; the same text goes to the same Ingress
// once in kSameAgain, so that a quarrel with another controller costs little.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "config/objects.h"
#include "controller/api/api_call.h"
#include "controller/recent.h"
#include "controller/store.h"

namespace narthex::controller {

// How an Ingress stands now, as far as its status is concerned.
struct StatusView {
  bool exists = false, ours = false;
  std::string addresses;  // that it shows
};

// What its status is to be: a text of addresses, empty for none; nothing: leave it. `wanted`: where we are reached, if
// that is known. `gives_up`: it was ours, or we are about to end.
std::optional<std::string> status_to_write(const StatusView& now, const std::optional<std::string>& wanted,
                                           bool gives_up);

struct WriteCounts {
  uint64_t written = 0, failed = 0, dropped = 0;
};

class StatusWriter final {
 public:
  static constexpr size_t kInFlight = 4;  // of the client's 8 connections
  static constexpr auto kSameAgain = std::chrono::seconds(5);
  static constexpr auto kBackOffFirst = std::chrono::seconds(1);
  static constexpr auto kBackOffMost = std::chrono::seconds(60);
  static constexpr size_t kRemembered = 5'000;

  // REQUIRES: the clock and what `look` reads outlive this; answers of `call` do not come after its end. `answered` is
  // called after each answer: next_turn() and idle() may be others.
  StatusWriter(ApiCall call, std::function<StatusView(const config::ObjectKey&)> look, const base::Clock& clock,
               std::function<void()> answered);
  StatusWriter(const StatusWriter&) = delete;
  StatusWriter& operator=(const StatusWriter&) = delete;

  // Where we are reached; nothing: not known yet. add() all Ingresses after it has become another.
  void set_wanted(std::optional<std::string> addresses) { wanted_ = std::move(addresses); }
  const std::optional<std::string>& wanted() const { return wanted_; }
  // This Ingress has changed: before those that wait.
  void add(const config::ObjectKey& ingress, const Touch& touch);
  // One of all: behind those that wait. `gives_up`: we are about to end.
  void add_later(const config::ObjectKey& ingress, bool gives_up = false);
  // All that waits is dropped: another one leads.
  void clear();
  // From now on a failure is final.
  void begin_end() { ending_ = true; }

  void turn();
  base::SteadyTime next_turn() const;
  bool idle() const { return tasks_.empty(); }
  size_t waiting() const { return tasks_.size(); }
  const WriteCounts& counts() const { return counts_; }

 private:
  struct Task {
    bool gave_up = false, running = false, again = false, queued_first = false;
    uint32_t failures = 0;
  };
  struct Written {
    std::string text;
    base::SteadyTime at;
  };

  void queue(const config::ObjectKey& key, bool gives_up, bool first);
  void start(const config::ObjectKey& key, Task& task);
  void read(const config::ObjectKey& key);
  void patch(const config::ObjectKey& key, const std::string& text, const std::string& version);
  void take_read(const config::ObjectKey& key, const ApiAnswer& answer);
  void take_patched(const config::ObjectKey& key, const std::string& text, const ApiAnswer& answer);
  void end(const config::ObjectKey& key);
  void fail(const config::ObjectKey& key, const ApiAnswer& answer);
  void put_off(const config::ObjectKey& key, base::SteadyTime until);

  const ApiCall call_;
  const std::function<StatusView(const config::ObjectKey&)> look_;
  const base::Clock& clock_;
  const std::function<void()> answered_;
  std::optional<std::string> wanted_;
  std::map<config::ObjectKey, Task> tasks_;
  std::deque<config::ObjectKey> ready_;                             // may name what is no task any more
  std::set<std::pair<base::SteadyTime, config::ObjectKey>> later_;  // likewise
  Recent<config::ObjectKey, Written, kRemembered, KeyHash> written_;
  size_t in_flight_ = 0;
  uint64_t epoch_ = 0;  // answers of what was asked for before clear() are not looked at
  base::SteadyTime paused_until_{};
  bool ending_ = false;
  std::string trouble_;
  WriteCounts counts_;
};

}  // namespace narthex::controller
