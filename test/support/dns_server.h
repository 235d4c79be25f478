// A small DNS server for tests, on UDP and TCP of one free port of 127.0.0.1: a zone of its own, and every way of
// misbehaving that clients must bear. Owned by the test. THREAD: its own; all calls from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::test {

struct DnsRecord {
  enum class Type : uint16_t { a = 1, cname = 5, aaaa = 28 };
  Type type = Type::a;
  std::string value;  // an address, or a name
  uint32_t ttl = 60;
};
DnsRecord a_record(const std::string& ip, uint32_t ttl = 60);
DnsRecord aaaa_record(const std::string& ip, uint32_t ttl = 60);
DnsRecord cname_record(const std::string& name, uint32_t ttl = 60);

class DnsServer final {
 public:
  enum class Manner : uint8_t {
    proper,
    truncating,  // over UDP: cut, so that the client comes again over TCP
    silent,      // no answer
    garbage,     // bytes that are no message, under the right number
    failing,     // SERVFAIL
    refusing,    // REFUSED
  };

  DnsServer();
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Names that were never set are NXDOMAIN; one without records exists and has no address.
  void set(const std::string& name, std::vector<DnsRecord> records);
  void remove(const std::string& name);
  void set_manner(Manner manner);
  // Queries for that name so far, of both types and over both protocols.
  size_t queries(const std::string& name) const;
  size_t tcp_queries() const { return tcp_queries_.load(); }

 private:
  void run();
  void serve_datagram();
  void serve_stream();
  // Empty: no answer.
  std::string answer(const std::string& query, bool stream);

  uint16_t port_ = 0;
  int udp_ = -1, tcp_ = -1, wake_ = -1;
  std::atomic<size_t> tcp_queries_{0};
  mutable std::mutex lock_;  // of the three below
  std::map<std::string, std::vector<DnsRecord>> zone_;
  std::map<std::string, size_t> queries_;
  Manner manner_ = Manner::proper;
  std::thread thread_;
};

}  // namespace narthex::test
