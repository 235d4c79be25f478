// The way to the API server: requests with whole answers over a few kept connections, and watches over connections of
// their own. Adds credentials, and asks for new ones where they are not taken (401). Retries nothing but what the
// server cannot have seen; patience is the caller's. Owned by the API source; whoever writes status or Events shares
// it. THREAD: control; nothing blocks. LIMITs: kConnections requests at a time, kWaiting more wait; watches are as many
// as the caller begins.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "controller/api/api_access.h"
#include "controller/api/api_connection.h"

namespace narthex::controller {

// A watch that goes on. Destroying it ends it, and nothing is called any more. It may be destroyed by its own takers.
class ApiWatch {
 public:
  virtual ~ApiWatch() = default;
  // How long a silence may be from the next line on.
  virtual void set_quiet(std::chrono::milliseconds quiet) = 0;
};

class ApiClient final {
 public:
  static constexpr size_t kConnections = 8;
  static constexpr size_t kWaiting = 10'000;

  // REQUIRES: the loop and the clock outlive this.
  ApiClient(boost::asio::io_context& loop, ApiAccess access, const base::Clock& clock);
  ~ApiClient();  // what is under way is dropped, its takers are not called
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  // `done` is called once, later, from the loop. Every failure is an answer: status 0, and its trouble.
  void request(ApiRequest request, ApiAnswerTaker done);
  // `line` gets each line of an answer 200; `done` tells of its end, or of any other answer. A silence longer than
  // `quiet` ends it.
  std::unique_ptr<ApiWatch> watch(ApiRequest request, std::chrono::milliseconds quiet, ApiLineTaker line,
                                  ApiAnswerTaker done);

  std::string url() const;
  // Requests and watches by status ("200", "none") since the start.
  const std::map<std::string, uint64_t>& answers_by_code() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace narthex::controller
