// An API server made for tests: HTTP/1.1, plain or over TLS, on a free port of 127.0.0.1, in front of a FakeCluster,
// and able to do everything wrong that a real one can. Runs on the loop that it is given; owned by the test. THREAD:
// the loop's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "test/support/certificates.h"
#include "test/support/fake_cluster.h"

namespace narthex::test {

struct FakeCall {
  std::string method, path, authorization, body, content_type;
  std::map<std::string, std::string> query;  // decoded
  FakeScope scope;                           // where the path is of a kind
  std::string name;                          // of a single object
  size_t connection = 0;                     // which one, counted from 1
  bool is_watch() const { return query.contains("watch"); }
  bool is_list() const { return !is_watch() && method == "GET" && name.empty(); }
  // The calls of client-go's words: "get", "list", "watch", or the method.
  std::string verb() const;
};

// Instead of the right answer.
struct FakeFault {
  int status = 0;  // 0: as follows
  std::string body = {};
  std::string fields = {};  // whole lines, "Retry-After: 1\r\n"
  bool drop = false;        // the connection is closed without an answer
  bool hang = false;        // no answer, ever
  // A list: so many bytes of the right answer, then the end.
  std::optional<size_t> cut_after = std::nullopt;
};

class FakeApi final {
 public:
  struct Options {
    std::optional<PemPair> tls = std::nullopt;  // a certificate; none: plain
    bool streaming_lists = true;
    bool endpoint_slices = true;
    std::string token = {};  // empty: everybody is let in
  };

  explicit FakeApi(boost::asio::io_context& loop);
  FakeApi(boost::asio::io_context& loop, Options options);
  ~FakeApi();
  FakeApi(const FakeApi&) = delete;
  FakeApi& operator=(const FakeApi&) = delete;

  FakeCluster& cluster();
  Options& options();
  uint16_t port() const;
  std::string url() const;

  // Asked about each request; nothing: the right answer.
  std::function<std::optional<FakeFault>(const FakeCall&)> fault = [](const FakeCall&) { return std::nullopt; };
  const std::vector<FakeCall>& calls() const;
  // "list ingresses", "watch ingresses" and so on, with its namespace if it has one: how often.
  std::map<std::string, size_t> verbs() const;

  // Of running watches of a kind ("": of all). All of them take effect at the next turn of the loop.
  void end_watches(const std::string& plural);                    // as when their time is over
  void cut_watches(const std::string& plural);                    // in the middle of an event
  void send(const std::string& plural, const std::string& line);  // as it is, with a line end
  void bookmark(const std::string& plural);                       // of the version as of now
  // What has been sent stays unanswered, and nothing is sent any more, but connections stay open.
  void freeze_watches(const std::string& plural);
  size_t watch_count(const std::string& plural) const;

  // Closes everything; connects are refused until start().
  void stop();
  void start();

 private:
  class Serving;
  std::shared_ptr<Serving> serving_;
};

}  // namespace narthex::test
