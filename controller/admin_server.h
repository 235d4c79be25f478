// The admin port: health, readiness, metrics and what the controller believes, as read-only pages over HTTP/1.1. No
// page has side effects. Owned by the control plane (serve.h). THREAD: control; pages are made there while the client
// waits. A resource.
// LIMITs: GET and HEAD only (else 405), request head 8 KiB, 5 s for a request to arrive, 30 s for an answer to be
// taken, 64 connections, 256 MiB of answers on their way (else 503).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace boost::asio {
class io_context;
}

namespace narthex::controller {

struct PageContent {
  uint32_t status = 200;
  std::string text;
};

struct Page {
  std::string path;  // "/healthz"
  std::string content_type;
  std::string purpose;  // one line for the list at "/"
  std::function<PageContent()> make;
};

struct AdminOptions {
  std::string bind_address;  // an IP; empty: all addresses of both families
  uint16_t port = 10254;     // 0: any free one
  std::chrono::milliseconds request_time{5000};  // for a request to arrive; also how long an idle connection is kept
};

class AdminServer final {
 public:
  // Errors: the port is taken, no right to bind, the address is none; one line that says what to do.
  // REQUIRES: the loop outlives the server.
  static base::Result<std::unique_ptr<AdminServer>> start(boost::asio::io_context& loop, const AdminOptions& options,
                                                          std::vector<Page> pages);
  ~AdminServer();  // closes all connections
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  uint16_t port() const;
  // "0.0.0.0:10254", "[::]:10254", for the log.
  std::string address() const;

 private:
  class Listening;
  explicit AdminServer(std::shared_ptr<Listening> listening);
  std::shared_ptr<Listening> listening_;
};

}  // namespace narthex::controller
