// The names of ExternalName Services, kept resolved: the book of what is due (name_book.h), the DNS (dns_client.h) and
// a timer on the control thread's loop. Owned by serve.cc. THREAD: control. A resource. Answers that have arrived
// together are delivered together. LIMITs: as in the two.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/dns_client.h"
#include "controller/name_book.h"
#include "controller/store.h"

namespace narthex::controller {

class ExternalNames final {
 public:
  // Called from the loop, never from within follow(). REQUIRES: does not destroy this.
  using Deliver = std::function<void(NameChanges)>;

  // Errors: as DnsClient::start. REQUIRES: the loop and the clock outlive this.
  static base::Result<std::unique_ptr<ExternalNames>> start(boost::asio::io_context& loop, DnsOptions dns,
                                                            NameBookOptions book, const base::Clock& clock,
                                                            Deliver deliver);
  ~ExternalNames();
  ExternalNames(const ExternalNames&) = delete;
  ExternalNames& operator=(const ExternalNames&) = delete;

  // Which names are in use and which are not any more.
  void follow(const std::vector<NameUse>& uses);
  // Every name in use has been answered once, and that has been delivered.
  bool settled() const;
  NameCounts counts() const;

 private:
  class Asking;
  explicit ExternalNames(std::shared_ptr<Asking> asking);
  std::shared_ptr<Asking> asking_;
};

}  // namespace narthex::controller
