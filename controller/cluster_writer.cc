#include "controller/cluster_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <random>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "config/addresses.h"
#include "controller/api/small_file.h"
#include "controller/event_writer.h"
#include "controller/node_addresses.h"

namespace narthex::controller {
namespace {

namespace asio = boost::asio;
namespace log = base::log;
using boost::system::error_code;

// A cluster forgets Events an hour after they were last written (kube-apiserver --event-ttl): what still stands is told
// again before that.
constexpr auto kTellAgain = std::chrono::minutes(45);

// The kubelet tells that we are ready a moment after we are.
constexpr std::chrono::seconds kNoNodeYet{2};

// Two replicas outside of pods may share a host.
std::string made_up_identity() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::random_device random;
  return fmt::format("{}_{}", host.data(), base::hex((uint64_t{random()} << 32) | random()));
}

}  // namespace

PodNames PodNames::of_this_process() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
  };
  PodNames names{variable("POD_NAME"), variable("POD_NAMESPACE")};
  if (!names.ns.empty()) return names;
  const auto file = read_small_file(PodSurroundings::of_this_process().folder + "/namespace");
  if (file) names.ns = base::trim(*file);
  return names;
}

base::Result<ClusterWriterOptions> cluster_writer_options(const config::Flags& flags, const PodNames& pod) {
  ClusterWriterOptions options;
  options.pod = {pod.ns, pod.name};
  options.update_status = flags.update_status;
  options.update_status_on_shutdown = flags.update_status_on_shutdown;
  options.sync_events = !flags.disable_sync_events;
  options.publish_addresses = config::join_addresses(flags.publish_status_addresses);
  options.publish_service = flags.publish_service;
  options.internal_node_addresses = flags.report_node_internal_ip_address;
  options.node_interval = std::chrono::seconds(flags.status_update_seconds);
  if (flags.disable_leader_election) return options;
  if (pod.ns.empty())
    return base::Error(
        "no leader can be elected, so neither status nor Events are written: the environment names no "
        "POD_NAMESPACE; set it, or give --disable-leader-election where this is the only replica");
  options.election.emplace();
  options.election->lease = {pod.ns, flags.election_id};
  options.election->identity = pod.name.empty() ? made_up_identity() : pod.name;
  options.election->times = election_times(flags.election_ttl);
  return options;
}

std::string publish_addresses_of(const config::Service& service) {
  const std::string cluster_ip = service.cluster_ip == "None" ? "" : service.cluster_ip;
  switch (service.type) {
    case config::ServiceType::external_name:
      return service.external_name;
    case config::ServiceType::load_balancer:
      return service.external_addresses;
    case config::ServiceType::node_port:
      return service.external_addresses.empty() ? cluster_ip : service.external_addresses;
    case config::ServiceType::cluster_ip:
      return cluster_ip;
  }
  return {};
}

// Shared with the timer and with answers that are under way.
class ClusterWriter::Writing final : public std::enable_shared_from_this<Writing> {
 public:
  Writing(asio::io_context& loop, ClusterWriterOptions options, const Compiler& compiler, const base::Clock& clock)
      : options_(std::move(options)), compiler_(compiler), clock_(clock), timer_(loop) {}

  void make_parts(const ApiCall& call);
  void start();
  void take(const FindingChanges& findings, const Touches& touches);
  void end(std::function<void()> done);
  void turn();
  void stop() {
    stopped_ = true;
    timer_.cancel();
  }
  WriterMetrics metrics() const;

 private:
  enum class End : uint8_t { none, releasing, watching, asking, wiping, done };

  bool leads() const { return started_ && end_ == End::none && (!elector_ || elector_->leads()); }
  void begin_leading();
  void look_at_all();
  StatusView view_of(const config::ObjectKey& ingress) const;
  std::optional<std::string> wanted_now() const;
  void note_wanted();
  void tell_findings(const config::Findings& findings);
  void tell_all_findings();
  void ask_nodes();
  void turn_end();
  void begin_wipe();
  void finish();
  void arm();

  const ClusterWriterOptions options_;
  const Compiler& compiler_;
  const base::Clock& clock_;
  asio::steady_timer timer_;
  std::unique_ptr<Elector> elector_;
  std::unique_ptr<StatusWriter> status_;
  std::unique_ptr<EventWriter> events_;
  std::unique_ptr<NodeAddresses> nodes_;  // where no flag names addresses
  std::optional<std::string> node_addresses_;
  base::SteadyTime ask_nodes_at_{}, watch_until_{}, tell_again_at_{};
  bool started_ = false, led_ = false, stopped_ = false;
  bool said_no_service_ = false;
  std::string nodes_trouble_;
  End end_ = End::none;
  std::function<void()> done_;
};

