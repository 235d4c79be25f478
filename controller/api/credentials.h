// Who we are to the API server, as of now: the values of an ApiUser with its files read again as they rotate and its
// plug-in run again as its answer expires. Owned by the API client. THREAD: control.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/api/api_access.h"
#include "controller/api/exec_plugin.h"

namespace narthex::controller {

struct Identity {
  std::string authorization;             // value of the field, "Bearer ..."; empty: none
  std::string authorities_pem;           // who may vouch for the API server; empty: the system's
  std::string certificate_pem, key_pem;  // empty: none
  bool same_tls(const Identity& other) const {
    return authorities_pem == other.authorities_pem && certificate_pem == other.certificate_pem &&
           key_pem == other.key_pem;
  }
};

class Credentials final {
 public:
  using Taker = std::function<void(base::Result<Identity>)>;

  // A kubelet renews a token long before its end; every minute is what other clients look, too.
  static constexpr auto kReadAgain = std::chrono::seconds(60);
  // A plug-in's answer that ends within this is asked for again.
  static constexpr auto kBeforeExpiry = std::chrono::seconds(10);

  // REQUIRES: the loop and the clock outlive this.
  Credentials(boost::asio::io_context& loop, ApiAccess access, const base::Clock& clock);
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  // At once where what is known is fresh; else once a plug-in has answered. Errors: a file that cannot be read while
  // nothing is known, a plug-in that failed.
  void take(Taker taker);
  // Who waits is not told any more, and a plug-in that runs is ended.
  void stop();
  // The API server did not take what was given out: files are read and the plug-in is run at the next take().
  void reject();

 private:
  base::Result<Identity> read() const;
  void run_plugin();
  void plugin_answered(const base::Result<ExecAnswer>& answer);
  bool fresh() const;

  boost::asio::io_context& loop_;
  const ApiAccess access_;
  const base::Clock& clock_;
  bool known_ = false;
  Identity identity_;
  base::SteadyTime read_at_;
  std::optional<base::WallTime> expires_;
  std::unique_ptr<ExecRun> run_;
  std::vector<Taker> waiting_;  // for run_
};

}  // namespace narthex::controller
