#include "controller/dns_client.h"

#include <ares.h>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <map>
#include <utility>

#include "router/backend.h"

namespace narthex::controller {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Descriptor = asio::posix::stream_descriptor;

// What a datagram may have without being cut into pieces on the way (DNS flag day 2020); more comes over TCP.
constexpr int kDatagramBytes = 1232;
constexpr const char* kSystemResolvConf = "/etc/resolv.conf";

// Once per process; never taken back, as c-ares keeps nothing that would have to go.
int set_up_library() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  return status;
}

std::string text_of(const ares_addrinfo_node& node) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (node.ai_family == AF_INET) {
    sockaddr_in address;
    std::memcpy(&address, node.ai_addr, sizeof address);
    inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  } else if (node.ai_family == AF_INET6) {
    sockaddr_in6 address;
    std::memcpy(&address, node.ai_addr, sizeof address);
    inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

// Connecting a datagram socket sends nothing and looks for a route (RFC 6724 6 rests on the same).
bool kernel_has_route(const std::string& text) {
  const std::optional<router::Endpoint> endpoint = router::make_endpoint(text, 53);
  if (!endpoint) return false;
  const int fd = socket(endpoint->v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  int connected = -1;
  if (endpoint->v6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint->port);
    std::memcpy(&address.sin6_addr, endpoint->ip.data(), 16);
    connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint->port);
    std::memcpy(&address.sin_addr, endpoint->ip.data(), 4);
    connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  close(fd);
  return connected == 0;
}

void drop_unreachable_family(std::vector<std::string>& addresses, const DnsOptions& options) {
  const auto v6 = std::find_if(addresses.begin(), addresses.end(), is_v6);
  const auto v4 = std::find_if_not(addresses.begin(), addresses.end(), is_v6);
  if (v4 == addresses.end() || v6 == addresses.end()) return;
  const auto reaches = [&](const std::string& address) {
    return options.has_route ? options.has_route(address) : kernel_has_route(address);
  };
  const bool reaches_v4 = reaches(*v4), reaches_v6 = reaches(*v6);
  if (reaches_v4 == reaches_v6) return;
  std::erase_if(addresses, [&](const std::string& address) { return is_v6(address) != reaches_v6; });
}

NameAnswer answer_of(int status, const ares_addrinfo* found, const DnsOptions& options) {
  NameAnswer answer;
  // A name that the DNS could not even hold is one that it does not have.
  const bool sure = status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME;
  answer.kind = sure ? NameAnswer::Kind::absent : NameAnswer::Kind::failed;
  if (status != ARES_SUCCESS || !found || !found->nodes) return answer;
  int ttl = found->nodes->ai_ttl;
  for (const ares_addrinfo_node* node = found->nodes; node; node = node->ai_next) {
    ttl = std::min(ttl, node->ai_ttl);
    if (std::string text = text_of(*node); !text.empty()) answer.addresses.push_back(std::move(text));
  }
  for (const ares_addrinfo_cname* alias = found->cnames; alias; alias = alias->next) ttl = std::min(ttl, alias->ttl);
  answer.kind = NameAnswer::Kind::found;
  answer.ttl = std::chrono::seconds(std::max(ttl, 0));
  std::sort(answer.addresses.begin(), answer.addresses.end());
  answer.addresses.erase(std::unique(answer.addresses.begin(), answer.addresses.end()), answer.addresses.end());
  drop_unreachable_family(answer.addresses, options);
  answer.cut = answer.addresses.size() > kNameAddressesMax;
  if (answer.cut) answer.addresses.resize(kNameAddressesMax);
  return answer;
}

}  // namespace

