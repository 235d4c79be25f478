#include "proxy/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "proxy/access_log.h"
#include "proxy/worker.h"

namespace narthex::proxy {
namespace {

uint32_t usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<uint32_t>(std::max(1, CPU_COUNT(&set)));
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

base::Result<Address> make_address(const std::string& text, uint16_t port) {
  Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.size = sizeof v4;
    return address;
  }
  if (text.empty() || inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.size = sizeof v6;
    return address;
  }
  return base::Error(fmt::format("--bind-address: {} is no IP address; give one such as 0.0.0.0, or leave the flag out for all", text));
}

base::Error bind_error(const char* flag, const std::string& address, uint16_t port, int error) {
  if (error == EADDRNOTAVAIL)
    return base::Error(fmt::format("--bind-address: {} is no address of this machine; give one that is, or leave the flag out for all", address));
  if (error == EADDRINUSE)
    return base::Error(fmt::format("{}: port {} is taken by another process; stop that one or choose another port", flag, port));
  if (error == EACCES)
    return base::Error(fmt::format("{}: no right to listen on port {}; run with CAP_NET_BIND_SERVICE or choose a port of 1024 or more", flag, port));
  return base::Error(fmt::format("{}: cannot listen on port {}: {}", flag, port, std::strerror(error)));
}

base::Error watch_error(const char* flag) {
  return base::Error(fmt::format("{}: the kernel does not watch the listening socket; raise /proc/sys/fs/epoll/max_user_watches, or free memory", flag));
}

// A bound socket, or minus the error number.
int bind_socket(const Address& address, bool shared) {
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int one = 1, zero = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (address.storage.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 || (shared && ::listen(fd, limits::kListenBacklog) != 0)) {
    const int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

uint16_t port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);  // at the same place in both families
}

// One listening socket for each worker, all on the same port. Another program with SO_REUSEPORT would silently share it, so
// that a port is free is made sure of by binding it once alone.
base::Result<std::vector<int>> listen_for_all(const char* flag, const std::string& bind_address, uint16_t port, uint32_t workers) {
  auto address = make_address(bind_address, port);
  if (!address) return address.error();
  int probe = bind_socket(*address, false);
  if (probe == -EAFNOSUPPORT && bind_address.empty()) {  // a kernel without IPv6
    address = make_address("0.0.0.0", port);
    probe = bind_socket(*address, false);
  }
  if (probe < 0) return bind_error(flag, bind_address, port, -probe);
  close(probe);
  std::vector<int> fds;
  for (uint32_t i = 0; i < workers; ++i) {
    const int fd = bind_socket(*address, true);
    if (fd < 0) {
      for (const int open : fds) close(open);
      return bind_error(flag, bind_address, port, -fd);
    }
    fds.push_back(fd);
    if (port == 0) {
      port = port_of(fd);
      reinterpret_cast<sockaddr_in&>(address->storage).sin_port = htons(port);
    }
  }
  return fds;
}

}  // namespace

base::Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, const base::Clock& clock) {
  std::signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<Server> server(new Server);
  if (!options.access_log.empty()) {
    auto log = AccessLog::open(options.access_log, options.access_log_json);
    if (!log) return log.error();
    server->access_log_ = std::move(*log);
  }
  const auto keys = tls::TicketKeys::make();
  if (!keys) return keys.error();
  const uint32_t workers = options.workers == 0 ? usable_cpus() : options.workers;
  for (uint32_t i = 0; i < workers; ++i) {
    auto worker = Worker::make(clock, *keys, server->access_log_ ? server->access_log_->add_ring() : nullptr);
    if (!worker) return worker.error();
    server->workers_.push_back(std::move(*worker));
  }
  const auto http = listen_for_all("--http-port", options.bind_address, options.http_port, workers);
  if (!http) return http.error();
  server->http_port_ = port_of(http->front());
  bool watched = true;
  for (uint32_t i = 0; i < workers; ++i) watched &= server->workers_[i]->listen((*http)[i], std::to_string(server->http_port_), false);
  if (!watched) return watch_error("--http-port");
  const auto https = listen_for_all("--https-port", options.bind_address, options.https_port, workers);
  if (!https) return https.error();
  server->https_port_ = port_of(https->front());
  // ingress-nginx always tells backends 443 here, whatever the listener's own port is.
  for (uint32_t i = 0; i < workers; ++i) watched &= server->workers_[i]->listen((*https)[i], "443", true);
  if (!watched) return watch_error("--https-port");
  if (server->access_log_) server->access_log_->start();
  for (const std::unique_ptr<Worker>& worker : server->workers_) worker->start();
  return server;
}

Server::~Server() { workers_.clear(); }

void Server::publish(std::shared_ptr<const router::Snapshot> snapshot) {
  for (const std::unique_ptr<Worker>& worker : workers_) worker->offer(snapshot);
  reclaim();
}

void Server::reclaim() {
  for (const std::unique_ptr<Worker>& worker : workers_) worker->reclaim();
}

uint64_t Server::adopted_generation() const {
  uint64_t least = UINT64_MAX;
  for (const std::unique_ptr<Worker>& worker : workers_) least = std::min(least, worker->adopted());
  return least;
}

Totals Server::totals() const {
  Totals totals;
  const auto add_all = [](auto& into, const auto& from) {
    for (size_t i = 0; i < into.size(); ++i) into[i] += from[i].read();
  };
  for (const std::unique_ptr<Worker>& worker : workers_) {
    const Stats& stats = worker->stats();
    add_all(totals.responses, stats.responses);
    add_all(totals.durations, stats.durations);
    add_all(totals.faults, stats.faults);
    for (size_t i = 0; i < kScalarStats<Count>.size(); ++i)
      totals.*kScalarStats<uint64_t>[i] += (stats.*kScalarStats<Count>[i]).read();
  }
  return totals;
}

void Server::drain() {
  for (const std::unique_ptr<Worker>& worker : workers_) worker->drain();
}

bool Server::drained() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->drained(); });
}

}  // namespace narthex::proxy
