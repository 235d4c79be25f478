// The door to c-ares: asks the DNS for the addresses of a name, on the control thread's loop, with no thread of its
// own. Owned by external_names.h. THREAD: control. A resource. Only the DNS is asked, never /etc/hosts, which is about
// this machine and not about the cluster. Servers, search domains and ndots are those of resolv.conf, which is read
// again when it has changed. LIMITs: 256 addresses of a name (what fits into one datagram of 4 KiB); 2 s for the first
// try and 4 s for the second, per server and search domain, so that a name costs seconds and not c-ares' own 75. How
// many are asked for at once is the caller's: each may be two queries in flight.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/resolved_name.h"

namespace boost::asio {
class io_context;
}

namespace narthex::controller {

struct NameAnswer {
  enum class Kind : uint8_t {
    found,   // addresses, and for how long they are good
    absent,  // no such name, or none with an address: the DNS is sure
    failed,  // no server answered, or none could
  };
  Kind kind = Kind::failed;
  std::vector<std::string> addresses;  // sorted, unique
  bool cut = false;                    // there were more than kNameAddressesMax
  std::chrono::seconds ttl{0};         // the least of all records on the way
};

struct DnsOptions {
  std::string servers = {};      // "10.0.0.10:53,[fd00::a]:53"; empty: those of resolv.conf
  std::string resolv_conf = {};  // empty: the system's
  std::chrono::milliseconds first_try{2000};
  int tries = 2;
  // Does this machine have a route to that address? Empty: the kernel is asked.
  std::function<bool(const std::string& address)> has_route = {};
};

class DnsClient final {
 public:
  // Errors: c-ares cannot be set up, or takes no server of that form. REQUIRES: the loop outlives this.
  static base::Result<std::unique_ptr<DnsClient>> start(boost::asio::io_context& loop, DnsOptions options);
  ~DnsClient();  // nothing that is under way is answered
  DnsClient(const DnsClient&) = delete;
  DnsClient& operator=(const DnsClient&) = delete;

  // A and AAAA together, so that both are of the same search domain. Where both are found and this machine has no route
  // to one family, that one is left out (as AI_ADDRCONFIG of RFC 3493 does it). `done` is called once, from the loop.
  void ask(const std::string& name, std::function<void(NameAnswer)> done);

 private:
  class Channel;
  explicit DnsClient(std::shared_ptr<Channel> channel);
  std::shared_ptr<Channel> channel_;
};

}  // namespace narthex::controller
