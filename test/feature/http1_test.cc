// HTTP/1 between client, proxy and pod: connections, framing, interim answers.
#include <catch2/catch.hpp>

#include "test/feature/site.h"

namespace narthex::test {
namespace {

TEST_CASE("many requests of one client use one connection on either side") {
  Site site({.narthex = {.workers = 1}});
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 100; ++i) {
    const Response response = exchange(*client, {.target = "/" + std::to_string(i)});
    REQUIRE(response.status == 200);
    REQUIRE(echoed_head(response).start_line == "GET /" + std::to_string(i) + " HTTP/1.1");
    REQUIRE_FALSE(response.head.has_token("Connection", "close"));
  }
  CHECK(site.pod().connections() == 1);
}

TEST_CASE("pipelined requests are answered in their order, whatever their length and method") {
  Site site({.pods = 3});
  const auto client = connect_plain(site.http());
  std::string all;
  std::vector<std::string> methods;
  for (int i = 0; i < 60; ++i) {
    const std::string target = "/" + std::to_string(i);
    methods.push_back(i % 3 == 0 ? "POST" : i % 3 == 1 ? "GET" : "HEAD");
    if (i % 6 == 3)
      all += "POST " + target +
             " HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    else
      all += to_wire({.method = methods.back(),
                      .target = target,
                      .body = i % 3 == 0 ? pattern(static_cast<size_t>(i) * 50 + 1) : ""});
  }
  client->send(all);
  for (int i = 0; i < 60; ++i) {
    const Response response = read_response(*client, methods[static_cast<size_t>(i)]);
    REQUIRE(response.status == 200);
    if (i % 3 == 2) continue;
    REQUIRE(echoed_head(response).start_line ==
            methods[static_cast<size_t>(i)] + " /" + std::to_string(i) + " HTTP/1.1");
    if (i % 6 == 0) REQUIRE(echoed_body(response) == pattern(static_cast<size_t>(i) * 50 + 1));
  }
}

TEST_CASE("a chunked request reaches the pod whole, with its trailers") {
  const Site site;
  const auto client = connect_plain(site.http());
  client->send("POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhel");
  client->send("lo\r\n6;ext=1\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n");
  const Response response = read_response(*client);
  CHECK(response.status == 200);
  CHECK(echoed_body(response) == "hello world");
  CHECK(response.value("X-Request-Trailer") == "X-Sum=42");
  CHECK(echoed_body(exchange(*client, {.method = "POST", .body = "plain"})) == "plain");
}

TEST_CASE("a chunked answer reaches the client whole, with trailers for those who ask for them") {
  const Site site({.handler = [](BackendExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n");
    exchange.send("6\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n");
  }});
  const auto client = connect_plain(site.http());
  const Response asked = exchange(*client, {.fields = {{"TE", "trailers"}, {"Connection", "TE"}}});
  CHECK(asked.body == "hello world");
  CHECK(asked.chunked);
  REQUIRE(asked.trailers.size() == 1);
  CHECK(asked.trailers[0].name + asked.trailers[0].value == "X-Sum42");
  CHECK(exchange(*client, {}).body == "hello world");
}

TEST_CASE("a chunked answer goes to an HTTP/1.0 client unchunked, ended by the close") {
  const Site site({.handler = [](BackendExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  }});
  const Response response = fetch(site.http(), {.version = "HTTP/1.0", .fields = {{"Connection", "keep-alive"}}});
  CHECK(response.body == "hello");
  CHECK(response.until_close);
}

TEST_CASE("an answer that ends with the pod's connection keeps the client's connection") {
  const Site site({.handler = [](BackendExchange& exchange) {
    exchange.send("HTTP/1.0 200 OK\r\n\r\nno length");
    exchange.close();
  }});
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 5; ++i) {
    const Response response = exchange(*client, {});
    CHECK(response.body == "no length");
    CHECK(response.chunked);
  }
}

TEST_CASE("answers to HEAD and answers 204 and 304 have no body and leave the connection usable") {
  const Site site({.handler = [](BackendExchange& exchange) {
    exchange.respond(static_cast<int>(exchange.parameter("status", 200)), "0123456789", {{"ETag", "\"x\""}});
  }});
  const auto client = connect_plain(site.http());
  const Response head = exchange(*client, {.method = "HEAD"});
  CHECK(head.status == 200);
  CHECK(head.value("Content-Length") == "10");
  for (const int status : {204, 304}) {
    const Response response = exchange(*client, {.target = "/?status=" + std::to_string(status)});
    CHECK(response.status == status);
    CHECK_FALSE(response.has("Transfer-Encoding"));
    CHECK(response.value("ETag") == "\"x\"");
  }
  CHECK(exchange(*client, {}).body == "0123456789");
}

TEST_CASE("a locally made answer to HEAD has no body either") {
  const Site site;
  const auto client = connect_plain(site.http());
  CHECK(exchange(*client, {.method = "HEAD", .host = "unknown.org"}).status == 404);
  CHECK(exchange(*client, {}).status == 200);
}

