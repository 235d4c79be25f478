// Continuous load from several clients that keep their connections, and an honest count of everything that went wrong:
// a request without its right answer, and a connection that the server closed. Owned by the test. THREAD: the test's;
// the clients run on threads of their own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "test/support/client.h"

namespace narthex::test {

struct LoadOptions {
  uint16_t port = 0;
  int clients = 4;
  Request request = {};
  // Empty text: the answer is right. Called from several threads.
  std::function<std::string(const Response&)> fault_of = [](const Response& response) {
    return response.status == 200 ? std::string() : "status " + std::to_string(response.status) + ": " + response.body;
  };
  // For tests of shutdown. A client ends without a failure where its connect is refused, where a new connection is
  // reset before its first answer (it waited in the kernel's queue), and where the answer before said "Connection:
  // close".
  bool server_may_leave = false;
};

struct LoadTally {
  uint64_t good = 0, failed = 0;
  uint64_t connections = 0;  // opened; with nothing wrong, one for each client
  std::string first_failure;
};

class Load final {
 public:
  explicit Load(LoadOptions options);
  ~Load();  // stops
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  uint64_t good() const { return good_.load(); }
  // True once `more` further requests were answered well (or one failed), counted from the call.
  bool wait_for_more(uint64_t more) const;
  // True once every client has ended by itself.
  bool wait_for_end() const;
  LoadTally stop();

 private:
  void run();
  bool one_connection();
  void note_failure(const std::string& text);

  const LoadOptions options_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> good_{0}, failed_{0}, connections_{0};
  std::atomic<int> running_{0};
  std::mutex lock_;
  std::string first_failure_;
  std::vector<std::thread> threads_;
};

}  // namespace narthex::test
