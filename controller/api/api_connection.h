// One HTTP/1.1 connection to the API server, plain or over TLS: one request at a time, whose answer is taken whole or
// line by line. Owned by the API client. THREAD: control. A resource; shared with its pending operations.
// LIMITs: 10 s to connect and shake hands, head of an answer 64 KiB, whole answers and lines as asked for. A peer that
// vanished is noticed by TCP within a minute (keepalive, user time-out), whatever the time-outs above it are.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "controller/api/api_access.h"
#include "controller/api/credentials.h"

namespace narthex::controller {

struct ApiRequest {
  std::string method = "GET";
  std::string target;  // "/api/v1/services?limit=500", without the prefix of the server's URL
  std::string content_type = {}, body = {};
  std::chrono::milliseconds time{30'000};  // for the whole answer; of a watch, for its head
  size_t answer_bytes_max = 64u << 20;     // of a watch: a line
};

struct ApiAnswer {
  uint32_t status = 0;  // 0: there was no answer
  std::string body;     // of a watch that began: empty
  std::string trouble;  // why there was no answer, or why it broke off; one sentence
  std::chrono::seconds retry_after{0};
  bool too_large = false;  // trouble: answer_bytes_max
  bool ok() const { return status >= 200 && status < 300 && trouble.empty(); }
};

using ApiAnswerTaker = std::function<void(ApiAnswer)>;
// An empty line first, when the answer 200 has begun; no other is empty. VALID UNTIL: it returns.
using ApiLineTaker = std::function<void(std::string_view line)>;

// What a handshake needs, made once for each set of certificates.
struct ApiTls;
// Errors: certificates that OpenSSL does not take.
base::Result<std::shared_ptr<ApiTls>> make_api_tls(const ApiAccess& access, const Identity& identity);

class ApiConnection {
 public:
  // `tls` is null for plain connections. REQUIRES: the loop outlives this.
  static std::shared_ptr<ApiConnection> make(boost::asio::io_context& loop, const ApiAccess& access,
                                             std::shared_ptr<ApiTls> tls);
  virtual ~ApiConnection() = default;

  // Connects first where it has not yet. `done` is called once, from the loop, unless close() comes before.
  // REQUIRES: nothing is under way.
  virtual void send(ApiRequest request, std::string authorization, ApiAnswerTaker done) = 0;
  // As send, but of an answer 200 each line goes to `line`, and `done` tells of the end. A silence longer than `quiet`
  // ends it with a trouble.
  virtual void watch(ApiRequest request, std::string authorization, std::chrono::milliseconds quiet, ApiLineTaker line,
                     ApiAnswerTaker done) = 0;
  virtual void set_quiet(std::chrono::milliseconds quiet) = 0;

  // Open, and good for another request as far as can be known.
  virtual bool reusable() const = 0;
  // The last answer did not even begin, on a connection that had served before: the server had closed it meanwhile.
  virtual bool was_stale() const = 0;
  virtual void close() = 0;
};

}  // namespace narthex::controller
