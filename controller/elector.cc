#include "controller/elector.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "controller/api/api_path.h"

namespace narthex::controller {
namespace {

namespace log = base::log;
using namespace std::chrono_literals;

constexpr auto kReleaseTime = 3s;

}  // namespace

Elector::Elector(Options options, ApiCall call, const base::Clock& clock, std::function<void()> answered)
    : options_(std::move(options)),
      call_(std::move(call)),
      clock_(clock),
      answered_(std::move(answered)),
      election_(options_.identity, options_.times),
      next_(clock.steady_now()) {}

base::SteadyTime Elector::next_turn() const {
  if (releasing_) return base::SteadyTime::max();
  const base::SteadyTime next = busy_ ? base::SteadyTime::max() : next_;
  // Whoever asks leads() must be woken when that ends.
  const auto until = election_.leads_until();
  return until && *until > clock_.steady_now() ? std::min(next, *until) : next;
}

void Elector::turn() {
  const base::SteadyTime now = clock_.steady_now();
  if (busy_ || releasing_ || now < next_) return;
  const bool fresh = election_.knows() && election_.leads(now);
  const auto bid = fresh ? election_.bid(now, clock_.wall_now()) : std::nullopt;
  if (!bid) return read();
  write(*bid);
}

void Elector::read() {
  busy_ = true;
  call_(read_request(), [this](const ApiAnswer& answer) {
    busy_ = false;
    if (releasing_) return finish_release();
    take_read(answer);
    answered_();
  });
}

void Elector::write(config::Lease lease) {
  busy_ = true;
  const base::SteadyTime sent = clock_.steady_now();
  call_(write_request(lease), [this, sent](const ApiAnswer& answer) {
    busy_ = false;
    take_written(answer, sent);
    if (releasing_) return finish_release();
    answered_();
  });
}

void Elector::take_read(const ApiAnswer& answer) {
  const base::SteadyTime now = clock_.steady_now();
  if (answer.status == 404 && answer.trouble.empty()) {
    election_.observe(std::nullopt, now);
  } else if (!answer.ok()) {
    return retry_later(why_not(answer));
  } else {
    auto lease = config::decode_lease(answer.body);
    if (!lease) return retry_later(lease.error().message());
    election_.observe(std::move(*lease), now);
  }
  trouble_.clear();
  const auto bid = election_.bid(now, clock_.wall_now());
  if (bid) return write(*bid);
  conflicts_ = 0;
  next_ = now + options_.times.retry;
}

void Elector::take_written(const ApiAnswer& answer, base::SteadyTime sent) {
  const bool conflict = answer.status == 409 && answer.trouble.empty();
  // Somebody else was faster, or changed a label: one look tells. Not again and again: they may go on.
  if (conflict && conflicts_++ == 0) {
    election_.forget();
    next_ = clock_.steady_now();
    return;
  }
  if (conflict) return retry_later({});
  if (!answer.ok()) return retry_later(why_not(answer));
  auto lease = config::decode_lease(answer.body);
  if (!lease) return retry_later(lease.error().message());
  conflicts_ = 0;
  trouble_.clear();
  election_.written(std::move(*lease), sent);
  next_ = sent + options_.times.retry;
}

void Elector::retry_later(std::string trouble) {
  election_.forget();  // it may have been written all the same
  conflicts_ = 0;
  next_ = clock_.steady_now() + options_.times.retry;
  if (!trouble.empty() && trouble != trouble_)
    log::warn("the Lease {}/{} for the election of a leader cannot be held: {}", options_.lease.ns, options_.lease.name,
              trouble);
  trouble_ = std::move(trouble);
}

void Elector::release(std::function<void()> done) {
  releasing_ = std::move(done);
  if (!busy_) finish_release();
}

void Elector::finish_release() {
  const auto lease = election_.release(clock_.wall_now());
  const bool held = lease && election_.leads_until();
  election_.resign();
  if (!held) return releasing_();
  ApiRequest request = write_request(*lease);
  request.time = kReleaseTime;
  call_(std::move(request), [this](const ApiAnswer& answer) {
    if (!answer.ok()) log::info("the Lease could not be given back: {}; it runs out by itself", why_not(answer));
    releasing_();
  });
}

void Elector::ask_abandoned(std::function<void(bool)> done) {
  ApiRequest request = read_request();
  request.time = kReleaseTime;
  call_(std::move(request), [done = std::move(done)](const ApiAnswer& answer) {
    const auto lease = answer.ok() ? config::decode_lease(answer.body) : base::Error("no answer");
    done(lease.has_value() && lease->holder.empty());
  });
}

namespace {

std::string lease_path(const config::ObjectKey& key) {
  return fmt::format("/apis/coordination.k8s.io/v1/namespaces/{}/leases", url_encoded(key.ns));
}

}  // namespace

ApiRequest Elector::read_request() const {
  ApiRequest request;
  request.target = lease_path(options_.lease) + "/" + url_encoded(options_.lease.name);
  request.time = options_.times.renew_deadline / 2;
  return request;
}

ApiRequest Elector::write_request(const config::Lease& lease) const {
  const bool is_new = lease.resource_version.empty();
  ApiRequest request = read_request();
  request.method = is_new ? "POST" : "PUT";
  if (is_new) request.target = lease_path(options_.lease);
  request.content_type = "application/json";
  request.body = config::encode_lease(lease, options_.lease);
  return request;
}

}  // namespace narthex::controller
