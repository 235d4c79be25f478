// An API source on a loop of its own, before a made-up API server on the same loop, with what it delivers applied to a
// plain model. A resource of one test; one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "controller/api/api_source.h"
#include "test/support/fake_api.h"

namespace narthex::test {

class ApiWorld final {
 public:
  // Back-offs of some milliseconds, and long waits that no test runs into.
  static controller::ApiSourceOptions quick();

  explicit ApiWorld(FakeApi::Options server = {});
  // The usual site: class, Ingress shop (shop.example.com), Service web and its slice, in namespace default.
  void put_site();
  void put_ingress(const std::string& name, const std::string& host, const std::string& secret = "",
                   const std::string& ns = "default");
  void start(controller::ApiSourceOptions options = quick());
  void start(controller::ApiAccess access, controller::ApiSourceOptions options = quick());
  // start(), and until it is complete.
  void begin(controller::ApiSourceOptions options = quick());
  controller::ApiAccess access() const;

  // Runs the loop until it holds, or fails the test.
  void run_until(const std::function<bool()>& holds);
  // Until all that has been put so far has come through the watches: a marker is put and waited for.
  void run_marker();

  bool has(const std::string& name) const { return model.contains(name); }  // "Ingress default/shop"
  std::string host_of(const std::string& ingress) const;                    // of its first rule
  bool has_finding(const std::string& reason) const;
  std::string findings() const;  // all, one per line
  size_t lists(const std::string& kind) const;
  size_t watches(const std::string& kind) const;
  uint64_t answers(const std::string& code) const;
  controller::ApiSource& source() { return *source_; }

  boost::asio::io_context loop;
  FakeApi api;
  std::map<std::string, config::Object> model;
  std::map<std::string, size_t> delivered;  // how often something was said about an object
  std::set<config::ObjectKey> used_secrets;
  size_t batches = 0;
  // Is shown each batch, too.
  std::function<void(const controller::SourceBatch&)> deliver = [](const controller::SourceBatch&) {};

 private:
  void take(controller::SourceBatch batch);

  base::SystemClock clock_;
  std::map<std::string, config::Findings> findings_;
  std::unique_ptr<controller::ApiSource> source_;
  int markers_ = 0;
};

}  // namespace narthex::test