ClusterWriter::ClusterWriter(asio::io_context& loop, ClusterWriterOptions options, ApiCall call,
                             const Compiler& compiler, const base::Clock& clock)
    : writing_(std::make_shared<Writing>(loop, std::move(options), compiler, clock)) {
  writing_->make_parts(call);
}
ClusterWriter::~ClusterWriter() { writing_->stop(); }

void ClusterWriter::start() { writing_->start(); }
void ClusterWriter::take(const FindingChanges& findings, const Touches& touches) { writing_->take(findings, touches); }
void ClusterWriter::end(std::function<void()> done) { writing_->end(std::move(done)); }
void ClusterWriter::turn() { writing_->turn(); }
WriterMetrics ClusterWriter::metrics() const { return writing_->metrics(); }

void ClusterWriter::Writing::make_parts(const ApiCall& call) {
  const ApiCall guarded = [call, weak = weak_from_this()](ApiRequest request, ApiAnswerTaker done) {
    call(std::move(request), [weak, done = std::move(done)](ApiAnswer answer) {
      if (const auto self = weak.lock(); self && !self->stopped_) done(std::move(answer));
    });
  };
  const auto answered = [this] { turn(); };
  if (options_.election) elector_ = std::make_unique<Elector>(*options_.election, guarded, clock_, answered);
  const auto look = [this](const config::ObjectKey& key) { return view_of(key); };
  status_ = std::make_unique<StatusWriter>(guarded, look, clock_, answered);
  events_ = std::make_unique<EventWriter>(options_.pod.name, guarded, clock_, answered);
  const bool by_nodes = options_.update_status && options_.publish_addresses.empty() && !options_.publish_service;
  if (!by_nodes) return;
  if (!options_.pod.name.empty() && !options_.pod.ns.empty()) {
    nodes_ = std::make_unique<NodeAddresses>(options_.pod, options_.internal_node_addresses, guarded);
  } else {
    log::warn(
        "no status is written: nothing says where Ingresses are reached; give --publish-service or "
        "--publish-status-address, or POD_NAME and POD_NAMESPACE in the environment");
  }
}

void ClusterWriter::Writing::start() {
  if (std::exchange(started_, true)) return;
  turn();
}

void ClusterWriter::Writing::take(const FindingChanges& findings, const Touches& touches) {
  if (!led_ || !leads()) return;
  tell_findings(findings.appeared);
  note_wanted();
  for (const auto& [key, touch] : touches) {
    if (options_.update_status) status_->add(key, touch);
    if (options_.sync_events && touch.changed && is_ours(compiler_.store().standing(key))) events_->add(sync_note(key));
  }
  turn();
}

void ClusterWriter::Writing::turn() {
  if (!started_ || stopped_) return;
  if (end_ != End::none) return turn_end();
  if (elector_) elector_->turn();
  if (leads() && !led_) begin_leading();
  if (!leads() && led_) {
    led_ = false;
    status_->clear();
    events_->clear();
    log::warn("does not lead any more: {}",
              elector_->trouble().empty() ? "the Lease is " + elector_->holder() + "'s" : elector_->trouble());
  }
  if (led_) {
    if (clock_.steady_now() >= tell_again_at_) tell_all_findings();
    ask_nodes();
    status_->turn();
    events_->turn();
  }
  arm();
}

void ClusterWriter::Writing::begin_leading() {
  led_ = true;
  if (elector_) log::info("leads: writes status and Events");
  tell_all_findings();
  status_->set_wanted(wanted_now());
  look_at_all();
  if (!options_.sync_events || !status_->wanted()) return;
  // What shows our address has been told before, by us or by whoever led.
  compiler_.store().for_each_ingress([this](const config::Ingress& ingress, Standing standing) {
    if (is_ours(standing) && ingress.addresses != *status_->wanted() && events_->waiting() < EventWriter::kWaiting / 2)
      events_->add(sync_note(ingress.meta.key));
  });
}

void ClusterWriter::Writing::look_at_all() {
  if (!options_.update_status) return;
  compiler_.store().for_each_ingress([this](const config::Ingress& ingress, Standing standing) {
    if (is_ours(standing)) status_->add_later(ingress.meta.key);
  });
}

StatusView ClusterWriter::Writing::view_of(const config::ObjectKey& key) const {
  const config::Ingress* ingress = compiler_.store().ingress(key);
  if (ingress == nullptr) return {};
  return {true, is_ours(compiler_.store().standing(key)), ingress->addresses};
}

std::optional<std::string> ClusterWriter::Writing::wanted_now() const {
  if (!options_.publish_addresses.empty()) return options_.publish_addresses;
  if (!options_.publish_service) return node_addresses_;
  const config::Service* service = compiler_.store().service(*options_.publish_service);
  return service == nullptr ? std::nullopt : std::optional(publish_addresses_of(*service));
}

