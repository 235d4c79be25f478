// Carries the election of a leader out: reads and writes the Lease when it is time. One request at a time, none in a
// loop. Owned by the cluster writer, which calls turn() when next_turn() says. THREAD: control.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "config/objects.h"
#include "controller/api/api_call.h"
#include "controller/leader_election.h"

namespace narthex::controller {

class Elector final {
 public:
  struct Options {
    config::ObjectKey lease;  // --election-id in the pod's namespace
    std::string identity;     // the pod's name
    ElectionTimes times;
  };

  // REQUIRES: the clock outlives this; answers of `call` do not come after its end. `answered` is called after each
  // answer: leads() and next_turn() may be others.
  Elector(Options options, ApiCall call, const base::Clock& clock, std::function<void()> answered);
  Elector(const Elector&) = delete;
  Elector& operator=(const Elector&) = delete;

  void turn();
  base::SteadyTime next_turn() const;
  bool leads() const { return election_.leads(clock_.steady_now()); }
  const std::string& trouble() const { return trouble_; }
  std::string holder() const { return election_.holder(); }

  // Gives the Lease back where it is ours, and bids no more. `done` is called once: at once where nothing is to be
  // given back, or it cannot be within a few seconds.
  void release(std::function<void()> done);
  // Has nobody taken the Lease since it was given back? Asks the server.
  void ask_abandoned(std::function<void(bool)> done);

 private:
  void read();
  void write(config::Lease lease);
  void take_read(const ApiAnswer& answer);
  void take_written(const ApiAnswer& answer, base::SteadyTime sent);
  void retry_later(std::string trouble);
  void finish_release();
  ApiRequest read_request() const;
  ApiRequest write_request(const config::Lease& lease) const;

  const Options options_;
  const ApiCall call_;
  const base::Clock& clock_;
  const std::function<void()> answered_;
  LeaderElection election_;
  bool busy_ = false;
  int conflicts_ = 0;  // in a row
  base::SteadyTime next_;
  std::string trouble_;
  std::function<void()> releasing_;  // not empty: bids no more
};

}  // namespace narthex::controller
