#include "test/support/load.h"

#include "test/support/patience.h"

namespace narthex::test {

Load::Load(LoadOptions options) : options_(std::move(options)) {
  running_ = options_.clients;
  for (int i = 0; i < options_.clients; ++i) threads_.emplace_back([this] { run(); });
}

Load::~Load() { stop(); }

void Load::run() {
  while (!stopping_ && one_connection()) {
  }
  --running_;
}

// False: the client is done.
bool Load::one_connection() {
  std::unique_ptr<Connection> connection;
  try {
    connection = connect_plain(options_.port);
  } catch (const NetworkError& error) {
    if (!options_.server_may_leave) note_failure(error.what());
    return !options_.server_may_leave;
  }
  ++connections_;
  bool told_to_close = false;
  bool served = false;
  try {
    while (!stopping_) {
      const Response response = exchange(*connection, options_.request);
      served = true;
      const std::string fault = options_.fault_of(response);
      if (!fault.empty()) note_failure(fault);
      if (fault.empty()) ++good_;
      told_to_close = response.head.has_token("Connection", "close");
      if (told_to_close) break;
    }
  } catch (const NetworkError& error) {
    if (options_.server_may_leave && !served) return false;
    note_failure(error.what());
  }
  return !(told_to_close && options_.server_may_leave);
}

void Load::note_failure(const std::string& text) {
  ++failed_;
  const std::lock_guard hold(lock_);
  if (first_failure_.empty()) first_failure_ = text;
}

bool Load::wait_for_more(uint64_t more) const {
  const uint64_t goal = good_ + more;
  return eventually([&] { return good_ >= goal || failed_ > 0; });
}

bool Load::wait_for_end() const {
  return eventually([&] { return running_ == 0; });
}

LoadTally Load::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  const std::lock_guard hold(lock_);
  return {good_, failed_, connections_, first_failure_};
}

}  // namespace narthex::test