// Handlers on the loop hold weak pointers, so that the channel may go while they wait.
class DnsClient::Channel final : public std::enable_shared_from_this<Channel> {
 public:
  Channel(asio::io_context& loop, DnsOptions options) : loop_(loop), options_(std::move(options)), timer_(loop) {}
  ~Channel() { tear_down(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  base::Result<void> set_up();
  void ask(const std::string& name, std::function<void(NameAnswer)> done);

 private:
  // A socket of c-ares, lent to the loop for as long as c-ares says so.
  struct Socket {
    Socket(asio::io_context& loop, int fd) : descriptor(loop, fd) {}
    Descriptor descriptor;
    bool reads = false, writes = false;                      // what c-ares waits for
    bool waiting_to_read = false, waiting_to_write = false;  // what has been asked of the loop
    bool open = true;
  };
  struct Question {
    Channel& channel;
    std::function<void(NameAnswer)> done;
  };

  static void on_state(void* self, ares_socket_t fd, int reads, int writes);
  static void on_answer(void* question, int status, int timeouts, ares_addrinfo* found);

  void watch(const std::shared_ptr<Socket>& socket);
  void process(int readable, int writable);
  void set_timer();
  void follow_resolv_conf();
  void tear_down();

  asio::io_context& loop_;
  const DnsOptions options_;
  ares_channel channel_ = nullptr;
  std::map<int, std::shared_ptr<Socket>> sockets_;
  asio::steady_timer timer_;
  size_t questions_ = 0;
  struct stat read_from_ {};  // resolv.conf as it was when it was read
};

base::Result<void> DnsClient::Channel::set_up() {
  if (const int status = set_up_library(); status != ARES_SUCCESS)
    return base::Error(fmt::format("c-ares: {}", ares_strerror(status)));
  ares_options wanted{};
  char lookups[] = "b";  // the DNS only
  std::string resolv_conf = options_.resolv_conf.empty() ? kSystemResolvConf : options_.resolv_conf;
  wanted.flags = ARES_FLAG_EDNS | ARES_FLAG_NOALIASES;  // no HOSTALIASES of the environment
  wanted.timeout = static_cast<int>(options_.first_try.count());
  wanted.tries = options_.tries;
  wanted.lookups = lookups;
  wanted.ednspsz = kDatagramBytes;
  wanted.resolvconf_path = resolv_conf.data();
  wanted.sock_state_cb = &Channel::on_state;
  wanted.sock_state_cb_data = this;
  const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ |
                   ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB;
  if (stat(resolv_conf.c_str(), &read_from_) != 0) read_from_ = {};
  int status = ares_init_options(&channel_, &wanted, mask);
  if (status == ARES_SUCCESS && !options_.servers.empty())
    status = ares_set_servers_ports_csv(channel_, options_.servers.c_str());
  if (status == ARES_SUCCESS) return {};
  return base::Error(fmt::format("the DNS client cannot be set up: {}; look at {} and --dns-servers",
                                 ares_strerror(status), resolv_conf));
}

void DnsClient::Channel::ask(const std::string& name, std::function<void(NameAnswer)> done) {
  follow_resolv_conf();
  if (!channel_) {  // resolv.conf cannot be read any more
    asio::post(loop_, [done = std::move(done)] { done(NameAnswer{}); });
    return;
  }
  ++questions_;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NOSORT;  // endpoints have an order of their own
  auto question = std::make_unique<Question>(Question{*this, std::move(done)});
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Channel::on_answer, question.release());
  set_timer();
}

// c-ares may answer while it is being asked; whoever asked hears of it from the loop.
void DnsClient::Channel::on_answer(void* arg, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<Question> question(static_cast<Question*>(arg));
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(found, &ares_freeaddrinfo);
  if (status == ARES_EDESTRUCTION) return;
  Channel& self = question->channel;
  --self.questions_;
  asio::post(self.loop_, [alive = self.weak_from_this(), done = std::move(question->done),
                          answer = answer_of(status, found, self.options_)]() mutable {
    if (!alive.expired()) done(std::move(answer));
  });
}

void DnsClient::Channel::on_state(void* arg, ares_socket_t fd, int reads, int writes) {
  auto& self = *static_cast<Channel*>(arg);
  auto at = self.sockets_.find(fd);
  if (!reads && !writes) {
    if (at == self.sockets_.end()) return;
    at->second->open = false;
    at->second->descriptor.release();  // c-ares closes it
    self.sockets_.erase(at);
    return;
  }
  if (at == self.sockets_.end()) at = self.sockets_.emplace(fd, std::make_shared<Socket>(self.loop_, fd)).first;
  at->second->reads = reads != 0;
  at->second->writes = writes != 0;
  self.watch(at->second);
}

void DnsClient::Channel::watch(const std::shared_ptr<Socket>& socket) {
  const auto wait = [&](Descriptor::wait_type type, bool Socket::*waiting) {
    (*socket).*waiting = true;
    socket->descriptor.async_wait(type, [alive = weak_from_this(), socket, type, waiting](error_code error) {
      (*socket).*waiting = false;
      const std::shared_ptr<Channel> self = alive.lock();
      if (!self || !socket->open || error) return;
      const int fd = socket->descriptor.native_handle();
      const bool to_read = type == Descriptor::wait_read;
      if (to_read ? socket->reads : socket->writes)
        self->process(to_read ? fd : ARES_SOCKET_BAD, to_read ? ARES_SOCKET_BAD : fd);
      if (socket->open) self->watch(socket);
    });
  };
  if (socket->reads && !socket->waiting_to_read) wait(Descriptor::wait_read, &Socket::waiting_to_read);
  if (socket->writes && !socket->waiting_to_write) wait(Descriptor::wait_write, &Socket::waiting_to_write);
}

void DnsClient::Channel::process(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  set_timer();
}

void DnsClient::Channel::set_timer() {
  timeval until{};
  if (!ares_timeout(channel_, nullptr, &until)) {
    timer_.cancel();
    return;
  }
  // One more, lest a timer that is early by its own rounding looks again and again.
  timer_.expires_after(std::chrono::seconds(until.tv_sec) + std::chrono::microseconds(until.tv_usec) +
                       std::chrono::milliseconds(1));
  timer_.async_wait([alive = weak_from_this()](error_code error) {
    const std::shared_ptr<Channel> self = alive.lock();
    if (self && !error && self->channel_) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

// A laptop that moves to another network. Looked at only while nothing is under way, since the old channel goes.
void DnsClient::Channel::follow_resolv_conf() {
  if (questions_ != 0) return;
  const std::string& path = options_.resolv_conf;
  struct stat now {};
  if (stat(path.empty() ? kSystemResolvConf : path.c_str(), &now) != 0) return;
  const bool same = now.st_ino == read_from_.st_ino && now.st_size == read_from_.st_size &&
                    now.st_mtim.tv_sec == read_from_.st_mtim.tv_sec &&
                    now.st_mtim.tv_nsec == read_from_.st_mtim.tv_nsec;
  if (same && channel_) return;
  tear_down();
  if (!set_up()) tear_down();
}

void DnsClient::Channel::tear_down() {
  if (channel_) ares_destroy(channel_);
  channel_ = nullptr;
  timer_.cancel();
  for (const auto& [fd, socket] : sockets_) {  // none is left, where c-ares keeps its word
    socket->open = false;
    socket->descriptor.release();
  }
  sockets_.clear();
}

base::Result<std::unique_ptr<DnsClient>> DnsClient::start(asio::io_context& loop, DnsOptions options) {
  auto channel = std::make_shared<Channel>(loop, std::move(options));
  if (const auto set_up = channel->set_up(); !set_up) return set_up.error();
  return std::unique_ptr<DnsClient>(new DnsClient(std::move(channel)));
}

DnsClient::DnsClient(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}
DnsClient::~DnsClient() = default;

void DnsClient::ask(const std::string& name, std::function<void(NameAnswer)> done) {
  channel_->ask(name, std::move(done));
}

}  // namespace narthex::controller
