// Broken objects from an API server, among them those that a real one refuses: each harms only itself and is named.
#include <fmt/format.h>
#include <malloc.h>

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "controller/compiler.h"
#include "controller/setup.h"
#include "test/api/api_world.h"
#include "test/support/world.h"

namespace narthex::test {
namespace {

constexpr size_t kGood = 100, kBroken = 1000, kRounds = 6, kSettledRound = 2;

std::string path_json(const std::string& path, const std::string& type, const std::string& backend) {
  return fmt::format(R"({{"path":{},"pathType":{},"backend":{}}})", path, type, backend);
}

std::string rule_json(const std::string& host, const std::string& paths) {
  return fmt::format(R"("spec":{{"ingressClassName":"nginx","rules":[{{"host":{},"http":{{"paths":{}}}}}]}})", host,
                     paths);
}

const std::string kBackend = R"({"service":{"name":"web","port":{"number":80}}})";

std::string with_host(const std::string& host) {
  return rule_json(host, "[" + path_json(R"("/")", R"("Prefix")", kBackend) + "]");
}
std::string with_path(const std::string& path, const std::string& type = R"("Prefix")") {
  return rule_json(R"("h.test")", "[" + path_json(path, type, kBackend) + "]");
}
std::string with_backend(const std::string& backend) {
  return rule_json(R"("h.test")", "[" + path_json(R"("/")", R"("Prefix")", backend) + "]");
}

// What stands behind metadata: all of these are refused by a real API server (pkg/apis/networking/validation).
std::vector<std::string> refused_specs() {
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  return {
      with_host(R"("UPPER_case.test")"),
      with_host(R"("10.0.0.1")"),
      with_host(R"("a.*.test")"),
      with_host(R"("http://h.test")"),
      with_host("7"),
      with_host(R"(["h.test"])"),
      with_host("\"" + std::string(5000, 'h') + "\""),
      with_path(R"("relative")"),
      with_path(R"("")"),
      with_path(R"("/a/../b")"),
      with_path(R"("/a//b")"),
      with_path(R"("/a%2fb")"),
      with_path(R"("/\u0000\r\nX: y")"),
      with_path("true"),
      with_path("\"/" + std::string(100'000, 'p') + "\""),
      with_path(R"("/")", R"("Regex")"),
      with_path(R"("/")", "1"),
      with_backend("{}"),
      with_backend("null"),
      with_backend(R"("web")"),
      with_backend(R"({"service":{"name":"","port":{"number":80}}})"),
      with_backend(R"({"service":{"name":"../web","port":{"number":80}}})"),
      with_backend(R"({"service":{"name":"web"}})"),
      with_backend(R"({"service":{"name":"web","port":{}}})"),
      with_backend(R"({"service":{"name":"web","port":{"number":0}}})"),
      with_backend(R"({"service":{"name":"web","port":{"number":65536}}})"),
      with_backend(R"({"service":{"name":"web","port":{"number":-1}}})"),
      with_backend(R"({"service":{"name":"web","port":{"number":1e99}}})"),
      with_backend(R"({"service":{"name":"web","port":{"number":"80"}}})"),
      with_backend(R"({"service":{"name":"web","port":{"number":80,"name":"http"}}})"),
      with_backend(R"({"service":{"name":"web","port":{"name":"UPPER"}}})"),
      with_backend(R"({"service":{"name":"web","port":{"number":80}},"resource":{"kind":"a","name":"b"}})"),
      with_backend(R"({"resource":{"kind":"","name":""}})"),
      rule_json(R"("h.test")", "[]"),
      rule_json(R"("h.test")", "{}"),
      rule_json(R"("h.test")", "[3]"),
      rule_json(R"("h.test")", deep),
      R"("spec":{"ingressClassName":"nginx"})",
      R"("spec":{"ingressClassName":["nginx"]})",
      R"("spec":{"ingressClassName":"nginx","rules":"all"})",
      R"("spec":{"ingressClassName":"nginx","rules":[null]})",
      R"("spec":{"ingressClassName":"nginx","defaultBackend":7})",
      R"("spec":{"ingressClassName":"nginx","defaultBackend":{"service":{"name":"web","port":{"number":80}}},"tls":3})",
      R"("spec":{"ingressClassName":"nginx","defaultBackend":{"service":{"name":"web","port":{"number":80}}},)"
      R"("tls":[{"secretName":"a/b"}]})",
      R"("spec":[])",
      R"("spec":"nginx")",
  };
}

std::string object_json(const std::string& name, const std::string& rest) {
  return fmt::format(R"({{"metadata":{{"name":"{}","namespace":"default","resourceVersion":"$V","creationTimestamp":)"
                     R"("2024-05-01T12:00:00Z"}},{}}})",
                     name, rest);
}

// Where the value that begins at `at` ends. REQUIRES: the text is JSON.
size_t value_end(const std::string& text, size_t at) {
  size_t depth = 0;
  for (bool quoted = false; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      at += c == '\\';
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if (c == ',' && depth == 0) {
      return at;
    }
  }
  return at;
}

// Some values behind the metadata become others.
std::string mutated(std::string json, std::mt19937_64& random) {
  const std::vector<std::string> others = {"null",
                                           "true",
                                           "-7",
                                           "65536",
                                           "1e400",
                                           R"("")",
                                           R"("\u0000\ud800")",
                                           R"("../../x\r\n")",
                                           "[]",
                                           "{}",
                                           R"([{"a":[]}])",
                                           "\"" + std::string(3000, '*') + "\"",
                                           std::string(40, '[') + std::string(40, ']')};
  for (size_t times = 1 + random() % 3; times > 0; --times) {
    std::vector<size_t> values;
    for (size_t at = json.find("\"managedFields\":"); at != std::string::npos; at = json.find("\":", at + 1))
      values.push_back(json.find(':', at) + 1);
    const size_t at = values[random() % values.size()];
    json.replace(at, value_end(json, at) - at, others[random() % others.size()]);
  }
  return json;
}

// A control plane without a data plane, fed by the API server of a world.
struct Plane {
  Plane() : compiler(default_options(), clock) {
    world.deliver = [this](const controller::SourceBatch& batch) { controller::apply(batch, compiler); };
    world.put_site();
    for (size_t i = 0; i < kGood; ++i) world.put_ingress(fmt::format("good-{}", i), fmt::format("good-{}.test", i));
  }
  void check_good() {
    const auto snapshot = compiler.compile();
    compiler.take_finding_changes();
    compiler.take_touches();
    for (size_t i = 0; i < kGood; ++i) {
      INFO("good-" << i);
      CHECK(endpoints_for(*snapshot, fmt::format("good-{}.test", i), "/") ==
            std::vector<std::string>{"10.244.0.9:8080"});
    }
  }
  std::set<std::string> named() const {
    std::set<std::string> all;
    for (const auto& [finding, units] : compiler.findings())
      if (finding.object.kind == "Ingress") all.insert(finding.object.name);
    return all;
  }

  HandClock clock;
  controller::Compiler compiler;
  ApiWorld world;
};

TEST_CASE("of a thousand Ingresses that an API server would refuse each is named, and the good ones are served") {
  Plane plane;
  plane.world.begin();
  const std::vector<std::string> specs = refused_specs();
  size_t memory = 0;
  for (size_t round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < kBroken; ++i) {
      const std::string name = fmt::format("broken-{}", i);
      plane.world.api.cluster().put("ingresses", "default", name, object_json(name, specs[(i + round) % specs.size()]));
    }
    plane.world.run_marker();
    plane.check_good();
    const std::set<std::string> named = plane.named();
    std::set<std::string> silent;
    for (size_t i = 0; i < kBroken; ++i)
      if (!named.contains(fmt::format("broken-{}", i))) silent.insert(specs[(i + round) % specs.size()].substr(0, 300));
    CHECK(silent == std::set<std::string>());
    plane.world.api.cluster().forget_events();
    if (round == kSettledRound) memory = mallinfo2().uordblks;
  }
  CHECK(mallinfo2().uordblks <= memory + memory / 10);
  for (size_t i = 0; i < kBroken; ++i)
    plane.world.api.cluster().erase("ingresses", "default", fmt::format("broken-{}", i));
  plane.world.run_marker();
  plane.check_good();
  CHECK(plane.named().empty());
}

TEST_CASE("whatever the values of a thousand objects become, the good ones are served") {
  const uint64_t seed = GENERATE(1u, 2u, 3u);
  std::mt19937_64 random(seed);
  Plane plane;
  plane.world.begin();
  FakeCluster& cluster = plane.world.api.cluster();
  const auto put = [&](const std::string& plural, const std::string& name, const std::string& json) {
    cluster.put(plural, "default", name, mutated(json, random));
  };
  for (size_t i = 0; i < kBroken; ++i) {
    const std::string name = fmt::format("random-{}", i);
    // The mutated one must not take a good one's host: that would be somebody's right, not a defect.
    put("ingresses", name, ingress_json("default", name, name + ".test", i % 2 == 0 ? name : ""));
    if (i % 4 == 0) put("services", name, service_json("default", name));
    if (i % 4 == 1) put("endpointslices", name + "-1", slice_json("default", name, "10.244.0.7", 8080));
    if (i % 4 == 2) put("secrets", name, secret_json("default", name, "kubernetes.io/tls", {{"tls.crt", "x"}}));
    if (i % 4 == 3) put("ingressclasses", name, ingress_class_json(name));
  }
  plane.world.run_marker();
  plane.check_good();
}

}  // namespace
}  // namespace narthex::test
