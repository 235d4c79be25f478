#include "test/support/dns_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "base/text.h"

namespace narthex::test {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kDatagramBytes = 1232;

void put16(std::string& out, size_t value) {
  out += static_cast<char>(value >> 8 & 255);
  out += static_cast<char>(value & 255);
}

void put_name(std::string& out, const std::string& name) {
  for (const std::string_view label : base::split(name, '.')) {
    out += static_cast<char>(label.size());
    out += label;
  }
  out += '\0';
}

std::string value_of(const DnsRecord& record) {
  std::string value;
  if (record.type == DnsRecord::Type::cname) {
    put_name(value, record.value);
    return value;
  }
  const bool v4 = record.type == DnsRecord::Type::a;
  value.resize(v4 ? 4 : 16);
  if (inet_pton(v4 ? AF_INET : AF_INET6, record.value.c_str(), value.data()) != 1)
    throw std::runtime_error("no address: " + record.value);
  return value;
}

void put_record(std::string& out, const std::string& name, const DnsRecord& record) {
  const std::string value = value_of(record);
  put_name(out, name);
  put16(out, static_cast<size_t>(record.type));
  put16(out, 1);
  put16(out, record.ttl >> 16);
  put16(out, record.ttl & 0xffff);
  put16(out, value.size());
  out += value;
}

// The name in question, and behind `at` its type.
std::string read_name(const std::string& query, size_t& at) {
  std::string name;
  while (at < query.size() && query[at] != '\0') {
    const auto size = static_cast<unsigned char>(query[at]);
    if (!name.empty()) name += '.';
    name += base::lower(query.substr(at + 1, size));
    at += size + 1u;
  }
  ++at;
  return name;
}

int bound(int type, uint16_t port) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

DnsRecord a_record(const std::string& ip, uint32_t ttl) { return {DnsRecord::Type::a, ip, ttl}; }
DnsRecord aaaa_record(const std::string& ip, uint32_t ttl) { return {DnsRecord::Type::aaaa, ip, ttl}; }
DnsRecord cname_record(const std::string& name, uint32_t ttl) { return {DnsRecord::Type::cname, name, ttl}; }

DnsServer::DnsServer() {
  for (int attempt = 0; attempt < 100 && tcp_ < 0; ++attempt) {  // until a port is free for both
    if (udp_ >= 0) close(udp_);
    udp_ = bound(SOCK_DGRAM, 0);
    port_ = port_of(udp_);
    tcp_ = bound(SOCK_STREAM, port_);
  }
  if (tcp_ < 0 || listen(tcp_, 16) != 0) throw std::runtime_error("no port for a DNS server");
  wake_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { run(); });
}

DnsServer::~DnsServer() {
  eventfd_write(wake_, 1);
  thread_.join();
  for (const int fd : {udp_, tcp_, wake_}) close(fd);
}

void DnsServer::set(const std::string& name, std::vector<DnsRecord> records) {
  const std::lock_guard hold(lock_);
  zone_[name] = std::move(records);
}

void DnsServer::remove(const std::string& name) {
  const std::lock_guard hold(lock_);
  zone_.erase(name);
}

void DnsServer::set_manner(Manner manner) {
  const std::lock_guard hold(lock_);
  manner_ = manner;
}

size_t DnsServer::queries(const std::string& name) const {
  const std::lock_guard hold(lock_);
  const auto found = queries_.find(name);
  return found == queries_.end() ? 0 : found->second;
}

void DnsServer::run() {
  for (;;) {
    std::array<pollfd, 3> ready = {{{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}, {wake_, POLLIN, 0}}};
    if (poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[2].revents != 0) return;
    if (ready[0].revents != 0) serve_datagram();
    if (ready[1].revents != 0) serve_stream();
  }
}

void DnsServer::serve_datagram() {
  std::array<char, 4096> buffer;
  sockaddr_in from{};
  socklen_t size = sizeof from;
  const ssize_t got = recvfrom(udp_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (got <= 0) return;
  const std::string reply = answer(std::string(buffer.data(), static_cast<size_t>(got)), false);
  if (!reply.empty()) sendto(udp_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
}

// One connection at a time, with as many queries as come until the client is quiet for a moment or gone.
void DnsServer::serve_stream() {
  const int fd = accept(tcp_, nullptr, nullptr);
  if (fd < 0) return;
  const timeval quiet{0, 200'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &quiet, sizeof quiet);
  std::array<unsigned char, 2> prefix;
  while (recv(fd, prefix.data(), 2, MSG_WAITALL) == 2) {
    std::string query(prefix[0] * 256u + prefix[1], '\0');
    if (recv(fd, query.data(), query.size(), MSG_WAITALL) != static_cast<ssize_t>(query.size())) break;
    ++tcp_queries_;
    const std::string reply = answer(query, true);
    std::string framed;
    put16(framed, reply.size());
    framed += reply;
    if (send(fd, framed.data(), framed.size(), MSG_NOSIGNAL) < 0) break;
  }
  close(fd);
}

std::string DnsServer::answer(const std::string& query, bool stream) {
  if (query.size() < kHeaderBytes) return {};
  size_t at = kHeaderBytes;
  const std::string asked = read_name(query, at);
  if (at + 4 > query.size()) return {};
  const auto type = static_cast<DnsRecord::Type>(static_cast<unsigned char>(query[at]) * 256 +
                                                 static_cast<unsigned char>(query[at + 1]));
  const std::string question = query.substr(kHeaderBytes, at + 4 - kHeaderBytes);
  const std::lock_guard hold(lock_);
  ++queries_[asked];
  if (manner_ == Manner::silent) return {};
  if (manner_ == Manner::garbage) return query.substr(0, 2) + "\x81\x80\xff\xff\xff\xff no message";
  size_t code = manner_ == Manner::failing ? 2 : manner_ == Manner::refusing ? 5 : 0, count = 0;
  std::string records, name = asked;
  for (int steps = 0; code == 0 && steps < 16; ++steps) {
    const auto found = zone_.find(name);
    if (found == zone_.end()) {
      code = 3;
      break;
    }
    const std::string* alias = nullptr;
    for (const DnsRecord& record : found->second) {
      if (record.type == DnsRecord::Type::cname) alias = &record.value;
      if (record.type != type && record.type != DnsRecord::Type::cname) continue;
      put_record(records, name, record);
      ++count;
    }
    if (!alias) break;
    name = *alias;
  }
  const bool cut = !stream && (manner_ == Manner::truncating || records.size() > kDatagramBytes);
  std::string reply = query.substr(0, 2);
  put16(reply, 0x8180u | (cut ? 0x0200u : 0u) | code);
  for (const size_t number : {size_t{1}, cut ? 0 : count, size_t{0}, size_t{0}}) put16(reply, number);
  return reply + question + (cut ? "" : records);
}

}  // namespace narthex::test
