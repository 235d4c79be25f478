#include "controller/event_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "config/decode_api.h"
#include "config/lease.h"
#include "config/tree.h"
#include "controller/api/api_path.h"

namespace narthex::controller {
namespace {

namespace log = base::log;
using config::ApiKind;
using config::json_quoted;
using Seconds = std::chrono::duration<double>;

constexpr const char* kComponent = "narthex";
constexpr size_t kMessageBytes = 1024;  // kubernetes pkg/apis/core/validation/events.go
constexpr size_t kNameBytes = 230;      // of 253, with a dot and 16 digits behind it
constexpr auto kAgain = std::chrono::seconds(5);
constexpr auto kPauseMost = std::chrono::seconds(60);

struct KindRow {
  ApiKind kind;
  const char* api_version;
};
constexpr auto kKinds = std::to_array<KindRow>({{ApiKind::ingress, "networking.k8s.io/v1"},
                                                {ApiKind::ingress_class, "networking.k8s.io/v1"},
                                                {ApiKind::service, "v1"},
                                                {ApiKind::endpoint_slice, "discovery.k8s.io/v1"},
                                                {ApiKind::endpoints, "v1"},
                                                {ApiKind::secret, "v1"}});

const KindRow* row_of(const config::ObjectRef& object) {
  const auto found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const KindRow& row) { return object.kind == name_of(row.kind); });
  return found == kKinds.end() ? nullptr : &*found;
}

uint64_t hash_of(const config::ObjectRef& object) {
  return base::hash(object.name, base::hash(object.ns, base::hash(object.kind)));
}
uint64_t hash_of(const EventNote& note) {
  return base::hash(note.message, base::hash(note.reason, hash_of(note.object) + (note.warning ? 1 : 0)));
}

// Of at most that many bytes, and no half of a UTF-8 character at its end.
std::string cut(std::string text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<uint8_t>(text[most]) & 0xc0) == 0x80) --most;
  text.resize(most);
  return text;
}

// Events of cluster-wide objects stand in the namespace default.
std::string namespace_of(const EventNote& note) { return note.object.ns.empty() ? "default" : note.object.ns; }

std::string events_path(const EventNote& note) {
  return fmt::format("/api/v1/namespaces/{}/events", url_encoded(namespace_of(note)));
}

}  // namespace

EventNote note_of(const config::Finding& finding) {
  EventNote note;
  note.object = finding.object;
  note.warning = finding.severity == config::Severity::refused;
  note.reason = finding.reason;
  note.message = cut(finding.field.empty() ? finding.message : finding.field + ": " + finding.message, kMessageBytes);
  return note;
}

EventNote sync_note(const config::ObjectKey& ingress) {
  return {{config::Ingress::kKind, ingress.ns, ingress.name}, false, "Sync", "Scheduled for sync"};
}

bool can_tell(const EventNote& note) { return !note.object.name.empty() && row_of(note.object) != nullptr; }

double TokenBucket::level(base::SteadyTime now, double most, Seconds refill) const {
  return begun ? std::min(most, tokens + Seconds(now - at) / refill) : most;
}

bool TokenBucket::take(base::SteadyTime now, double most, Seconds refill) {
  tokens = level(now, most, refill);
  at = now;
  begun = true;
  if (tokens < 1) return false;
  tokens -= 1;
  return true;
}

EventWriter::EventWriter(std::string instance, ApiCall call, const base::Clock& clock, std::function<void()> answered)
    : instance_(std::move(instance)), call_(std::move(call)), clock_(clock), answered_(std::move(answered)) {}

bool EventWriter::add(EventNote note) {
  const uint64_t said = hash_of(note);
  const base::WallTime now = clock_.wall_now();
  if (const auto found = waiting_.find(said); found != waiting_.end()) {
    ++found->second.count;
    found->second.last = now;
    return true;
  }
  const bool room = waiting_.size() < kWaiting;
  if (!room || !objects_.at(hash_of(note.object)).take(clock_.steady_now(), kObjectBurst, kObjectAgain)) {
    ++counts_.dropped;
    return false;
  }
  Waiting event;
  event.note = std::move(note);
  event.first = event.last = now;
  waiting_.emplace(said, std::move(event));
  order_.push_back(said);
  return true;
}

void EventWriter::clear() {
  ++epoch_;
  in_flight_ = 0;
  waiting_.clear();
  order_.clear();
}

void EventWriter::turn() {
  const base::SteadyTime now = clock_.steady_now();
  while (in_flight_ < kInFlight && !order_.empty() && now >= paused_until_ &&
         all_.take(now, kBurst, Seconds(1 / kPerSecond)))
    start();
}

base::SteadyTime EventWriter::next_turn() const {
  if (order_.empty() || in_flight_ >= kInFlight) return base::SteadyTime::max();
  const base::SteadyTime now = clock_.steady_now();
  const double missing = std::max(0.0, 1 - all_.level(now, kBurst, Seconds(1 / kPerSecond)));
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(Seconds(missing / kPerSecond));
  return std::max(now + wait, paused_until_);
}

void EventWriter::start() {
  auto job = std::make_shared<Job>();
  job->said = order_.front();
  order_.pop_front();
  const auto found = waiting_.find(job->said);
  job->event = std::move(found->second);
  waiting_.erase(found);
  ++in_flight_;
  look_up(job);
}

void EventWriter::send(ApiRequest request, const JobPtr& job,
                       void (EventWriter::*take)(const JobPtr&, const ApiAnswer&)) {
  call_(std::move(request), [this, job, take, epoch = epoch_](const ApiAnswer& answer) {
    if (epoch == epoch_) (this->*take)(job, answer);
    answered_();
  });
}

