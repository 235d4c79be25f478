#include "controller/serve.h"

#include <fmt/format.h>
#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <map>
#include <random>
#include <vector>

#include "base/log.h"
#include "controller/admin_server.h"
#include "controller/api/api_access.h"
#include "controller/cluster_writer.h"
#include "controller/external_names.h"
#include "controller/folder_source.h"
#include "controller/routes_text.h"
#include "controller/setup.h"

namespace narthex::controller {
namespace {

namespace asio = boost::asio;
namespace log = base::log;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr auto kHousekeeping = 1s;
constexpr auto kAdoptionPoll = 1ms;  // only until the first snapshot is adopted
constexpr auto kDrainPoll = 10ms;
// Ready means that routes to names work, too; but a DNS server that is away must not keep the others waiting.
constexpr auto kNamesPatience = 5s;
constexpr size_t kFindingLinesMax = 1000;  // per change; the page /findings has all

constexpr const char* kText = "text/plain; charset=utf-8";

const char* to_text(config::Severity severity) { return severity == config::Severity::refused ? "refused" : "note"; }

}  // namespace

class ControlPlane::Running final {
 public:
  Running(CompilerOptions options, const config::Flags& flags, const std::string& version, const base::Clock& clock)
      : flags_(flags), version_(version), clock_(clock), started_(clock.wall_now()),
        compiler_(std::move(options), clock), signals_(loop_, SIGTERM, SIGINT), housekeeping_(loop_), step_(loop_) {}

  base::Result<void> load();
  base::Result<void> load_names();
  base::Result<void> load_folder();
  base::Result<void> load_cluster();
  base::Result<void> serve(DataPlane plane);

 private:
  bool serving() const { return static_cast<bool>(plane_.publish); }
  void take(SourceBatch batch);
  void take_names(NameChanges changes);
  void set_own_listeners();
  bool names_settled();
  void compile();
  void tell();
  void log_findings(const FindingChanges& changes) const;
  void keep_house();
  void await_adoption();
  void say_ready();
  bool ready() const;
  bool adopted() const;

  void await_signal();
  void take_signal(int number);
  void begin_drain();
  void await_drained(std::chrono::steady_clock::time_point deadline);

  std::vector<Page> pages();
  PageContent readiness() const;
  std::string findings_text() const;
  Metrics metrics() const;

