// Pods that misbehave, and how requests are spread over them.
#include <atomic>
#include <catch2/catch.hpp>
#include <set>

#include "test/feature/site.h"

namespace narthex::test {
namespace {

size_t count_of(const Backend& pod, const std::string& method) {
  size_t count = 0;
  for (const Head& head : pod.heads()) count += head.start_line.starts_with(method + " ") ? 1 : 0;
  return count;
}

TEST_CASE("a pod that refuses connections fails no request while another one is ready") {
  Site site({.pods = 2});
  site.pod(0).stop_accepting();
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 100; ++i) {
    const Response response =
        exchange(*client, {.method = i % 2 == 0 ? "GET" : "POST", .body = i % 2 == 0 ? "" : "once"});
    REQUIRE(response.status == 200);
    REQUIRE(response.value("X-Pod") == "pod-2");
  }
  CHECK(site.pod(1).requests() == 100);
}

TEST_CASE("most pods may be gone before their endpoints are: no request fails, and few of them notice") {
  Site site({.pods = 10, .narthex = {.workers = 2}});
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 20; ++i) REQUIRE(exchange(*client, {}).status == 200);
  for (size_t i = 1; i < 9; ++i) {
    site.pod(i).stop_accepting();
    site.pod(i).close_connections();
    REQUIRE(eventually([&] { return site.pod(i).open_connections() == 0; }));
  }
  for (int i = 0; i < 200; ++i) {
    const auto another = connect_plain(site.http());
    REQUIRE(exchange(*another, {.method = "POST", .body = "once"}).status == 200);
  }
  CHECK(site.pod(0).requests() + site.pod(9).requests() >= 200);
  // Each worker asks a pod that refused once a second at the most.
  const auto retries = site.narthex->metric("narthex_upstream_retries_total");
  CHECK(retries > 0);
  CHECK(retries <= 2 * 8 * 5);
}

TEST_CASE("where every pod refuses connections the answer is 502, and the client's connection stays") {
  Site site({.pods = 2});
  const auto client = connect_plain(site.http());
  for (auto& pod : site.pods) pod->stop_accepting();
  for (int i = 0; i < 3; ++i) CHECK(exchange(*client, {}).status == 502);
  for (auto& pod : site.pods) pod->resume_accepting();
  CHECK(eventually([&] { return exchange(*client, {}).status == 200; }));
}

TEST_CASE("a GET on a reused connection that the pod resets is repeated") {
  Site site({.handler =
                 [](BackendExchange& exchange) {
                   if (exchange.nth_of_connection() > 0) return exchange.reset();
                   echo(exchange);
                 },
             .narthex = {.workers = 1}});
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 20; ++i) REQUIRE(exchange(*client, {}).status == 200);
}

TEST_CASE("a POST that a pod has read is not repeated, whatever the pod does then") {
  Site site({.pods = 3,
             .handler =
                 [](BackendExchange& exchange) {
                   if (exchange.method() == "POST") {
                     exchange.read_body();
                     return exchange.reset();
                   }
                   echo(exchange);
                 },
             .narthex = {.workers = 1}});
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 6; ++i) REQUIRE(exchange(*client, {}).status == 200);
  CHECK(exchange(*client, {.method = "POST", .body = "only once"}).status == 502);
  size_t posts = 0;
  for (const auto& pod : site.pods) posts += count_of(*pod, "POST");
  CHECK(posts == 1);
}

TEST_CASE("idle connections that a pod has closed cost no request, not even a POST") {
  Site site({.narthex = {.workers = 1}});
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 20; ++i) {
    REQUIRE(exchange(*client, {}).status == 200);
    site.pod().close_connections();
    REQUIRE(eventually([&] { return site.pod().open_connections() == 0; }));
    REQUIRE(exchange(*client, {.method = "POST", .body = "x"}).status == 200);
  }
  CHECK(count_of(site.pod(), "POST") == 20);
}