TEST_CASE("103 Early Hints pass to HTTP/1.1 clients and not to HTTP/1.0 ones") {
  const Site site({.handler = [](BackendExchange& exchange) {
    exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
    exchange.respond(200, "final");
  }});
  const Response modern = fetch(site.http(), {});
  REQUIRE(modern.interim.size() == 1);
  CHECK(modern.interim[0].start_line.starts_with("HTTP/1.1 103"));
  CHECK(modern.interim[0].value("Link") == "</style.css>; rel=preload");
  CHECK(modern.body == "final");
  const Response old = fetch(site.http(), {.version = "HTTP/1.0"});
  CHECK(old.interim.empty());
  CHECK(old.body == "final");
}

TEST_CASE("a client that expects 100-continue gets it before it sends its body") {
  Site site;
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 3; ++i) {
    client->send("POST /up HTTP/1.1\r\nHost: example.com\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    Head interim;
    REQUIRE(client->read_head(interim));
    REQUIRE(interim.start_line.starts_with("HTTP/1.1 100"));
    client->send("body");
    const Response response = read_response(*client);
    CHECK(response.status == 200);
    CHECK(response.interim.empty());
    CHECK(echoed_body(response) == "body");
  }
}

TEST_CASE("a client that expects 100-continue gets a final answer at once where there is nothing to continue to") {
  const Site site;
  const auto client = connect_plain(site.http());
  client->send("POST / HTTP/1.1\r\nHost: unknown.org\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  const Response response = read_response(*client);
  CHECK(response.status == 404);
  CHECK(response.interim.empty());
}

TEST_CASE("an HTTP/1.0 client gets a close, unless it asks to keep the connection") {
  const Site site;
  const auto once = connect_plain(site.http());
  const Response closed = exchange(*once, {.version = "HTTP/1.0"});
  CHECK(closed.status == 200);
  CHECK_FALSE(closed.chunked);
  CHECK(once->ended());
  const auto kept = connect_plain(site.http());
  for (int i = 0; i < 3; ++i) {
    const Response response = exchange(*kept, {.version = "HTTP/1.0", .fields = {{"Connection", "keep-alive"}}});
    CHECK(response.status == 200);
    CHECK(response.head.has_token("Connection", "keep-alive"));
  }
}

TEST_CASE("a client that asks for a close gets its answer and then the close") {
  const Site site;
  const auto client = connect_plain(site.http());
  const Response response = exchange(*client, {.fields = {{"Connection", "close"}}});
  CHECK(response.status == 200);
  CHECK(response.head.has_token("Connection", "close"));
  CHECK(client->ended());
}

TEST_CASE("a pod that closes after each answer costs no client its connection") {
  Site site({.handler = [](BackendExchange& exchange) {
    exchange.respond(200, "once", {{"Connection", "close"}});
    exchange.close();
  }});
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 20; ++i) {
    const Response response = exchange(*client, {.method = i % 2 == 0 ? "GET" : "POST"});
    CHECK(response.status == 200);
    CHECK_FALSE(response.has("Connection"));
  }
  CHECK(site.pod().connections() == 20);
}

TEST_CASE("a request that comes byte by byte is answered like any other") {
  const Site site;
  const auto client = connect_plain(site.http());
  for (const char c : to_wire({.method = "POST", .target = "/slow", .body = "drip"})) client->send(std::string(1, c));
  CHECK(echoed_body(read_response(*client)) == "drip");
}

TEST_CASE("a client that half-closes after its request still gets the answer") {
  Gate gate;
  const Site site({.handler = [&](BackendExchange& exchange) {
    gate.wait();
    echo(exchange);
  }});
  const auto client = connect_plain(site.http());
  client->send(to_wire({}));
  client->shutdown_write();
  gate.open();
  CHECK(read_response(*client).status == 200);
}

TEST_CASE("ambiguous framing is refused with the connection closed, and no byte of it reaches a pod") {
  Site site;
  for (const std::string fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n", "Transfer-Encoding: xchunked\r\n", "Content-Length : 5\r\n",
        " Content-Length: 5\r\n"}) {
    CAPTURE(fields);
    const auto client = connect_plain(site.http());
    client->send("POST / HTTP/1.1\r\nHost: example.com\r\n" + fields +
                 "\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: example.com\r\n\r\n");
    const int status = read_response(*client).status;
    CHECK((status == 400 || status == 501));
    CHECK(client->ended());
  }
  CHECK(site.pod().requests() == 0);
}

TEST_CASE("heads above the limits are refused with the status that says so") {
  const Site site;
  CHECK(fetch(site.http(), {.target = "/" + std::string(20'000, 'a')}).status == 414);
  CHECK(fetch(site.http(), {.fields = {{"X-Big", std::string(100'000, 'a')}}}).status == 431);
  CHECK(fetch(site.http(), {.fields = std::vector<Field>(500, {"X-Many", "1"})}).status == 431);
  CHECK(fetch(site.http(), {.version = "HTTP/3.0"}).status == 505);
  CHECK(fetch(site.http(), {.target = "/" + std::string(7'900, 'a')}).status == 200);
}

}  // namespace
}  // namespace narthex::test
