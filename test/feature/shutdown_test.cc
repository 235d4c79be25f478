// The end: what is under way is finished, what is idle is closed, and the exit status is 0.
#include <signal.h>

#include <catch2/catch.hpp>

#include "test/feature/site.h"
#include "test/support/load.h"

namespace narthex::test {
namespace {

bool refuses_connections(uint16_t port) {
  try {
    connect_plain(port);
    return false;
  } catch (const NetworkError&) {
    return true;
  }
}

TEST_CASE("an idle program ends with 0 on SIGTERM and on SIGINT") {
  for (const int number : {SIGTERM, SIGINT}) {
    Site site;
    site.narthex->process().signal(number);
    CHECK(site.narthex->process().wait_for_exit() == 0);
  }
}

TEST_CASE("a request that is under way is finished before the end, and its answer says close") {
  Gate gate;
  Site site({.handler = [&](BackendExchange& exchange) {
    gate.wait();
    echo(exchange);
  }});
  const auto client = connect_plain(site.http());
  client->send(to_wire({}));
  REQUIRE(eventually([&] { return site.requests() == 1; }));
  site.narthex->process().signal(SIGTERM);
  REQUIRE(eventually([&] { return refuses_connections(site.http()); }));
  CHECK(site.narthex->process().running());
  CHECK(site.narthex->admin("/readyz").status == 503);
  CHECK(site.narthex->admin("/healthz").status == 200);
  gate.open();
  const Response response = read_response(*client);
  CHECK(response.status == 200);
  CHECK(response.head.has_token("Connection", "close"));
  CHECK(client->ended());
  CHECK(site.narthex->process().wait_for_exit() == 0);
}

TEST_CASE("a long body that is under way is finished before the end, both ways") {
  constexpr size_t kSize = 8 * 1024 * 1024;
  Gate gate;
  Site site({.handler = [&](BackendExchange& exchange) {
    const std::string body = exchange.read_body();
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                  body.substr(0, 10));
    gate.wait();
    exchange.send(body.substr(10));
  }, .ingress = {.annotations = {{"proxy-body-size", "0"}}}});
  const std::string body = pattern(kSize);
  const auto down = connect_plain(site.http());
  down->send(to_wire({.method = "POST", .body = body}));
  Head head;
  REQUIRE(down->read_head(head));
  const auto up = connect_tls(site.https(), {.server_name = "example.com"});
  up->send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n" +
           body.substr(0, 1000));
  REQUIRE(eventually([&] { return site.requests() == 2; }));
  site.narthex->process().signal(SIGTERM);
  REQUIRE(eventually([&] { return refuses_connections(site.http()); }));
  gate.open();
  CHECK((down->read_exactly(kSize) == body));
  up->send(body.substr(1000));
  CHECK((read_response(*up).body == body));
  CHECK(site.narthex->process().wait_for_exit() == 0);
}

TEST_CASE("idle connections are closed politely, and the program does not wait for their clients") {
  Site site;
  const auto plain = connect_plain(site.http());
  REQUIRE(exchange(*plain, {}).status == 200);
  const auto tls = connect_tls(site.https(), {.server_name = "example.com"});
  REQUIRE(exchange(*tls, {}).status == 200);
  const auto unused = connect_plain(site.http());
  REQUIRE(eventually([&] { return site.narthex->metric("narthex_client_connections") == 3; }));
  site.narthex->process().signal(SIGTERM);
  CHECK(plain->read_some().empty());  // the end, no reset
  CHECK(tls->read_some().empty());    // close_notify
  CHECK(unused->ended());
  CHECK(site.narthex->process().wait_for_exit() == 0);
}

TEST_CASE("under load a shutdown loses no request, only new connections are refused") {
  for (int round = 0; round < 3; ++round) {
    Site site({.pods = 2});
    Load load({.port = site.http(), .clients = 6, .server_may_leave = true});
    REQUIRE(load.wait_for_more(300));
    site.narthex->process().signal(SIGTERM);
    CHECK(site.narthex->process().wait_for_exit() == 0);
    CHECK(load.wait_for_end());
    const LoadTally tally = load.stop();
    INFO(tally.first_failure);
    CHECK(tally.failed == 0);
  }
}

TEST_CASE("during the grace period the program is not ready but serves, new connections too") {
  Site site({.narthex = {.more = {"--shutdown-grace-period", "2"}}});
  const auto before = connect_plain(site.http());
  REQUIRE(exchange(*before, {}).status == 200);
  site.narthex->process().signal(SIGTERM);
  REQUIRE(eventually([&] { return site.narthex->admin("/readyz").status == 503; }));
  CHECK(get(site.http(), "example.com").status == 200);
  CHECK(exchange(*before, {}).status == 200);
  CHECK(site.narthex->process().wait_for_exit() == 0);
}

TEST_CASE("what does not end by itself ends with the shutdown timeout, with 0") {
  Gate gate;
  Site site({.handler =
                 [&](BackendExchange& exchange) {
                   gate.wait();
                   echo(exchange);
                 },
             .narthex = {.more = {"--shutdown-timeout", "1"}}});
  const auto client = connect_plain(site.http());
  client->send(to_wire({}));
  REQUIRE(eventually([&] { return site.requests() == 1; }));
  CHECK(site.narthex->stop() == 0);
  CHECK(client->ended());
  gate.open();
}

}  // namespace
}  // namespace narthex::test
