// A pod for tests: an HTTP/1.1 server on a loopback address and a free port that does exactly what the test's handler
// says, good or bad. By default it echoes the request. Owned by the test. THREAD: any for all calls; handlers run on
// the thread of their connection. LIMIT: the last 4096 request heads are kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "test/support/wire.h"

namespace narthex::test {

// One request at the backend. VALID UNTIL: the handler returns.
class BackendExchange final {
 public:
  BackendExchange(Connection& connection, Head head, const std::string& pod, uint64_t nth);
  BackendExchange(const BackendExchange&) = delete;
  BackendExchange& operator=(const BackendExchange&) = delete;

  const Head& head() const { return head_; }
  const std::string& method() const { return method_; }
  const std::string& target() const { return target_; }
  // The number after `name=` in the query, or `otherwise`.
  uint64_t parameter(std::string_view name, uint64_t otherwise = 0) const;
  const std::string& pod() const { return pod_; }
  // 0 for the first request of its connection.
  uint64_t nth_of_connection() const { return nth_; }

  // The whole body by its framing; call once. Not called: it is read and forgotten after the handler.
  std::string read_body();
  const std::vector<Field>& trailers() const { return trailers_; }
  void send(std::string_view bytes) { connection_.send(bytes); }
  // A whole answer with its length, unless the method or status forbids a body.
  void respond(int status, const std::string& body, const std::vector<Field>& fields = {});
  // The connection is closed when the handler returns.
  void close() { closing_ = true; }
  void reset();
  bool closing() const { return closing_; }
  bool body_read() const { return body_read_; }
  Connection& connection() { return connection_; }

 private:
  Connection& connection_;
  Head head_;
  const std::string& pod_;
  uint64_t nth_;
  std::string method_, target_;
  std::vector<Field> trailers_;
  bool closing_ = false, body_read_ = false;
};

using Handler = std::function<void(BackendExchange&)>;

// 200 with the request's head and body, byte for byte, as body, X-Pod with the pod's name, and an X-Request-Trailer for
// each trailer.
void echo(BackendExchange& exchange);
// Bytes that differ everywhere, so that any loss or mix-up shows.
std::string pattern(size_t bytes, uint64_t seed = 1);

class Backend final {
 public:
  explicit Backend(std::string name = "pod", Handler handler = echo, const std::string& address = "127.0.0.1",
                   uint16_t port = 0);
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const std::string& name() const { return name_; }
  const std::string& address() const { return address_; }
  uint16_t port() const { return port_; }

  void set_handler(Handler handler);
  // From now on connects are refused. Open connections stay.
  void stop_accepting();
  // On the same port again.
  void resume_accepting();
  void close_connections();

  uint64_t requests() const { return requests_.load(); }
  uint64_t connections() const { return connections_.load(); }
  uint64_t open_connections() const { return open_.load(); }
  std::vector<Head> heads() const;

 private:
  struct Session {
    std::shared_ptr<Connection> connection;
    std::thread thread;
    std::atomic<bool> done{false};
  };

  void listen();
  void accept_loop(int listener, int wake);
  void serve(Session& session);
  bool serve_one(Connection& connection, uint64_t nth);
  void reap();

  const std::string name_, address_;
  uint16_t port_ = 0;
  int listener_ = -1, wake_ = -1;
  std::thread acceptor_;
  std::atomic<uint64_t> requests_{0}, connections_{0}, open_{0};
  mutable std::mutex lock_;  // of all below
  Handler handler_;
  std::list<Session> sessions_;
  std::deque<Head> heads_;
};

}  // namespace narthex::test
