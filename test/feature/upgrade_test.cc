// Upgrades to WebSocket: after the 101 the proxy is a pipe in both directions.
#include <catch2/catch.hpp>
#include <thread>

#include "test/feature/site.h"

namespace narthex::test {
namespace {

const std::vector<Field> kUpgrade = {{"Connection", "Upgrade"},
                                     {"Upgrade", "websocket"},
                                     {"Sec-WebSocket-Version", "13"},
                                     {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
const std::string k101 =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

// Switches, says "hi " at once, then echoes until the end, and says " bye" after it.
void switch_and_echo(BackendExchange& exchange) {
  if (!exchange.head().has_token("Connection", "upgrade")) return echo(exchange);
  exchange.send(k101 + "hi ");
  for (std::string part = exchange.connection().read_some(); !part.empty(); part = exchange.connection().read_some())
    exchange.send(part);
  exchange.send(" bye");
  exchange.close();
}

TEST_CASE("an upgrade carries bytes both ways, as they come, until both sides have ended") {
  const Site site({.handler = switch_and_echo});
  const std::string bytes = pattern(3'000'000);
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    const auto client = tls ? connect_tls(site.https(), {.server_name = "example.com"}) : connect_plain(site.http());
    const Response response = exchange(*client, {.target = "/chat", .fields = kUpgrade});
    REQUIRE(response.status == 101);
    CHECK(response.head.has_token("Upgrade", "websocket"));
    CHECK(response.head.has_token("Connection", "upgrade"));
    CHECK(response.value("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(client->read_exactly(3) == "hi ");
    client->send("\x81\x05hello");
    CHECK(client->read_exactly(7) == "\x81\x05hello");
    std::thread sender([&] { client->send(bytes); });
    const bool same = client->read_exactly(bytes.size()) == bytes;
    sender.join();
    CHECK(same);
  }
}

TEST_CASE("the end of a client's half passes to the pod, whose last words still come") {
  const Site site({.handler = switch_and_echo});
  const auto client = connect_plain(site.http());
  REQUIRE(exchange(*client, {.fields = kUpgrade}).status == 101);
  client->send("last");
  client->shutdown_write();
  CHECK(client->read_to_end() == "hi last bye");
}

TEST_CASE("the end of a pod's half passes to the client") {
  const Site site({.handler = [](BackendExchange& exchange) {
    exchange.send(k101 + "over");
    exchange.close();
  }});
  const auto client = connect_plain(site.http());
  REQUIRE(exchange(*client, {.fields = kUpgrade}).status == 101);
  CHECK(client->read_exactly(4) == "over");
  CHECK(client->ended());
}

TEST_CASE("bytes that a client sends right behind its upgrade are not lost") {
  const Site site({.handler = switch_and_echo});
  const auto client = connect_plain(site.http());
  client->send(to_wire({.fields = kUpgrade}) + "eager");
  REQUIRE(read_response(*client).status == 101);
  CHECK(client->read_exactly(8) == "hi eager");
}

TEST_CASE("a pod that refuses an upgrade gives an ordinary answer on a connection that goes on") {
  const Site site({.handler = [](BackendExchange& exchange) { exchange.respond(403, "no"); }});
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 3; ++i) {
    const Response response = exchange(*client, {.fields = kUpgrade});
    CHECK(response.status == 403);
    CHECK(response.body == "no");
  }
}

TEST_CASE("a 101 that nobody asked for is the pod's mistake: 502") {
  const Site site({.handler = [](BackendExchange& exchange) { exchange.send(k101); }});
  CHECK(fetch(site.http(), {}).status == 502);
}

TEST_CASE("an upgrade to h2c is not passed on, the request is served as HTTP/1.1") {
  const Site site;
  const Response response = fetch(site.http(), {.fields = {{"Connection", "Upgrade, HTTP2-Settings"},
                                                           {"Upgrade", "h2c"},
                                                           {"HTTP2-Settings", "AAMAAABkAAQAAP__"}}});
  CHECK(response.status == 200);
  const Head seen = echoed_head(response);
  CHECK_FALSE(seen.has("HTTP2-Settings"));
  CHECK_FALSE(seen.has_token("Upgrade", "h2c"));
}

TEST_CASE("an open tunnel outlives changes of the configuration, even the loss of its route") {
  Site site({.handler = switch_and_echo});
  const auto client = connect_plain(site.http());
  REQUIRE(exchange(*client, {.fields = kUpgrade}).status == 101);
  CHECK(client->read_exactly(3) == "hi ");
  site.folder.remove("web.yaml");
  REQUIRE(eventually([&] { return get(site.http(), "example.com").status == 404; }));
  client->send("still here");
  CHECK(client->read_exactly(10) == "still here");
}

}  // namespace
}  // namespace narthex::test
