#include "proxy/worker.h"

#include <pthread.h>

namespace narthex::proxy {

base::Result<std::unique_ptr<Worker>> Worker::make(const base::Clock& clock, const tls::TicketKeys& keys, AccessLogRing* access_log) {
  std::unique_ptr<Worker> worker(new Worker);
  Worker& self = *worker;
  auto loop = Loop::make(clock, [&self] { self.take_messages(); });
  if (!loop) return loop.error();
  self.loop_ = std::move(*loop);
  // Requests that the codec can serve; h2 joins the list when it can.
  static constexpr std::string_view kProtocols[] = {"http/1.1"};
  auto context = tls::ServerContext::make(self, keys, kProtocols);
  if (!context) return context.error();
  self.tls_ = std::move(*context);
  self.upstreams_ = std::make_unique<UpstreamPool>(*self.loop_, self.buffers_, self.stats_);
  self.context_.reset(new WorkerContext{*self.loop_, self.buffers_, self.pipes_, self.memories_, *self.upstreams_, self.snapshots_,
                                        self.round_robin_, self.random_, self.date_, self.outgoing_, self.stats_, access_log, self.draining_});
  self.clients_ = std::make_unique<ClientList>();
  return worker;
}

Worker::~Worker() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
}

bool Worker::listen(int fd, std::string port, bool tls) {
  listeners_.push_back(std::make_unique<Listener>(*context_, *clients_, fd, std::move(port), tls ? tls_.get() : nullptr));
  return listeners_.back()->watched();
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::run() {
  pthread_setname_np(pthread_self(), "worker");
  for (const std::unique_ptr<Listener>& listener : listeners_) listener->start();
  loop_->run();
  // What is still open ends here, on the thread that it lived on.
  listeners_.clear();
  clients_.reset();
  upstreams_.reset();
}

void Worker::offer(std::shared_ptr<const router::Snapshot> snapshot) {
  snapshots_.offer(std::move(snapshot));
  loop_->wake();
}

void Worker::take_messages() {
  snapshots_.adopt();
  if (drain_asked_.load(std::memory_order_acquire) && !draining_) begin_drain();
}

void Worker::drain() {
  drain_asked_.store(true, std::memory_order_release);
  loop_->wake();
}

void Worker::begin_drain() {
  draining_ = true;
  for (std::unique_ptr<Listener>& listener : listeners_) {
    listener->finish();
    loop_->retire(std::move(listener));
  }
  listeners_.clear();
  clients_->drain(loop_->now() + limits::kIdleWhileDraining);
  listening_.store(false, std::memory_order_release);
}

bool Worker::drained() const {
  return !listening_.load(std::memory_order_acquire) && stats_.client_connections_open.read() == 0;
}

const tls::SniIndex* Worker::current_certificates() const {
  const router::Snapshot* const snapshot = snapshots_.current();
  return snapshot ? snapshot->certificates.get() : nullptr;
}

}  // namespace narthex::proxy
