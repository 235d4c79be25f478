// The folder changes under load: every way of writing takes effect, no request fails, no client connection is closed.
#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <random>

#include "test/feature/site.h"
#include "test/support/certificates.h"
#include "test/support/load.h"

namespace narthex::test {
namespace {

constexpr int kClients = 4;

// Two Services with a pod each; the route of `probe.org` is what the tests change, that of example.com carries the
// load.
class LiveSite final {
 public:
  LiveSite() {
    folder.write("base.yaml", simple_site({&steady}) + service_with("a", {&a}) + service_with("b", {&b}));
    folder.write("probe.yaml", probe("a"));
    narthex.emplace(binary(), folder);
    load.emplace(LoadOptions{.port = narthex->http_port(), .clients = kClients});
  }

  static std::string probe(const std::string& service, const std::string& host = "probe.org") {
    return ingress_yaml({.name = "probe", .rules = {{host, {{.service = service}}}}});
  }
  std::string answer(const std::string& host = "probe.org") const {
    const Response response = get(narthex->http_port(), host);
    return response.status == 200 ? response.value("X-Pod") : std::to_string(response.status);
  }
  // Waits for the effect of what was just written, and notes how long it took.
  bool sees(const std::string& wanted, const std::string& host = "probe.org") {
    const auto took = time_until([&] { return answer(host) == wanted; });
    worst = std::max(worst, took.value_or(kPatience));
    return took.has_value();
  }
  void expect_no_failure() {
    REQUIRE(load->wait_for_more(20));
    const LoadTally tally = load->stop();
    INFO(tally.first_failure);
    CHECK(tally.failed == 0);
    CHECK(tally.connections == kClients);
    CHECK(tally.good > 0);
    std::cout << "slowest effect of a change: " << worst.count() << " us; requests meanwhile: " << tally.good
              << std::endl;
  }

