#include "controller/api/reflector.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <random>

#include "base/log.h"
#include "base/text.h"
#include "controller/api/known_objects.h"

namespace narthex::controller {
namespace {

namespace asio = boost::asio;
namespace log = base::log;
using boost::system::error_code;
using config::ApiEvent;
using std::chrono::milliseconds;

constexpr auto kHurry = milliseconds(500);
constexpr uint32_t kSoon = 6;                    // tries after at most 200 ms to 6.4 s
constexpr auto kShortWatch = std::chrono::seconds(1);  // one that ends sooner, and with nothing, is a failure
constexpr auto kLongWatch = std::chrono::seconds(30);  // one that lasted so long was none
constexpr uint32_t kPageItemsMax = 10'000;

// Versions are numbers that grow (etcd's); 0: this one is none that can be compared.
uint64_t number_of(const std::string& version) { return base::parse_decimal(version).value_or(0); }

std::string words_of(const ApiAnswer& answer) {
  if (answer.status == 0) return answer.trouble;
  const config::ApiStatus status = config::decode_api_status(answer.body);
  return fmt::format("answer {}{}{}", answer.status, status.message.empty() ? "" : ": ", status.message);
}

}  // namespace

// Shared with the timer; the client calls nothing once it or the watch is gone.
class Reflector::Running final : public std::enable_shared_from_this<Running> {
 public:
  Running(asio::io_context& loop, ApiClient& client, const base::Clock& clock, ApiScope scope, ReflectorOptions options,
          Takers takers)
      : client_(client),
        clock_(clock),
        scope_(std::move(scope)),
        options_(options),
        takers_(std::move(takers)),
        timer_(loop),
        page_items_(options.page_items) {}

  void begin_list();
  void hurry();
  void stop() {
    stopped_ = true;
    watch_.reset();
    timer_.cancel();
  }

  ApiClient& client_;
  const base::Clock& clock_;
  const ApiScope scope_;
  const ReflectorOptions options_;
  const Takers takers_;
  KnownObjects known_;
  PartState state_ = PartState::starting;
  std::string trouble_;
  bool listed_ = false;
  uint64_t lists_ = 0, watches_ = 0;
  base::WallTime last_event_{};

 private:
  void request_page();
  void take_page(const ApiAnswer& answer);
  void refuse_page(const ApiAnswer& answer);
  void finish_list(const std::string& version);
  void sweep();

  void begin_watch(bool with_list);
  std::string watch_target(bool with_list, std::chrono::seconds time) const;
  void take_line(std::string_view line);
  void take_object(const ApiEvent& event);
  void take_bookmark(const ApiEvent& event);
  void take_error(const ApiEvent& event);
  void end_watch(const ApiAnswer& answer);
  bool is_old(const std::string& version) const;

  void upsert(config::ApiObject object);
  void remove(const config::ObjectKey& key);

  void relist();
  void fail(const ApiAnswer& answer);
  void fail(PartState state, const std::string& why, milliseconds delay, bool no_answer = false);
  void go_on();
  void set_state(PartState state, const std::string& trouble);
  void wait(milliseconds delay);
  milliseconds jitter(milliseconds most) {
    return milliseconds(std::uniform_int_distribution<int64_t>(0, most.count())(random_));
  }
  milliseconds back_off();