void ClusterWriter::Writing::note_wanted() {
  auto wanted = wanted_now();
  const bool missing = options_.publish_service && !wanted;
  if (missing && !said_no_service_)
    log::warn("--publish-service: there is no Service {}/{}, so no status is written; create it",
              options_.publish_service->ns, options_.publish_service->name);
  said_no_service_ = missing;
  if (wanted == status_->wanted()) return;
  if (wanted) log::info("the status of Ingresses is to show: {}", wanted->empty() ? "no address yet" : *wanted);
  status_->set_wanted(std::move(wanted));
  look_at_all();
}

void ClusterWriter::Writing::tell_findings(const config::Findings& findings) {
  for (const config::Finding& finding : findings) {
    EventNote note = note_of(finding);
    if (can_tell(note)) events_->add(std::move(note));
  }
}

void ClusterWriter::Writing::tell_all_findings() {
  tell_again_at_ = clock_.steady_now() + kTellAgain;
  config::Findings all;
  for (const auto& [finding, units] : compiler_.findings()) all.push_back(finding);
  tell_findings(all);
}

void ClusterWriter::Writing::ask_nodes() {
  note_wanted();
  if (!nodes_ || nodes_->busy() || clock_.steady_now() < ask_nodes_at_) return;
  nodes_->ask([this](base::Result<std::string> addresses) {
    const bool none_yet = addresses && addresses->empty();
    ask_nodes_at_ = clock_.steady_now() + (none_yet ? std::min(options_.node_interval, kNoNodeYet) : options_.node_interval);
    const std::string trouble = addresses ? "" : addresses.error().message();
    if (!trouble.empty() && trouble != nodes_trouble_)
      log::warn(
          "the addresses of the nodes cannot be read, so no status is written: {}; give the rights, or "
          "--publish-service or --publish-status-address",
          trouble);
    nodes_trouble_ = trouble;
    if (addresses) node_addresses_ = std::move(*addresses);
    turn();
  });
}

void ClusterWriter::Writing::end(std::function<void()> done) {
  done_ = std::move(done);
  const bool led = leads();
  const bool wipes = led && options_.update_status && options_.update_status_on_shutdown;
  end_ = End::releasing;
  status_->clear();
  events_->clear();
  if (!started_) return finish();
  if (!elector_) return wipes ? begin_wipe() : finish();
  elector_->release([this, wipes] {
    if (!wipes) return finish();
    end_ = End::watching;
    // Another replica asks every `retry`.
    watch_until_ = clock_.steady_now() + options_.election->times.retry * 3 / 2;
    arm();
  });
}

void ClusterWriter::Writing::turn_end() {
  if (end_ == End::watching && clock_.steady_now() >= watch_until_) {
    end_ = End::asking;
    elector_->ask_abandoned([this](bool abandoned) { abandoned ? begin_wipe() : finish(); });
  } else if (end_ == End::wiping) {
    status_->turn();
    if (status_->idle()) return finish();
  }
  if (end_ != End::done) arm();
}

void ClusterWriter::Writing::begin_wipe() {
  end_ = End::wiping;
  status_->set_wanted(wanted_now());
  status_->begin_end();
  compiler_.store().for_each_ingress([this](const config::Ingress& ingress, Standing standing) {
    if (is_ours(standing)) status_->add_later(ingress.meta.key, true);
  });
  log::info("no other replica leads: takes our addresses out of {} Ingresses", status_->waiting());
  turn_end();
}

void ClusterWriter::Writing::finish() {
  end_ = End::done;
  timer_.cancel();
  if (done_) std::exchange(done_, nullptr)();
}

void ClusterWriter::Writing::arm() {
  base::SteadyTime next = base::SteadyTime::max();
  if (end_ == End::watching) next = watch_until_;
  if (end_ == End::wiping) next = status_->next_turn();
  if (end_ == End::none && elector_) next = elector_->next_turn();
  if (end_ == End::none && led_) {
    next = std::min({next, status_->next_turn(), events_->next_turn(), tell_again_at_});
    if (nodes_ && !nodes_->busy()) next = std::min(next, ask_nodes_at_);
  }
  if (next == base::SteadyTime::max()) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::max(next - clock_.steady_now(), base::SteadyTime::duration::zero()));
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (self && !error) self->turn();
  });
}

WriterMetrics ClusterWriter::Writing::metrics() const {
  WriterMetrics metrics;
  metrics.leads = leads();
  metrics.statuses_written = status_->counts().written;
  metrics.statuses_failed = status_->counts().failed;
  metrics.statuses_waiting = status_->waiting();
  metrics.events_written = events_->counts().written;
  metrics.events_failed = events_->counts().failed;
  metrics.events_dropped = events_->counts().dropped;
  metrics.events_waiting = events_->waiting();
  return metrics;
}

}  // namespace narthex::controller
