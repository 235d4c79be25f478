#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "controller/admin_server.h"
#include "test/support/client.h"
#include "test/support/patience.h"

namespace narthex::test {
namespace {

using controller::AdminOptions;
using controller::AdminServer;
using controller::Page;
using controller::PageContent;

// The server on a loop and a thread of its own, so that blocking clients can talk to it.
class Admin final {
 public:
  explicit Admin(std::chrono::milliseconds request_time = std::chrono::hours(1)) {
    const AdminOptions options = {.bind_address = "127.0.0.1", .port = 0, .request_time = request_time};
    auto server = AdminServer::start(loop_, options, pages());
    REQUIRE(server.has_value());
    server_ = std::move(*server);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Admin() {
    loop_.stop();
    thread_.join();
  }
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  uint16_t port() const { return server_->port(); }
  std::string address() const { return server_->address(); }
  static std::vector<Page> pages() {
    return {{"/healthz", "text/plain", "is it alive", [] { return PageContent{200, "ok\n"}; }},
            {"/readyz", "text/plain", "is it ready", [] { return PageContent{503, "not yet\n"}; }},
            {"/big", "text/x-big", "a lot", [] { return PageContent{200, std::string(3'000'000, 'x')}; }}};
  }

 private:
  boost::asio::io_context loop_;
  std::unique_ptr<AdminServer> server_;
  std::thread thread_;
};

Response send_raw(const Admin& admin, const std::string& bytes) {
  const auto connection = connect_plain(admin.port());
  connection->send(bytes);
  Response response = read_response(*connection);
  CHECK(connection->ended());
  return response;
}

TEST_CASE("an admin page is answered with its status, type and text") {
  const Admin admin;
  const Response health = get(admin.port(), "localhost", "/healthz");
  CHECK(health.status == 200);
  CHECK(health.body == "ok\n");
  CHECK(health.value("Content-Type") == "text/plain");
  CHECK(health.value("Cache-Control") == "no-store");
  const Response ready = get(admin.port(), "localhost", "/readyz?verbose");
  CHECK(ready.status == 503);
  CHECK(ready.body == "not yet\n");
  const Response big = get(admin.port(), "localhost", "/big");
  CHECK(big.body.size() == 3'000'000);
  CHECK(admin.address() == "127.0.0.1:" + std::to_string(admin.port()));
}

TEST_CASE("the admin root lists the pages, and other paths are not found") {
  const Admin admin;
  CHECK(get(admin.port(), "localhost", "/").body ==
        "/healthz    is it alive\n/readyz     is it ready\n/big        a lot\n");
  CHECK(get(admin.port(), "localhost", "/healthz/").status == 404);
  CHECK(get(admin.port(), "localhost", "/../etc/passwd").status == 404);
}

TEST_CASE("HEAD gets the head of an admin page alone, and other methods are refused") {
  const Admin admin;
  const auto connection = connect_plain(admin.port());
  Request request;
  request.method = "HEAD";
  request.target = "/big";
  const Response head = exchange(*connection, request);
  CHECK(head.status == 200);
  CHECK(head.value("Content-Length") == "3000000");
  CHECK(head.body.empty());
  for (const char* method : {"POST", "DELETE", "PUT", "OPTIONS", "BREW"}) {
    request.method = method;
    request.target = "/healthz";
    const Response refused = exchange(*connection, request);
    CHECK(refused.status == 405);
    CHECK(refused.value("Allow") == "GET, HEAD");
  }
  request.method = "GET";
  CHECK(exchange(*connection, request).body == "ok\n");
}

TEST_CASE("an admin connection is kept, pipelined requests are answered in order, and Connection: close closes") {
  const Admin admin;
  const auto connection = connect_plain(admin.port());
  connection->send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(read_response(*connection).status == 200);
  CHECK(read_response(*connection).status == 503);
  connection->send("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CHECK(read_response(*connection).status == 200);
  CHECK(connection->ended());
  CHECK(send_raw(admin, "GET /healthz HTTP/1.0\r\n\r\n").status == 200);
}

TEST_CASE("admin requests that are no HTTP, too large or with a body are refused and the connection is closed") {
  const Admin admin;
  CHECK(send_raw(admin, "hello\r\n\r\n").status == 400);
  CHECK(send_raw(admin, "GET /healthz HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n").status == 431);
  CHECK(send_raw(admin, "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").status == 413);
  CHECK(send_raw(admin, "GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").status == 200);
  CHECK(get(admin.port(), "localhost", "/healthz").status == 200);
}

TEST_CASE("an admin client that is silent or slow is let go") {
  const Admin admin(std::chrono::milliseconds(50));
  const auto silent = connect_plain(admin.port());
  const auto slow = connect_plain(admin.port());
  slow->send("GET /healthz HT");
  CHECK(silent->ended());
  CHECK(slow->ended());
}

TEST_CASE("the admin port takes 64 connections, and one more when one of them has gone") {
  const Admin admin;
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 64; ++i) {
    connections.push_back(connect_plain(admin.port()));
    CHECK(exchange(*connections.back(), {.target = "/healthz"}).status == 200);
  }
  CHECK(connect_plain(admin.port())->ended());
  CHECK(exchange(*connections.front(), {.target = "/healthz"}).status == 200);
  connections.pop_back();
  CHECK(eventually([&] {
    const auto connection = connect_plain(admin.port());
    connection->send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    Head head;
    try {
      return connection->read_head(head);
    } catch (const NetworkError&) {
      return false;
    }
  }));
}

TEST_CASE("an admin port that is taken or an address that is none is one clear line") {
  const Admin admin;
  boost::asio::io_context loop;
  const auto taken = AdminServer::start(loop, {.bind_address = "127.0.0.1", .port = admin.port()}, {});
  REQUIRE(taken.has_error());
  CHECK(taken.error().message() == "admin port " + std::to_string(admin.port()) +
                                       " at 127.0.0.1: Address already in use; another process has it; give another "
                                       "--admin-port, or end that process");
  const auto none = AdminServer::start(loop, {.bind_address = "localhorst", .port = 0}, {});
  REQUIRE(none.has_error());
  CHECK(none.error().message() == "--bind-address localhorst: not an IP address");
}

TEST_CASE("an admin server that is destroyed closes its connections and lets its loop end") {
  boost::asio::io_context loop;
  auto server = AdminServer::start(loop, {.bind_address = "127.0.0.1", .port = 0}, Admin::pages());
  REQUIRE(server.has_value());
  const auto connection = connect_plain((*server)->port());
  while (loop.poll_one() == 0) {
  }
  server->reset();
  loop.run();
  CHECK(connection->ended());
}

}  // namespace
}  // namespace narthex::test
