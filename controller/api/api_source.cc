#include "controller/api/api_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <map>
#include <set>
#include <unordered_set>

#include "base/log.h"
#include "controller/references.h"

namespace narthex::controller {
namespace {

namespace asio = boost::asio;
namespace log = base::log;
using config::ApiKind;
using config::ObjectKey;

constexpr const char* kNoHelmReleases = "type!=helm.sh/release.v1";
constexpr const char* kTlsType = "kubernetes.io/tls";


bool is_required(ApiKind kind) {
  return kind == ApiKind::ingress || kind == ApiKind::service || kind == ApiKind::endpoint_slice;
}

// Without it the source cannot be complete: not heard of yet, or failing before the first list.
bool is_settled(const Reflector& part) {
  return part.listed() || part.state() == PartState::forbidden || part.state() == PartState::absent;
}

config::Finding finding_about(const Reflector& part) {
  config::Finding finding;
  finding.severity = config::Severity::refused;
  const ApiScope& scope = part.scope();
  finding.object = {config::name_of(scope.kind), scope.ns, ""};
  const std::string kept = part.listed() ? "what was read before stays as it is" : "none of them is known";
  if (part.state() == PartState::absent) {
    finding.reason = "ApiKindNotServed";
    finding.message = fmt::format("the API server has no {} ({}); {}", to_text(scope), part.trouble(), kept);
    if (scope.kind == ApiKind::endpoint_slice) finding.severity = config::Severity::note;
    return finding;
  }
  finding.reason = "ApiForbidden";
  finding.message = fmt::format("no right to list and watch {} ({}); {}; grant it, see the RBAC manifests",
                                to_text(scope), part.trouble(), kept);
  if (scope.kind == ApiKind::ingress_class) {
    finding.severity = config::Severity::note;
    finding.message += "; Ingresses are served whose class is named as --ingress-class says";
  }
  return finding;
}

}  // namespace

// Shared with what is posted on the loop.
class ApiSource::Reading final : public std::enable_shared_from_this<Reading> {
 public:
  Reading(asio::io_context& loop, ApiAccess access, ApiSourceOptions options, const base::Clock& clock, Deliver deliver,
          std::function<bool(const ObjectKey&)> uses_secret)
      : client_(loop, std::move(access), clock),
        complete_(false),
        loop_(loop),
        options_(std::move(options)),
        clock_(clock),
        deliver_(std::move(deliver)),
        uses_secret_(std::move(uses_secret)) {}

  void start();
  void stop();
  std::string waiting_for() const;
  bool stuck() const { return !complete_ && all_settled() && !has_enough(); }
  std::vector<ObjectCount> object_counts() const;
  ApiMetrics api_metrics() const;
  void want(const std::vector<ObjectKey>& secrets);

  ApiClient client_;
  bool complete_;
  std::string trouble_;

 private:
  void add(ApiScope scope);
  void add_defaults();
  void begin_secrets();
  bool all_settled() const;
  bool has_enough() const;

  bool upsert(ApiKind kind, config::ApiObject object);
  void remove(ApiKind kind, const ObjectKey& key);
  bool is_wanted_secret(const config::Object& object);
  void say(const std::string& source, config::Findings findings);
  void say_of(ApiKind kind, const ObjectKey& key, config::Findings findings);

  void part_changed(const Reflector& part);
  void note_trouble();
  void fetch(const ObjectKey& secret);
  void take_fetched(const ObjectKey& secret, const ApiAnswer& answer);
  Reflector* part_for_secret(const ObjectKey& secret);

  void flush_soon();
  void flush();

