// A child process with its output collected, ended for sure when the object goes.
// Owned by the test. THREAD: the test's; a thread inside reads the pipes. LIMIT: 16 MiB of each output are kept.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "test/support/patience.h"

namespace narthex::test {

class Process final {
 public:
  // argv[0] is looked up in PATH where it has no slash. Throws std::runtime_error where it cannot be started. The child
  // gets SIGKILL when the thread that made it ends, so that an aborted test leaves nothing behind.
  explicit Process(const std::vector<std::string>& argv, const std::string& input = "");
  ~Process();  // SIGKILL where it still runs, and reaped
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // The first line of standard error that holds `part`; nothing where the deadline or the end comes first.
  std::optional<std::string> wait_for_line(const std::string& part, std::chrono::milliseconds patience = kPatience);
  // The exit status, or -signal; nothing where it still runs after `patience`.
  std::optional<int> wait_for_exit(std::chrono::milliseconds patience = kPatience);
  bool running() { return !wait_for_exit(std::chrono::milliseconds(0)).has_value(); }
  // Both pipes have been read to their end: what the two below return is whole.
  bool output_complete() const;
  std::string standard_output() const;
  std::string standard_error() const;

 private:
  void collect(int out, int err);

  pid_t pid_ = -1;
  std::optional<int> status_;
  mutable std::mutex lock_;
  std::condition_variable grown_;
  std::string out_, err_;
  bool ended_ = false;
  std::thread collector_;
};

struct Finished {
  int status = 0;
  std::string out, err;
};

// Runs to the end. Throws std::runtime_error where it takes longer than `patience`.
Finished run(const std::vector<std::string>& argv, const std::string& input = "",
             std::chrono::milliseconds patience = 3 * kPatience);
// Where a program stands in PATH.
bool has_program(const std::string& name);

}  // namespace narthex::test
