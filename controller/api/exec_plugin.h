// Runs a credential plug-in (client.authentication.k8s.io) as a child process and reads what it prints. It gets no
// standard input; its standard error is ours, so that the user reads its words. THREAD: control; nothing blocks.
// LIMITs: 1 MiB of output, 60 s, then the child is killed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "controller/api/api_access.h"

namespace boost::asio {
class io_context;
}

namespace narthex::controller {

struct ExecAnswer {
  std::string token, certificate_pem, key_pem;
  std::optional<base::WallTime> expires;  // none: good until the API server refuses it
};

using ExecDone = std::function<void(base::Result<ExecAnswer>)>;

// What the plug-in printed. Errors: one line with the field.
base::Result<ExecAnswer> parse_exec_answer(std::string_view text, const std::string& api_version);

// One run. Destroying it kills the child, and `done` is not called any more.
class ExecRun final {
 public:
  // `done` is called once, from the loop. Errors of the start come through it, too. REQUIRES: the loop outlives this.
  ExecRun(boost::asio::io_context& loop, const ExecPlugin& plugin, const ApiAccess& access, ExecDone done,
          std::chrono::milliseconds patience = std::chrono::seconds(60));
  ~ExecRun();
  ExecRun(const ExecRun&) = delete;
  ExecRun& operator=(const ExecRun&) = delete;

 private:
  class Child;
  std::shared_ptr<Child> child_;
};

}  // namespace narthex::controller
