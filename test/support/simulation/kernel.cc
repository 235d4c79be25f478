#include "test/support/simulation/kernel.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "test/support/patience.h"
#include "test/support/simulation/wrapped_calls.h"

namespace narthex::simulation {
namespace {

// More turns than the slowest drip needs between two moves of the clock.
constexpr uint64_t kTurns = 2'000'000;

std::atomic<Kernel*> the_kernel{nullptr};

int fail(int error) {
  errno = error;
  return -1;
}

std::string address_text(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  uint16_t port = 0;
  if (address->sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(*address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    port = v4.sin_port;
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(*address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    port = v6.sin6_port;
  }
  return text + (" " + std::to_string(ntohs(port)));
}

uint16_t port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

void make_pair(int (&fds)[2]) {
  const bool made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0;
  base::check(made, "the simulation has descriptors left");
}

}  // namespace

Kernel::Kernel() : horizon_(clock_.steady_now()) {
  base::check(the_kernel.exchange(this) == nullptr, "one simulation at a time");
}

Kernel::~Kernel() { the_kernel = nullptr; }

Kernel* Kernel::current() { return the_kernel.load(std::memory_order_acquire); }

Peer& Kernel::connect(uint16_t port, const std::string& ip) {
  const auto listener = std::find_if(descriptors_.begin(), descriptors_.end(), [port](auto& entry) {
    return entry.second.listening && port_of(entry.first) == port;
  });
  base::check(listener != descriptors_.end(), "the worker listens on that port");
  int fds[2];
  make_pair(fds);
  Peer& client = add_peer(fds[0]);
  clients_.push_back(&client);
  descriptors_[fds[1]] = {.peer = &client};
  listener->second.waiting.push_back({fds[1], ip});
  listener->second.edge = true;
  return client;
}

void Kernel::serve(const std::string& ip, uint16_t port, std::function<void(Peer&)> greet) {
  pods_[ip + " " + std::to_string(port)] = std::move(greet);
}

void Kernel::finish_clients() {
  for (Peer* const client : clients_) {
    client->reading = true;
    client->step_bytes = SIZE_MAX;
    client->finish();
  }
}

void Kernel::forget_peers() {
  for (auto& [fd, descriptor] : descriptors_) base::check(descriptor.peer == nullptr, "no connection is left");
  clients_.clear();
  peers_.clear();
}

void Kernel::start() {
  std::unique_lock lock(mutex_);
  base::check(changed_.wait_for(lock, test::kPatience, [this] { return parked_; }), "the worker begins");
}

void Kernel::pass(base::milliseconds time) {
  std::unique_lock lock(mutex_);
  horizon_ = clock_.steady_now() + time;
  turns_ = 0;
  parked_ = false;
  changed_.notify_all();
  if (changed_.wait_for(lock, 4 * test::kPatience, [this] { return parked_; })) return;
  std::fprintf(stderr, "simulation: the worker does not come back from a turn; %s\n", label_.c_str());
  std::abort();
}

void Kernel::release() {
  const std::lock_guard lock(mutex_);
  released_ = true;
  parked_ = false;
  changed_.notify_all();
}

size_t Kernel::open_connections() const {
  return static_cast<size_t>(std::count_if(descriptors_.begin(), descriptors_.end(),
                                           [](const auto& entry) { return !entry.second.listening; }));
}

Kernel::Descriptor* Kernel::find(int fd) {
  if (!on_worker()) return nullptr;
  const auto found = descriptors_.find(fd);
  return found == descriptors_.end() ? nullptr : &found->second;
}

Outcome Kernel::fate_of(Call call) {
  ++calls_;
  return fate_ ? fate_->of(call) : Outcome{};
}

Peer& Kernel::add_peer(int fd) { return *peers_.emplace_back(std::make_unique<Peer>(fd)); }

// The kernel gives another edge where something was left: what was held back "arrives" now.
void Kernel::rearm(int fd, Descriptor& descriptor) {
  if (descriptor.epoll_fd >= 0) __real_epoll_ctl(descriptor.epoll_fd, EPOLL_CTL_MOD, fd, &descriptor.event);
}

void Kernel::break_connection(int fd, Descriptor& descriptor) {
  descriptor.broken = true;
  if (descriptor.peer) descriptor.peer->note_reset();
  shutdown(fd, SHUT_RDWR);
}

// The listeners are made on the test's thread, before the worker has one.
int Kernel::epoll_control(int epoll_fd, int operation, int fd, epoll_event* event) {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (operation == EPOLL_CTL_ADD && __real_getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 &&
      listening) {
    if (const Outcome outcome = fate_of(Call::watch); outcome.error) return fail(outcome.error);
    Descriptor& listener = descriptors_[fd];
    listener.listening = true;
    listener.epoll_fd = epoll_fd;
    listener.event = *event;
    return 0;
  }
  Descriptor* const descriptor = find(fd);
  if (!descriptor || operation != EPOLL_CTL_ADD) return __real_epoll_ctl(epoll_fd, operation, fd, event);
  if (const Outcome outcome = fate_of(Call::watch); outcome.error) return fail(outcome.error);
  descriptor->epoll_fd = epoll_fd;
  descriptor->event = *event;
  if (descriptor->phase != Descriptor::Phase::open) return 0;  // once it is connected
  return __real_epoll_ctl(epoll_fd, operation, fd, event);
}

int Kernel::accept(int listener, sockaddr* address, socklen_t* size, int flags) {
  worker_.store(std::this_thread::get_id());
  Descriptor* const descriptor = find(listener);
  if (!descriptor) return __real_accept4(listener, address, size, flags);
  if (descriptor->waiting.empty()) return fail(EAGAIN);
  const Outcome outcome = fate_of(Call::accept);
  if (outcome.error == EAGAIN) descriptor->edge = true;
  if (outcome.error && outcome.harmless) return fail(outcome.error);
  const auto [fd, ip] = descriptor->waiting.front();
  descriptor->waiting.pop_front();
  if (outcome.error) {
    break_connection(fd, descriptors_[fd]);
    close(fd);
    return fail(outcome.error);
  }
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_port = htons(40'000);
  inet_pton(AF_INET, ip.c_str(), &from.sin_addr);
  std::memcpy(address, &from, sizeof from);
  *size = sizeof from;
  return fd;
}

int Kernel::socket(int family, int type, int protocol) {
  if (!on_worker()) return __real_socket(family, type, protocol);
  if (const Outcome outcome = fate_of(Call::socket); outcome.error) return fail(outcome.error);
  int fds[2];
  make_pair(fds);
  descriptors_[fds[1]] = {.peer_fd = fds[0]};
  return fds[1];
}

int Kernel::connect(int fd, const sockaddr* address, socklen_t size) {
  Descriptor* const descriptor = find(fd);
  if (!descriptor) return __real_connect(fd, address, size);
  const Outcome outcome = fate_of(Call::connect);
  if (outcome.error) return fail(outcome.error);
  const auto pod = pods_.find(address_text(address));
  if (outcome.course == ConnectCourse::never) {
    descriptor->phase = Descriptor::Phase::hopeless;
    return fail(EINPROGRESS);
  }
  if (outcome.course == ConnectCourse::refused_later || pod == pods_.end()) {
    descriptor->error = ECONNREFUSED;
    descriptor->phase = Descriptor::Phase::connecting;
    return fail(EINPROGRESS);
  }
  descriptor->peer = &add_peer(std::exchange(descriptor->peer_fd, -1));
  pod->second(*descriptor->peer);
  if (outcome.course == ConnectCourse::at_once) return 0;
  descriptor->phase = Descriptor::Phase::connecting;
  return fail(EINPROGRESS);
}

int Kernel::epoll_wait(int epoll_fd, epoll_event* events, int most, int timeout_ms) {
  worker_.store(std::this_thread::get_id());
  const base::SteadyTime entered = clock_.steady_now();
  while (!released_.load()) {
    if (fate_ && fate_->peers_first()) step_peers();
    const int accepts = listener_events(events, most);
    const int ready = accepts + __real_epoll_wait(epoll_fd, events + accepts, most - accepts, 0);
    spins_ = spins_ || ++turns_ > kTurns;
    if (ready > 0 && !spins_) return ready;
    if (!spins_ && (finish_connects() || step_peers())) continue;
    if (timeout_ms == 0 && !spins_) return 0;
    if (!spins_ && move_time(entered, timeout_ms)) return 0;
    park();
  }
  return __real_epoll_wait(epoll_fd, events, most, timeout_ms);
}

bool Kernel::finish_connects() {
  bool any = false;
  for (auto& [fd, descriptor] : descriptors_) {
    if (descriptor.phase != Descriptor::Phase::connecting || descriptor.epoll_fd < 0) continue;
    descriptor.phase = Descriptor::Phase::open;
    if (descriptor.error) break_connection(fd, descriptor);
    __real_epoll_ctl(descriptor.epoll_fd, EPOLL_CTL_ADD, fd, &descriptor.event);
    any = true;
  }
  return any;
}

bool Kernel::step_peers() {
  bool moved = false;
  for (size_t i = 0; i < peers_.size(); ++i) moved |= peers_[i]->step();
  for (auto& [fd, descriptor] : descriptors_) {
    if (!descriptor.peer || !descriptor.peer->resetting_ || descriptor.broken) continue;
    descriptor.error = ECONNRESET;
    break_connection(fd, descriptor);
    moved = true;
  }
  return moved;
}

int Kernel::listener_events(epoll_event* events, int most) {
  int count = 0;
  for (auto& [fd, descriptor] : descriptors_) {
    if (!descriptor.edge || count == most) continue;
    descriptor.edge = false;
    events[count] = descriptor.event;
    events[count++].events = EPOLLIN;
  }
  return count;
}

bool Kernel::move_time(base::SteadyTime entered, int timeout_ms) {
  const base::SteadyTime due = timeout_ms < 0 ? base::SteadyTime::max() : entered + base::milliseconds(timeout_ms);
  const bool goes_on = due <= horizon_;
  clock_.move_to(std::max(clock_.steady_now(), goes_on ? due : horizon_));
  turns_ = goes_on ? 0 : turns_;
  return goes_on;
}

void Kernel::park() {
  std::unique_lock lock(mutex_);
  if (released_.load()) return;
  parked_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !parked_; });
}

// Bytes that were held back raise an edge of their own, and so do those that a failed call has left.
ssize_t Kernel::after_move(int fd, Descriptor& descriptor, ssize_t moved, size_t asked, const Outcome& outcome) {
  const int error = errno;
  if (outcome.most < asked) rearm(fd, descriptor);
  errno = error;
  return moved;
}

ssize_t Kernel::recv(int fd, void* into, size_t size, int flags) {
  Descriptor* const descriptor = find(fd);
  if (!descriptor) return __real_recv(fd, into, size, flags);
  if (const int error = std::exchange(descriptor->error, 0)) return fail(error);
  if (descriptor->broken || descriptor->input_ended) return 0;
  const Outcome outcome = flags & MSG_PEEK ? Outcome{} : fate_of(Call::recv);
  if (outcome.end) {
    descriptor->input_ended = true;
    descriptor->peer->cut();
    return 0;
  }
  if (outcome.error && !outcome.harmless) break_connection(fd, *descriptor);
  if (outcome.error == EAGAIN) rearm(fd, *descriptor);
  if (outcome.error) return fail(outcome.error);
  return after_move(fd, *descriptor, __real_recv(fd, into, std::min(size, outcome.most), flags), size, outcome);
}

ssize_t Kernel::send(int fd, const void* from, size_t size, int flags) {
  Descriptor* const descriptor = find(fd);
  if (!descriptor) return __real_send(fd, from, size, flags);
  if (descriptor->broken) return fail(std::exchange(descriptor->error, 0) ? ECONNRESET : EPIPE);
  const Outcome outcome = fate_of(Call::send);
  if (outcome.error && !outcome.harmless) break_connection(fd, *descriptor);
  if (outcome.error == EAGAIN) rearm(fd, *descriptor);
  if (outcome.error) return fail(outcome.error);
  return after_move(fd, *descriptor, __real_send(fd, from, std::min(size, outcome.most), flags), size, outcome);
}

ssize_t Kernel::splice(int from, int to, size_t size, unsigned flags) {
  Descriptor* const source = find(from);
  Descriptor* const target = source ? nullptr : find(to);
  Descriptor* const descriptor = source ? source : target;
  const int fd = source ? from : to;
  if (!descriptor) return __real_splice(from, nullptr, to, nullptr, size, flags);
  if (const int error = std::exchange(descriptor->error, 0)) return fail(error);
  if (descriptor->broken) return source ? 0 : fail(EPIPE);
  if (source && source->input_ended) return 0;
  const Outcome outcome = fate_of(source ? Call::splice_out : Call::splice_in);
  if (outcome.end) {
    descriptor->input_ended = true;
    descriptor->peer->cut();
    return 0;
  }
  if (outcome.error && !outcome.harmless) break_connection(fd, *descriptor);
  if (outcome.error == EAGAIN) rearm(fd, *descriptor);
  if (outcome.error) return fail(outcome.error);
  const ssize_t moved = __real_splice(from, nullptr, to, nullptr, std::min(size, outcome.most), flags);
  return after_move(fd, *descriptor, moved, size, outcome);
}

int Kernel::pipe(int* fds, int flags) {
  if (on_worker())
    if (const Outcome outcome = fate_of(Call::pipe); outcome.error) return fail(outcome.error);
  return __real_pipe2(fds, flags);
}

int Kernel::set_option(int fd, int level, int name, const void* value, socklen_t size) {
  Descriptor* const descriptor = find(fd);
  if (descriptor && level == SOL_SOCKET && name == SO_LINGER) {
    const auto& wish = *static_cast<const linger*>(value);
    descriptor->resets_on_close = wish.l_onoff && wish.l_linger == 0;
  }
  return __real_setsockopt(fd, level, name, value, size);
}

int Kernel::option(int fd, int level, int name, void* value, socklen_t* size) {
  Descriptor* const descriptor = find(fd);
  if (!descriptor || level != SOL_SOCKET || name != SO_ERROR) return __real_getsockopt(fd, level, name, value, size);
  *static_cast<int*>(value) = std::exchange(descriptor->error, 0);
  return 0;
}

int Kernel::close(int fd) {
  if (Descriptor* const descriptor = find(fd)) {
    if (descriptor->resets_on_close && descriptor->peer) descriptor->peer->note_reset();
    if (descriptor->peer_fd >= 0) __real_close(descriptor->peer_fd);
    descriptors_.erase(fd);
  }
  return __real_close(fd);
}

}  // namespace narthex::simulation
