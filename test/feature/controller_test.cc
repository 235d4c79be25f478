// `narthex controller`, the real binary, before a made-up API server.
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "test/feature/site.h"
#include "test/support/fake_api.h"

namespace narthex::test {
namespace {

// An API server on a thread of its own.
class LiveApi final {
 public:
  LiveApi() : api(loop), thread_([this] { loop.run(); }) {}
  ~LiveApi() {
    loop.stop();
    thread_.join();
  }
  // On the server's thread.
  template <typename Do>
  void run(Do act) {
    std::promise<void> done;
    boost::asio::post(loop, [&] {
      act();
      done.set_value();
    });
    done.get_future().wait();
  }
  void put_site(const std::string& host) {
    run([&] {
      FakeCluster& cluster = api.cluster();
      cluster.put("ingressclasses", "", "nginx", ingress_class_json("nginx"));
      cluster.put("ingresses", "default", "shop", ingress_json("default", "shop", host));
      cluster.put("services", "default", "web", service_json("default", "web"));
      cluster.put("endpointslices", "default", "web-1", slice_json("default", "web", "10.244.0.9", 8080));
    });
  }

  boost::asio::io_context loop;
  FakeApi api;

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop.get_executor()};
  std::thread thread_;
};

TEST_CASE("the controller serves what the API server says, and on while that is away") {
  LiveApi server;
  server.put_site("one.example.com");
  const ManifestFolder none;
  Narthex narthex(binary(), none, {.api_server = server.api.url()});
  CHECK(narthex.admin("/routes").body.find("host one.example.com\n  prefix / -> default/web:80") != std::string::npos);
  CHECK(narthex.admin("/routes").body.find("10.244.0.9:8080") != std::string::npos);
  server.put_site("two.example.com");
  CHECK(eventually([&] { return narthex.admin("/routes").body.find("host two.example.com") != std::string::npos; }));
  CHECK(narthex.metric("narthex_api_watches_total{kind=\"Ingress\"}") == 1);
  server.run([&] { server.api.stop(); });
  CHECK(narthex.process().wait_for_line("what is served stays as it is"));
  CHECK(narthex.admin("/readyz").status == 200);
  CHECK(get(narthex.http_port(), "nowhere.example.com").status == 404);
  server.run([&] { server.api.start(); });
  CHECK(narthex.process().wait_for_line(" answers"));
  server.put_site("three.example.com");
  CHECK(eventually([&] { return narthex.admin("/routes").body.find("host three.example.com") != std::string::npos; }));
  CHECK(narthex.stop() == 0);
}

TEST_CASE("the controller is not ready before everything has been listed, and says what is missing") {
  LiveApi server;
  server.put_site("one.example.com");
  std::atomic<bool> forbidden{true};
  server.run([&] {
    server.api.fault = [&](const FakeCall& call) -> std::optional<FakeFault> {
      if (!forbidden || call.scope.plural != "services") return std::nullopt;
      return FakeFault{
          .status = 429, .body = status_json(429, "TooManyRequests", "later"), .fields = "Retry-After: 1\r\n"};
    };
  });
  Process process({binary(), "controller", "--apiserver-host", server.api.url(), "--bind-address", "127.0.0.1",
                   "--http-port=0", "--https-port=0", "--admin-port=0"});
  REQUIRE(process.wait_for_line("answer 429: later; there is nothing to serve before it answers"));
  CHECK_FALSE(process.wait_for_line("ready:", std::chrono::milliseconds(0)));
  forbidden = false;
  CHECK(process.wait_for_line("ready:"));
}

TEST_CASE("check prints the routes of a live cluster, and one line where there is none") {
  LiveApi server;
  server.put_site("one.example.com");
  const Finished checked = run({binary(), "check", "--apiserver-host", server.api.url()});
  CHECK(checked.status == 0);
  CHECK(checked.out.starts_with("host one.example.com\n  prefix / -> default/web:80 (default/shop)\n"));
  CHECK(checked.out.ends_with("4 objects, 1 route, 0 findings, 0 refused\n"));
  server.run([&] { server.api.stop(); });
  const Finished away = run({binary(), "check", "--apiserver-host", server.api.url()});
  CHECK(away.status == 1);
  CHECK(away.out == "");
  CHECK(away.err.find("the API server at " + server.api.url() + ": no connection: Connection refused") !=
        std::string::npos);
}

}  // namespace
}  // namespace narthex::test