  asio::io_context& loop_;
  const ApiSourceOptions options_;
  const base::Clock& clock_;
  const Deliver deliver_;
  const std::function<bool(const ObjectKey&)> uses_secret_;
  std::vector<std::unique_ptr<Reflector>> parts_;
  std::unordered_set<uint64_t> left_out_;  // Secrets that are there and were not kept
  std::set<std::string> said_;             // sources with findings
  SourceBatch batch_;
  bool flush_posted_ = false, secrets_begun_ = false, stopped_ = false;
};

ApiSource::ApiSource(asio::io_context& loop, ApiAccess access, ApiSourceOptions options, const base::Clock& clock,
                     Deliver deliver, std::function<bool(const ObjectKey&)> uses_secret)
    : reading_(std::make_shared<Reading>(loop, std::move(access), std::move(options), clock, std::move(deliver),
                                         std::move(uses_secret))) {}
ApiSource::~ApiSource() { reading_->stop(); }

void ApiSource::start() { reading_->start(); }
ApiClient& ApiSource::client() { return reading_->client_; }
bool ApiSource::complete() const { return reading_->complete_; }
std::string ApiSource::waiting_for() const { return reading_->waiting_for(); }
std::string ApiSource::trouble() const { return reading_->trouble_; }
bool ApiSource::stuck() const { return reading_->stuck(); }
std::vector<ObjectCount> ApiSource::object_counts() const { return reading_->object_counts(); }
ApiMetrics ApiSource::api_metrics() const { return reading_->api_metrics(); }
void ApiSource::want(const std::vector<ObjectKey>& secrets) { reading_->want(secrets); }

void ApiSource::Reading::start() {
  std::vector<std::string> namespaces = options_.namespaces;
  if (namespaces.empty()) namespaces.emplace_back();
  add({ApiKind::ingress_class, "", "", ""});
  for (const std::string& ns : namespaces)
    for (const ApiKind kind : {ApiKind::ingress, ApiKind::service, ApiKind::endpoint_slice}) add({kind, ns, "", ""});
  if (!options_.namespace_selector.empty()) add({ApiKind::name_space, "", "", options_.namespace_selector});
  add_defaults();
  for (size_t i = 0; i < parts_.size(); ++i) parts_[i]->start();
}

// The flags may name objects outside of the namespaces that are watched.
void ApiSource::Reading::add_defaults() {
  const auto outside = [&](const std::optional<ObjectKey>& key) {
    const auto& all = options_.namespaces;
    return key && !all.empty() && std::find(all.begin(), all.end(), key->ns) == all.end();
  };
  if (const auto& map = options_.config_map) add({ApiKind::config_map, map->ns, "metadata.name=" + map->name, ""});
  const auto& published = options_.publish_service;
  if (outside(published) && published != options_.default_backend_service)
    add({ApiKind::service, published->ns, "metadata.name=" + published->name, ""});
  if (!outside(options_.default_backend_service)) return;
  const auto& [ns, name] = *options_.default_backend_service;
  add({ApiKind::service, ns, "metadata.name=" + name, ""});
  add({ApiKind::endpoint_slice, ns, "", "kubernetes.io/service-name=" + name});
}

void ApiSource::Reading::begin_secrets() {
  secrets_begun_ = true;
  flush();  // uses_secret knows the Ingresses then
  const size_t first = parts_.size();
  std::vector<std::string> namespaces = options_.namespaces;
  if (namespaces.empty()) namespaces.emplace_back();
  for (const std::string& ns : namespaces) add({ApiKind::secret, ns, kNoHelmReleases, ""});
  const auto& key = options_.default_ssl_certificate;
  if (key && !options_.namespaces.empty() &&
      std::find(namespaces.begin(), namespaces.end(), key->ns) == namespaces.end())
    add({ApiKind::secret, key->ns, "metadata.name=" + key->name, ""});
  for (size_t i = first; i < parts_.size(); ++i) parts_[i]->start();
}

void ApiSource::Reading::stop() {
  stopped_ = true;
  parts_.clear();
}

void ApiSource::Reading::add(ApiScope scope) {
  const ApiKind kind = scope.kind;
  const size_t index = parts_.size();
  Reflector::Takers takers;
  takers.upsert = [this, kind](config::ApiObject object) { return upsert(kind, std::move(object)); };
  takers.remove = [this, kind](const ObjectKey& key) { remove(kind, key); };
  takers.changed = [this, index] { part_changed(*parts_[index]); };
  parts_.push_back(
      std::make_unique<Reflector>(loop_, client_, clock_, std::move(scope), options_.reflector, std::move(takers)));
}

// All findings about the object replace what was said about it before.
void ApiSource::Reading::say(const std::string& source, config::Findings findings) {
  const bool before = said_.contains(source);
  if (findings.empty() && !before) return;
  if (findings.empty()) said_.erase(source);
  if (!findings.empty() && !before) said_.insert(source);
  batch_.findings.push_back({source, std::move(findings)});
  flush_soon();
}

void ApiSource::Reading::say_of(ApiKind kind, const ObjectKey& key, config::Findings findings) {
  if (findings.empty() && said_.empty()) return;  // as mostly: no name is made
  say(fmt::format("api {} {}/{}", config::name_of(kind), key.ns, key.name), std::move(findings));
}

bool ApiSource::Reading::upsert(ApiKind kind, config::ApiObject object) {
  if (object.object && kind == ApiKind::secret && !is_wanted_secret(*object.object)) {
    left_out_.insert(KeyHash()(object.key));
    say_of(kind, object.key, {});
    return false;
  }
  if (kind == ApiKind::secret) left_out_.erase(KeyHash()(object.key));
  say_of(kind, object.key, std::move(object.findings));
  if (!object.object) {
    // Kept as one that is broken: when it goes, so do its findings. An earlier form of it may have been good.
    batch_.changes.push_back(removed({config::name_of(kind), object.key.ns, object.key.name}));
    flush_soon();
    return !object.key.name.empty();
  }
  batch_.changes.push_back(upserted(std::move(*object.object)));
  flush_soon();
  return true;
}

bool ApiSource::Reading::is_wanted_secret(const config::Object& object) {
  const auto& secret = std::get<config::Secret>(object);
  return secret.type == kTlsType || uses_secret_(secret.meta.key);
}

void ApiSource::Reading::remove(ApiKind kind, const ObjectKey& key) {
  const char* name = config::name_of(kind);
  if (kind == ApiKind::secret) left_out_.erase(KeyHash()(key));
  say_of(kind, key, {});
  batch_.changes.push_back(removed({name, key.ns, key.name}));
  flush_soon();
}

void ApiSource::Reading::part_changed(const Reflector& part) {
  const ApiScope& scope = part.scope();
  const bool refused = part.state() == PartState::forbidden || part.state() == PartState::absent;
  const std::string source =
      fmt::format("api part {} {} {}", to_text(scope), scope.field_selector, scope.label_selector);
  config::Findings findings;
  if (refused) findings.push_back(finding_about(part));
  say(source, std::move(findings));
  note_trouble();
  // The server is back: who still waits need not wait to the end of its back-off.
  if (part.state() == PartState::current)
    for (const auto& other : parts_) other->hurry();
  const bool no_slices = scope.kind == ApiKind::endpoint_slice && part.state() == PartState::absent;
  const auto is_fallback = [&](const auto& one) {
    return one->scope().kind == ApiKind::endpoints && one->scope().ns == scope.ns;
  };
  // Of a default backend that stands elsewhere the Endpoints are those of its name.
  if (no_slices && std::none_of(parts_.begin(), parts_.end(), is_fallback)) {
    const std::string field =
        scope.label_selector.empty() ? "" : "metadata.name=" + options_.default_backend_service->name;
    add({ApiKind::endpoints, scope.ns, field, ""});
    parts_.back()->start();
  }
  if (complete_ || !all_settled() || !has_enough()) return;
  if (!secrets_begun_) return begin_secrets();
  flush();
  complete_ = true;
  deliver_({});
}

bool ApiSource::Reading::all_settled() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const auto& part) { return is_settled(*part); });
}

