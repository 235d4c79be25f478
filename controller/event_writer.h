// Writes Events (core/v1) on the objects of users: what is wrong with them, and that an Ingress was taken up. The same
// thing said again becomes a count on the Event that is there. Owned by the cluster writer, which calls turn() when
// next_turn() says. THREAD: control.
//
//   waits (the same once more: counted) ─► its uid is asked for ─► posted ─► there already: patched
//                                              └─ the object is gone: dropped
//
// kubectl describe shows Events of the very object (by uid), so that the uid is asked for when it is needed instead of
// being kept for all objects. Names are hashes of what is said: the next leader counts on where this one ended.
// LIMITs: kWaiting Events wait, more are dropped; kInFlight at a time; in all kBurst and kPerSecond, of one object
// kObjectBurst and one in kObjectAgain (client-go's numbers); Events known for counting kRemembered.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "config/finding.h"
#include "controller/api/api_call.h"
#include "controller/recent.h"
#include "controller/status_writer.h"

namespace narthex::controller {

struct EventNote {
  config::ObjectRef object;
  bool warning = true;  // type Warning, else Normal
  std::string reason, message;
};
// Of a finding; no object: it is about something that has no Events (a part of the API, a broken text).
EventNote note_of(const config::Finding& finding);
// "Scheduled for sync", as ingress-nginx says it.
EventNote sync_note(const config::ObjectKey& ingress);
// Is the object of a kind that Events can be written on?
bool can_tell(const EventNote& note);

// So many at once, and one more in `refill`.
struct TokenBucket {
  double tokens = 0;
  base::SteadyTime at{};
  bool begun = false;
  // What is there now.
  double level(base::SteadyTime now, double most, std::chrono::duration<double> refill) const;
  bool take(base::SteadyTime now, double most, std::chrono::duration<double> refill);
};

class EventWriter final {
 public:
  static constexpr size_t kInFlight = 2, kWaiting = 10'000, kRemembered = 5'000;
  static constexpr double kBurst = 200, kPerSecond = 50, kObjectBurst = 25;
  static constexpr auto kObjectAgain = std::chrono::seconds(300);
  static constexpr uint32_t kTries = 4;

  // REQUIRES: the clock outlives this; answers of `call` do not come after its end. `answered` is called after each
  // answer. `instance`: the pod, for reportingInstance.
  EventWriter(std::string instance, ApiCall call, const base::Clock& clock, std::function<void()> answered);
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // False: dropped, as there are too many.
  bool add(EventNote note);
  void clear();
  void turn();
  base::SteadyTime next_turn() const;
  size_t waiting() const { return waiting_.size(); }
  const WriteCounts& counts() const { return counts_; }

 private:
  struct Waiting {
    EventNote note;
    uint32_t count = 1, failures = 0;
    base::WallTime first, last;
  };
  struct Job {
    uint64_t said = 0;  // hash of what is said
    Waiting event;
    std::string name, uid;
    bool posted_twice = false;
  };
  struct Known {
    std::string name;  // of the Event; another one when the object is made anew
    uint64_t count = 0;
  };
  using JobPtr = std::shared_ptr<Job>;

  void start();
  void look_up(const JobPtr& job);
  void take_object(const JobPtr& job, const ApiAnswer& answer);
  void write(const JobPtr& job);
  void post(const JobPtr& job);
  void patch(const JobPtr& job);
  void send(ApiRequest request, const JobPtr& job, void (EventWriter::*take)(const JobPtr&, const ApiAnswer&));
  void take_posted(const JobPtr& job, const ApiAnswer& answer);
  void take_patched(const JobPtr& job, const ApiAnswer& answer);
  void end(bool written);
  void fail(const JobPtr& job, const ApiAnswer& answer);

  const std::string instance_;
  const ApiCall call_;
  const base::Clock& clock_;
  const std::function<void()> answered_;
  std::unordered_map<uint64_t, Waiting> waiting_;  // by what is said
  std::deque<uint64_t> order_;                     // each of waiting_ once
  Recent<uint64_t, Known, kRemembered> known_;
  Recent<uint64_t, TokenBucket, kRemembered> objects_;
  TokenBucket all_;
  size_t in_flight_ = 0;
  uint64_t epoch_ = 0;  // answers of what was asked for before clear() are not looked at
  base::SteadyTime paused_until_{};
  std::string trouble_;
  WriteCounts counts_;
};

}  // namespace narthex::controller
