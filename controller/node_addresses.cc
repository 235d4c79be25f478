#include "controller/node_addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "config/addresses.h"
#include "controller/api/api_path.h"

namespace narthex::controller {
namespace {

using config::Tree;

constexpr auto kOfVersions =
    std::to_array<std::string_view>({"pod-template-hash", "controller-revision-hash", "pod-template-generation"});

const Tree* at(const Tree& tree, std::initializer_list<std::string_view> names) {
  const Tree* found = &tree;
  for (const std::string_view name : names) found = found == nullptr ? nullptr : found->find(name);
  return found;
}

std::string text(const Tree* tree) {
  const auto* value = tree == nullptr ? nullptr : std::get_if<std::string>(&tree->value);
  return value == nullptr ? std::string() : *value;
}

const Tree::List& list(const Tree* tree) {
  static const Tree::List kEmpty;
  const auto* value = tree == nullptr ? nullptr : std::get_if<Tree::List>(&tree->value);
  return value == nullptr ? kEmpty : *value;
}

bool is_ready(const Tree& pod) {
  if (text(at(pod, {"status", "phase"})) != "Running" || at(pod, {"metadata", "deletionTimestamp"})) return false;
  for (const Tree& condition : list(at(pod, {"status", "conditions"})))
    if (text(condition.find("type")) == "Ready") return text(condition.find("status")) == "True";
  return false;
}

}  // namespace

std::string pod_selector(const Tree& pod) {
  std::string selector;
  const Tree* labels = at(pod, {"metadata", "labels"});
  const auto* map = labels == nullptr ? nullptr : std::get_if<Tree::Map>(&labels->value);
  for (size_t i = 0; map != nullptr && i < map->size(); ++i) {
    const auto& [name, value] = (*map)[i];
    if (std::find(kOfVersions.begin(), kOfVersions.end(), name) != kOfVersions.end()) continue;
    selector += fmt::format("{}{}={}", selector.empty() ? "" : ",", name, text(&value));
  }
  return selector;
}

std::set<std::string> nodes_of_pods(const Tree& pods) {
  std::set<std::string> nodes;
  for (const Tree& pod : list(pods.find("items")))
    if (is_ready(pod)) nodes.insert(text(at(pod, {"spec", "nodeName"})));
  nodes.erase("");
  return nodes;
}

std::vector<std::string> addresses_of_node(const Tree& node, bool internal) {
  std::vector<std::string> external, inside;
  for (const Tree& address : list(at(node, {"status", "addresses"}))) {
    const std::string type = text(address.find("type"));
    if (type == "ExternalIP") external.push_back(text(address.find("address")));
    if (type == "InternalIP") inside.push_back(text(address.find("address")));
  }
  return internal || external.empty() ? inside : external;
}

void NodeAddresses::ask(std::function<void(base::Result<std::string>)> done) {
  done_ = std::move(done);
  nodes_.clear();
  addresses_.clear();
  const std::string pods = fmt::format("/api/v1/namespaces/{}/pods", url_encoded(pod_.ns));
  get(pods + "/" + url_encoded(pod_.name), [this, pods](const Tree& pod) {
    const std::string selector = pod_selector(pod);
    if (selector.empty()) return end(base::Error("our pod has no labels by which to find the others"));
    get(pods + "?labelSelector=" + url_encoded(selector), [this](const Tree& all) {
      for (const std::string& node : nodes_of_pods(all))
        if (nodes_.size() < kNodesMax) nodes_.push_back(node);
      ask_next_node();
    });
  });
}

void NodeAddresses::ask_next_node() {
  if (nodes_.empty()) return end({boost::system::in_place_value, config::join_addresses(std::move(addresses_))});
  const std::string node = std::move(nodes_.back());
  nodes_.pop_back();
  get("/api/v1/nodes/" + url_encoded(node), [this](const Tree& object) {
    for (std::string& address : addresses_of_node(object, internal_)) addresses_.push_back(std::move(address));
    ask_next_node();
  });
}

void NodeAddresses::get(const std::string& target, std::function<void(const Tree&)> take) {
  ApiRequest request;
  request.target = target;
  call_(std::move(request), [this, target, take = std::move(take)](const ApiAnswer& answer) {
    if (!answer.ok()) return end(base::Error(target + ": " + why_not(answer)));
    const config::TreeDocuments parsed = config::parse_json(answer.body, {}, "managedFields");
    if (parsed.documents.empty()) return end(base::Error(target + ": the answer is no JSON"));
    take(parsed.documents.front());
  });
}

void NodeAddresses::end(base::Result<std::string> result) { std::exchange(done_, nullptr)(std::move(result)); }

}  // namespace narthex::controller
