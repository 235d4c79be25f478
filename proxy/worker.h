// One worker: a thread with its own loop, listeners, pools and counters. Shares nothing with its neighbours but the ports.
// THREAD: the constructor and everything public from the control thread; the rest runs on the worker's own thread.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "proxy/client_connection.h"
#include "proxy/listener.h"
#include "proxy/worker_context.h"
#include "tls/server_stream.h"

namespace narthex::proxy {

class Worker final : private tls::SniSource {
 public:
  // `access_log`: null: off. The descriptors are bound and listening; the worker closes them.
  static base::Result<std::unique_ptr<Worker>> make(const base::Clock& clock, const tls::TicketKeys& keys, AccessLogRing* access_log);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // False: the kernel does not watch the socket. REQUIRES: before start().
  bool listen(int fd, std::string port, bool tls);
  void start();
  void offer(std::shared_ptr<const router::Snapshot> snapshot);
  void reclaim() { snapshots_.reclaim(); }
  uint64_t adopted() const { return snapshots_.adopted(); }
  const Stats& stats() const { return stats_; }
  void drain();
  bool drained() const;

 private:
  Worker() = default;
  const tls::SniIndex* current_certificates() const override;
  void run();
  void take_messages();
  void begin_drain();

  Stats stats_;
  SnapshotHolder snapshots_;
  Random random_;
  RoundRobin round_robin_{random_};
  DateText date_;
  OutgoingFields outgoing_;
  BufferPool buffers_;
  PipePool pipes_;
  ExchangeMemoryPool memories_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<tls::ServerContext> tls_;
  std::unique_ptr<UpstreamPool> upstreams_;
  bool draining_ = false;
  std::unique_ptr<WorkerContext> context_;
  std::unique_ptr<ClientList> clients_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::atomic<bool> drain_asked_{false}, listening_{true};
  std::thread thread_;
};

}  // namespace narthex::proxy
