// Real WebSockets through the real binary: what a browser and a pod say to each other arrives as it was said, over TLS
// too, and goes on while the configuration changes.
#include <catch2/catch.hpp>

#include "test/feature/site.h"
#include "test/support/certificates.h"
#include "test/support/websocket.h"

namespace narthex::test {
namespace {

std::unique_ptr<WebSocket> open_socket(const Site& site, bool tls, const WebSocketOptions& options = {}) {
  auto connection = tls ? connect_tls(site.https(), {.server_name = options.host}) : connect_plain(site.http());
  return std::make_unique<WebSocket>(std::move(connection), options);
}

WebSocketMessage text(std::string bytes) { return {std::move(bytes), false}; }
WebSocketMessage binary_of(size_t bytes, uint64_t seed = 1) { return {pattern(bytes, seed), true}; }

TEST_CASE("messages of a WebSocket arrive as they were sent: text, binary, empty, in fragments, of a mebibyte") {
  EchoingWebSockets pod;
  const Site site({.handler = pod.handler()});
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    const auto socket = open_socket(site, tls);
    CHECK(socket->ask(text("hello")) == text("hello"));
    CHECK(socket->ask(text("")) == text(""));
    CHECK(socket->ask(text("Grüße, 世界")) == text("Grüße, 世界"));
    for (const size_t bytes : {1, 125, 126, 65535, 65536, 1 << 20}) {
      CAPTURE(bytes);
      CHECK((socket->ask(binary_of(bytes)) == binary_of(bytes)));
    }
    CHECK((socket->ask(binary_of(100'000), 7'000) == binary_of(100'000)));
    CHECK(socket->pongs().size() == 14);  // one between each two of 15 fragments
    CHECK((socket->ask(binary_of(1 << 20, 2), 300'000) == binary_of(1 << 20, 2)));
    CHECK(socket->ask(text("in three"), 3) == text("in three"));
  }
}

TEST_CASE("pings of a WebSocket reach the other side, and its pongs come back") {
  EchoingWebSockets pod;
  const Site site({.handler = pod.handler()});
  for (const bool tls : {false, true}) {
    const auto socket = open_socket(site, tls);
    socket->ping("first");
    socket->ping("");
    CHECK(socket->ask(text("and a message")) == text("and a message"));
    CHECK(socket->pongs() == std::vector<std::string>{"first", ""});
    CHECK(socket->ask(text("ping me")) == text("ping me"));
    CHECK(socket->pings() == std::vector<std::string>{"are you there"});
    CHECK(socket->ask(text("still open")) == text("still open"));
  }
}

TEST_CASE("the closing handshake of a WebSocket passes in both directions, with code and reason") {
  EchoingWebSockets pod;
  const Site site({.handler = pod.handler()});
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    const auto closing = open_socket(site, tls);
    CHECK(closing->ask(text("hello")) == text("hello"));
    CHECK(closing->close({4000, "done here"}) == WebSocketEnd{4000, ""});
    CHECK(eventually([&] { return pod.ends().size() == (tls ? 3 : 1); }));
    CHECK(pod.ends().back() == WebSocketEnd{4000, "done here"});
    const auto closed = open_socket(site, tls);
    closed->send(text("close me"));
    CHECK(closed->wait_for_end() == WebSocketEnd{4001, "as you wish"});
    CHECK(eventually([&] { return pod.ends().size() == (tls ? 4 : 2); }));
    CHECK(pod.ends().back() == WebSocketEnd{4001, ""});
  }
  CHECK(eventually([&] { return site.narthex->metric("narthex_tunnels") == 0; }));
}

TEST_CASE("a subprotocol and compression are between the client and its pod") {
  EchoingWebSockets pod;
  const Site site({.handler = pod.handler()});
  for (const bool tls : {false, true}) {
    const auto socket =
        open_socket(site, tls, {.target = "/chat?room=1", .protocol = "chat.v2, chat.v1", .deflate = true});
    CHECK(socket->protocol() == "chat.v2");
    CHECK(socket->deflates());
    const WebSocketMessage long_text = text(std::string(300'000, 'x') + "y");
    CHECK((socket->ask(long_text) == long_text));
    const auto plain = open_socket(site, tls);
    CHECK(plain->protocol().empty());
    CHECK_FALSE(plain->deflates());
  }
}

TEST_CASE("WebSockets go on while the configuration changes, even without their route, pod and certificate") {
  CertificateSpec spec;
  spec.names = {"example.com"};
  const PemPair first = make_certificate(spec), second = make_certificate(spec);
  const std::string secret = tls_secret_yaml("cert", first.chain, first.key);
  EchoingWebSockets pod;
  Site site({.pods = 2, .handler = pod.handler(), .ingress = {.annotations = {{"ssl-redirect", "false"}}, .tls = {{{"example.com"}, "cert"}}}, .more = secret});
  std::vector<std::unique_ptr<WebSocket>> sockets;
  for (int i = 0; i < 12; ++i) sockets.push_back(open_socket(site, i % 2 == 1));
  REQUIRE(eventually([&] { return site.narthex->metric("narthex_tunnels") == 12; }));
  uint64_t round = 0;
  const auto all_talk = [&] {
    ++round;
    for (size_t i = 0; i < sockets.size(); ++i) {
      const WebSocketMessage message = binary_of(5'000 * i + round, round);
      sockets[i]->send(message, i % 3 == 0 ? 1'000 : 0);
      REQUIRE((sockets[i]->receive() == message));
    }
  };
  const auto changed = [&](const std::function<void()>& change) {
    const uint64_t before = site.narthex->generation();
    change();
    REQUIRE(site.narthex->wait_generation(before + 1));
    all_talk();
  };
  all_talk();
  for (int i = 0; i < 10; ++i) {
    const std::string host = "new-" + std::to_string(i) + ".org";
    changed([&] { site.folder.write("more.yaml", ingress_yaml({.name = "more", .rules = {{host, {PathSpec{}}}}})); });
  }
  site.options().more = tls_secret_yaml("cert", second.chain, second.key);
  changed([&] { site.write(); });
  changed([&] { site.folder.remove("pods.yaml"); });
  changed([&] { site.folder.remove("web.yaml"); });
  CHECK(get(site.http(), "example.com").status == 404);
  for (const auto& socket : sockets) CHECK(socket->close({1000, "all said"}).code == 1000);
  sockets.clear();
  CHECK(eventually([&] { return site.narthex->metric("narthex_tunnels") == 0; }));
}

}  // namespace
}  // namespace narthex::test
