// Measures the control plane at scale: serves an API server's list and watch for so many Ingresses, starts the program
// under test, waits until it says that it is ready, and then changes one object after the other. Prints one line of
// JSON: time until ready and peak memory; for each sort of change the time from the sending of the event to the first
// right answer through the proxy, and the CPU time that the program's first thread (the control thread) took for it.
//
// usage: bench_control INGRESSES CHANGES RATE pages|stream CERTIFICATE KEY -- PROGRAM ARGUMENTS...
//   CHANGES of each sort, RATE a second. CERTIFICATE and KEY are files in PEM. "{api}" in the arguments becomes the
//   port of the API server; the program must listen on port 18080 (HTTP) and 18254 (admin) of 127.0.0.1.
// Pods have addresses of 10.0.0.0/8: to be run in a network namespace of its own that has them on its loopback
// (bench/control_run makes it). Ends by itself; every wait is bounded.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/text.h"
#include "bench/cluster.h"
#include "bench/cluster_api.h"
#include "bench/pods.h"

extern char** environ;

namespace narthex::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr uint16_t kHttpPort = 18080, kAdminPort = 18254;
constexpr auto kReadyMost = std::chrono::seconds(120);
constexpr auto kAnswerMost = std::chrono::seconds(2);  // after that a change is lost
constexpr auto kPollPause = microseconds(100);
constexpr auto kRest = milliseconds(300);
constexpr size_t kConnections = 4;     // over the workers
constexpr size_t kCheckedHosts = 500;  // that must answer in the moment of readiness

double ms(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

struct Answer {
  int status = 0;  // 0: none
  std::string body;
};

// One kept connection to the proxy or to its admin port.
class Client final {
 public:
  explicit Client(uint16_t port) : port_(port) {}
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Answer ask(const std::string& host, const std::string& path) {
    if (fd_ < 0 && !connect()) return {};
    const std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", path, host);
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      return lost();
    std::string text;
    for (;;) {
      std::array<char, 16384> piece{};
      const ssize_t got = ::recv(fd_, piece.data(), piece.size(), 0);
      if (got <= 0) return lost();
      text.append(piece.data(), static_cast<size_t>(got));
      if (auto answer = parse(text)) return *answer;
    }
  }

 private:
  bool connect() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const timeval patience{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
    close();
    return false;
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  Answer lost() {
    close();
    return {};
  }
  // What is asked for here is answered with a length.
  static std::optional<Answer> parse(const std::string& text) {
    const size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos || text.size() < 12) return std::nullopt;
    size_t at = text.find("ontent-");
    size_t length = 0;
    for (; at != std::string::npos && at < end; at = text.find("ontent-", at + 1))
      if (base::iequals(std::string_view(text).substr(at, 14), "ontent-length:"))
        length = std::strtoull(text.c_str() + at + 14, nullptr, 10);
    if (text.size() < end + 4 + length) return std::nullopt;
    return Answer{std::atoi(text.c_str() + 9), text.substr(end + 4, length)};
  }

  const uint16_t port_;
  int fd_ = -1;
};

// The program under test, ended with this.
class Program final {
 public:
  explicit Program(std::vector<std::string> command) {
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (::posix_spawnp(&pid_, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) pid_ = -1;
  }
  ~Program() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    for (int i = 0; i < 100; ++i) {
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
      std::this_thread::sleep_for(milliseconds(50));
    }
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  bool running() const { return pid_ > 0 && ::kill(pid_, 0) == 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0; }
  // CPU time of the first thread.
  std::chrono::nanoseconds control_cpu() const {
    std::ifstream file(fmt::format("/proc/{0}/task/{0}/schedstat", pid_));
    int64_t ns = 0;
    file >> ns;
    return std::chrono::nanoseconds(ns);
  }
  // "VmHWM" or "VmRSS"
  double memory_mb(const std::string& field) const {
    std::ifstream file(fmt::format("/proc/{}/status", pid_));
    for (std::string line; std::getline(file, line);)
      if (line.starts_with(field + ":")) return std::atof(line.c_str() + field.size() + 1) / 1024;
    return 0;
  }

 private:
  pid_t pid_ = -1;
};

struct Sort {
  const char* name;
  Kind kind;
  bool creates;
  std::function<void()> change;  // of an object, which is then the chosen one
};

struct Figures {
  std::vector<double> ms;
  size_t lost = 0;
  double cpu_us = 0;  // for each change
};

class Bench final {
 public:
  Bench(size_t ingresses, size_t changes, double rate, bool streaming, const std::string& certificate,
        const std::string& key)
      : changes_(changes),
        rate_(rate),
        ingresses_(ingresses),
        cluster_(ingresses, pods_.port(), certificate, key),
        api_(cluster_, streaming) {
    for (size_t i = 0; i < kConnections; ++i) clients_.push_back(std::make_unique<Client>(kHttpPort));
  }

  int run(std::vector<std::string> command);

 private:
  std::optional<double> await_ready(const Program& program, Clock::time_point began);
  void await_rest(const Program& program);
  std::vector<Sort> sorts();
  Figures measure(const Sort& sort, const Program& program);
  bool is_right();
  size_t any_ingress() { return std::uniform_int_distribution<size_t>(0, ingresses_ - 1)(random_); }

  const size_t changes_;
  const double rate_;
  const size_t ingresses_;
  Pods pods_;
  Cluster cluster_;
  ClusterApi api_;
  std::vector<std::unique_ptr<Client>> clients_;
  size_t next_ = 0, chosen_ = 0;
  size_t wrong_at_ready_ = 0;
  std::mt19937_64 random_{4};
};

// Seconds until /readyz says yes; then some hosts must be served at once.
std::optional<double> Bench::await_ready(const Program& program, Clock::time_point began) {
  Client admin(kAdminPort);
  while (admin.ask("localhost", "/readyz").status != 200) {
    if (!program.running() || Clock::now() - began > kReadyMost) return std::nullopt;
    std::this_thread::sleep_for(milliseconds(10));
  }
  const double seconds = ms(Clock::now() - began) / 1000;
  for (size_t i = 0; i < kCheckedHosts; ++i) {
    chosen_ = i == 0 ? ingresses_ - 1 : any_ingress();
    wrong_at_ready_ += !is_right();
  }
  return seconds;
}

// What the program still does after it is ready is no cost of a change.
void Bench::await_rest(const Program& program) {
  for (int tries = 0; tries < 50; ++tries) {
    const auto before = program.control_cpu();
    std::this_thread::sleep_for(kRest);
    if (program.control_cpu() - before < kRest / 50) return;
  }
}

std::vector<Sort> Bench::sorts() {
  return {
      {"pods moved", Kind::endpoint_slice, false, [this] { cluster_.move_pods(chosen_ = any_ingress()); }},
      {"path changed", Kind::ingress, false, [this] { cluster_.change_path(chosen_ = any_ingress()); }},
      {"host changed", Kind::ingress, false, [this] { cluster_.change_host(chosen_ = any_ingress()); }},
      {"Ingress created", Kind::ingress, true, [this] { chosen_ = cluster_.add_ingress(); }},
  };
}

// Whatever was changed: before it this was another pod, or a 404.
bool Bench::is_right() {
  const Answer answer = clients_[next_++ % kConnections]->ask(cluster_.host(chosen_), cluster_.path(chosen_));
  return answer.status == 200 && cluster_.is_pod_of(chosen_ % ingresses_, answer.body);
}

Figures Bench::measure(const Sort& sort, const Program& program) {
  Figures figures;
  const auto before = program.control_cpu();
  auto next = Clock::now();
  for (size_t i = 0; i < changes_; ++i) {
    std::this_thread::sleep_until(next);
    next += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / rate_));
    const auto sent = api_.emit(sort.kind, sort.creates, [&] {
      sort.change();
      return chosen_;
    });
    bool right = false;
    while (!right && Clock::now() - sent < kAnswerMost) {
      right = is_right();
      if (right) figures.ms.push_back(ms(Clock::now() - sent));
      if (!right) std::this_thread::sleep_for(kPollPause);
    }
    figures.lost += !right;
  }
  figures.cpu_us =
      std::chrono::duration<double, std::micro>(program.control_cpu() - before).count() / static_cast<double>(changes_);
  std::sort(figures.ms.begin(), figures.ms.end());
  return figures;
}