// Of the kinds without which there is nothing to serve.
bool ApiSource::Reading::has_enough() const {
  std::map<ApiKind, bool> listed;
  for (const auto& part : parts_) {
    ApiKind kind = part->scope().kind;
    if (kind == ApiKind::endpoints) kind = ApiKind::endpoint_slice;
    if (is_required(kind)) listed[kind] = listed[kind] || part->listed();
  }
  return std::all_of(listed.begin(), listed.end(), [](const auto& entry) { return entry.second; });
}

// One line when the API server goes away and one when it is back, whoever noticed.
void ApiSource::Reading::note_trouble() {
  std::string now;
  for (const auto& part : parts_)
    if (part->state() == PartState::failing && now.empty()) now = part->trouble();
  if (now == trouble_) return;
  const bool back = now.empty();
  if (!back && trouble_.empty())
    log::warn("the API server at {}: {}; {}", client_.url(), now,
              complete_ ? "what is served stays as it is" : "there is nothing to serve before it answers");
  if (!back && !trouble_.empty()) log::debug("the API server at {}: {}", client_.url(), now);
  if (back) log::info("the API server at {} answers", client_.url());
  trouble_ = now;
}

std::string ApiSource::Reading::waiting_for() const {
  if (complete_) return {};
  std::string names;
  for (const auto& part : parts_) {
    if (is_settled(*part) && (part->listed() || has_enough())) continue;
    names += (names.empty() ? "" : ", ") + to_text(part->scope());
    if (!part->trouble().empty()) names += fmt::format(" ({})", part->trouble());
  }
  return fmt::format("the API server at {} has not listed everything yet: {}", client_.url(), names);
}

