#include "controller/status_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/log.h"
#include "config/addresses.h"
#include "config/decode_api.h"
#include "controller/api/api_path.h"

namespace narthex::controller {
namespace {

namespace log = base::log;

// 1 s, 2 s, 4 s, ..., 60 s, each between half and all of it, so that not all come back at once.
std::chrono::milliseconds back_off(uint32_t failures) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  using std::chrono::milliseconds;
  const milliseconds whole = std::min<milliseconds>(StatusWriter::kBackOffMost,
                                                    StatusWriter::kBackOffFirst * (1u << std::min(failures - 1, 6u)));
  return milliseconds(std::uniform_int_distribution<int64_t>(whole.count() / 2, whole.count())(random));
}

std::string status_path(const config::ObjectKey& key) {
  return api_path(config::ApiKind::ingress, key.ns) + "/" + url_encoded(key.name) + "/status";
}

}  // namespace

std::optional<std::string> status_to_write(const StatusView& now, const std::optional<std::string>& wanted,
                                           bool gives_up) {
  if (!now.exists || !wanted || wanted->empty()) return std::nullopt;
  if (gives_up) return now.addresses == *wanted ? std::optional<std::string>("") : std::nullopt;
  return now.ours && now.addresses != *wanted ? wanted : std::nullopt;
}

StatusWriter::StatusWriter(ApiCall call, std::function<StatusView(const config::ObjectKey&)> look,
                           const base::Clock& clock, std::function<void()> answered)
    : call_(std::move(call)), look_(std::move(look)), clock_(clock), answered_(std::move(answered)) {}

void StatusWriter::add(const config::ObjectKey& ingress, const Touch& touch) {
  if (touch.changed) written_.erase(ingress);  // no quarrel: its owner did something
  queue(ingress, touch.lost, true);
}

void StatusWriter::add_later(const config::ObjectKey& ingress, bool gives_up) { queue(ingress, gives_up, false); }

void StatusWriter::queue(const config::ObjectKey& key, bool gives_up, bool first) {
  const StatusView view = look_(key);
  const auto [at, is_new] = tasks_.try_emplace(key);
  Task& task = at->second;
  // What became ours again has not been given up, whatever was so in between.
  task.gave_up = (task.gave_up || gives_up) && (ending_ || !view.ours);
  task.again = task.running;
  if (task.running) return;
  if (is_new && !status_to_write(view, wanted_, task.gave_up)) {
    tasks_.erase(at);
    return;
  }
  if (first && !task.queued_first) {
    task.queued_first = true;
    ready_.push_front(key);
  } else if (!first && is_new) {
    ready_.push_back(key);
  }
}

void StatusWriter::clear() {
  ++epoch_;
  in_flight_ = 0;
  tasks_.clear();
  ready_.clear();
  later_.clear();
}

void StatusWriter::turn() {
  const base::SteadyTime now = clock_.steady_now();
  while (!later_.empty() && later_.begin()->first <= now) {
    ready_.push_back(later_.begin()->second);
    later_.erase(later_.begin());
  }
  while (in_flight_ < kInFlight && !ready_.empty() && now >= paused_until_) {
    const config::ObjectKey key = std::move(ready_.front());
    ready_.pop_front();
    const auto task = tasks_.find(key);
    if (task != tasks_.end() && !task->second.running) start(key, task->second);
  }
}

base::SteadyTime StatusWriter::next_turn() const {
  base::SteadyTime next = base::SteadyTime::max();
  if (!later_.empty()) next = later_.begin()->first;
  if (!ready_.empty() && in_flight_ < kInFlight) next = clock_.steady_now();
  return next == base::SteadyTime::max() ? next : std::max(next, paused_until_);
}

