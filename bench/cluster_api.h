// The API server's list and watch over a Cluster: HTTP/1.1 without TLS on 127.0.0.1, pages by limit and continue, lists
// as streams (sendInitialEvents), watches with bookmarks, 410 where the version is too old. Owned by bench/control.cc.
// THREAD: any; a thread of its own for each connection (the client has about ten).
// LIMIT: kConnections; the last kEvents events of a kind are remembered.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/cluster.h"

namespace narthex::bench {

class ClusterApi final {
 public:
  static constexpr size_t kConnections = 64, kEvents = 10'000;

  // Listens on a free port. `streaming`: lists as streams are offered.
  ClusterApi(Cluster& cluster, bool streaming);
  ~ClusterApi();  // closes everything
  ClusterApi(const ClusterApi&) = delete;
  ClusterApi& operator=(const ClusterApi&) = delete;

  uint16_t port() const { return port_; }
  // Lists as streams cost the CPUs that the program under test is to have little, as long as nothing has changed: 7.5 kB of
  // memory for each Ingress.
  void render_ahead();
  // Does `change`, which gives the index of an object of this kind, and sends the object to everybody who watches.
  // The moment of the sending.
  std::chrono::steady_clock::time_point emit(Kind kind, bool is_new, const std::function<size_t()>& change);

 private:
  struct Request {
    std::string path;
    std::map<std::string, std::string> query;
  };
  struct Event {
    uint64_t version;
    std::string line;
  };

  void accept_loop();
  void serve(int fd);
  bool answer(int fd, const Request& request);
  bool answer_list(int fd, Kind kind, const Request& request);
  void watch(int fd, Kind kind, const Request& request);
  bool begin_watch(int fd, Kind kind, const Request& request);
  std::vector<std::string> stream_of(Kind kind) const;
  bool send_all_objects(int fd, Kind kind);
  bool send_missed(int fd, Kind kind, uint64_t from);

  Cluster& cluster_;
  const bool streaming_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::shared_mutex lock_;                        // the cluster and the events: lists share it, changes do not
  std::array<std::deque<Event>, kKinds> events_;  // the last ones, by kind
  std::array<uint64_t, kKinds> forgotten_{};      // the newest version that is no longer among them
  std::array<std::vector<std::string>, kKinds> streams_;  // rendered ahead, in chunks
  uint64_t rendered_version_ = 0;
  std::mutex book_;                               // taken within lock_, for moments only
  std::set<int> open_;                            // connections
  std::array<std::set<int>, kKinds> watchers_;    // connections, by kind
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace narthex::bench
