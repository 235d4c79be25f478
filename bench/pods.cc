#include "bench/pods.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace narthex::bench {
namespace {

void watch_for_input(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

std::string answer_of(int fd) {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  std::array<char, INET_ADDRSTRLEN> text{};
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  ::inet_ntop(AF_INET, &own.sin_addr, text.data(), text.size());
  const std::string body = text.data();
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
}

}  // namespace

Pods::Pods() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), end_(::eventfd(0, EFD_CLOEXEC)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 1024) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    std::abort();
  port_ = ntohs(address.sin_port);
  watch_for_input(epoll_, listener_);
  watch_for_input(epoll_, end_);
  thread_ = std::jthread([this] { run(); });
}

Pods::~Pods() {
  const uint64_t one = 1;
  if (::write(end_, &one, sizeof one) != sizeof one) std::abort();
  thread_.join();
  for (const auto& [fd, connection] : connections_) ::close(fd);
  for (const int fd : {listener_, epoll_, end_}) ::close(fd);
}

void Pods::run() {
  std::array<epoll_event, 64> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == end_) return;
      if (fd == listener_) {
        accept_all();
      } else {
        serve(fd);
      }
    }
  }
}

void Pods::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (connections_.size() >= kConnections) {
      ::close(fd);
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections_[fd].answer = answer_of(fd);
    watch_for_input(epoll_, fd);
  }
}

void Pods::serve(int fd) {
  Connection& connection = connections_.at(fd);
  std::array<char, 16384> piece{};
  const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  bool open = got > 0;
  if (open) connection.rest.append(piece.data(), static_cast<size_t>(got));
  for (size_t end = connection.rest.find("\r\n\r\n"); open && end != std::string::npos;
       end = connection.rest.find("\r\n\r\n")) {
    connection.rest.erase(0, end + 4);
    const std::string& answer = connection.answer;
    open = ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(answer.size());
  }
  if (open) return;
  connections_.erase(fd);
  ::close(fd);
}

}  // namespace narthex::bench
