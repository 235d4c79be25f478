#include "controller/api/api_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <set>
#include <vector>

#include "base/log.h"
#include "controller/api/credentials.h"

namespace narthex::controller {
namespace {

namespace asio = boost::asio;

}  // namespace

// Shared with what is under way.
class ApiClient::Core final : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::io_context& loop, ApiAccess access, const base::Clock& clock)
      : loop_(loop), access_(std::move(access)), credentials_(loop, access_, clock) {}

  class Watching;

  void request(ApiRequest request, ApiAnswerTaker done);
  std::unique_ptr<ApiWatch> watch(ApiRequest request, std::chrono::milliseconds quiet, ApiLineTaker line,
                                  ApiAnswerTaker done);
  void stop();
  const ApiAccess& access() const { return access_; }
  const std::map<std::string, uint64_t>& answers_by_code() const { return answers_; }

 private:
  struct Job {
    ApiRequest request;
    ApiAnswerTaker done;
    bool new_credentials = false;  // has been tried with others before
    bool fresh_connection = false;
  };
  using Connected =
      std::function<void(std::shared_ptr<ApiConnection>, const std::string& authorization, const std::string& trouble)>;

  void pump();
  void run(Job job);
  void send(Job job, std::shared_ptr<ApiConnection> connection, const std::string& authorization);
  void take_answer(Job job, std::shared_ptr<ApiConnection> connection, ApiAnswer answer);
  void end(const Job& job, ApiAnswer answer);
  // A connection for the identity as of now; an idle one unless `fresh`.
  void connect(bool fresh, Connected then);
  base::Result<std::shared_ptr<ApiTls>> tls_for(const Identity& identity);
  void count(uint32_t status) { ++answers_[status == 0 ? "none" : std::to_string(status)]; }

  asio::io_context& loop_;
  const ApiAccess access_;
  Credentials credentials_;
  Identity tls_identity_;  // what tls_ was made of
  std::shared_ptr<ApiTls> tls_;
  std::deque<Job> waiting_;
  size_t running_ = 0;
  std::vector<std::shared_ptr<ApiConnection>> idle_;
  std::set<std::shared_ptr<ApiConnection>> busy_;
  std::map<std::string, uint64_t> answers_;
  bool stopped_ = false;
};

// One watch: its connection, and a second try with other credentials.
class ApiClient::Core::Watching final : public std::enable_shared_from_this<Watching> {
 public:
  Watching(std::shared_ptr<Core> core, ApiRequest request, std::chrono::milliseconds quiet, ApiLineTaker line,
           ApiAnswerTaker done)
      : core_(std::move(core)),
        request_(std::move(request)),
        quiet_(quiet),
        line_(std::move(line)),
        done_(std::move(done)) {}

  void start();
  void stop() {
    stopped_ = true;
    if (!connection_) return;
    connection_->close();
    core_->busy_.erase(connection_);
  }
  void set_quiet(std::chrono::milliseconds quiet) {
    quiet_ = quiet;
    if (connection_) connection_->set_quiet(quiet);
  }

 private:
  void take_line(std::string_view line) {
    if (line.empty()) core_->count(200);  // as it begins: it may go on for long
    if (!stopped_) line_(line);
  }
  void take_answer(ApiAnswer answer);

  const std::shared_ptr<Core> core_;
  const ApiRequest request_;
  std::chrono::milliseconds quiet_;
  const ApiLineTaker line_;
  const ApiAnswerTaker done_;
  std::shared_ptr<ApiConnection> connection_;
  bool new_credentials_ = false, stopped_ = false;
};

namespace {

// What the caller holds.
template <typename Watching>
class Held final : public ApiWatch {
 public:
  explicit Held(std::shared_ptr<Watching> watching) : watching_(std::move(watching)) {}
  ~Held() override { watching_->stop(); }
  void set_quiet(std::chrono::milliseconds quiet) override { watching_->set_quiet(quiet); }

 private:
  const std::shared_ptr<Watching> watching_;
};

}  // namespace

ApiClient::ApiClient(asio::io_context& loop, ApiAccess access, const base::Clock& clock)
    : core_(std::make_shared<Core>(loop, std::move(access), clock)) {}

ApiClient::~ApiClient() { core_->stop(); }

void ApiClient::request(ApiRequest request, ApiAnswerTaker done) {
  core_->request(std::move(request), std::move(done));
}

std::unique_ptr<ApiWatch> ApiClient::watch(ApiRequest request, std::chrono::milliseconds quiet, ApiLineTaker line,
                                           ApiAnswerTaker done) {
  return core_->watch(std::move(request), quiet, std::move(line), std::move(done));
}

std::string ApiClient::url() const { return core_->access().url(); }

const std::map<std::string, uint64_t>& ApiClient::answers_by_code() const { return core_->answers_by_code(); }

void ApiClient::Core::request(ApiRequest request, ApiAnswerTaker done) {
  Job job{std::move(request), std::move(done)};
  if (waiting_.size() >= kWaiting) {
    asio::post(loop_, [self = shared_from_this(), job = std::move(job)] {
      ApiAnswer answer;
      answer.trouble = "too many requests wait for the API server";
      if (!self->stopped_) job.done(std::move(answer));
    });
    return;
  }
  waiting_.push_back(std::move(job));
  // Never from within the caller: credentials may be there at once.
  asio::post(loop_, [self = shared_from_this()] { self->pump(); });
}

