// Accepts connections on one port of a worker. THREAD: the worker's. LIMIT: kAcceptsPerTurn a turn, kClientConnections open.
#pragma once

#include <string>

#include "proxy/client_connection.h"
#include "proxy/worker_context.h"

namespace narthex::proxy {

class Listener final : public Retired {
 public:
  Listener(WorkerContext& worker, ClientList& clients, int fd, std::string port, tls::ServerContext* tls)
      : worker_(worker), clients_(clients), port_(std::move(port)), tls_(tls), socket_(worker.loop, fd) {}

  void start() { task_ = accept_all(); }
  // Takes what already waits in the queue, then no more.
  void finish();

  // False: the kernel does not tell of clients that connect.
  bool watched() const { return !socket_.broken(); }

 private:
  Task<void> accept_all();
  // False: nothing waits any more, or (with errno) no descriptor is left.
  bool accept_one();

  WorkerContext& worker_;
  ClientList& clients_;
  const std::string port_;
  tls::ServerContext* const tls_;
  Socket socket_;
  bool finished_ = false;
  Task<void> task_;
};

}  // namespace narthex::proxy
