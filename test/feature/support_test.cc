// The tests' own tools: a backend and a client talking directly, without the product between them.
#include <signal.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "test/support/backend.h"
#include "test/support/client.h"
#include "test/support/load.h"
#include "test/support/manifests.h"
#include "test/support/process.h"

namespace narthex::test {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST_CASE("a test backend echoes head and body and keeps the connection") {
  Backend pod("pod-1");
  const auto client = connect_plain(pod.port());
  for (int i = 0; i < 3; ++i) {
    const Response response = exchange(*client, {.method = "POST", .target = "/x", .body = "hello"});
    CHECK(response.status == 200);
    CHECK(response.value("x-pod") == "pod-1");
    CHECK(response.body == "POST /x HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello");
  }
  CHECK(pod.requests() == 3);
  CHECK(pod.connections() == 1);
  CHECK(pod.heads().back().value("host") == "example.com");
}

TEST_CASE("a test backend that stops accepting refuses connects and can come back on its port") {
  Backend pod;
  pod.stop_accepting();
  CHECK_THROWS_AS(get(pod.port(), "a"), NetworkError);
  pod.resume_accepting();
  CHECK(get(pod.port(), "a").status == 200);
}

TEST_CASE("a test client reads chunked bodies, trailers and interim answers") {
  Backend pod("pod", [](BackendExchange& exchange) {
    exchange.send(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    exchange.send("5;x=y\r\nhello\r\n");
    exchange.send("6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n");
  });
  const Response response = get(pod.port(), "a");
  CHECK(response.body == "hello world");
  CHECK(response.chunked);
  REQUIRE(response.trailers.size() == 1);
  CHECK(response.trailers[0].name == "X-Sum");
  REQUIRE(response.interim.size() == 1);
  CHECK(response.interim[0].value("Link") == "</a>");
}

TEST_CASE("a test client reports a cut answer and a reset instead of making something up") {
  Backend pod("pod", [](BackendExchange& exchange) {
    if (exchange.target() == "/cut") exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    exchange.reset();
  });
  CHECK_THROWS_AS(get(pod.port(), "a", "/cut"), NetworkError);
  CHECK_THROWS_AS(get(pod.port(), "a", "/none"), NetworkError);
}

TEST_CASE("the load generator counts failures and closed connections") {
  Backend pod("pod", [](BackendExchange& exchange) {
    if (exchange.nth_of_connection() == 4) exchange.close();
    if (exchange.nth_of_connection() == 2) return exchange.respond(500, "bad");
    echo(exchange);
  });
  Load load({.port = pod.port(), .clients = 2});
  CHECK(eventually([&] { return pod.requests() > 50; }));
  const LoadTally tally = load.stop();
  CHECK(tally.good >= 40);
  CHECK(tally.failed >= 5);
  CHECK(tally.connections > 2);
  CHECK_FALSE(tally.first_failure.empty());
}

TEST_CASE("a projected folder swaps all its files at once through ..data") {
  ManifestFolder folder;
  folder.project({{"a.yaml", "1"}, {"b.yaml", "2"}});
  CHECK(content(folder.file("a.yaml")) == "1");
  folder.project({{"a.yaml", "3"}});
  CHECK(content(folder.file("a.yaml")) == "3");
  CHECK_FALSE(std::filesystem::exists(folder.file("b.yaml")));
  CHECK(std::filesystem::is_symlink(folder.file("a.yaml")));
}

TEST_CASE("a child process gives its output, its exit status, and dies with its object") {
  const Finished echo_run = run({"sh", "-c", "cat; echo err >&2; exit 3"}, "input");
  CHECK(echo_run.status == 3);
  CHECK(echo_run.out == "input");
  CHECK(echo_run.err == "err\n");
  pid_t pid = 0;
  {
    Process sleeper({"sh", "-c", "echo ready: >&2; sleep 1000"});
    CHECK(sleeper.wait_for_line("ready:"));
    CHECK(sleeper.running());
    pid = sleeper.pid();
  }
  CHECK(::kill(pid, 0) == -1);
  CHECK_FALSE(has_program("no-such-program-anywhere"));
}

}  // namespace
}  // namespace narthex::test
