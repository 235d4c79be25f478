// The floor: a relay that reads nothing of what passes. Each client connection has an upstream connection of its own; bytes go
// from one to the other with one recv and one send. No HTTP proxy with four socket calls a request can be below it.
//
// usage: bench_floor LISTEN_PORT UPSTREAM_PORT     (127.0.0.1 only; ends with its parent)
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

sockaddr_in loopback(const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void watch(int epoll, int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: bench_floor LISTEN_PORT UPSTREAM_PORT\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const rlimit files{20000, 20000};
  setrlimit(RLIMIT_NOFILE, &files);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in own = loopback(arguments[1]);
  const sockaddr_in upstream = loopback(arguments[2]);
  if (bind(listener, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0 || listen(listener, 4096) != 0) {
    std::perror("bench_floor: cannot listen");
    return 1;
  }
  const int epoll = epoll_create1(0);
  watch(epoll, listener);
  std::vector<int> peers(40000, -1);
  std::vector<char> buffer(65536);
  epoll_event events[512];
  for (;;) {
    const int ready = epoll_wait(epoll, events, 512, -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        for (int client; (client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          const int server = socket(AF_INET, SOCK_STREAM, 0);
          if (connect(server, reinterpret_cast<const sockaddr*>(&upstream), sizeof upstream) != 0) {
            close(client);
            close(server);
            continue;
          }
          peers[static_cast<size_t>(client)] = server;
          peers[static_cast<size_t>(server)] = client;
          watch(epoll, client);
          watch(epoll, server);
        }
        continue;
      }
      const int peer = peers[static_cast<size_t>(fd)];
      const ssize_t got = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got > 0) {
        send(peer, buffer.data(), static_cast<size_t>(got), MSG_NOSIGNAL);
      } else if (got == 0 || errno != EAGAIN) {
        close(peer);
        close(fd);
      }
    }
  }
}
