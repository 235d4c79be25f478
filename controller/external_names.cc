#include "controller/external_names.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace narthex::controller {

namespace asio = boost::asio;

// Handlers on the loop hold weak pointers, so that this may go while they wait.
class ExternalNames::Asking final : public std::enable_shared_from_this<Asking> {
 public:
  Asking(asio::io_context& loop, std::unique_ptr<DnsClient> dns, NameBookOptions book, const base::Clock& clock,
         Deliver deliver)
      : loop_(loop), dns_(std::move(dns)), book_(book, clock), deliver_(std::move(deliver)), timer_(loop) {}

  void follow(const std::vector<NameUse>& uses) {
    for (const NameUse& use : uses) {
      if (use.wanted) {
        book_.want(use.name);
      } else {
        book_.forget(use.name);
      }
    }
    if (!uses.empty()) turn_soon();
  }
  bool settled() const { return book_.settled() && !turning_; }
  NameCounts counts() const { return book_.counts(); }

 private:
  // Behind whatever else is ready on the loop: other answers, mostly.
  void turn_soon() {
    if (std::exchange(turning_, true)) return;
    asio::post(loop_, [alive = weak_from_this()] {
      if (const auto self = alive.lock()) self->turn();
    });
  }

  void turn() {
    turning_ = false;
    NameChanges changes = book_.take_changes();
    if (!changes.empty()) deliver_(std::move(changes));
    for (const std::string& name : book_.take_due()) {
      dns_->ask(name, [alive = weak_from_this(), name](NameAnswer answer) {
        const auto self = alive.lock();
        if (!self) return;
        self->book_.answer(name, std::move(answer));
        self->turn_soon();
      });
    }
    const auto due = book_.next_due();
    if (!due) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(*due);
    timer_.async_wait([alive = weak_from_this()](boost::system::error_code error) {
      const auto self = alive.lock();
      if (self && !error) self->turn();
    });
  }

  asio::io_context& loop_;
  std::unique_ptr<DnsClient> dns_;
  NameBook book_;
  Deliver deliver_;
  asio::steady_timer timer_;
  bool turning_ = false;  // a turn is on its way through the loop
};

base::Result<std::unique_ptr<ExternalNames>> ExternalNames::start(asio::io_context& loop, DnsOptions dns,
                                                                  NameBookOptions book, const base::Clock& clock,
                                                                  Deliver deliver) {
  auto client = DnsClient::start(loop, std::move(dns));
  if (!client) return client.error();
  auto asking = std::make_shared<Asking>(loop, std::move(*client), book, clock, std::move(deliver));
  return std::unique_ptr<ExternalNames>(new ExternalNames(std::move(asking)));
}

ExternalNames::ExternalNames(std::shared_ptr<Asking> asking) : asking_(std::move(asking)) {}
ExternalNames::~ExternalNames() = default;

void ExternalNames::follow(const std::vector<NameUse>& uses) { asking_->follow(uses); }
bool ExternalNames::settled() const { return asking_->settled(); }
NameCounts ExternalNames::counts() const { return asking_->counts(); }

}  // namespace narthex::controller
