// Large bodies, byte for byte, and what a slow peer may cost.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <thread>

#include "test/feature/site.h"

namespace narthex::test {
namespace {

// What a blocked transfer of 64 MiB may add to the process. AddressSanitizer keeps freed memory for a while (its quarantine), so
// that nothing can be said about growth under it; the bound then only catches a transfer that is held in memory many times over.
#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kGrowthMax = 512ull << 20;
#else
constexpr uint64_t kGrowthMax = 48ull << 20;
#endif

constexpr size_t kMiB = 1024 * 1024;

// GET ?size=N gives pattern(N); POST gives back its body; ?chunked=1 in chunks of odd sizes.
void give_or_take(BackendExchange& exchange) {
  const std::string body = exchange.method() == "POST" ? exchange.read_body() : pattern(exchange.parameter("size"));
  if (exchange.parameter("chunked") == 0) return exchange.respond(200, body);
  exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  size_t at = 0;
  for (size_t size = 1; at < body.size(); size = size * 3 % 70'001 + 1) {
    const std::string part = body.substr(at, size);
    char line[32];
    std::snprintf(line, sizeof line, "%zx\r\n", part.size());
    exchange.send(line + part + "\r\n");
    at += part.size();
  }
  exchange.send("0\r\n\r\n");
}

// The default is 1 MiB.
const IngressSpec kAnySize = {.annotations = {{"proxy-body-size", "0"}}};

std::unique_ptr<Connection> connect(const Site& site, bool tls) {
  return tls ? connect_tls(site.https(), {.server_name = "example.com"}) : connect_plain(site.http());
}

TEST_CASE("bodies of every size come down unchanged, plain and over TLS") {
  const Site site({.handler = give_or_take, .ingress = kAnySize});
  for (const bool tls : {false, true}) {
    const auto client = connect(site, tls);
    for (const size_t size :
         {size_t{0}, size_t{1}, size_t{16 * 1024}, size_t{32 * 1024 - 1}, size_t{64 * 1024 + 1}, kMiB, 12 * kMiB + 7}) {
      CAPTURE(tls, size);
      const Response response = exchange(*client, {.target = "/?size=" + std::to_string(size)});
      REQUIRE(response.status == 200);
      REQUIRE((response.body == pattern(size)));
    }
  }
}

TEST_CASE("bodies of every size go up unchanged, plain and over TLS") {
  const Site site({.handler = give_or_take, .ingress = kAnySize});
  for (const bool tls : {false, true}) {
    const auto client = connect(site, tls);
    for (const size_t size :
         {size_t{1}, size_t{16 * 1024}, size_t{32 * 1024 + 1}, size_t{64 * 1024}, kMiB, 12 * kMiB + 7}) {
      CAPTURE(tls, size);
      const Response response = exchange(*client, {.method = "POST", .body = pattern(size)});
      REQUIRE(response.status == 200);
      REQUIRE((response.body == pattern(size)));
    }
  }
}

TEST_CASE("large chunked bodies pass unchanged both ways, plain and over TLS") {
  const Site site({.handler = give_or_take, .ingress = kAnySize});
  const std::string body = pattern(10 * kMiB + 3);
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    const auto client = connect(site, tls);
    client->send("POST /?chunked=1 HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < body.size(); at += 100'000) {
      const std::string part = body.substr(at, 100'000);
      char line[32];
      std::snprintf(line, sizeof line, "%zx\r\n", part.size());
      client->send(line + part + "\r\n");
    }
    client->send("0\r\n\r\n");
    const Response response = read_response(*client);
    REQUIRE(response.status == 200);
    REQUIRE((response.body == body));
    REQUIRE(exchange(*client, {.target = "/?size=3"}).body == pattern(3));
  }
}

TEST_CASE("an answer may begin while its request is still on the way") {
  const Site site({.handler = [&](BackendExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nearly");
    const size_t size = exchange.read_body().size();
    exchange.send(size == kMiB ? "whole" : "short");
  }});
  const auto client = connect_plain(site.http());
  const std::string body = pattern(kMiB);
  client->send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: " + std::to_string(kMiB) + "\r\n\r\n" +
               body.substr(0, 1000));
  Head head;
  REQUIRE(client->read_head(head));
  CHECK(client->read_exactly(5) == "early");
  client->send(body.substr(1000));
  CHECK(client->read_exactly(5) == "whole");
  CHECK(exchange(*client, {.method = "POST", .body = body}).status == 200);
}

TEST_CASE("a final answer before the body was read reaches the client") {
  const Site site({.handler = [&](BackendExchange& exchange) { exchange.respond(413, "too large"); }, .ingress = kAnySize});
  const auto client = connect_plain(site.http());
  client->send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: " + std::to_string(64 * kMiB) + "\r\n\r\n" +
               pattern(1000));
  const Response response = read_response(*client);
  CHECK(response.status == 413);
  CHECK(response.body == "too large");
}

// Waits until `count` stands still: whoever counts there cannot go on, or is done.
void wait_until_still(const std::atomic<size_t>& count) {
  size_t before = 0;
  int still = 0;
  eventually([&] {
    const size_t now = count;
    still = now == before && now > 0 ? still + 1 : 0;
    before = now;
    return still == 200;
  });
}

TEST_CASE("a client that does not read costs a bounded amount of memory and loses nothing") {
  constexpr size_t kBlock = 64 * 1024;
  constexpr size_t kTotal = 192 * kMiB;
  std::atomic<size_t> sent{0};
  const std::string block = pattern(kBlock);
  const Site site({.handler = [&](BackendExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kTotal) + "\r\n\r\n");
    for (sent = 0; sent < kTotal; sent += kBlock) exchange.send(block);
  }});
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    const auto client = connect(site, tls);
    const size_t before = site.narthex->peak_resident_bytes();
    client->send(to_wire({}));
    Head head;
    REQUIRE(client->read_head(head));
    wait_until_still(sent);
    CHECK(sent < kTotal);
    for (size_t at = 0; at < kTotal; at += kBlock) REQUIRE((client->read_exactly(kBlock) == block));
    CHECK(site.narthex->peak_resident_bytes() - before < kGrowthMax);
  }
}

TEST_CASE("a pod that does not read its request costs a bounded amount of memory and loses nothing") {
  constexpr size_t kBlock = 64 * 1024;
  constexpr size_t kTotal = 192 * kMiB;
  const std::string block = pattern(kBlock);
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    Gate gate;
    const Site site({.handler = [&](BackendExchange& exchange) {
      gate.wait();
      bool right = true;
      for (size_t at = 0; at < kTotal; at += kBlock)
        right = right && exchange.connection().read_exactly(kBlock) == block;
      exchange.respond(200, right ? "right" : "wrong");
      exchange.close();
    }, .ingress = kAnySize});
    std::atomic<size_t> sent{0};
    const auto client = connect(site, tls);
    const size_t before = site.narthex->peak_resident_bytes();
    std::thread sender([&] {
      try {
        client->send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: " + std::to_string(kTotal) + "\r\n\r\n");
        for (sent = 0; sent < kTotal; sent += kBlock) client->send(block);
      } catch (const NetworkError&) {
        // The count stays short, and the test says so.
      }
    });
    wait_until_still(sent);
    CHECK(sent < kTotal);
    gate.open();
    sender.join();
    CHECK(sent == kTotal);
    CHECK(read_response(*client).body == "right");
    CHECK(site.narthex->peak_resident_bytes() - before < kGrowthMax);
  }
}

}  // namespace
}  // namespace narthex::test