std::vector<ObjectCount> ApiSource::Reading::object_counts() const {
  std::map<std::string, size_t> counts;
  for (const auto& part : parts_) counts[config::name_of(part->scope().kind)] += part->object_count();
  std::vector<ObjectCount> out;
  for (const auto& [kind, count] : counts) out.push_back({kind, count});
  return out;
}

ApiMetrics ApiSource::Reading::api_metrics() const {
  ApiMetrics metrics;
  for (const auto& [code, count] : client_.answers_by_code()) metrics.requests.push_back({code, count});
  std::map<ApiKind, ApiMetrics::Kind> kinds;
  for (const auto& part : parts_) {
    ApiMetrics::Kind& kind = kinds[part->scope().kind];
    kind.kind = config::name_of(part->scope().kind);
    kind.lists += part->lists();
    kind.watches += part->watches();
    kind.last_event = std::max(kind.last_event, part->last_event());
    ++kind.parts;
    kind.parts_down += part->state() != PartState::current;
  }
  for (auto& [kind, values] : kinds) metrics.kinds.push_back(std::move(values));
  return metrics;
}

void ApiSource::Reading::want(const std::vector<ObjectKey>& secrets) {
  for (const ObjectKey& key : secrets)
    if (left_out_.contains(KeyHash()(key))) fetch(key);
}

void ApiSource::Reading::fetch(const ObjectKey& secret) {
  ApiRequest request;
  request.target = api_path(ApiKind::secret, secret.ns) + "/" + url_encoded(secret.name);
  client_.request(std::move(request), [weak = weak_from_this(), secret](const ApiAnswer& answer) {
    if (const auto self = weak.lock(); self && !self->stopped_) self->take_fetched(secret, answer);
  });
}

void ApiSource::Reading::take_fetched(const ObjectKey& secret, const ApiAnswer& answer) {
  // The watch has told of it meanwhile, or of its end: what it said is newer.
  if (!left_out_.contains(KeyHash()(secret))) return;
  if (!answer.ok()) {
    log::warn("Secret {}/{} cannot be read: {}; it is taken up when it changes", secret.ns, secret.name,
              answer.trouble.empty() ? fmt::format("answer {}", answer.status) : answer.trouble);
    return;
  }
  Reflector* part = part_for_secret(secret);
  config::ApiObject object = config::decode_api_object(answer.body, ApiKind::secret);
  if (part != nullptr && object.key == secret && upsert(ApiKind::secret, std::move(object))) part->adopt(secret);
}

Reflector* ApiSource::Reading::part_for_secret(const ObjectKey& secret) {
  for (const auto& part : parts_) {
    const ApiScope& scope = part->scope();
    if (scope.kind == ApiKind::secret && (scope.ns.empty() || scope.ns == secret.ns)) return part.get();
  }
  return nullptr;
}

void ApiSource::Reading::flush_soon() {
  if (flush_posted_) return;
  flush_posted_ = true;
  asio::post(loop_, [self = shared_from_this()] {
    self->flush_posted_ = false;
    if (!self->stopped_) self->flush();
  });
}

void ApiSource::Reading::flush() {
  if (!batch_.empty()) deliver_(std::exchange(batch_, {}));
}

}  // namespace narthex::controller
