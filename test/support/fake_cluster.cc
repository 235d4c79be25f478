#include "test/support/fake_cluster.h"

#include <fmt/format.h>

#include "base/text.h"

namespace narthex::test {
namespace {

std::string with_version(std::string json, uint64_t version) {
  const size_t at = json.find("$V");
  if (at != std::string::npos) json.replace(at, 2, std::to_string(version));
  return json;
}

bool has(const std::string& json, const std::string& part) { return json.find(part) != std::string::npos; }

// The few selectors that Narthex sends.
bool chosen(const FakeScope& scope, const std::string& ns, const std::string& json) {
  if (!scope.ns.empty() && scope.ns != ns) return false;
  const std::string& field = scope.field_selector;
  if (field.starts_with("metadata.name=") && !has(json, fmt::format("\"name\":\"{}\"", field.substr(14)))) return false;
  if (field.starts_with("type!=") && has(json, fmt::format("\"type\":\"{}\"", field.substr(6)))) return false;
  const std::string& label = scope.label_selector;
  const size_t equals = label.find('=');
  return label.empty() || has(json, fmt::format("\"{}\":\"{}\"", label.substr(0, equals), label.substr(equals + 1)));
}

std::string metadata(const std::string& ns, const std::string& name, const std::string& more = "") {
  const std::string space = ns.empty() ? "" : fmt::format("\"namespace\":\"{}\",", ns);
  return fmt::format(
      "\"metadata\":{{\"name\":\"{}\",{}\"resourceVersion\":\"$V\",\"creationTimestamp\":"
      "\"2024-05-01T12:00:00Z\",\"managedFields\":[{{\"manager\":\"kubectl\"}}]{}}}",
      name, space, more);
}

}  // namespace

void FakeCluster::put(const std::string& plural, const std::string& ns, const std::string& name, std::string json) {
  Kind& kind = kinds_[plural];
  const bool is_new = !kind.objects.contains({ns, name});
  json = with_version(std::move(json), ++version_);
  kind.objects[{ns, name}] = std::string(json);  // not into the memory of a longer one before it
  note(kind, is_new ? "ADDED" : "MODIFIED", ns, std::move(json));
  on_change(plural);
}

void FakeCluster::erase(const std::string& plural, const std::string& ns, const std::string& name) {
  Kind& kind = kinds_[plural];
  const auto found = kind.objects.find({ns, name});
  if (found == kind.objects.end()) return;
  kind.objects.erase(found);
  ++version_;
  const std::string space = ns.empty() ? "" : fmt::format("\"namespace\":\"{}\",", ns);
  note(kind, "DELETED", ns,
       fmt::format("{{\"metadata\":{{\"name\":\"{}\",{}\"resourceVersion\":\"{}\"}}}}", name, space, version_));
  on_change(plural);
}

void FakeCluster::lose_everything() {
  ++version_;
  for (auto& [plural, kind] : kinds_) kind = {};
  compact();
}

void FakeCluster::forget_events() {
  for (auto& [plural, kind] : kinds_) kind.events.clear();
  compact();
}

size_t FakeCluster::count(const std::string& plural) const {
  const auto found = kinds_.find(plural);
  return found == kinds_.end() ? 0 : found->second.objects.size();
}

// The token is "version/namespace/name": the last object that was given.
FakeListing FakeCluster::list(const FakeScope& scope, size_t limit, const std::string& token) const {
  FakeListing listing;
  listing.version = version_;
  std::pair<std::string, std::string> after;
  if (!token.empty()) {
    const auto parts = base::split(token, '/');
    listing.version = base::parse_decimal(parts[0]).value_or(0);
    listing.gone = listing.version < oldest_;
    after = {std::string(parts.at(1)), std::string(parts.at(2))};
  }
  const auto kind = kinds_.find(scope.plural);
  if (kind == kinds_.end() || listing.gone) return listing;
  const auto& objects = kind->second.objects;
  for (auto at = token.empty() ? objects.begin() : objects.upper_bound(after); at != objects.end(); ++at) {
    if (!chosen(scope, at->first.first, at->second)) continue;
    if (limit != 0 && listing.items.size() == limit) {
      const auto last = std::prev(at);
      listing.next = fmt::format("{}/{}/{}", listing.version, last->first.first, last->first.second);
      break;
    }
    listing.items.push_back(&at->second);
  }
  return listing;
}

std::vector<FakeEvent> FakeCluster::events_since(const FakeScope& scope, uint64_t version) const {
  std::vector<FakeEvent> events;
  const auto kind = kinds_.find(scope.plural);
  if (kind == kinds_.end()) return events;
  for (const FakeEvent& event : kind->second.events)
    if (event.version > version &&
        (event.type == "DELETED" ? scope.ns.empty() || scope.ns == event.ns : chosen(scope, event.ns, event.object)))
      events.push_back(event);
  return events;
}

void FakeCluster::note(Kind& kind, const char* type, const std::string& ns, std::string object) {
  kind.events.push_back({type, version_, ns, std::move(object)});
}

std::string ingress_json(const std::string& ns, const std::string& name, const std::string& host,
                         const std::string& secret) {
  const std::string tls =
      secret.empty() ? "" : fmt::format("\"tls\":[{{\"hosts\":[\"{}\"],\"secretName\":\"{}\"}}],", host, secret);
  return fmt::format(
      "{{{},\"spec\":{{\"ingressClassName\":\"nginx\",{}\"rules\":[{{\"host\":\"{}\",\"http\":{{\"paths\":[{{\"path\":"
      "\"/\","
      "\"pathType\":\"Prefix\",\"backend\":{{\"service\":{{\"name\":\"web\",\"port\":{{\"number\":80}}}}}}}}]}}}}]}}}}",
      metadata(ns, name), tls, host);
}

std::string ingress_class_json(const std::string& name, const std::string& controller) {
  return fmt::format("{{{},\"spec\":{{\"controller\":\"{}\"}}}}", metadata("", name), controller);
}

std::string service_json(const std::string& ns, const std::string& name) {
  return fmt::format("{{{},\"spec\":{{\"ports\":[{{\"name\":\"http\",\"port\":80}}]}}}}", metadata(ns, name));
}

std::string slice_json(const std::string& ns, const std::string& service, const std::string& address, uint16_t port) {
  return fmt::format(
      "{{{},\"addressType\":\"IPv4\",\"ports\":[{{\"name\":\"http\",\"port\":{}}}],\"endpoints\":"
      "[{{\"addresses\":[\"{}\"]}}]}}",
      metadata(ns, service + "-1", fmt::format(",\"labels\":{{\"kubernetes.io/service-name\":\"{}\"}}", service)), port,
      address);
}

std::string endpoints_json(const std::string& ns, const std::string& service, const std::string& address,
                           uint16_t port) {
  return fmt::format(
      "{{{},\"subsets\":[{{\"ports\":[{{\"name\":\"http\",\"port\":{}}}],\"addresses\":[{{\"ip\":\"{}\"}}]}}]}}",
      metadata(ns, service), port, address);
}

std::string secret_json(const std::string& ns, const std::string& name, const std::string& type,
                        const std::map<std::string, std::string>& files) {
  std::string members;
  for (const auto& [file, bytes] : files)
    members += fmt::format("{}\"{}\":\"{}\"", members.empty() ? "" : ",", file, base::encode_base64(bytes));
  return fmt::format("{{{},\"type\":\"{}\",\"data\":{{{}}}}}", metadata(ns, name), type, members);
}

std::string namespace_json(const std::string& name, const std::string& label) {
  return fmt::format("{{{}}}", metadata("", name, fmt::format(",\"labels\":{{{}}}", label)));
}

std::string status_json(int code, const std::string& reason, const std::string& message) {
  return fmt::format(
      "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\",\"message\":\"{}\","
      "\"reason\":\"{}\",\"code\":{}}}",
      message, reason, code);
}

}  // namespace narthex::test