  Backend steady{"steady"}, a{"a"}, b{"b"};
  ManifestFolder folder;
  std::optional<Narthex> narthex;
  std::optional<Load> load;
  std::chrono::microseconds worst{0};
};

TEST_CASE("files renamed over take effect one after another without a failed request") {
  LiveSite site;
  for (int i = 0; i < 30; ++i) {
    const std::string service = i % 2 == 0 ? "b" : "a";
    site.folder.write("probe.yaml", LiveSite::probe(service));
    REQUIRE(site.sees(service));
  }
  site.expect_no_failure();
}

TEST_CASE("files truncated and written in place take effect one after another without a failed request") {
  LiveSite site;
  const std::string base = simple_site({&site.steady}) + service_with("a", {&site.a}) + service_with("b", {&site.b});
  for (int i = 0; i < 30; ++i) {
    const std::string service = i % 2 == 0 ? "b" : "a";
    site.folder.write_in_place("base.yaml", base + "# " + std::to_string(i) + "\n");
    site.folder.write_in_place("probe.yaml", LiveSite::probe(service));
    REQUIRE(site.sees(service));
  }
  site.expect_no_failure();
}

TEST_CASE("files added and removed take effect without a failed request") {
  LiveSite site;
  for (int i = 0; i < 15; ++i) {
    const std::string host = "added-" + std::to_string(i) + ".org";
    site.folder.write("added.yaml", ingress_yaml({.name = "added", .rules = {{host, {{.service = "b"}}}}}));
    REQUIRE(site.sees("b", host));
    site.folder.remove("added.yaml");
    REQUIRE(site.sees("404", host));
  }
  CHECK(site.answer() == "a");
  site.expect_no_failure();
}

TEST_CASE("a ConfigMap projected into the folder is swapped as a whole without a failed request") {
  Backend steady("steady"), a("a"), b("b");
  ManifestFolder folder;
  const std::string base = simple_site({&steady}) + service_with("a", {&a}) + service_with("b", {&b});
  folder.project({{"base.yaml", base}, {"probe.yaml", LiveSite::probe("a")}});
  const Narthex narthex(binary(), folder);
  Load load({.port = narthex.http_port(), .clients = kClients});
  const auto answer = [&] { return get(narthex.http_port(), "probe.org").value("X-Pod"); };
  CHECK(answer() == "a");
  for (int i = 0; i < 20; ++i) {
    const std::string service = i % 2 == 0 ? "b" : "a";
    folder.project({{"base.yaml", base}, {i % 3 == 0 ? "probe.yaml" : "renamed.yaml", LiveSite::probe(service)}});
    REQUIRE(eventually([&] { return answer() == service; }));
  }
  const LoadTally tally = load.stop();
  INFO(tally.first_failure);
  CHECK(tally.failed == 0);
  CHECK(tally.connections == kClients);
}

TEST_CASE("a file that is half written changes nothing until it is whole") {
  LiveSite site;
  const std::string text =
      simple_site({&site.steady}) + service_with("a", {&site.a}) + service_with("b", {&site.b}) + LiveSite::probe("b");
  site.folder.remove("probe.yaml");
  REQUIRE(site.sees("404"));
  std::ofstream half(site.folder.file("base.yaml"), std::ios::binary | std::ios::trunc);
  half << text.substr(0, text.size() / 3) << std::flush;
  REQUIRE(site.load->wait_for_more(200));
  CHECK(site.answer() == "404");
  CHECK(site.answer("example.com") == "steady");
  half << text.substr(text.size() / 3);
  half.close();
  REQUIRE(site.sees("b"));
  site.expect_no_failure();
}

TEST_CASE("a file that turns into nonsense keeps what it gave before, with a finding, until it is mended") {
  LiveSite site;
  site.folder.write_in_place("base.yaml", "{{{ this: is not [ YAML\n\t- at all");
  site.folder.write("other.yaml", ingress_yaml({.name = "other", .rules = {{"other.org", {{.service = "b"}}}}}));
  REQUIRE(site.sees("b", "other.org"));
  CHECK(site.answer("example.com") == "steady");
  CHECK(eventually([&] { return site.narthex->findings().find("base.yaml") != std::string::npos; }));
  site.folder.write("base.yaml",
                    simple_site({&site.steady}) + service_with("a", {&site.b}) + service_with("b", {&site.b}));
  REQUIRE(site.sees("b"));
  CHECK(eventually([&] { return site.narthex->findings().find("base.yaml") == std::string::npos; }));
  site.expect_no_failure();
}

TEST_CASE("an object that turns bad leaves every other one alone, those of its own file too") {
  LiveSite site;
  const std::string bad = ingress_yaml({.name = "bad", .rules = {{"bad.org", {{.path = "no-slash", .service = "a"}}}}});
  site.folder.write("probe.yaml", LiveSite::probe("b") + bad +
                                      ingress_yaml({.name = "behind", .rules = {{"behind.org", {{.service = "a"}}}}}));
  REQUIRE(site.sees("b"));
  CHECK(site.answer("behind.org") == "a");
  CHECK(site.answer("bad.org") == "404");
  CHECK(site.narthex->findings().find("default/bad") != std::string::npos);
  site.expect_no_failure();
}

TEST_CASE("a change of the pods takes effect while requests are under way, and none fails") {
  std::vector<std::unique_ptr<Backend>> pods;
  for (int i = 0; i < 6; ++i) pods.push_back(std::make_unique<Backend>("pod-" + std::to_string(i)));
  ManifestFolder folder;
  folder.write("site.yaml", ingress_class_yaml() + ingress_yaml({}) + service_yaml("web"));
  folder.write("pods.yaml", slices_yaml("web", pointers(pods)));
  const Narthex narthex(binary(), folder);
  Load load({.port = narthex.http_port(), .clients = kClients});
  for (size_t i = 0; i < 30; ++i) {
    const std::vector<const Backend*> chosen = {pods[i % 6].get(), pods[(i + 1) % 6].get()};
    folder.write("pods.yaml", slices_yaml("web", chosen));
    const auto only_chosen = [&] {
      const std::string routes = narthex.routes();
      return routes.find(":" + std::to_string(pods[(i + 5) % 6]->port())) == std::string::npos &&
             routes.find(":" + std::to_string(chosen[1]->port())) != std::string::npos;
    };
    REQUIRE(eventually(only_chosen));
    REQUIRE(load.wait_for_more(10));
  }
  const LoadTally tally = load.stop();
  INFO(tally.first_failure);
  CHECK(tally.failed == 0);
  CHECK(tally.connections == kClients);
}

// A random walk over the files of a folder, each step one that people or programs make.
class Walk final {
 public:
  Walk(ManifestFolder& folder, const std::vector<const Backend*>& pods, unsigned seed)
      : folder_(folder), pods_(pods), random_(seed) {}

