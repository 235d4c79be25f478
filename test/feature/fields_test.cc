// The fields that a pod and a client get to see: shared/compat's section on request headers, from the wire.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "test/feature/site.h"

namespace narthex::test {
namespace {

std::set<std::string> names_of(const Head& head) {
  std::set<std::string> names;
  for (const Field& field : head.fields) names.insert(field.name);
  return names;
}

bool is_request_id(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

const std::set<std::string> kOurs = {"Host",
                                     "X-Request-ID",
                                     "X-Real-IP",
                                     "X-Forwarded-For",
                                     "X-Forwarded-Host",
                                     "X-Forwarded-Port",
                                     "X-Forwarded-Proto",
                                     "X-Forwarded-Scheme",
                                     "X-Scheme"};

TEST_CASE("a pod gets exactly the client's fields and those that say where the request came from") {
  const Site site;
  const auto client = connect_plain(site.http(), "127.0.0.9");
  const Response response =
      exchange(*client, {.host = "example.com:8080", .fields = {{"X-Custom", "1"}, {"Accept", "*/*"}}});
  const Head seen = echoed_head(response);
  std::set<std::string> expected = kOurs;
  expected.insert({"X-Custom", "Accept"});
  CHECK(names_of(seen) == expected);
  for (const std::string& name : expected) CHECK(seen.count(name) == 1);
  CHECK(seen.value("Host") == "example.com:8080");
  CHECK(is_request_id(seen.value("X-Request-ID")));
  CHECK(seen.value("X-Real-IP") == "127.0.0.9");
  CHECK(seen.value("X-Forwarded-For") == "127.0.0.9");
  CHECK(seen.value("X-Forwarded-Host") == "example.com:8080");
  CHECK(seen.value("X-Forwarded-Port") == std::to_string(site.http()));
  CHECK(seen.value("X-Forwarded-Proto") == "http");
  CHECK(seen.value("X-Forwarded-Scheme") == "http");
  CHECK(seen.value("X-Scheme") == "http");
}

TEST_CASE("over TLS a pod is told https and port 443") {
  const Site site;
  const auto client = connect_tls(site.https(), {.server_name = "example.com"});
  const Head seen = echoed_head(exchange(*client, {}));
  CHECK(names_of(seen) == kOurs);
  CHECK(seen.value("X-Forwarded-Port") == "443");
  CHECK(seen.value("X-Forwarded-Proto") == "https");
  CHECK(seen.value("X-Forwarded-Scheme") == "https");
  CHECK(seen.value("X-Scheme") == "https");
}

TEST_CASE("what a client claims about where it came from is replaced and reaches the pod under no name") {
  const Site site;
  const Response response = fetch(site.http(), {.fields = {{"X-Forwarded-For", "6.6.6.6"},
                                                           {"x-forwarded-for", "7.7.7.7"},
                                                           {"X-Forwarded-Host", "evil.org"},
                                                           {"X-Forwarded-Port", "1"},
                                                           {"X-Forwarded-Proto", "gopher"},
                                                           {"X-Forwarded-Scheme", "gopher"},
                                                           {"X-Scheme", "gopher"},
                                                           {"X-Real-IP", "6.6.6.6"},
                                                           {"Proxy", "evil"},
                                                           {"X_Forwarded_For", "6.6.6.6"},
                                                           {"X-Original-Forwarded-Host", "evil.org"},
                                                           {"ssl-client-verify", "SUCCESS"},
                                                           {"ssl-client-subject-dn", "CN=root"}}});
  const Head seen = echoed_head(response);
  // ingress-nginx keeps the claims as X-Original-Forwarded-*; from peers that nobody trusts they do not pass here.
  CHECK(names_of(seen) == kOurs);
  CHECK(seen.values("X-Forwarded-For") == std::vector<std::string>{"127.0.0.1"});
  CHECK(seen.values("X-Forwarded-Host") == std::vector<std::string>{"example.com"});
  CHECK(seen.values("X-Forwarded-Port") == std::vector<std::string>{std::to_string(site.http())});
  CHECK(seen.values("X-Forwarded-Proto") == std::vector<std::string>{"http"});
  CHECK(seen.values("X-Real-IP") == std::vector<std::string>{"127.0.0.1"});
  for (const std::string claim : {"6.6.6.6", "7.7.7.7", "evil", "gopher", "SUCCESS"})
    CHECK(response.body.find(claim) == std::string::npos);
}

TEST_CASE("originals that a client makes up do not pass") {
  const Site site;
  const Head seen = echoed_head(fetch(
      site.http(), {.fields = {{"X-Original-Forwarded-For", "6.6.6.6"}, {"X-Original-Forwarded-Host", "evil.org"}}}));
  CHECK(names_of(seen) == kOurs);
}

TEST_CASE("a client's request id is kept, and each other request gets one of its own") {
  const Site site;
  CHECK(echoed_head(fetch(site.http(), {.fields = {{"X-Request-ID", "mine-1"}}})).values("X-Request-ID") ==
        std::vector<std::string>{"mine-1"});
  std::set<std::string> seen;
  const auto client = connect_plain(site.http());
  for (int i = 0; i < 50; ++i) seen.insert(echoed_head(exchange(*client, {})).value("X-Request-ID"));
  CHECK(seen.size() == 50);
  CHECK(std::all_of(seen.begin(), seen.end(), is_request_id));
}

TEST_CASE("fields of one connection end at the proxy, those that Connection names too") {
  const Site site;
  const Response response = fetch(site.http(), {.fields = {{"Connection", "keep-alive, X-Hop"},
                                                           {"X-Hop", "1"},
                                                           {"Keep-Alive", "timeout=5"},
                                                           {"Proxy-Connection", "keep-alive"},
                                                           {"TE", "gzip"},
                                                           {"X-Stays", "1"}}});
  std::set<std::string> expected = kOurs;
  expected.insert("X-Stays");
  CHECK(names_of(echoed_head(response)) == expected);
}

TEST_CASE("a pod gets each field as name, colon, space and value, however the client has set it") {
  const Site site;
  const auto connection = connect_plain(site.http());
  connection->send(
      "GET / HTTP/1.1\r\nA: 1\r\nB:2\r\nC:  3\r\nHost: example.com\r\nD: 4 \r\nE:\t5\t\r\nF:\r\nG: \r\nTE: trailers\r\n"
      "H: 8\r\nI: 9\r\n\r\n");
  const std::string head = read_response(*connection).body;
  INFO(head);
  CHECK(head.find("TE:") == std::string::npos);
  CHECK(head.find("\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: \r\nG: \r\nH: 8\r\nI: 9\r\n") != std::string::npos);
}

TEST_CASE("Connection cannot be used to strip what the proxy itself vouches for") {
  const Site site;
  const Response response = fetch(site.http(), {.fields = {{"Connection", "close, X-Forwarded-For, X-Real-IP, Host"}}});
  CHECK(response.status == 200);
  CHECK(names_of(echoed_head(response)) == kOurs);
}

TEST_CASE("fields of the pod's connection do not reach the client, all others do, in their order") {
  const Site site({.handler = [](BackendExchange& exchange) {
    exchange.respond(200, "x",
                     {{"Connection", "keep-alive, X-Hop"},
                      {"X-Hop", "1"},
                      {"Keep-Alive", "timeout=5"},
                      {"Set-Cookie", "a=1"},
                      {"Set-Cookie", "b=2"},
                      {"X-Powered-By", "tests"}});
  }});
  const Response response = fetch(site.http(), {});
  CHECK_FALSE(response.has("X-Hop"));
  CHECK_FALSE(response.has("Keep-Alive"));
  CHECK_FALSE(response.head.has_token("Connection", "X-Hop"));
  CHECK(response.head.values("Set-Cookie") == std::vector<std::string>{"a=1", "b=2"});
  CHECK(response.value("X-Powered-By") == "tests");
  CHECK(response.head.count("Date") == 1);
}

TEST_CASE("an HTTP/1.0 request without Host reaches the hostless route with a Host of its own choice or none") {
  const Site site({.ingress = {.rules = {{.host = ""}}}});
  const Response response = fetch(site.http(), {.host = "", .version = "HTTP/1.0"});
  CHECK(response.status == 200);
  CHECK(echoed_head(response).start_line == "GET / HTTP/1.1");
  CHECK(echoed_head(response).count("Host") == 1);
}

}  // namespace
}  // namespace narthex::test
