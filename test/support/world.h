// A compiler with a clock of its own and a short way to feed it manifests. A resource of one test; one thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/compiler.h"

namespace narthex::test {

// Stands still until it is turned. Starts at the real time, because certificates made for tests are relative to that.
class HandClock final : public base::Clock {
 public:
  base::SteadyTime steady_now() const override { return {}; }
  base::WallTime wall_now() const override { return now_; }
  void turn(std::chrono::seconds by) { now_ += by; }

 private:
  base::WallTime now_ = std::chrono::system_clock::now();
};

// The same certificate for all compilers of a test program, so that their texts can be compared.
std::shared_ptr<const tls::Certificate> default_certificate();
controller::CompilerOptions default_options();
controller::Changes changes_of(const std::string& yaml);

class World final {
 public:
  explicit World(controller::CompilerOptions options = default_options()) : compiler(std::move(options), clock) {}

  std::shared_ptr<const router::Snapshot> apply(const std::string& yaml);
  std::shared_ptr<const router::Snapshot> remove(const std::string& kind, const std::string& ns,
                                                 const std::string& name);
  std::vector<std::string> findings() const;
  // How many current findings have this reason.
  size_t count(const std::string& reason) const;

  HandClock clock;
  controller::Compiler compiler;
};

// The endpoints that a request for this host and path would be spread over; empty: 503. Fails where no route is.
std::vector<std::string> endpoints_for(const router::Snapshot& snapshot, const std::string& host,
                                       const std::string& path);
const router::Route* route_for(const router::Snapshot& snapshot, const std::string& host, const std::string& path);

// A Service with port 80 and one slice NAME-1 on port 8080.
std::string app_yaml(const std::string& name, const std::vector<std::string>& addresses,
                     const std::string& ns = "default");
std::string slice_yaml(const std::string& service, const std::vector<std::string>& addresses,
                       const std::string& ns = "default", const std::string& name = "");

}  // namespace narthex::test