  asio::steady_timer timer_;
  std::unique_ptr<ApiWatch> watch_;
  uint32_t page_items_;
  std::string continue_token_, position_;  // position: the version that is known; empty: list
  size_t named_ = 0;                       // objects of the list under way
  bool empty_before_ = false;              // the list before this one was empty, and was not believed
  bool with_list_ = false;                 // the watch has not come to the end of its list
  bool no_answer_ = false;                 // why we wait: the server was not there
  bool streaming_refused_ = false, waiting_ = false, stopped_ = false, any_line_ = false;
  base::SteadyTime watch_began_;
  uint32_t failures_ = 0, gone_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
};

Reflector::Reflector(asio::io_context& loop, ApiClient& client, const base::Clock& clock, ApiScope scope,
                     ReflectorOptions options, Takers takers)
    : running_(std::make_shared<Running>(loop, client, clock, std::move(scope), options, std::move(takers))) {}
Reflector::~Reflector() { running_->stop(); }

void Reflector::start() { running_->begin_list(); }
void Reflector::hurry() { running_->hurry(); }
void Reflector::adopt(const config::ObjectKey& key) { running_->known_.put(key); }
bool Reflector::knows(const config::ObjectKey& key) const { return running_->known_.contains(key); }
const ApiScope& Reflector::scope() const { return running_->scope_; }
PartState Reflector::state() const { return running_->state_; }
bool Reflector::listed() const { return running_->listed_; }
const std::string& Reflector::trouble() const { return running_->trouble_; }
size_t Reflector::object_count() const { return running_->known_.size(); }
uint64_t Reflector::lists() const { return running_->lists_; }
uint64_t Reflector::watches() const { return running_->watches_; }
base::WallTime Reflector::last_event() const { return running_->last_event_; }

void Reflector::Running::begin_list() {
  ++lists_;
  known_.begin_list();
  named_ = 0;
  position_.clear();
  continue_token_.clear();
  if (options_.streaming_lists && !streaming_refused_) return begin_watch(true);
  request_page();
}

void Reflector::Running::request_page() {
  ApiRequest request;
  request.time = options_.times.request;
  request.target = fmt::format("{}?limit={}", api_path(scope_.kind, scope_.ns), page_items_);
  if (!scope_.field_selector.empty()) request.target += "&fieldSelector=" + url_encoded(scope_.field_selector);
  if (!scope_.label_selector.empty()) request.target += "&labelSelector=" + url_encoded(scope_.label_selector);
  if (!continue_token_.empty()) request.target += "&continue=" + url_encoded(continue_token_);
  client_.request(std::move(request), [weak = weak_from_this()](const ApiAnswer& answer) {
    if (const auto self = weak.lock(); self && !self->stopped_) self->take_page(answer);
  });
}

void Reflector::Running::take_page(const ApiAnswer& answer) {
  if (!answer.ok()) return refuse_page(answer);
  const auto page = config::split_api_page(answer.body);
  if (!page) return fail(PartState::failing, page.error().message(), back_off());
  continue_token_ = page->continue_token;
  // The server prepares the next page while this one is taken apart.
  const bool last = continue_token_.empty();
  if (!last) request_page();
  for (const std::string_view item : page->items) upsert(config::decode_api_object(item, scope_.kind));
  if (last) finish_list(page->resource_version);
}

void Reflector::Running::refuse_page(const ApiAnswer& answer) {
  if (answer.too_large && page_items_ > 1) {
    page_items_ = std::max<uint32_t>(1, page_items_ / 4);
    return request_page();
  }
  // The pages took longer than the server remembers.
  if (answer.status == 410) {
    page_items_ = std::min(page_items_ * 4, kPageItemsMax);
    return relist();
  }
  fail(answer);
}

void Reflector::Running::finish_list(const std::string& version) {
  if (named_ == 0 && known_.size() > 0 && !empty_before_) {
    empty_before_ = true;
    watch_.reset();
    log::warn("the API server lists no {}, but {} are known: asking again before they are taken away", to_text(scope_),
              known_.size());
    return wait(options_.times.confirm_empty + jitter(options_.times.confirm_empty / 4));
  }
  empty_before_ = false;
  sweep();
  position_ = version;
  listed_ = true;
  failures_ = 0;
  set_state(PartState::current, "");
  if (!with_list_) begin_watch(false);
  with_list_ = false;
}

void Reflector::Running::sweep() {
  for (const config::ObjectKey& key : known_.missing()) remove(key);
}

std::string Reflector::Running::watch_target(bool with_list, std::chrono::seconds time) const {
  std::string target = fmt::format("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={}",
                                   api_path(scope_.kind, scope_.ns), time.count());
  if (with_list) target += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  if (!with_list) target += "&resourceVersion=" + url_encoded(position_);
  if (!scope_.field_selector.empty()) target += "&fieldSelector=" + url_encoded(scope_.field_selector);
  if (!scope_.label_selector.empty()) target += "&labelSelector=" + url_encoded(scope_.label_selector);
  return target;
}

void Reflector::Running::begin_watch(bool with_list) {
  ++watches_;
  with_list_ = with_list;
  any_line_ = false;
  watch_began_ = clock_.steady_now();
  const ReflectorTimes& times = options_.times;
  const auto spread = std::chrono::duration_cast<std::chrono::seconds>(jitter(times.watch_most - times.watch_least));
  const auto time = times.watch_least + spread;
  ApiRequest request;
  request.target = watch_target(with_list, time);
  request.time = times.request;
  request.answer_bytes_max = config::kApiObjectBytesMax;
  const milliseconds quiet = with_list ? times.first_line : milliseconds(time) + times.watch_grace;
  watch_ = client_.watch(
      std::move(request), quiet,
      [weak = weak_from_this()](std::string_view line) {
        if (const auto self = weak.lock(); self && !self->stopped_) self->take_line(line);
      },
      [weak = weak_from_this()](const ApiAnswer& answer) {
        if (const auto self = weak.lock(); self && !self->stopped_) self->end_watch(answer);
      });
}

void Reflector::Running::take_line(std::string_view line) {
  if (line.empty()) {
    if (!with_list_) set_state(PartState::current, "");
    return;
  }
  any_line_ = true;
  last_event_ = clock_.wall_now();
  const auto event = config::split_api_event(line);
  if (!event) {
    log::warn("watch of {}: {}; left out", to_text(scope_), event.error().message());
    return;
  }
  switch (event->type) {
    case ApiEvent::Type::added:
    case ApiEvent::Type::modified:
    case ApiEvent::Type::deleted:
      return take_object(*event);
    case ApiEvent::Type::bookmark:
      return take_bookmark(*event);
    case ApiEvent::Type::error:
      return take_error(*event);
    case ApiEvent::Type::unknown:
      return;
  }
}

bool Reflector::Running::is_old(const std::string& version) const {
  const uint64_t number = number_of(version), reached = number_of(position_);
  return number != 0 && reached != 0 && number <= reached;
}

void Reflector::Running::take_object(const ApiEvent& event) {
  const bool deleted = event.type == ApiEvent::Type::deleted;
  config::ApiObject object = config::decode_api_object(event.object, scope_.kind,
                                                       deleted ? config::ApiPart::metadata : config::ApiPart::whole);
  if (!with_list_) {
    if (is_old(object.resource_version)) return;
    if (!object.resource_version.empty()) position_ = object.resource_version;
    failures_ = gone_ = 0;
  }
  if (deleted) {
    remove(object.key);
  } else {
    upsert(std::move(object));
  }
}

void Reflector::Running::take_bookmark(const ApiEvent& event) {
  const config::ApiObject object = config::decode_api_object(event.object, scope_.kind, config::ApiPart::metadata);
  if (with_list_) {
    if (!object.ends_initial_events) return;
    watch_->set_quiet(options_.times.watch_most + options_.times.watch_grace);
    return finish_list(object.resource_version);
  }
  if (!object.resource_version.empty() && !is_old(object.resource_version)) position_ = object.resource_version;
  failures_ = gone_ = 0;
  watch_->set_quiet(options_.times.after_bookmark);
}

void Reflector::Running::take_error(const ApiEvent& event) {
  const config::ApiStatus status = config::decode_api_status(event.object);
  watch_.reset();
  if (status.code == 410) return relist();
  ApiAnswer answer;
  answer.status = status.code >= 400 && status.code < 600 ? static_cast<uint32_t>(status.code) : 500;
  answer.body = std::string(event.object);
  answer.retry_after = std::chrono::seconds(std::clamp<int64_t>(status.retry_after_seconds, 0, 3600));
  fail(answer);
}

void Reflector::Running::end_watch(const ApiAnswer& answer) {
  const bool refused_list = with_list_ && (answer.status == 400 || answer.status == 422);
  // A server that knows nothing of lists as streams may take one for a plain watch: silence, then.
  const bool silent_list = with_list_ && answer.status == 200 && !any_line_;
  watch_.reset();
  if (clock_.steady_now() - watch_began_ >= kLongWatch) failures_ = gone_ = 0;
  if (refused_list || silent_list) {
    streaming_refused_ = true;
    with_list_ = false;
    return request_page();
  }
  if (answer.status == 410) return relist();
  if (!answer.ok()) return fail(answer);
  const auto lasted = clock_.steady_now() - watch_began_;
  const bool served = any_line_ || lasted >= kShortWatch;
  if (!served || with_list_) return fail(PartState::failing, "the watch ended at once", back_off());
  go_on();
}

void Reflector::Running::upsert(config::ApiObject object) {
  ++named_;
  const config::ObjectKey key = object.key;
  if (takers_.upsert(std::move(object))) {
    known_.put(key);
  } else {
    remove(key);
  }
}

void Reflector::Running::remove(const config::ObjectKey& key) {
  if (known_.erase(key)) takers_.remove(key);
}

// Again from the beginning; at once only where that has not just happened.
void Reflector::Running::relist() {
  log::info("{}: the API server does not know our version any more; listing again", to_text(scope_));
  position_.clear();
  if (gone_++ == 0) return begin_list();
  wait(back_off());
}

void Reflector::Running::fail(const ApiAnswer& answer) {
  const std::string why = words_of(answer);
  milliseconds delay = back_off();
  // An API server that has just started knows of no rights and refuses everybody for a moment.
  const milliseconds seldom = options_.times.forbidden / 2 + jitter(options_.times.forbidden);
  const milliseconds slow = failures_ <= kSoon ? delay : seldom;
  if (answer.status == 403) return fail(PartState::forbidden, why, slow);
  if (answer.status == 404) return fail(PartState::absent, why, slow);
  if (answer.retry_after.count() > 0) delay = milliseconds(answer.retry_after) + jitter(kHurry);
  fail(PartState::failing, answer.trouble.empty() ? why : answer.trouble, delay, answer.status == 0);
}

void Reflector::Running::fail(PartState state, const std::string& why, milliseconds delay, bool no_answer) {
  set_state(state, why);
  no_answer_ = no_answer;
  wait(delay);
}

void Reflector::Running::set_state(PartState state, const std::string& trouble) {
  if (state_ == state && trouble_ == trouble) return;
  state_ = state;
  trouble_ = trouble;
  takers_.changed();
}

void Reflector::Running::go_on() {
  if (position_.empty()) return begin_list();
  begin_watch(false);
}

// Full jitter, so that a thousand clients of a server that comes back do not come at the same time.
milliseconds Reflector::Running::back_off() {
  const ReflectorTimes& times = options_.times;
  const uint32_t doublings = std::min<uint32_t>(failures_++, 20);
  return jitter(std::min(times.back_off_most, times.back_off_first * (1u << doublings)));
}

void Reflector::Running::wait(milliseconds delay) {
  watch_.reset();
  waiting_ = true;
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (error || self->stopped_) return;
    self->waiting_ = false;
    self->go_on();
  });
}

void Reflector::Running::hurry() {
  if (!waiting_ || state_ != PartState::failing || !no_answer_) return;
  if (timer_.expiry() - std::chrono::steady_clock::now() <= kHurry) return;
  wait(jitter(kHurry));
}

}  // namespace narthex::controller
