#include "test/support/world.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "config/decode.h"
#include "test/support/manifests.h"

namespace narthex::test {

std::shared_ptr<const tls::Certificate> default_certificate() {
  static const auto made = tls::Certificate::make_self_signed(std::chrono::system_clock::now());
  REQUIRE(made.has_value());
  return made.value();
}

controller::CompilerOptions default_options() {
  controller::CompilerOptions options;
  options.default_certificate = default_certificate();
  return options;
}

controller::Changes changes_of(const std::string& yaml) {
  config::Decoded decoded = config::decode_manifest(yaml, "test.yaml");
  for (const config::Finding& finding : decoded.findings) FAIL(to_text(finding));
  controller::Changes changes;
  for (config::Object& object : decoded.objects) changes.push_back(controller::upserted(std::move(object)));
  return changes;
}

std::shared_ptr<const router::Snapshot> World::apply(const std::string& yaml) {
  compiler.apply(changes_of(yaml));
  return compiler.compile();
}

std::shared_ptr<const router::Snapshot> World::remove(const std::string& kind, const std::string& ns,
                                                      const std::string& name) {
  compiler.apply({controller::removed({kind, ns, name})});
  return compiler.compile();
}

std::vector<std::string> World::findings() const {
  std::vector<std::string> texts;
  for (const auto& [finding, times] : compiler.findings()) texts.push_back(to_text(finding));
  return texts;
}

size_t World::count(const std::string& reason) const {
  size_t count = 0;
  for (const auto& [finding, times] : compiler.findings()) count += finding.reason == reason;
  return count;
}

const router::Route* route_for(const router::Snapshot& snapshot, const std::string& host, const std::string& path) {
  const router::HostRoutes* routes = snapshot.hosts.find(host);
  return routes ? routes->match(path) : nullptr;
}

std::vector<std::string> endpoints_for(const router::Snapshot& snapshot, const std::string& host,
                                       const std::string& path) {
  const router::Route* route = route_for(snapshot, host, path);
  REQUIRE(route != nullptr);
  std::vector<std::string> texts;
  if (route->backend == router::kNoBackend) return texts;
  const router::Backend* backend = snapshot.backends.find(route->backend);
  REQUIRE(backend != nullptr);
  for (const router::Endpoint& endpoint : backend->endpoints) texts.push_back(to_text(endpoint));
  return texts;
}

std::string app_yaml(const std::string& name, const std::vector<std::string>& addresses, const std::string& ns) {
  return service_yaml(name, "", ns) + slice_yaml(name, addresses, ns);
}

std::string slice_yaml(const std::string& service, const std::vector<std::string>& addresses, const std::string& ns,
                       const std::string& name) {
  std::string text = fmt::format(
      "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {}, namespace: {}, "
      "labels: {{kubernetes.io/service-name: {}}}}}\naddressType: IPv4\nports: [{{name: http, port: 8080}}]\n"
      "endpoints:\n",
      name.empty() ? service + "-1" : name, ns, service);
  for (const std::string& address : addresses) text += fmt::format("- addresses: [{}]\n", address);
  return addresses.empty() ? text + "  []\n" : text;
}

}  // namespace narthex::test
