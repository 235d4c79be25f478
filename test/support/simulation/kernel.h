// The kernel as the data plane meets it in a simulation. The program is linked with --wrap, so that the data plane's
// system calls come here first (wrapped_calls.cc). Connections are socket pairs inside the process, so that everything
// happens in a known order; time is a manual clock that moves only when nothing else is left to do; and each call may
// be made to fail.
//
//   the worker's turn ─► epoll_wait ─► something is ready? ─ yes ─► the next turn
//                                        └─ no ─► the peers read and write ─► nothing to do? ─► on to the next timer,
//                                                                                or back to the test
//
// The test's thread and the worker's take turns: the worker runs only inside settle() and pass(). One at a time per
// process, made before the server and gone after it. THREAD: the test's, apart from the system calls.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "test/support/simulation/fate.h"
#include "test/support/simulation/peer.h"

namespace narthex::simulation {

// Stands still until told to move. THREAD: any.
class ManualClock final : public base::Clock {
 public:
  base::SteadyTime steady_now() const override { return base::SteadyTime(std::chrono::nanoseconds(now_ns_.load())); }
  base::WallTime wall_now() const override {
    return base::WallTime(std::chrono::seconds(1'800'000'000)) + std::chrono::nanoseconds(now_ns_.load());
  }
  void move_to(base::SteadyTime now) { now_ns_ = now.time_since_epoch().count(); }

 private:
  std::atomic<int64_t> now_ns_{1'000'000'000};
};

class Kernel final {
 public:
  Kernel();
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  static Kernel* current();

  ManualClock& clock() { return clock_; }
  // What becomes of the calls; null: nothing out of the ordinary.
  void set_fate(Fate* fate) { fate_ = fate; }
  // Shown where the simulation cannot go on.
  void set_label(std::string label) { label_ = std::move(label); }

  // A client that connects to a listener of the worker. VALID UNTIL: forget_peers().
  Peer& connect(uint16_t port, const std::string& ip = "192.0.2.7");
  // Who answers at that address. `greet` is called with each new connection, on the worker's thread.
  void serve(const std::string& ip, uint16_t port, std::function<void(Peer&)> greet);
  // No client sends any more: each ends its side behind what is on its way.
  void finish_clients();
  void forget_peers();

  // Waits until the worker has nothing to do for the first time.
  void start();
  // Lets the worker and the peers go on until nothing happens any more without time passing.
  void settle() { pass(std::chrono::milliseconds(0)); }
  // The same while this much time passes, from timer to timer.
  void pass(base::milliseconds time);
  // From now on the worker runs on its own; for the end.
  void release();
  // The worker turns without end while no time passes: a defect.
  bool spins() const { return spins_; }

  // Descriptors of simulated connections that the worker has not closed.
  size_t open_connections() const;
  // How often the worker called, of the calls that have a fate.
  uint64_t calls() const { return calls_; }

  // The system calls. errno is set as the real ones do.
  int accept(int listener, sockaddr* address, socklen_t* size, int flags);
  int socket(int family, int type, int protocol);
  int connect(int fd, const sockaddr* address, socklen_t size);
  int epoll_control(int epoll_fd, int operation, int fd, epoll_event* event);
  int epoll_wait(int epoll_fd, epoll_event* events, int most, int timeout_ms);
  ssize_t recv(int fd, void* into, size_t size, int flags);
  ssize_t send(int fd, const void* from, size_t size, int flags);
  ssize_t splice(int from, int to, size_t size, unsigned flags);
  int pipe(int* fds, int flags);
  int set_option(int fd, int level, int name, const void* value, socklen_t size);
  int option(int fd, int level, int name, void* value, socklen_t* size);
  int close(int fd);

 private:
  struct Descriptor {
    Peer* peer = nullptr;  // null: a listener, or not connected yet
    int peer_fd = -1;      // before it is connected
    int epoll_fd = -1;
    epoll_event event{};
    enum class Phase : uint8_t { open, connecting, hopeless } phase = Phase::open;
    bool listening = false, edge = false;               // the edge: clients wait and the worker has not been told
    std::deque<std::pair<int, std::string>> waiting{};  // clients to accept: the worker's descriptor, the address
    int error = 0;                                      // told by the next call, or by SO_ERROR
    bool broken = false, input_ended = false, resets_on_close = false;
  };

  bool on_worker() const { return std::this_thread::get_id() == worker_.load(); }
  Descriptor* find(int fd);
  Outcome fate_of(Call call);
  Peer& add_peer(int fd);
  void rearm(int fd, Descriptor& descriptor);
  void break_connection(int fd, Descriptor& descriptor);
  ssize_t after_move(int fd, Descriptor& descriptor, ssize_t moved, size_t asked, const Outcome& outcome);
  bool finish_connects();
  bool step_peers();
  int listener_events(epoll_event* events, int most);
  // False: the test has the word now.
  bool move_time(base::SteadyTime entered, int timeout_ms);
  void park();

  ManualClock clock_;
  Fate* fate_ = nullptr;
  std::string label_;
  std::map<int, Descriptor> descriptors_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Peer*> clients_;                              // of the above
  std::map<std::string, std::function<void(Peer&)>> pods_;  // by "ip port"
  uint64_t calls_ = 0, turns_ = 0;
  bool spins_ = false;
  base::SteadyTime horizon_;
  std::atomic<std::thread::id> worker_{};

  std::mutex mutex_;  // of the two below
  std::condition_variable changed_;
  bool parked_ = false;
  std::atomic<bool> released_{false};
};

}  // namespace narthex::simulation
