// The admin port: health, readiness, metrics, routes and findings.
#include <catch2/catch.hpp>

#include "base/text.h"
#include "test/feature/site.h"
#include "test/support/certificates.h"

namespace narthex::test {
namespace {

TEST_CASE("the admin port says that the program works and is ready") {
  const Site site;
  CHECK(site.narthex->admin("/healthz").status == 200);
  CHECK(site.narthex->admin("/readyz").status == 200);
  CHECK(site.narthex->generation() >= 1);
  CHECK(site.narthex->admin("/no-such-page").status == 404);
  CHECK(fetch(site.narthex->admin_port(), {.method = "POST", .target = "/healthz"}).status == 405);
  CHECK(fetch(site.narthex->admin_port(), {.method = "HEAD", .target = "/routes"}).status == 200);
}

TEST_CASE("the page of routes lists hosts, paths, backends and endpoints") {
  Site site({.ingress = {.rules = {{"example.com", {{.path = "/shop"}}}}}});
  const std::string routes = site.narthex->routes();
  CHECK(routes.find("host example.com\n  prefix /shop -> default/web:80 (default/web)\n") != std::string::npos);
  CHECK(routes.find("backend default/web:80\n  127.0.0.1:" + std::to_string(site.pod().port()) + "\n") !=
        std::string::npos);
  CHECK(routes.find("certificate *\n") != std::string::npos);
}

TEST_CASE("the page of findings names object and field, and forgets what was mended") {
  Site site({.ingress = {.rules = {{"example.com", {{.service = "nobody"}}}}}});
  const std::string findings = site.narthex->findings();
  CAPTURE(findings);
  CHECK(findings.find("default/web") != std::string::npos);
  CHECK(findings.find("nobody") != std::string::npos);
  CHECK(findings.find("rules[0]") != std::string::npos);
  CHECK(site.narthex->log().find("nobody") != std::string::npos);
  site.options().ingress = {};
  site.write();
  CHECK(eventually([&] { return site.narthex->findings().find("nobody") == std::string::npos; }));
}

TEST_CASE("the generation grows with each change and is adopted by all workers") {
  Site site({.narthex = {.workers = 4}});
  uint64_t generation = site.narthex->generation();
  for (int i = 0; i < 5; ++i) {
    site.folder.write("more.yaml",
                      ingress_yaml({.name = "more", .rules = {{.host = "host-" + std::to_string(i) + ".org"}}}));
    REQUIRE(site.narthex->wait_generation(generation + 1));
    CHECK(get(site.http(), "host-" + std::to_string(i) + ".org").status == 200);
    generation = site.narthex->generation();
  }
}

TEST_CASE("the metrics count answers by status, connections, and tell when certificates expire") {
  const PemPair certificate = make_certificate("example.com");
  const Site site({.ingress = {.annotations = {{"ssl-redirect", "false"}}, .tls = {{{"example.com"}, "site"}}},
                   .more = tls_secret_yaml("site", certificate.chain, certificate.key)});
  {
    const auto client = connect_plain(site.http());
    for (int i = 0; i < 7; ++i) exchange(*client, {});
    for (int i = 0; i < 3; ++i) exchange(*client, {.host = "unknown.org"});
    // An answer is counted after it was sent, so the last one may be counted a moment after it was read.
    CHECK(eventually([&] { return site.narthex->metric("narthex_http_request_duration_seconds_count") == 10; }));
    CHECK(site.narthex->metric("narthex_http_responses_total{code=\"200\"}") == 7);
    CHECK(site.narthex->metric("narthex_http_responses_total{code=\"404\"}") == 3);
    CHECK(site.narthex->metric("narthex_client_connections") == 1);
  }
  CHECK(eventually([&] { return site.narthex->metric("narthex_client_connections") == 0; }));
  CHECK(site.narthex->metric("narthex_client_connections_total") == 1);
  connect_tls(site.https(), {.server_name = "example.com"});
  CHECK(eventually([&] { return site.narthex->metric("narthex_client_connections_total") == 2; }));
  CHECK(site.narthex->admin("/metrics").body.find("narthex_certificate_expiry_timestamp_seconds{") !=
        std::string::npos);
}

TEST_CASE("promtool finds nothing to complain about in the metrics") {
  if (!has_program("promtool")) {
    WARN("promtool is not installed: the form of /metrics was not checked");
    return;
  }
  const Site site;
  get(site.http(), "example.com");
  const Response metrics = site.narthex->admin("/metrics");
  CHECK(metrics.value("Content-Type").starts_with("text/plain; version=0.0.4"));
  const Finished checked = run({"promtool", "check", "metrics"}, metrics.body);
  CAPTURE(checked.err, checked.out);
  CHECK(checked.status == 0);
  CHECK(checked.out.empty());
}

TEST_CASE("a client that says nothing, or too much, on the admin port does not hold up the others") {
  const Site site;
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < 40; ++i) silent.push_back(connect_plain(site.narthex->admin_port()));
  silent[0]->send(std::string(100'000, 'x'));
  CHECK(site.narthex->admin("/healthz").status == 200);
  CHECK(get(site.http(), "example.com").status == 200);
}

}  // namespace
}  // namespace narthex::test
