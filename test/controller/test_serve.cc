#include <catch2/catch.hpp>
#include <csignal>
#include <utility>

#include "controller/serve.h"
#include "test/support/manifests.h"

namespace narthex::test {
namespace {

using controller::ControlPlane;
using controller::DataPlane;

// A control plane over one folder and a data plane that only writes down what it is asked for.
class Served final {
 public:
  Served() {
    flags.manifests = {folder.path().string()};
    flags.bind_address = "127.0.0.1";
    flags.admin_port = 0;
    flags.shutdown_timeout_seconds = 3600;
    folder.write("site.yaml", ingress_class_yaml() + ingress_yaml({}) + service_yaml("web"));
    plane.publish = [this](std::shared_ptr<const router::Snapshot> snapshot) {
      published.push_back(std::move(snapshot));
    };
    plane.reclaim = [] {};
    plane.adopted_generation = [this] { return published.empty() ? 0 : published.back()->generation; };
    plane.traffic = [] { return controller::Traffic{}; };
    plane.drain = [this] { ++drains; };
    plane.drained = [this] { return drains > 0; };
  }

  std::unique_ptr<ControlPlane> load() {
    auto control = ControlPlane::load(flags, "1.2.3", clock);
    REQUIRE(control.has_value());
    return std::move(*control);
  }

  // A second one would mean "at once".
  void raise_once(int signal) {
    if (!std::exchange(raised_, true)) std::raise(signal);
  }

  ManifestFolder folder;
  config::Flags flags;
  base::SystemClock clock;
  DataPlane plane;
  std::vector<std::shared_ptr<const router::Snapshot>> published;
  int drains = 0;

 private:
  bool raised_ = false;
};

TEST_CASE("the first snapshot is published at once, and SIGTERM drains before the end") {
  Served served;
  served.plane.adopted_generation = [&] {
    served.raise_once(SIGTERM);
    return uint64_t{0};
  };
  const auto control = served.load();
  CHECK(served.published.empty());
  CHECK(control->serve(served.plane).has_value());
  REQUIRE(served.published.size() == 1);
  CHECK(served.published[0]->generation == 1);
  CHECK(served.published[0]->hosts.find("example.com") != nullptr);
  CHECK(served.drains == 1);
}

TEST_CASE("an edit is published as the next generation while serving") {
  Served served;
  served.plane.publish = [&](std::shared_ptr<const router::Snapshot> snapshot) {
    served.published.push_back(std::move(snapshot));
    IngressSpec spec;
    spec.rules[0].host = "new.example.com";
    if (served.published.size() == 1) served.folder.write("site.yaml", ingress_class_yaml() + ingress_yaml(spec));
    if (served.published.back()->hosts.find("new.example.com")) served.raise_once(SIGINT);
  };
  const auto control = served.load();
  CHECK(control->serve(served.plane).has_value());
  CHECK(served.published.size() >= 2);
  CHECK(served.published.back()->generation == served.published.size());
}

TEST_CASE("a second signal ends at once, though connections are still open") {
  Served served;
  int asked = 0;
  served.plane.drained = [&] {
    if (++asked == 1) std::raise(SIGTERM);
    return false;
  };
  served.plane.adopted_generation = [&] {
    served.raise_once(SIGTERM);
    return uint64_t{1};
  };
  const auto control = served.load();
  CHECK(control->serve(served.plane).has_value());
  CHECK(served.drains == 1);
}

TEST_CASE("connections that do not end are given up at the shutdown timeout") {
  Served served;
  served.flags.shutdown_timeout_seconds = 0;
  served.plane.drained = [] { return false; };
  served.plane.adopted_generation = [&] {
    served.raise_once(SIGTERM);
    return uint64_t{1};
  };
  const auto control = served.load();
  CHECK(control->serve(served.plane).has_value());
  CHECK(served.drains == 1);
}

TEST_CASE("broken manifests do not keep the control plane from loading, a folder that is not there does") {
  Served served;
  served.folder.write("broken.yaml", "kind: [oops\n");
  served.load();
  served.flags.manifests = {"/nonexistent/manifests"};
  const auto control = ControlPlane::load(served.flags, "1.2.3", served.clock);
  REQUIRE(control.has_error());
  CHECK(control.error().message().find("/nonexistent/manifests: does not exist") != std::string::npos);
}

}  // namespace
}  // namespace narthex::test
