// Closed-loop load: clients and backend in one thread, so that both fit on one core beside the proxy under test on another.
// Every client connection sends its next GET when the answer to the last one is complete; the backend answers each with the same
// response. Prints one line of JSON: requests, failures, the CPU time of the proxy's process per request, latencies.
//
// usage: bench_load PROXY_PORT BACKEND_PORT CONNECTIONS SECONDS PROXY_PID BODY_BYTES [tls]
// Traffic goes to 127.0.0.1 only and ends by itself after SECONDS and one second of warming up.
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::string_view kRequest =
    "GET /api/v1/items/42 HTTP/1.1\r\nHost: app123.team7.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "bench_load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

// CPU seconds of all threads of a process, from the scheduler's nanoseconds; user and system apart from the clock ticks.
struct Cpu {
  double total = 0, user = 0, system = 0;
};

Cpu cpu_of(int pid) {
  Cpu cpu;
  const std::string folder = "/proc/" + std::to_string(pid) + "/task";
  if (DIR* tasks = opendir(folder.c_str())) {
    while (const dirent* task = readdir(tasks)) {
      if (task->d_name[0] == '.') continue;
      unsigned long long ran = 0;
      if (FILE* file = std::fopen((folder + "/" + task->d_name + "/schedstat").c_str(), "r")) {
        if (std::fscanf(file, "%llu", &ran) == 1) cpu.total += static_cast<double>(ran) * 1e-9;
        std::fclose(file);
      }
    }
    closedir(tasks);
  }
  if (FILE* file = std::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r")) {
    char text[1024] = {};
    const size_t got = std::fread(text, 1, sizeof text - 1, file);
    std::fclose(file);
    unsigned long user = 0, system = 0;
    const char* after_name = got > 0 ? std::strrchr(text, ')') : nullptr;
    if (after_name && std::sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2) {
      cpu.user = static_cast<double>(user) / static_cast<double>(sysconf(_SC_CLK_TCK));
      cpu.system = static_cast<double>(system) / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
  }
  return cpu;
}

struct Connection {
  int fd = -1;
  bool client = false;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls{nullptr, SSL_free};
  // client: bytes of the answer so far and in all (0: the head is not complete yet)
  std::string head;
  size_t got = 0, expected = 0;
  double sent_at = 0;
  // backend: answers owed, and how far the present one is
  size_t owed = 0, written = 0;
};

class Load {
 public:
  Load(int proxy_port, int backend_port, size_t body_bytes, bool tls) : buffer_(1 << 18), proxy_port_(proxy_port) {
    response_ = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n" +
                std::string(body_bytes, 'x');
    if (tls) {
      context_.reset(SSL_CTX_new(TLS_client_method()));
      SSL_CTX_set_min_proto_version(context_.get(), TLS1_3_VERSION);
    }
    epoll_ = epoll_create1(0);
    listen_on(backend_port);
  }

  void connect_clients(int count) {
    for (int i = 0; i < count; ++i) {
      const int fd = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address = loopback(proxy_port_);
      if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("cannot connect to the proxy");
      Connection& connection = add(fd, true);
      if (context_) {
        connection.tls.reset(SSL_new(context_.get()));
        SSL_set_fd(connection.tls.get(), fd);
        SSL_set_tlsext_host_name(connection.tls.get(), "app123.team7.example.com");
        if (SSL_connect(connection.tls.get()) != 1) fail("TLS handshake with the proxy failed");
        fcntl(fd, F_SETFL, O_NONBLOCK);
      }
      send_request(connection);
    }
  }

  void run(double seconds, int pid) {
    const double start = now() + 1;
    double measured_from = 0;
    Cpu before;
    epoll_event events[512];
    for (;;) {
      const int ready = epoll_wait(epoll_, events, 512, 100);
      now_ = now();
      if (measured_from == 0 && now_ > start) {
        measured_from = now_;
        latencies_.clear();
        failures_ = 0;
        before = cpu_of(pid);
      }
      if (measured_from > 0 && now_ - measured_from > seconds) return report(now_ - measured_from, before, cpu_of(pid));
      for (int i = 0; i < ready; ++i) on_event(events[i].data.fd, events[i].events);
    }
  }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void listen_on(int port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int one = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address = loopback(port);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("cannot listen as the backend");
    listen(listener_, 4096);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = listener_;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
  }

  Connection& add(int fd, bool client) {
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connections_.size() <= static_cast<size_t>(fd)) connections_.resize(static_cast<size_t>(fd) + 1);
    connections_[static_cast<size_t>(fd)] = std::make_unique<Connection>();
    Connection& connection = *connections_[static_cast<size_t>(fd)];
    connection.fd = fd;
    connection.client = client;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    return connection;
  }

  void on_event(int fd, uint32_t events) {
    if (fd == listener_) {
      for (int accepted; (accepted = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) add(accepted, false);
      return;
    }
    Connection* connection = connections_[static_cast<size_t>(fd)].get();
    if (!connection) return;
    if (connection->client) return on_client(*connection);
    if (events & EPOLLIN) on_backend(*connection);
    else if (events & EPOLLOUT) write_answers(*connection);
  }

  ssize_t read_from(Connection& connection) {
    if (!connection.tls) return recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    const int got = SSL_read(connection.tls.get(), buffer_.data(), static_cast<int>(buffer_.size()));
    if (got <= 0 && SSL_get_error(connection.tls.get(), got) == SSL_ERROR_WANT_READ) {
      errno = EAGAIN;
      return -1;
    }
    return got;
  }

  void on_client(Connection& connection) {
    do {
      const ssize_t got = read_from(connection);
      if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        ++failures_;
        return drop(connection);
      }
      take_answer(connection, {buffer_.data(), static_cast<size_t>(got)});
    } while (connection.tls && SSL_pending(connection.tls.get()) > 0);
  }

  void take_answer(Connection& connection, std::string_view bytes) {
    connection.got += bytes.size();
    if (connection.expected == 0) {
      connection.head.append(bytes);
      const size_t end = connection.head.find("\r\n\r\n");
      if (end == std::string::npos) return;
      if (connection.head.compare(9, 3, "200") != 0) ++failures_;
      size_t at = connection.head.find("ontent-");
      while (at != std::string::npos && strncasecmp(connection.head.c_str() + at, "ontent-length:", 14) != 0)
        at = connection.head.find("ontent-", at + 1);
      const size_t length = at == std::string::npos ? 0 : std::strtoul(connection.head.c_str() + at + 14, nullptr, 10);
      connection.expected = end + 4 + length;
    }
    if (connection.got < connection.expected) return;
    latencies_.push_back(static_cast<float>(now_ - connection.sent_at));
    connection.got = connection.expected = 0;
    connection.head.clear();
    send_request(connection);
  }

  void send_request(Connection& connection) {
    connection.sent_at = now_;
    const ssize_t sent = connection.tls ? SSL_write(connection.tls.get(), kRequest.data(), static_cast<int>(kRequest.size()))
                                        : send(connection.fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(kRequest.size())) ++failures_;
  }

  void on_backend(Connection& connection) {
    const ssize_t got = recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got <= 0) {
      if (got < 0 && errno == EAGAIN) return;
      return drop(connection);
    }
    // Requests come whole on loopback: each ends with an empty line.
    std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
    for (size_t at; (at = bytes.find("\r\n\r\n")) != std::string_view::npos; bytes.remove_prefix(at + 4)) ++connection.owed;
    write_answers(connection);
  }

  void write_answers(Connection& connection) {
    while (connection.owed > 0) {
      const ssize_t sent = send(connection.fd, response_.data() + connection.written, response_.size() - connection.written, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        if (errno != EAGAIN) return drop(connection);
        return watch(connection, EPOLLIN | EPOLLOUT);
      }
      connection.written += static_cast<size_t>(sent);
      if (connection.written < response_.size()) continue;
      connection.written = 0;
      --connection.owed;
    }
    if (response_.size() > 65536) watch(connection, EPOLLIN);
  }

  void watch(Connection& connection, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = connection.fd;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
  }

  void drop(Connection& connection) {
    const int fd = connection.fd;
    connections_[static_cast<size_t>(fd)].reset();
    close(fd);
  }

  void report(double seconds, const Cpu& before, const Cpu& after) {
    std::sort(latencies_.begin(), latencies_.end());
    const auto percentile = [&](double share) {
      return latencies_.empty() ? 0.0 : latencies_[static_cast<size_t>(share * static_cast<double>(latencies_.size() - 1))] * 1e6;
    };
    const auto requests = static_cast<double>(latencies_.size());
    const double divisor = std::max(1.0, requests);
    std::printf(
        "{\"requests\": %.0f, \"failures\": %lu, \"rps\": %.0f, \"cpu_us\": %.3f, \"user_us\": %.2f, \"system_us\": %.2f, \"busy\": %.2f, "
        "\"p50_us\": %.0f, \"p99_us\": %.0f}\n",
        requests, failures_, requests / seconds, (after.total - before.total) / divisor * 1e6, (after.user - before.user) / divisor * 1e6,
        (after.system - before.system) / divisor * 1e6, (after.total - before.total) / seconds, percentile(.5), percentile(.99));
  }

  std::vector<char> buffer_;
  std::string response_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  int proxy_port_, epoll_ = -1, listener_ = -1;
  double now_ = now();
  unsigned long failures_ = 0;
  std::vector<float> latencies_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 7) {
    std::fprintf(stderr, "usage: bench_load PROXY_PORT BACKEND_PORT CONNECTIONS SECONDS PROXY_PID BODY_BYTES [tls]\n");
    return 2;
  }
  const rlimit files{20000, 20000};
  setrlimit(RLIMIT_NOFILE, &files);
  Load load(std::atoi(arguments[1]), std::atoi(arguments[2]), std::strtoul(arguments[6], nullptr, 10),
            count > 7 && std::string_view(arguments[7]) == "tls");
  load.connect_clients(std::atoi(arguments[3]));
  load.run(std::atof(arguments[4]), std::atoi(arguments[5]));
}
