// IPv6 on every side: where clients come in, where pods are, and what is said about addresses on the way.
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "test/feature/site.h"
#include "test/support/certificates.h"

namespace narthex::test {
namespace {

bool has_ipv6() {
  const SocketAddress loopback = socket_address("::1", 0);
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool has = fd >= 0 && ::bind(fd, loopback.pointer(), loopback.size) == 0;
  if (fd >= 0) ::close(fd);
  if (!has) WARN("this machine has no IPv6: nothing was tried");
  return has;
}

// What a pod is told about a client that comes from there.
Head told(const Site& site, const std::string& source, const Request& request = {}) {
  return echoed_head(exchange(*connect_plain(site.http(), source), request));
}

void check_origin(const Head& seen, const std::string& ip) {
  CHECK(seen.values("X-Forwarded-For") == std::vector<std::string>{ip});
  CHECK(seen.values("X-Real-IP") == std::vector<std::string>{ip});
}

TEST_CASE("bound to ::1, clients of IPv6 are served and pods are told their address, in clear and over TLS") {
  if (!has_ipv6()) return;
  const Site site({.narthex = {.bind_address = "::1"}});
  check_origin(told(site, "::1"), "::1");
  check_origin(told(site, "::1", {.fields = {{"X-Forwarded-For", "2001:db8::1"}, {"X-Real-IP", "2001:db8::1"}}}),
               "::1");
  const auto secure = connect_tls(site.https(), {.server_name = "example.com", .source = "::1"});
  check_origin(echoed_head(exchange(*secure, {})), "::1");
  CHECK(site.narthex->admin("/readyz").status == 200);
  CHECK_THROWS_AS(connect_plain(site.http()), NetworkError);  // IPv4 was not asked for
}

TEST_CASE("bound to nothing in particular, both families are served, and IPv4 is called by its own name") {
  if (!has_ipv6()) return;
  const Site site({.narthex = {.bind_address = ""}});
  check_origin(told(site, "::1"), "::1");
  check_origin(told(site, "127.0.0.9"), "127.0.0.9");
  check_origin(echoed_head(exchange(*connect_tls(site.https(), {.source = "::1"}), {})), "::1");
  check_origin(echoed_head(exchange(*connect_tls(site.https(), {.source = "127.0.0.9"}), {})), "127.0.0.9");
  CHECK(site.narthex->admin("/readyz").status == 200);
  CHECK(exchange(*connect_plain(site.narthex->admin_port(), "::1"), {.target = "/readyz"}).status == 200);
}

TEST_CASE("an IPv6 address is a host that rules without host take, and is passed on as it came") {
  if (!has_ipv6()) return;
  const Site site({.narthex = {.bind_address = "::1"}, .ingress = {.rules = {{"", {PathSpec{}}}}}});
  for (const std::string host : {"[::1]", "[::1]:8080", "[2001:DB8::1]"}) {
    CAPTURE(host);
    const Head seen = told(site, "::1", {.host = host});
    CHECK(seen.value("Host") == host);
    CHECK(seen.value("X-Forwarded-Host") == host);
  }
  for (const std::string host : {"::1", "[::1", "[::g]", "[::1]x"}) {
    CAPTURE(host);
    CHECK(exchange(*connect_plain(site.http(), "::1"), {.host = host}).status == 400);
  }
}

TEST_CASE("pods with IPv6 addresses are reached, next to pods with IPv4, and named in routes and access log") {
  if (!has_ipv6()) return;
  Backend v4("v4"), v6("v6", echo, "::1");
  const ManifestFolder folder, logs;
  const std::string log = logs.file("access.log").string();
  folder.write("site.yaml", simple_site({&v4, &v6}));
  Narthex narthex(binary(), folder, {.workers = 1, .more = {"--access-log", log}, .bind_address = "::1"});
  const std::string endpoint = "[::1]:" + std::to_string(v6.port());
  CHECK(narthex.routes().find("\n  " + endpoint + "\n") != std::string::npos);
  const auto client = connect_plain(narthex.http_port(), "::1");
  for (int i = 0; i < 10; ++i) REQUIRE(exchange(*client, {.method = "POST", .body = "x"}).status == 200);
  CHECK(v4.requests() == 5);
  CHECK(v6.requests() == 5);
  const auto logged = [&] {
    std::ifstream file(log);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.find(endpoint) != std::string::npos && text.starts_with("::1 ");
  };
  CHECK(eventually(logged));
}

TEST_CASE("an Endpoints object with IPv6 addresses serves as well as a slice") {
  if (!has_ipv6()) return;
  const Backend pod("v6", echo, "::1");
  const ManifestFolder folder;
  folder.write(
      "site.yaml",
      ingress_class_yaml() + ingress_yaml({}) + service_yaml("web") +
          "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: web, namespace: default}\nsubsets:\n- addresses: "
          "[{ip: '::1'}]\n  ports: [{name: http, port: " +
          std::to_string(pod.port()) + "}]\n");
  const Narthex narthex(binary(), folder);
  CHECK(get(narthex.http_port(), "example.com").value("X-Pod") == "v6");
}

TEST_CASE("clients of IPv6 stick to their pod where the Service asks for ClientIP") {
  if (!has_ipv6()) return;
  const Site site({.pods = 5, .narthex = {.bind_address = ""}, .service_extra = "  sessionAffinity: ClientIP\n"});
  for (const std::string source : {"::1", "127.0.0.9"}) {
    std::set<std::string> pods;
    for (int i = 0; i < 12; ++i) pods.insert(exchange(*connect_plain(site.http(), source), {}).value("X-Pod"));
    CHECK(pods.size() == 1);
  }
}

}  // namespace
}  // namespace narthex::test