double quantile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(part * static_cast<double>(sorted.size())))];
}

int Bench::run(std::vector<std::string> command) {
  for (std::string& word : command)
    if (const size_t at = word.find("{api}"); at != std::string::npos) word.replace(at, 5, std::to_string(api_.port()));
  api_.render_ahead();
  const auto began = Clock::now();
  const Program program(std::move(command));
  const auto ready = await_ready(program, began);
  if (!ready) {
    std::fputs("bench_control: the program does not become ready; its log is above\n", stderr);
    return 1;
  }
  std::string out =
      fmt::format(R"({{"ingresses":{},"ready_s":{:.3f},"ready_cpu_s":{:.3f},"peak_mb":{:.1f},"rss_mb":{:.1f},)"
                  R"("wrong_at_ready":{},"changes":{{)",
                  ingresses_, *ready, std::chrono::duration<double>(program.control_cpu()).count(),
                  program.memory_mb("VmHWM"), program.memory_mb("VmRSS"), wrong_at_ready_);
  await_rest(program);
  const char* comma = "";
  for (const Sort& sort : sorts()) {
    const Figures figures = measure(sort, program);
    out += fmt::format(R"({}"{}":{{"p50_ms":{:.3f},"p99_ms":{:.3f},"max_ms":{:.3f},"lost":{},"cpu_us":{:.1f}}})", comma,
                       sort.name, quantile(figures.ms, 0.5), quantile(figures.ms, 0.99), quantile(figures.ms, 1),
                       figures.lost, figures.cpu_us);
    comma = ",";
  }
  std::puts((out + "}}").c_str());
  return 0;
}

std::string read_file(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int main_with(const std::vector<std::string>& words) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  if (dashes - words.begin() != 7 || dashes + 1 >= words.end()) {
    std::fputs("usage: bench_control INGRESSES CHANGES RATE pages|stream CERTIFICATE KEY -- PROGRAM ARGUMENTS...\n",
               stderr);
    return 2;
  }
  const auto ingresses = base::parse_decimal(words[1]), changes = base::parse_decimal(words[2]);
  const double rate = std::atof(words[3].c_str());
  if (!ingresses || *ingresses == 0 || *ingresses > 200'000 || !changes || *changes > 100'000 || rate <= 0) {
    std::fputs("bench_control: 1..200000 Ingresses, at most 100000 changes, and a rate above 0\n", stderr);
    return 2;
  }
  Bench bench(*ingresses, *changes, rate, words[4] == "stream", base::encode_base64(read_file(words[5].c_str())),
              base::encode_base64(read_file(words[6].c_str())));
  return bench.run({dashes + 1, words.end()});
}

}  // namespace
}  // namespace narthex::bench

int main(int argc, char** argv) { return narthex::bench::main_with({argv, argv + argc}); }
