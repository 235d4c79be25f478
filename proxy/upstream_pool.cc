#include "proxy/upstream_pool.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace narthex::proxy {
namespace {

// Endpoints without idle connections stay in the table up to this many, so that the steady state allocates nothing.
constexpr size_t kRememberedEndpoints = 4096;

socklen_t fill_address(const router::Endpoint& endpoint, sockaddr_storage& storage) {
  std::memset(&storage, 0, sizeof storage);
  if (endpoint.v6) {
    auto& address = reinterpret_cast<sockaddr_in6&>(storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    std::memcpy(&address.sin6_addr, endpoint.ip.data(), 16);
    return sizeof address;
  }
  auto& address = reinterpret_cast<sockaddr_in&>(storage);
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  std::memcpy(&address.sin_addr, endpoint.ip.data(), 4);
  return sizeof address;
}

}  // namespace

UpstreamPool::~UpstreamPool() {
  while (oldest_) unlink(*oldest_).reset();
}

std::unique_ptr<H1Upstream> UpstreamPool::take(const router::Endpoint& endpoint) {
  const auto top = tops_.find(endpoint);
  if (top == tops_.end() || !top->second) return nullptr;
  stats_.upstream_reused.add();
  return unlink(*top->second, top->second);
}

Task<UpstreamPool::Connected> UpstreamPool::connect(const router::Endpoint& endpoint, std::chrono::milliseconds patience) {
  const int fd = socket(endpoint.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return Connected{nullptr, Fault::overloaded};
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_storage storage;
  const socklen_t size = fill_address(endpoint, storage);
  const bool at_once = ::connect(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0;
  const int problem = at_once ? 0 : errno;
  if (!at_once && problem != EINPROGRESS) {
    ::close(fd);
    co_return refused(endpoint, Fault::connect_failed);
  }
  auto connection = std::make_unique<H1Upstream>(loop_, buffers_, fd, endpoint);
  if (connection->socket().broken()) {  // it cannot be watched
    close(std::move(connection));
    co_return Connected{nullptr, Fault::connect_failed};
  }
  if (!at_once) {
    Socket& fresh = connection->socket();
    fresh.note_send_blocked();
    const Wake wake = co_await fresh.writable(loop_.now() + patience);
    int error = 0;
    socklen_t error_size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
    if (wake != Wake::ready || error != 0) {
      close(std::move(connection));
      co_return refused(endpoint, wake == Wake::timed_out ? Fault::connect_timeout : Fault::connect_failed);
    }
  }
  refusals_.remove(endpoint);
  stats_.upstream_connections.add();
  co_return Connected{std::move(connection), Fault::none};
}

UpstreamPool::Connected UpstreamPool::refused(const router::Endpoint& endpoint, Fault fault) {
  const auto rest = fault == Fault::connect_timeout ? limits::kRestAfterConnectTimeout : limits::kRestAfterRefusal;
  refusals_.add(endpoint, loop_.now(), loop_.now() + rest);
  return {nullptr, fault};
}

void UpstreamPool::give(std::unique_ptr<H1Upstream> connection) {
  // Bytes behind an answer would be taken for the next one: such a connection is not kept.
  if (!connection->reusable() || !connection->socket().quiet()) return close(std::move(connection));
  connection->rest();
  H1Upstream* const given = connection.release();
  H1Upstream*& top = tops_[given->endpoint()];
  given->idle = {nullptr, newest_, nullptr, top};
  if (top) top->idle.above = given;
  top = given;
  (newest_ ? newest_->idle.newer : oldest_) = given;
  newest_ = given;
  stats_.upstream_idle.add();
  given->socket().watch_idle(this, given, loop_.now() + limits::kIdleUpstream);
  if (++idle_ > limits::kIdleUpstreamsPerWorker) close(unlink(*oldest_));
}

std::unique_ptr<H1Upstream> UpstreamPool::unlink(H1Upstream& connection) {
  return unlink(connection, tops_[connection.endpoint()]);
}

// `top`: of the connection's endpoint.
std::unique_ptr<H1Upstream> UpstreamPool::unlink(H1Upstream& connection, H1Upstream*& top) {
  H1Upstream::IdleLinks& links = connection.idle;
  (links.newer ? links.newer->idle.older : newest_) = links.older;
  (links.older ? links.older->idle.newer : oldest_) = links.newer;
  if (links.below) links.below->idle.above = links.above;
  if (links.above) {
    links.above->idle.below = links.below;
  } else {
    top = links.below;
  }
  links = {};
  --idle_;
  stats_.upstream_idle.sub();
  connection.socket().watch_idle(nullptr, nullptr, {});
  return std::unique_ptr<H1Upstream>(&connection);
}

void UpstreamPool::on_idle_end(void* connection) { close(unlink(*static_cast<H1Upstream*>(connection))); }

void UpstreamPool::close(std::unique_ptr<H1Upstream> connection) {
  shutdown(connection->socket().fd(), SHUT_RDWR);
  loop_.retire(std::move(connection));
  forget_unused_endpoints();
}

void UpstreamPool::forget_unused_endpoints() {
  if (tops_.size() <= kRememberedEndpoints + idle_) return;
  std::erase_if(tops_, [](const auto& entry) { return entry.second == nullptr; });
}

}  // namespace narthex::proxy
