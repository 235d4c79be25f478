#include "test/controller/written_cluster.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "base/text.h"

namespace narthex::test {
namespace {

using config::Tree;
using controller::ApiAnswer;
using controller::ApiRequest;

Tree parsed(const std::string& json) {
  config::TreeDocuments documents = config::parse_json(json);
  INFO(json);
  REQUIRE(documents.documents.size() == 1);
  return std::move(documents.documents[0]);
}

Tree& member(Tree& tree, std::string_view name) {
  if (!std::holds_alternative<Tree::Map>(tree.value)) tree.value = Tree::Map{};
  auto& map = std::get<Tree::Map>(tree.value);
  for (auto& [known, value] : map)
    if (known == name) return value;
  map.push_back({std::string(name), Tree{}});
  return map.back().second;
}

std::string text(const Tree& tree, const std::vector<std::string_view>& names) {
  const Tree* at = &tree;
  for (const std::string_view name : names) at = at == nullptr ? nullptr : at->find(name);
  const auto* value = at == nullptr ? nullptr : std::get_if<std::string>(&at->value);
  return value == nullptr ? std::string() : *value;
}

// RFC 7396
void merge(Tree& into, const Tree& patch) {
  const auto* map = std::get_if<Tree::Map>(&patch.value);
  if (map == nullptr) {
    into = patch;
    return;
  }
  for (const auto& [name, value] : *map) {
    Tree& old = member(into, name);
    if (value.value.index() != 0) {
      merge(old, value);
      continue;
    }
    std::erase_if(std::get<Tree::Map>(into.value), [&](const Tree::Member& one) { return one.first == name; });
  }
}

}  // namespace

ApiAnswer answer_of(uint32_t status, std::string body) {
  ApiAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  if (status == 0) answer.trouble = "nobody answers";
  return answer;
}

controller::ApiCall WrittenCluster::call() {
  return [this](ApiRequest request, controller::ApiAnswerTaker done) {
    requests.push_back(request);
    waiting_.emplace_back(std::move(request), std::move(done));
  };
}

void WrittenCluster::run() {
  for (int i = 0; i < 100'000 && !waiting_.empty(); ++i) answer_one();
  REQUIRE(waiting_.empty());
}

void WrittenCluster::answer_one() {
  REQUIRE_FALSE(waiting_.empty());
  const auto [request, done] = std::move(waiting_.front());
  waiting_.pop_front();
  auto wrong = fault(request);
  done(wrong ? std::move(*wrong) : answer(request));
}

void WrittenCluster::put(const std::string& path, const std::string& json) { store(path, parsed(json), 200); }

std::string WrittenCluster::at(const std::string& path, const std::string& names) const {
  const auto found = objects_.find(path);
  const Tree* at = found == objects_.end() ? nullptr : &found->second;
  for (const std::string_view name : base::split(names, '.')) at = at == nullptr ? nullptr : at->find(name);
  if (at == nullptr) return "";
  const auto* value = std::get_if<std::string>(&at->value);
  return value != nullptr ? *value : config::to_json(*at);
}

std::vector<std::string> WrittenCluster::paths(const std::string& prefix) const {
  std::vector<std::string> found;
  for (const auto& [path, object] : objects_)
    if (path.starts_with(prefix)) found.push_back(path);
  return found;
}

size_t WrittenCluster::count(const std::string& method, const std::string& part) const {
  size_t count = 0;
  for (const ApiRequest& request : requests)
    count += request.method == method && request.target.find(part) != std::string::npos;
  return count;
}

ApiAnswer WrittenCluster::answer(const ApiRequest& request) {
  const size_t question = std::min(request.target.find('?'), request.target.size());
  std::string path = request.target.substr(0, question);
  if (path.ends_with("/status")) path.resize(path.size() - 7);
  if (request.method == "POST") return create(path, parsed(request.body));
  const auto found = objects_.find(path);
  if (question < request.target.size()) {
    const std::string name = request.target.substr(request.target.find("%3D") + 3);
    const auto item = objects_.find(path + "/" + name);
    return answer_of(200, fmt::format("{{\"metadata\":{{\"resourceVersion\":\"{}\"}},\"items\":[{}]}}", version_,
                                      item == objects_.end() ? "" : config::to_json(item->second)));
  }
  if (found == objects_.end()) return answer_of(404);
  if (request.method == "GET") return answer_of(200, config::to_json(found->second));
  const Tree body = parsed(request.body);
  const std::string version = text(body, {"metadata", "resourceVersion"});
  const bool stale = !version.empty() && version != text(found->second, {"metadata", "resourceVersion"});
  if (stale) return answer_of(409);
  if (request.method == "PUT") return store(path, body, 200);
  CHECK(request.content_type == "application/merge-patch+json");
  Tree object = found->second;
  merge(object, body);
  return store(path, std::move(object), 200);
}

ApiAnswer WrittenCluster::create(const std::string& path, Tree object) {
  const std::string whole = path + "/" + text(object, {"metadata", "name"});
  if (objects_.contains(whole)) return answer_of(409);
  return store(whole, std::move(object), 201);
}

ApiAnswer WrittenCluster::store(const std::string& path, Tree object, int status) {
  Tree& metadata = member(object, "metadata");
  member(metadata, "resourceVersion").value = std::to_string(++version_);
  if (text(metadata, {"uid"}).empty()) member(metadata, "uid").value = fmt::format("uid-{}", version_);
  std::string body = config::to_json(object);
  objects_[path] = std::move(object);
  return answer_of(static_cast<uint32_t>(status), std::move(body));
}

std::string status_ingress_yaml(const std::string& name, const std::string& class_name, const std::string& address,
                                const std::string& service) {
  const std::string status =
      address.empty() ? "" : fmt::format("status:\n  loadBalancer:\n    ingress:\n    - ip: {}\n", address);
  return fmt::format(
      "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {0}, namespace: default}}\nspec:\n"
      "  ingressClassName: {1}\n  rules:\n  - host: {0}.example.com\n    http:\n      paths:\n      - path: /\n"
      "        pathType: Prefix\n        backend: {{service: {{name: {2}, port: {{number: 80}}}}}}\n{3}",
      name, class_name, service.empty() ? name : service, status);
}

}  // namespace narthex::test
