// An API server in memory that is written to: objects by path with versions and uids, create, replace, merge patch, get
// and list by name. Answers wait until run(), so that tests decide what happens in between. Also a clock whose two hands
// are turned apart. Owned by the test; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "config/tree.h"
#include "controller/api/api_call.h"

namespace narthex::test {

class TurnedClock final : public base::Clock {
 public:
  base::SteadyTime steady_now() const override { return steady_; }
  base::WallTime wall_now() const override { return wall_; }
  void turn(std::chrono::milliseconds by) {
    steady_ += by;
    wall_ += by;
  }
  void skew(std::chrono::milliseconds by) { wall_ += by; }

 private:
  base::SteadyTime steady_{std::chrono::hours(1)};
  base::WallTime wall_ = std::chrono::system_clock::now();
};

class WrittenCluster final {
 public:
  // For a client; all share the objects.
  controller::ApiCall call();
  // Answers what waits, and what comes of that, until nothing waits.
  void run();
  size_t waiting() const { return waiting_.size(); }
  // Answers the oldest that waits.
  void answer_one();

  // Whatever was there under that path ("/apis/.../ingresses/shop") is replaced; without uid it gets one.
  void put(const std::string& path, const std::string& json);
  void erase(const std::string& path) { objects_.erase(path); }
  // The text at names joined with dots ("spec.holderIdentity", "status.loadBalancer.ingress"), as JSON; empty: absent.
  std::string at(const std::string& path, const std::string& names) const;
  // Paths below a prefix.
  std::vector<std::string> paths(const std::string& prefix) const;
  // How often: "PATCH /apis/...".
  size_t count(const std::string& method, const std::string& part = "") const;

  // Asked about each request when it is answered; nothing: the right answer. 0: no answer.
  std::function<std::optional<controller::ApiAnswer>(const controller::ApiRequest&)> fault =
      [](const controller::ApiRequest&) { return std::nullopt; };
  std::vector<controller::ApiRequest> requests;

 private:
  controller::ApiAnswer answer(const controller::ApiRequest& request);
  controller::ApiAnswer create(const std::string& path, config::Tree object);
  controller::ApiAnswer store(const std::string& path, config::Tree object, int status);

  std::map<std::string, config::Tree> objects_;
  std::deque<std::pair<controller::ApiRequest, controller::ApiAnswerTaker>> waiting_;
  uint64_t version_ = 100;
};

controller::ApiAnswer answer_of(uint32_t status, std::string body = "{}");
// An Ingress of that class for NAME.example.com in namespace default, showing that address ("": none); no service: NAME.
std::string status_ingress_yaml(const std::string& name, const std::string& class_name, const std::string& address,
                                const std::string& service = "");
inline const std::string kIngresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses/";
inline const std::string kEvents = "/api/v1/namespaces/default/events";

}  // namespace narthex::test