  void step() {
    const std::string file = "site-" + std::to_string(below(8)) + ".yaml";
    switch (below(8)) {
      case 0:
        return folder_.write(file, text(file));
      case 1:
        return folder_.write_in_place(file, text(file));
      case 2:
        std::filesystem::remove(folder_.file(file));
        return;
      case 3:
        return folder_.write(file, text(file).substr(0, below(400)));
      case 4:
        return folder_.write_in_place(file, "} nonsense: [");
      case 5:
        return folder_.write("pods.yaml", slices_yaml("web", some_pods()));
      case 6:
        return folder_.write_in_place("pods.yaml", slices_yaml("web", some_pods()));
      default:
        return half_then_whole(file);
    }
  }
  // So that what is served depends on the folder's present state alone.
  void mend() {
    for (int i = 0; i < 8; ++i) {
      const std::string file = "site-" + std::to_string(i) + ".yaml";
      if (std::filesystem::exists(folder_.file(file))) folder_.write(file, text(file));
    }
  }

 private:
  unsigned below(unsigned limit) { return std::uniform_int_distribution<unsigned>(0, limit - 1)(random_); }

  std::string text(const std::string& file) {
    const std::string name = file.substr(0, 6);
    const std::string host = below(3) == 0 ? "shared.org" : name + ".org";
    std::string out = ingress_yaml(
        {.name = name,
         .rules = {{host, {{.path = "/" + std::to_string(below(3)), .service = below(4) == 0 ? "gone" : "web"}}},
                   {"example.com", {{.path = "/extra"}}}},
         .annotations = {{"affinity", below(2) == 0 ? "cookie" : "bogus"}},
         .tls = {{{host}, name}}});
    if (below(2) == 0) out += tls_secret_yaml(name, certificate_.chain, certificate_.key);
    return out;
  }
  std::vector<const Backend*> some_pods() {
    std::vector<const Backend*> chosen = pods_;
    std::shuffle(chosen.begin(), chosen.end(), random_);
    chosen.resize(1 + below(static_cast<unsigned>(chosen.size())));
    return chosen;
  }
  void half_then_whole(const std::string& file) {
    const std::string whole = text(file);
    std::ofstream out(folder_.file(file), std::ios::binary | std::ios::trunc);
    out << whole.substr(0, whole.size() / 2) << std::flush;
    out << whole.substr(whole.size() / 2);
  }

  ManifestFolder& folder_;
  const std::vector<const Backend*> pods_;
  std::mt19937 random_;
  const PemPair certificate_ = make_certificate("*.org");
};

// Each process makes a default certificate of its own.
std::string without_own_certificate(std::string routes) {
  const size_t at = routes.find("certificate *\n");
  if (at == std::string::npos) return routes;
  return routes.erase(at, routes.find('\n', at + 14) + 1 - at);
}

TEST_CASE(
    "a random schedule of edits under load fails no request, closes no connection, and ends where a fresh start "
    "would") {
  const unsigned seed = std::random_device{}();
  std::cout << "seed of the random schedule: " << seed << std::endl;
  CAPTURE(seed);
  std::vector<std::unique_ptr<Backend>> pods;
  for (int i = 0; i < 5; ++i) pods.push_back(std::make_unique<Backend>("pod-" + std::to_string(i)));
  ManifestFolder folder;
  folder.write("class.yaml", ingress_class_yaml() +
                                ingress_yaml({.annotations = {{"ssl-redirect", "false"}}}) + service_yaml("web"));
  folder.write("pods.yaml", slices_yaml("web", pointers(pods)));
  const Narthex narthex(binary(), folder);
  Load load({.port = narthex.http_port(), .clients = kClients});
  Walk walk(folder, pointers(pods), seed);
  for (int i = 0; i < 300; ++i) {
    walk.step();
    if (i % 10 == 0) REQUIRE(load.wait_for_more(20));
  }
  walk.mend();
  folder.write("last.yaml", ingress_yaml({.name = "last", .rules = {{.host = "last.org"}}}));
  REQUIRE(eventually([&] { return get(narthex.http_port(), "last.org").status == 200; }));
  const LoadTally tally = load.stop();
  INFO(tally.first_failure);
  CHECK(tally.failed == 0);
  CHECK(tally.connections == kClients);
  const Narthex fresh(binary(), folder);
  const std::string wanted = without_own_certificate(fresh.routes());
  CHECK(wanted.find("last.org") != std::string::npos);
  eventually([&] { return without_own_certificate(narthex.routes()) == wanted; });
  CHECK(without_own_certificate(narthex.routes()) == wanted);
}

}  // namespace
}  // namespace narthex::test
