#include "proxy/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"

namespace narthex::proxy {
namespace {

constexpr auto kWithoutDescriptors = std::chrono::milliseconds(100);

bool is_exhaustion(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

// What went wrong with the connection that was to be taken is told by accept(2), too: others may wait behind it, and no further
// edge would tell of them.
bool is_of_one_connection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return false;
  }
}

}  // namespace

Task<void> Listener::accept_all() {
  while (!finished_) {
    int accepted = 0;
    while (accepted < limits::kAcceptsPerTurn && accept_one()) ++accepted;
    if (accepted == limits::kAcceptsPerTurn) {
      co_await worker_.loop.next_turn();
      continue;
    }
    if (is_exhaustion(errno)) {
      base::log::warn("port {}: no descriptor or memory left for another connection; waiting {} ms", port_, kWithoutDescriptors.count());
      Pause pause(worker_.loop, worker_.loop.now() + kWithoutDescriptors);
      co_await pause;
      continue;
    }
    socket_.note_drained();
    const Wake wake = co_await socket_.readable(base::SteadyTime::max());
    if (wake == Wake::cancelled) co_return;
  }
}

bool Listener::accept_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int fd = accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return is_of_one_connection(errno);
  if (worker_.stats.client_connections_open.read() >= limits::kClientConnections) {
    close(fd);
    return true;
  }
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  auto connection = std::make_unique<ClientConnection>(worker_, clients_, fd, peer, port_, tls_);
  ClientConnection& started = *connection;
  clients_.add(std::move(connection));
  started.start();
  return true;
}

void Listener::finish() {
  for (int accepted = 0; accepted < limits::kListenBacklog && accept_one();) ++accepted;
  finished_ = true;
  socket_.cancel();
  shutdown(socket_.fd(), SHUT_RDWR);
}

}  // namespace narthex::proxy