void StatusWriter::start(const config::ObjectKey& key, Task& task) {
  task.queued_first = false;
  const auto text = status_to_write(look_(key), wanted_, task.gave_up);
  if (!text) {
    tasks_.erase(key);
    return;
  }
  const Written* before = written_.find(key);
  const base::SteadyTime now = clock_.steady_now();
  if (before && before->text == *text && now < before->at + kSameAgain && !ending_)
    return put_off(key, before->at + kSameAgain);
  task.running = true;
  ++in_flight_;
  if (text->empty()) return read(key);
  patch(key, *text, "");
}

void StatusWriter::read(const config::ObjectKey& key) {
  ApiRequest request;
  request.target =
      api_path(config::ApiKind::ingress, key.ns) + "?fieldSelector=" + url_encoded("metadata.name=" + key.name);
  call_(std::move(request), [this, key, epoch = epoch_](const ApiAnswer& answer) {
    if (epoch == epoch_) take_read(key, answer);
    answered_();
  });
}

void StatusWriter::take_read(const config::ObjectKey& key, const ApiAnswer& answer) {
  if (!answer.ok()) return fail(key, answer);
  const auto page = config::split_api_page(answer.body);
  if (!page || page->items.empty()) return end(key);
  const config::ApiObject object = config::decode_api_object(page->items[0], config::ApiKind::ingress);
  const auto* ingress = object.object ? std::get_if<config::Ingress>(&*object.object) : nullptr;
  const bool shows_ours = ingress != nullptr && object.key == key && wanted_ && ingress->addresses == *wanted_;
  if (!shows_ours) return end(key);
  patch(key, "", object.resource_version);
}

void StatusWriter::patch(const config::ObjectKey& key, const std::string& text, const std::string& version) {
  ApiRequest request;
  request.method = "PATCH";
  request.target = status_path(key);
  request.content_type = kMergePatch;
  const std::string metadata =
      version.empty() ? "" : fmt::format("\"metadata\":{{\"resourceVersion\":{}}},", config::json_quoted(version));
  request.body = fmt::format("{{{}\"status\":{{\"loadBalancer\":{{\"ingress\":{}}}}}}}", metadata,
                             config::load_balancer_json(text));
  call_(std::move(request), [this, key, text, epoch = epoch_](const ApiAnswer& answer) {
    if (epoch == epoch_) take_patched(key, text, answer);
    answered_();
  });
}

void StatusWriter::take_patched(const config::ObjectKey& key, const std::string& text, const ApiAnswer& answer) {
  if (answer.status == 404 && answer.trouble.empty()) return end(key);
  if (!answer.ok()) return fail(key, answer);
  trouble_.clear();
  ++counts_.written;
  written_.at(key) = {text, clock_.steady_now()};
  end(key);
}

void StatusWriter::end(const config::ObjectKey& key) {
  --in_flight_;
  const auto task = tasks_.find(key);
  if (task == tasks_.end()) return;
  const bool again = task->second.again && !ending_;
  const bool gave_up = task->second.gave_up;
  tasks_.erase(task);
  if (again) queue(key, gave_up, true);
}

void StatusWriter::fail(const config::ObjectKey& key, const ApiAnswer& answer) {
  ++counts_.failed;
  const std::string trouble = why_not(answer);
  if (trouble != trouble_) log::warn("the status of Ingress {}/{} cannot be written: {}", key.ns, key.name, trouble);
  trouble_ = trouble;
  if (ending_) return end(key);
  --in_flight_;
  const base::SteadyTime now = clock_.steady_now();
  if (answer.retry_after.count() > 0)
    paused_until_ = now + std::min<std::chrono::seconds>(answer.retry_after, kBackOffMost);
  Task& task = tasks_.at(key);
  task.running = task.again = false;
  ++task.failures;
  // A conflict is no trouble of the server: what is there is looked at again at once.
  put_off(key, answer.status == 409 && task.failures == 1 ? now : now + back_off(task.failures));
}

void StatusWriter::put_off(const config::ObjectKey& key, base::SteadyTime until) { later_.emplace(until, key); }

}  // namespace narthex::controller
