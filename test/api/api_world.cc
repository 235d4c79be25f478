#include "test/api/api_world.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "test/support/patience.h"

namespace narthex::test {

using namespace std::chrono_literals;

controller::ApiSourceOptions ApiWorld::quick() {
  controller::ApiSourceOptions options;
  controller::ReflectorTimes& times = options.reflector.times;
  times.back_off_first = 1ms;
  times.back_off_most = 20ms;
  times.forbidden = 10ms;
  times.confirm_empty = 10ms;
  return options;
}

ApiWorld::ApiWorld(FakeApi::Options server) : api(loop, std::move(server)) {}

void ApiWorld::put_site() {
  api.cluster().put("ingressclasses", "", "nginx", ingress_class_json("nginx"));
  put_ingress("shop", "shop.example.com");
  api.cluster().put("services", "default", "web", service_json("default", "web"));
  api.cluster().put("endpointslices", "default", "web-1", slice_json("default", "web", "10.244.0.9", 8080));
}

void ApiWorld::put_ingress(const std::string& name, const std::string& host, const std::string& secret,
                           const std::string& ns) {
  api.cluster().put("ingresses", ns, name, ingress_json(ns, name, host, secret));
}

controller::ApiAccess ApiWorld::access() const {
  controller::ApiAccess access;
  REQUIRE(controller::read_server_url(api.url(), access).has_value());
  return access;
}

void ApiWorld::start(controller::ApiSourceOptions options) { start(access(), std::move(options)); }

void ApiWorld::start(controller::ApiAccess access, controller::ApiSourceOptions options) {
  source_ = std::make_unique<controller::ApiSource>(
      loop, std::move(access), std::move(options), clock_,
      [this](controller::SourceBatch batch) { take(std::move(batch)); },
      [this](const config::ObjectKey& key) { return used_secrets.contains(key); });
  source_->start();
}

void ApiWorld::begin(controller::ApiSourceOptions options) {
  start(std::move(options));
  run_until([&] { return source_->complete(); });
}

void ApiWorld::run_until(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    loop.restart();
    if (std::chrono::steady_clock::now() > deadline)
      FAIL("it does not come about; " << source_->waiting_for() << "; findings:\n" << findings());
    loop.run_one_for(100ms);
  }
}

void ApiWorld::run_marker() {
  const std::string name = fmt::format("marker-{}", ++markers_);
  put_ingress(name, name + ".example.com");
  run_until([&] { return has("Ingress default/" + name); });
}

std::string ApiWorld::host_of(const std::string& ingress) const {
  const auto found = model.find("Ingress default/" + ingress);
  if (found == model.end()) return "";
  const auto& rules = std::get<config::Ingress>(found->second).rules;
  return rules.empty() ? "" : rules[0].host;
}

bool ApiWorld::has_finding(const std::string& reason) const {
  for (const auto& [source, findings] : findings_)
    for (const config::Finding& finding : findings)
      if (finding.reason == reason) return true;
  return false;
}

std::string ApiWorld::findings() const {
  std::string text;
  for (const auto& [source, findings] : findings_)
    for (const config::Finding& finding : findings) text += config::to_text(finding) + '\n';
  return text;
}

size_t ApiWorld::lists(const std::string& kind) const {
  for (const auto& one : source_->api_metrics().kinds)
    if (one.kind == kind) return one.lists;
  return 0;
}

size_t ApiWorld::watches(const std::string& kind) const {
  for (const auto& one : source_->api_metrics().kinds)
    if (one.kind == kind) return one.watches;
  return 0;
}

uint64_t ApiWorld::answers(const std::string& code) const {
  for (const auto& one : source_->api_metrics().requests)
    if (one.code == code) return one.count;
  return 0;
}

void ApiWorld::take(controller::SourceBatch batch) {
  ++batches;
  deliver(batch);
  for (controller::Change& change : batch.changes) {
    const std::string name = fmt::format("{} {}/{}", change.ref.kind, change.ref.ns, change.ref.name);
    ++delivered[name];
    model.erase(name);
    if (change.object) model.emplace(name, std::move(*change.object));
  }
  for (controller::SourceFindings& from : batch.findings) {
    findings_.erase(from.source);
    if (!from.findings.empty()) findings_[from.source] = std::move(from.findings);
  }
}

}  // namespace narthex::test