std::unique_ptr<ApiWatch> ApiClient::Core::watch(ApiRequest request, std::chrono::milliseconds quiet, ApiLineTaker line,
                                                 ApiAnswerTaker done) {
  auto watching =
      std::make_shared<Watching>(shared_from_this(), std::move(request), quiet, std::move(line), std::move(done));
  asio::post(loop_, [watching] { watching->start(); });
  return std::make_unique<Held<Watching>>(std::move(watching));
}

void ApiClient::Core::stop() {
  stopped_ = true;
  waiting_.clear();
  credentials_.stop();
  for (const auto& connection : busy_) connection->close();
  for (const auto& connection : idle_) connection->close();
  idle_.clear();
}

void ApiClient::Core::pump() {
  while (!stopped_ && running_ < kConnections && !waiting_.empty()) {
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    run(std::move(job));
  }
}

void ApiClient::Core::run(Job job) {
  const bool fresh = job.fresh_connection;
  auto shared = std::make_shared<Job>(std::move(job));
  connect(fresh, [self = shared_from_this(), shared](std::shared_ptr<ApiConnection> connection,
                                                     const std::string& authorization, const std::string& trouble) {
    if (self->stopped_) return;
    if (connection) return self->send(std::move(*shared), std::move(connection), authorization);
    ApiAnswer answer;
    answer.trouble = trouble;
    self->end(*shared, std::move(answer));
  });
}

void ApiClient::Core::connect(bool fresh, Connected then) {
  credentials_.take([self = shared_from_this(), fresh, then = std::move(then)](const base::Result<Identity>& identity) {
    if (self->stopped_) return;
    if (!identity) return then(nullptr, "", identity.error().message());
    auto tls = self->tls_for(*identity);
    if (!tls) return then(nullptr, "", tls.error().message());
    while (!fresh && !self->idle_.empty()) {
      const auto connection = std::move(self->idle_.back());
      self->idle_.pop_back();
      if (connection->reusable()) return then(connection, identity->authorization, "");
      connection->close();
    }
    then(ApiConnection::make(self->loop_, self->access_, *tls), identity->authorization, "");
  });
}

base::Result<std::shared_ptr<ApiTls>> ApiClient::Core::tls_for(const Identity& identity) {
  if (!access_.tls) return std::shared_ptr<ApiTls>();
  if (tls_ && tls_identity_.same_tls(identity)) return tls_;
  auto tls = make_api_tls(access_, identity);
  if (!tls) return tls.error();
  for (const auto& connection : idle_) connection->close();
  idle_.clear();
  tls_identity_ = identity;
  tls_ = *tls;
  return tls_;
}

void ApiClient::Core::send(Job job, std::shared_ptr<ApiConnection> connection, const std::string& authorization) {
  busy_.insert(connection);
  auto shared = std::make_shared<Job>(std::move(job));
  connection->send(shared->request, authorization, [self = shared_from_this(), shared, connection](ApiAnswer answer) {
    if (!self->stopped_) self->take_answer(std::move(*shared), connection, std::move(answer));
  });
}

void ApiClient::Core::take_answer(Job job, std::shared_ptr<ApiConnection> connection, ApiAnswer answer) {
  busy_.erase(connection);
  const bool stale = connection->was_stale();
  if (connection->reusable() && idle_.size() < kConnections) {
    idle_.push_back(std::move(connection));
  } else {
    connection->close();
  }
  if (stale && !job.fresh_connection && job.request.method == "GET") {
    job.fresh_connection = true;
    return run(std::move(job));
  }
  if (answer.status == 401 && !job.new_credentials) {
    count(answer.status);
    credentials_.reject();
    job.new_credentials = true;
    return run(std::move(job));
  }
  end(job, std::move(answer));
}

void ApiClient::Core::end(const Job& job, ApiAnswer answer) {
  count(answer.status);
  --running_;
  asio::post(loop_, [self = shared_from_this()] { self->pump(); });
  job.done(std::move(answer));
}

void ApiClient::Core::Watching::start() {
  if (stopped_ || core_->stopped_) return;
  core_->connect(true, [self = shared_from_this()](std::shared_ptr<ApiConnection> connection,
                                                   const std::string& authorization, const std::string& trouble) {
    if (self->stopped_) return;
    if (!connection) {
      ApiAnswer answer;
      answer.trouble = trouble;
      return self->take_answer(std::move(answer));
    }
    self->connection_ = connection;
    self->core_->busy_.insert(connection);
    connection->watch(
        self->request_, authorization, self->quiet_, [self](std::string_view line) { self->take_line(line); },
        [self](ApiAnswer answer) { self->take_answer(std::move(answer)); });
  });
}

void ApiClient::Core::Watching::take_answer(ApiAnswer answer) {
  if (connection_) core_->busy_.erase(connection_);
  if (connection_) connection_->close();
  connection_ = nullptr;
  if (stopped_ || core_->stopped_) return;
  if (answer.status != 200) core_->count(answer.status);
  if (answer.status == 401 && !new_credentials_) {
    core_->credentials_.reject();
    new_credentials_ = true;
    return start();
  }
  done_(std::move(answer));
}

}  // namespace narthex::controller