void EventWriter::look_up(const JobPtr& job) {
  const config::ObjectRef& object = job->event.note.object;
  ApiRequest request;
  request.target =
      api_path(row_of(object)->kind, object.ns) + "?fieldSelector=" + url_encoded("metadata.name=" + object.name);
  send(std::move(request), job, &EventWriter::take_object);
}

void EventWriter::take_object(const JobPtr& job, const ApiAnswer& answer) {
  if (!answer.ok()) return fail(job, answer);
  const config::ObjectRef& object = job->event.note.object;
  const auto page = config::split_api_page(answer.body);
  if (!page || page->items.empty()) return end(false);  // gone
  job->uid = config::decode_api_object(page->items[0], row_of(object)->kind, config::ApiPart::metadata).uid;
  const uint64_t said = base::hash(job->uid, job->said);
  job->name = fmt::format("{}.{}", cut(object.name, kNameBytes), base::hex(said));
  write(job);
}

void EventWriter::write(const JobPtr& job) {
  const Known* known = known_.find(job->said);
  if (known != nullptr && known->name == job->name) return patch(job);
  post(job);
}

void EventWriter::post(const JobPtr& job) {
  const EventNote& note = job->event.note;
  ApiRequest request;
  request.method = "POST";
  request.target = events_path(note);
  request.content_type = "application/json";
  const std::string ns = json_quoted(namespace_of(note));
  const std::string object_ns = note.object.ns.empty() ? "" : fmt::format("\"namespace\":{},", ns);
  request.body = fmt::format(
      "{{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{{\"name\":{},\"namespace\":{}}},\"involvedObject\":"
      "{{\"apiVersion\":{},\"kind\":{},{}\"name\":{},\"uid\":{}}},\"type\":\"{}\",\"reason\":{},\"message\":{},"
      "\"firstTimestamp\":\"{}\",\"lastTimestamp\":\"{}\",\"count\":{},\"source\":{{\"component\":\"{}\"}},"
      "\"reportingComponent\":\"{}\",\"reportingInstance\":{}}}",
      json_quoted(job->name), ns, json_quoted(row_of(note.object)->api_version), json_quoted(note.object.kind),
      object_ns, json_quoted(note.object.name), json_quoted(job->uid), note.warning ? "Warning" : "Normal",
      json_quoted(note.reason), json_quoted(note.message), config::second_time(job->event.first),
      config::second_time(job->event.last), job->event.count, kComponent, kComponent, json_quoted(instance_));
  send(std::move(request), job, &EventWriter::take_posted);
}

void EventWriter::take_posted(const JobPtr& job, const ApiAnswer& answer) {
  if (answer.status == 409 && answer.trouble.empty() && !job->posted_twice) return patch(job);  // an earlier leader's
  if (!answer.ok()) return fail(job, answer);
  known_.at(job->said) = {job->name, job->event.count};
  end(true);
}

// Where an earlier leader counted, its count is not known, and stays.
void EventWriter::patch(const JobPtr& job) {
  const EventNote& note = job->event.note;
  ApiRequest request;
  request.method = "PATCH";
  request.target = events_path(note) + "/" + url_encoded(job->name);
  request.content_type = kMergePatch;
  const Known* known = known_.find(job->said);
  std::string count;
  if (known != nullptr && known->name == job->name)
    count = fmt::format("\"count\":{},", known->count + job->event.count);
  request.body = fmt::format("{{{}\"lastTimestamp\":\"{}\"}}", count, config::second_time(job->event.last));
  send(std::move(request), job, &EventWriter::take_patched);
}

void EventWriter::take_patched(const JobPtr& job, const ApiAnswer& answer) {
  // Events live for an hour: it begins anew.
  if (answer.status == 404 && answer.trouble.empty() && !job->posted_twice) {
    job->posted_twice = true;
    known_.erase(job->said);
    return post(job);
  }
  if (!answer.ok()) return fail(job, answer);
  const Known* known = known_.find(job->said);
  if (known != nullptr && known->name == job->name) known_.at(job->said).count += job->event.count;
  end(true);
}

void EventWriter::end(bool written) {
  --in_flight_;
  ++(written ? counts_.written : counts_.dropped);
  if (written) trouble_.clear();
}

void EventWriter::fail(const JobPtr& job, const ApiAnswer& answer) {
  --in_flight_;
  ++counts_.failed;
  const std::string trouble = why_not(answer);
  const config::ObjectRef& object = job->event.note.object;
  if (trouble != trouble_)
    log::warn("an Event on {} {}/{} cannot be written: {}", object.kind, object.ns, object.name, trouble);
  trouble_ = trouble;
  const base::SteadyTime now = clock_.steady_now();
  const bool may_pass = answer.status == 0 || answer.status == 429 || answer.status >= 500;
  if (!may_pass || ++job->event.failures >= kTries) {
    ++counts_.dropped;
    return;
  }
  const auto wait = answer.retry_after.count() > 0 ? std::min<std::chrono::seconds>(answer.retry_after, kPauseMost)
                                                   : std::chrono::seconds(kAgain);
  paused_until_ = now + wait;
  const auto [at, is_new] = waiting_.try_emplace(job->said, std::move(job->event));
  if (is_new) {
    order_.push_front(job->said);
  } else {
    at->second.count += job->event.count;
  }
}

}  // namespace narthex::controller
