// The backend of the bench: listens on every address of this network namespace and answers each request with the
// address that it was sent to, so that an answer tells which pod a proxy has chosen. Owned by bench/control.cc. THREAD:
// its own, with one epoll. LIMIT: kConnections; requests have no bodies.
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <unordered_map>

namespace narthex::bench {

class Pods final {
 public:
  static constexpr size_t kConnections = 10'000;

  Pods();  // on a free port
  ~Pods();
  Pods(const Pods&) = delete;
  Pods& operator=(const Pods&) = delete;
  uint16_t port() const { return port_; }

 private:
  struct Connection {
    std::string answer, rest;
  };
  void run();
  void accept_all();
  void serve(int fd);

  int listener_ = -1, epoll_ = -1, end_ = -1;
  uint16_t port_ = 0;
  std::unordered_map<int, Connection> connections_;
  std::jthread thread_;
};

}  // namespace narthex::bench