TEST_CASE("a pod that answers nothing or nonsense is 502, after two more tries at the most") {
  std::string answer;
  SECTION("nothing, closed") {}
  SECTION("no HTTP") { answer = "SSH-2.0-OpenSSH_9.2\r\n\r\n"; }
  SECTION("a bad status") { answer = "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"; }
  SECTION("two lengths") { answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"; }
  SECTION("a length that is none") { answer = "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"; }
  SECTION("half a head") { answer = "HTTP/1.1 200 OK\r\nContent-"; }
  SECTION("a head above the limit") { answer = "HTTP/1.1 200 OK\r\nX-Big: " + std::string(200'000, 'x') + "\r\n\r\n"; }
  SECTION("a bad field") { answer = "HTTP/1.1 200 OK\r\nBad Name: 1\r\nContent-Length: 0\r\n\r\n"; }
  CAPTURE(answer.substr(0, 80));
  Site site({.handler = [answer](BackendExchange& exchange) {
    exchange.send(answer);
    exchange.close();
  }});
  const auto client = connect_plain(site.http());
  CHECK(exchange(*client, {}).status == 502);
  CHECK(site.pod().requests() <= 3);
  CHECK(exchange(*client, {.host = "unknown.org"}).status == 404);
}

TEST_CASE("an answer that a pod cuts short is cut for the client too, never completed") {
  std::string answer;
  SECTION("by length") { answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes."; }
  SECTION("in a chunk") { answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nten bytes."; }
  SECTION("between chunks") { answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\n"; }
  Site site({.handler = [answer](BackendExchange& exchange) {
    exchange.send(answer);
    exchange.close();
  }});
  const auto client = connect_plain(site.http());
  client->send(to_wire({}));
  CHECK_THROWS_AS(read_response(*client), NetworkError);
  CHECK(client->ended());
  CHECK(site.pod().requests() == 1);
}

TEST_CASE("an answer with a malformed chunk is 502, or cut where its head is gone already") {
  Gate begun;
  const Site site({.handler = [&](BackendExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\n");
    if (exchange.target() == "/late") begun.wait();
    exchange.send("zz\r\n\r\n");
    exchange.close();
  }});
  const auto late = connect_plain(site.http());
  late->send(to_wire({.target = "/late"}));
  Head head;
  REQUIRE(late->read_head(head));
  CHECK(head.start_line.starts_with("HTTP/1.1 200"));
  begun.open();
  CHECK(late->read_until("ten bytes.").ends_with("ten bytes."));
  CHECK(late->read_until("\r\n") == "\r\n");
  CHECK(late->ended());
  const auto once = connect_plain(site.http());
  once->send(to_wire({}));
  int status = 0;  // cut
  try {
    status = read_response(*once).status;
  } catch (const NetworkError&) {
  }
  CHECK((status == 0 || status == 502));
}

TEST_CASE("a slow pod does not hold up other requests of the same worker") {
  Gate gate;
  Site site({.handler =
                 [&](BackendExchange& exchange) {
                   if (exchange.target() == "/slow") gate.wait();
                   echo(exchange);
                 },
             .narthex = {.workers = 1}});
  const auto slow = connect_plain(site.http());
  slow->send(to_wire({.target = "/slow"}));
  REQUIRE(eventually([&] { return site.requests() == 1; }));
  for (int i = 0; i < 10; ++i) CHECK(get(site.http(), "example.com").status == 200);
  gate.open();
  CHECK(read_response(*slow).status == 200);
}

TEST_CASE("a client that goes away takes its request at the pod with it") {
  Gate gate;
  Site site({.handler = [&](BackendExchange& exchange) {
    if (exchange.connection().ended()) gate.open();
    exchange.close();
  }});
  auto client = connect_plain(site.http());
  client->send(to_wire({}));
  REQUIRE(eventually([&] { return site.requests() == 1; }));
  client->reset_on_close();
  client.reset();
  CHECK(gate.wait(kPatience / 2));
}

TEST_CASE("a hundred requests over ten pods touch all ten, with four workers and a connection for each request") {
  const Site site({.pods = 10, .narthex = {.workers = 4}});
  std::set<std::string> touched;
  for (int i = 0; i < 100; ++i) touched.insert(get(site.http(), "example.com").value("X-Pod"));
  CHECK(touched.size() == 10);
}

TEST_CASE("a hundred requests over ten pods touch all ten, with four workers and few clients") {
  const Site site({.pods = 10, .narthex = {.workers = 4}});
  for (const int clients : {1, 2, 5}) {
    std::set<std::string> touched;
    std::vector<std::unique_ptr<Connection>> connections;
    for (int i = 0; i < clients; ++i) connections.push_back(connect_plain(site.http()));
    for (size_t i = 0; i < 100; ++i) touched.insert(exchange(*connections[i % connections.size()], {}).value("X-Pod"));
    CAPTURE(clients);
    CHECK(touched.size() == 10);
  }
}

TEST_CASE("round robin spreads the requests of a connection evenly") {
  Site site({.pods = 5, .narthex = {.workers = 1}});
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 100; ++i) REQUIRE(exchange(*client, {}).status == 200);
  for (const auto& pod : site.pods) CHECK(pod->requests() == 20);
}

}  // namespace
}  // namespace narthex::test