  const config::Flags flags_;
  const std::string version_;
  const base::Clock& clock_;
  const base::WallTime started_;
  asio::io_context loop_{1};
  Compiler compiler_;
  std::shared_ptr<const router::Snapshot> snapshot_;  // the newest that was compiled
  std::unique_ptr<ExternalNames> names_;              // none: --disable-svc-external-name
  base::SteadyTime names_until_{};                    // they are waited for no longer
  bool names_settled_ = false;
  uint64_t first_generation_ = 0;  // adopted by all workers: ready
  std::unique_ptr<Source> source_;
  std::unique_ptr<ClusterWriter> writer_;  // of a cluster, where writing is possible
  std::unique_ptr<AdminServer> admin_;
  DataPlane plane_;  // empty until serve()
  asio::signal_set signals_;
  asio::steady_timer housekeeping_;
  asio::steady_timer step_;  // what is waited for next: adoption, the grace period, drained
  bool stopping_ = false, writer_ended_ = true;
};

base::Result<std::unique_ptr<ControlPlane>> ControlPlane::load(const config::Flags& flags, const std::string& version,
                                                               const base::Clock& clock) {
  auto options = compiler_options(flags, clock.wall_now());
  if (!options) return options.error();
  auto running = std::make_unique<Running>(std::move(*options), flags, version, clock);
  const auto loaded = running->load();
  if (!loaded) return loaded.error();
  return std::unique_ptr<ControlPlane>(new ControlPlane(std::move(running)));
}

ControlPlane::ControlPlane(std::unique_ptr<Running> running) : running_(std::move(running)) {}
ControlPlane::~ControlPlane() = default;

base::Result<void> ControlPlane::serve(DataPlane plane) { return running_->serve(std::move(plane)); }

base::Result<void> ControlPlane::Running::load() {
  if (const auto loaded = load_names(); !loaded) return loaded;
  return reads_cluster(flags_) ? load_cluster() : load_folder();
}

base::Result<void> ControlPlane::Running::load_names() {
  if (flags_.disable_external_names) return {};
  auto names = ExternalNames::start(loop_, {.servers = flags_.dns_servers}, {.seed = std::random_device()()}, clock_,
                                    [this](NameChanges changes) { take_names(std::move(changes)); });
  if (!names) return names.error();
  names_ = std::move(*names);
  return {};
}

base::Result<void> ControlPlane::Running::load_cluster() {
  auto access = find_api_access(flags_, PodSurroundings::of_this_process());
  if (!access) return access.error();
  for (const std::string& warning : access->warnings) log::warn("{}", warning);
  log::info("reading the API server at {}", access->url());
  auto source = std::make_unique<ApiSource>(
      loop_, std::move(*access), api_source_options(flags_), clock_,
      [this](SourceBatch batch) { take(std::move(batch)); },
      [this](const config::ObjectKey& key) { return compiler_.uses_secret(key); });
  source->start();
  auto options = cluster_writer_options(flags_, PodNames::of_this_process());
  if (options) {
    const ApiCall call = [&client = source->client()](ApiRequest request, ApiAnswerTaker done) {
      client.request(std::move(request), std::move(done));
    };
    writer_ = std::make_unique<ClusterWriter>(loop_, std::move(*options), call, compiler_, clock_);
  } else {
    log::warn("{}", options.error().message());
  }
  source_ = std::move(source);
  return {};
}

base::Result<void> ControlPlane::Running::load_folder() {
  auto source = FolderSource::start(loop_, {.paths = flags_.manifests},
                                    [this](SourceBatch batch) { take(std::move(batch)); });
  if (!source) return source.error();
  source_ = std::move(*source);
  compile();
  return {};
}

base::Result<void> ControlPlane::Running::serve(DataPlane plane) {
  plane_ = std::move(plane);
  auto admin = AdminServer::start(loop_, {.bind_address = flags_.bind_address, .port = flags_.admin_port}, pages());
  if (!admin) return admin.error();
  admin_ = std::move(*admin);
  set_own_listeners();
  if (snapshot_) plane_.publish(snapshot_);
  await_signal();
  if (snapshot_) await_adoption();
  keep_house();
  loop_.run();
  log::info("ended");
  return {};
}

void ControlPlane::Running::take(SourceBatch batch) {
  apply(std::move(batch), compiler_);
  if (!serving()) return;
  if (source_->complete()) return compile();
  tell();
}

void ControlPlane::Running::take_names(NameChanges changes) {
  compiler_.apply_names(std::move(changes));
  if (serving()) compile();
}

// The ports are chosen by now, where the flags left that open.
void ControlPlane::Running::set_own_listeners() {
  OwnListeners own{own_addresses(flags_.bind_address), plane_.ports};
  own.ports.push_back(admin_->port());
  compiler_.set_own_listeners(std::move(own));
  if (snapshot_) snapshot_ = compiler_.compile();
  tell();
}

void ControlPlane::Running::compile() {
  auto snapshot = compiler_.compile();
  source_->want(compiler_.take_missing_secrets());
  const std::vector<NameUse> uses = compiler_.take_name_uses();
  if (names_) names_->follow(uses);
  tell();
  if (snapshot == snapshot_) return;
  const bool first = !snapshot_;
  snapshot_ = std::move(snapshot);
  if (!serving()) return;
  plane_.publish(snapshot_);
  log::debug("generation {} is published", snapshot_->generation);
  if (first) await_adoption();
  if (first && writer_ && !stopping_) writer_->start();
}

void ControlPlane::Running::tell() {
  const FindingChanges changes = compiler_.take_finding_changes();
  const Touches touches = compiler_.take_touches();
  log_findings(changes);
  if (writer_) writer_->take(changes, touches);
}

// Each finding once when it appears and once when it is resolved.
void ControlPlane::Running::log_findings(const FindingChanges& changes) const {
  size_t lines = 0;
  for (const config::Finding& finding : changes.appeared) {
    if (++lines > kFindingLinesMax) break;
    const auto level = finding.severity == config::Severity::refused ? log::Level::warn : log::Level::info;
    log::write(level, config::to_text(finding));
  }
  for (const config::Finding& finding : changes.vanished) {
    if (++lines > kFindingLinesMax) break;
    log::info("resolved: {}", config::to_text(finding));
  }
  const size_t all = changes.appeared.size() + changes.vanished.size();
  if (all <= kFindingLinesMax) return;
  log::warn("{} more findings appeared or were resolved; see /findings", all - kFindingLinesMax);
}

void ControlPlane::Running::keep_house() {
  housekeeping_.expires_after(kHousekeeping);
  housekeeping_.async_wait([this](error_code error) {
    if (error) return;
    const auto turn = compiler_.next_turn();
    if (snapshot_ && turn && *turn <= clock_.wall_now()) compile();
    plane_.reclaim();
    keep_house();
  });
}

void ControlPlane::Running::await_adoption() {
  if (stopping_) return;
  if (names_settled() && ready()) return say_ready();
  step_.expires_after(kAdoptionPoll);
  step_.async_wait([this](error_code error) {
    if (!error) await_adoption();
  });
}

void ControlPlane::Running::say_ready() {
  log::info("ready: http={} https={} admin={} generation={} objects={} routes={} findings={}", plane_.http_address,
            plane_.https_address, admin_->address(), snapshot_->generation, object_count(source_->object_counts()),
            route_count(*snapshot_), compiler_.findings().size());
  ::malloc_trim(0);  // what reading everything at once has taken for a moment; about 10 ms for 100,000 Ingresses
}

bool ControlPlane::Running::names_settled() {
  if (!snapshot_ || names_settled_) return names_settled_;
  const base::SteadyTime now = clock_.steady_now();
  if (names_until_ == base::SteadyTime{}) names_until_ = now + kNamesPatience;
  names_settled_ = !names_ || names_->settled() || now >= names_until_;
  if (names_settled_) first_generation_ = snapshot_->generation;
  return names_settled_;
}

bool ControlPlane::Running::adopted() const {
  return names_settled_ && plane_.adopted_generation() >= first_generation_;
}

bool ControlPlane::Running::ready() const { return !stopping_ && adopted(); }

void ControlPlane::Running::await_signal() {
  signals_.async_wait([this](error_code error, int number) {
    if (!error) take_signal(number);
  });
}

void ControlPlane::Running::take_signal(int number) {
  const char* name = number == SIGTERM ? "SIGTERM" : "SIGINT";
  if (stopping_) {
    log::warn("{} again: ending at once", name);
    loop_.stop();
    return;
  }
  stopping_ = true;
  log::info("{}: not ready any more; draining in {} s", name, flags_.shutdown_grace_seconds);
  await_signal();
  writer_ended_ = !writer_;
  if (writer_) writer_->end([this] { writer_ended_ = true; });
  step_.expires_after(std::chrono::seconds(flags_.shutdown_grace_seconds));
  step_.async_wait([this](error_code error) {
    if (!error) begin_drain();
  });
}

void ControlPlane::Running::begin_drain() {
  plane_.drain();
  await_drained(std::chrono::steady_clock::now() + std::chrono::seconds(flags_.shutdown_timeout_seconds));
}

void ControlPlane::Running::await_drained(std::chrono::steady_clock::time_point deadline) {
  const bool drained = plane_.drained();
  const bool late = std::chrono::steady_clock::now() >= deadline;
  if ((drained && writer_ended_) || late) {
    if (!writer_ended_) log::warn("the API server has not taken everything that was to be written at the end");
    if (!drained) {
      log::warn("{} client connections are still open after {} s: closing them",
                plane_.traffic().client_connections_open, flags_.shutdown_timeout_seconds);
    }
    loop_.stop();
    return;
  }
  step_.expires_after(kDrainPoll);
  step_.async_wait([this, deadline](error_code error) {
    if (!error) await_drained(deadline);
  });
}

std::vector<Page> ControlPlane::Running::pages() {
  return {
      {"/healthz", kText, "ok while the program works", [] { return PageContent{200, "ok\n"}; }},
      {"/readyz", kText, "ok while requests are served as configured, else 503 and why",
       [this] { return readiness(); }},
      {"/metrics", kMetricsContentType, "for Prometheus", [this] { return PageContent{200, metrics_text(metrics())}; }},
      {"/routes", kText, "what is served: hosts, routes, backends, certificates",
       [this] { return PageContent{200, snapshot_ ? routes_text(*snapshot_) : ""}; }},
      {"/findings", kText, "what is wrong or doubtful in objects, one per line",
       [this] { return PageContent{200, findings_text()}; }},
  };
}

PageContent ControlPlane::Running::readiness() const {
  if (stopping_) return {503, "shutting down\n"};
  if (!source_->complete()) return {503, source_->waiting_for() + "\n"};
  if (!names_settled_) return {503, "names of ExternalName Services are being resolved\n"};
  if (!ready()) return {503, "the first snapshot is not adopted by all workers yet\n"};
  return {200, "ok\n"};
}

std::string ControlPlane::Running::findings_text() const {
  std::string text;
  for (const auto& [finding, units] : compiler_.findings()) text += config::to_text(finding) + '\n';
  return text;
}

Metrics ControlPlane::Running::metrics() const {
  Metrics metrics;
  metrics.version = version_;
  metrics.workers = plane_.workers;
  metrics.started = started_;
  metrics.ready = ready();
  metrics.published_generation = snapshot_ ? snapshot_->generation : 0;
  metrics.adopted_generation = plane_.adopted_generation();
  for (const ObjectCount& objects : source_->object_counts()) metrics.objects.push_back({objects.kind, objects.count});
  std::map<std::pair<std::string, std::string>, uint64_t> findings;
  for (const auto& [finding, units] : compiler_.findings()) ++findings[{finding.reason, to_text(finding.severity)}];
  for (const auto& [key, count] : findings) metrics.findings.push_back({key.first, key.second, count});
  for (const CertificateExpiry& expiry : compiler_.certificate_expiries()) {
    metrics.certificates.push_back({expiry.host.empty() ? "*" : expiry.host, expiry.not_after});
  }
  metrics.api = source_->api_metrics();
  if (writer_) metrics.writer = writer_->metrics();
  if (names_) metrics.names = names_->counts();
  metrics.traffic = plane_.traffic();
  return metrics;
}

}  // namespace narthex::controller
