// Services that are a name in the DNS, and requests that come back to where they were.
#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "test/feature/site.h"
#include "test/support/dns_server.h"

namespace narthex::test {
namespace {

std::string external_yaml(const std::string& name, uint16_t port) {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: outside}\nspec: {type: ExternalName, externalName: " +
         name + ", ports: [{port: 80, targetPort: " + std::to_string(port) + "}]}\n";
}

std::string ingress_to_outside() {
  IngressSpec spec;
  spec.name = "outside";
  spec.rules = {{.host = "outside.org", .paths = {{.service = "outside"}}}};
  return ingress_yaml(spec);
}

// Two pods on the same port of two addresses, since a name has addresses but no ports.
struct Twins {
  Twins() {
    for (int attempt = 0; attempt < 20 && !second; ++attempt) {
      first = std::make_unique<Backend>("first", echo, "127.0.0.2");
      try {
        second = std::make_unique<Backend>("second", echo, "127.0.0.3", first->port());
      } catch (const NetworkError&) {  // that port is somebody's there
      }
    }
    REQUIRE(second);
  }
  std::unique_ptr<Backend> first, second;
};

NarthexOptions options_with(const DnsServer& dns) {
  return {.more = {"--dns-servers=" + dns.address(), "--allow-external-name-addresses=127.0.0.0/29"}};
}

int status_of(const Site& site, const std::string& host) { return get(site.http(), host).status; }

TEST_CASE("a Service that is a name is served, and is when the binary says that it is ready") {
  DnsServer dns;
  const Twins twins;
  dns.set("api.test", {a_record("127.0.0.2"), a_record("127.0.0.3")});
  const Site site(
      {.narthex = options_with(dns), .more = ingress_to_outside() + external_yaml("api.test.", twins.first->port())});
  std::set<std::string> touched;
  for (int i = 0; i < 20; ++i) {
    const Response response = get(site.http(), "outside.org");
    REQUIRE(response.status == 200);
    touched.insert(response.value("X-Pod"));
  }
  CHECK(touched == std::set<std::string>{"first", "second"});
  CHECK(site.narthex->findings().empty());
  CHECK(site.narthex->metric("narthex_external_names") == 1.0);
}

TEST_CASE("when the DNS changes its answer, traffic moves and no request fails") {
  DnsServer dns;
  const Twins twins;
  dns.set("api.test", {a_record("127.0.0.2", 0)});
  const Site site(
      {.narthex = options_with(dns), .more = ingress_to_outside() + external_yaml("api.test.", twins.first->port())});
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0}, served{0};
  std::thread load([&] {
    const auto client = connect_plain(site.http());
    while (!stop) {
      try {
        ++(exchange(*client, {.host = "outside.org"}).status == 200 ? served : failed);
      } catch (const NetworkError&) {
        ++failed;
        return;
      }
    }
  });
  CHECK(eventually([&] { return twins.first->requests() > 0; }));
  dns.set("api.test", {a_record("127.0.0.3", 0)});
  CHECK(eventually([&] { return twins.second->requests() > 10; }));
  const uint64_t then = twins.first->requests();
  CHECK(eventually([&] { return twins.second->requests() > 100; }));
  CHECK(twins.first->requests() == then);
  // A DNS that fails changes nothing.
  dns.set_manner(DnsServer::Manner::failing);
  CHECK(eventually([&] { return site.narthex->findings().find("ExternalNameStale") != std::string::npos; }));
  const uint64_t at_failure = twins.second->requests();
  CHECK(eventually([&] { return twins.second->requests() > at_failure + 100; }));
  stop = true;
  load.join();
  CHECK(failed == 0);
  CHECK(served > 0);
}

TEST_CASE("a name that turns to an address that is not allowed gets no request there") {
  DnsServer dns;
  const Twins twins;
  const Backend inner("inner", echo, "127.0.0.9");
  dns.set("api.test", {a_record("127.0.0.2", 0)});
  const Site site(
      {.narthex = options_with(dns), .more = ingress_to_outside() + external_yaml("api.test.", twins.first->port())});
  CHECK(status_of(site, "outside.org") == 200);
  dns.set("api.test", {a_record("127.0.0.9", 0)});
  CHECK(eventually([&] { return status_of(site, "outside.org") == 503; }));
  CHECK(site.narthex->findings().find("ForbiddenAddress") != std::string::npos);
  CHECK(inner.requests() == 0);
}

TEST_CASE("a DNS server that says nothing keeps neither the start nor other routes") {
  DnsServer dns;
  dns.set_manner(DnsServer::Manner::silent);
  const Site site({.narthex = options_with(dns), .more = ingress_to_outside() + external_yaml("api.test.", 80)});
  CHECK(status_of(site, "example.com") == 200);
  CHECK(status_of(site, "outside.org") == 503);
}

TEST_CASE("a name that leads back here is answered with 508, not followed") {
  DnsServer dns;
  dns.set("self.test", {a_record("127.0.0.1")});
  Site site({.narthex = options_with(dns)});
  for (const uint16_t port : {site.http(), site.https(), site.narthex->admin_port()}) {
    site.folder.write("loop.yaml", ingress_to_outside() + external_yaml("self.test.", port));
    CHECK(eventually([&] { return status_of(site, "outside.org") == 508; }));
    CHECK(site.narthex->findings().find("BackendLoop") != std::string::npos);
    site.folder.remove("loop.yaml");
    CHECK(eventually([&] { return status_of(site, "outside.org") == 404; }));
  }
  CHECK(site.narthex->metric("narthex_http_faults_total{fault=\"loop_detected\",party=\"self\"}").value_or(0) >= 3);
  CHECK(site.narthex->metric("narthex_upstream_connections_total") == 0.0);
}

TEST_CASE("a request that comes back by way of somebody else ends after ten turns") {
  std::atomic<uint16_t> port{0};
  const Site site({.handler = [&](BackendExchange& exchange) {
    // As a proxy that passes on what it does not know.
    std::vector<Field> passed;
    for (const char* name : {"X-Scheme", "X-Narthex-Hops"})
      if (exchange.head().count(name) != 0) passed.push_back({name, exchange.head().value(name)});
    const Response response = fetch(port, {.fields = passed});
    exchange.respond(response.status, response.body);
  }});
  port = site.http();
  CHECK(status_of(site, "example.com") == 508);
  CHECK(site.requests() == 10);
}

TEST_CASE("turns are counted in a field that only a proxy of ours writes, and nobody else can turn back") {
  const Site site;
  const auto hops = [&](const std::vector<Field>& fields) {
    const Response response = fetch(site.http(), {.fields = fields});
    return response.status == 200 ? echoed_head(response).value("X-Narthex-Hops") : std::to_string(response.status);
  };
  CHECK(hops({}) == "");  // a request that comes for the first time looks as ingress-nginx sends it
  CHECK(hops({{"X-Scheme", "http"}}) == "2");
  CHECK(hops({{"X-Narthex-Hops", "1"}}) == "2");
  CHECK(hops({{"x-narthex-hops", "9"}}) == "10");
  CHECK(hops({{"X-Narthex-Hops", "10"}}) == "508");
  CHECK(hops({{"X-Narthex-Hops", "99999999999999999999"}}) == "508");
  CHECK(hops({{"X-Narthex-Hops", "2, 3"}}) == "508");
  CHECK(hops({{"X-Narthex-Hops", ""}}) == "508");
  CHECK(hops({{"X-Narthex-Hops", "3"}, {"X-Narthex-Hops", "5"}}) == "6");
  CHECK(hops({{"X-Narthex-Hops", "4"}, {"Connection", "X-Narthex-Hops"}}) == "5");
}

}  // namespace
}  // namespace narthex::test
