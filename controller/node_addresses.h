// The addresses of the nodes that run ready pods of ours, for the status of Ingresses where no flag names them: our pod
// tells its labels, the pods with all of them tell their nodes, the nodes tell their addresses. Owned by the cluster
// writer. THREAD: control. LIMIT: kNodesMax nodes, asked one after the other.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/objects.h"
#include "config/tree.h"
#include "controller/api/api_call.h"

namespace narthex::controller {

// Pure readings of what the API server says.
// The labels of a pod as a selector, without those that differ between one version and the next.
std::string pod_selector(const config::Tree& pod);
// The nodes of the pods of a list that run and are ready.
std::set<std::string> nodes_of_pods(const config::Tree& pods);
// ExternalIPs; InternalIPs where these are wanted or there are no others.
std::vector<std::string> addresses_of_node(const config::Tree& node, bool internal);

class NodeAddresses final {
 public:
  static constexpr size_t kNodesMax = 100;

  // REQUIRES: answers of `call` do not come after its end.
  NodeAddresses(config::ObjectKey pod, bool internal, ApiCall call)
      : pod_(std::move(pod)), internal_(internal), call_(std::move(call)) {}
  NodeAddresses(const NodeAddresses&) = delete;
  NodeAddresses& operator=(const NodeAddresses&) = delete;

  // `done` gets the addresses as config/addresses.h writes them. Errors: one line with what could not be read.
  // REQUIRES: not busy.
  void ask(std::function<void(base::Result<std::string>)> done);
  bool busy() const { return static_cast<bool>(done_); }

 private:
  void get(const std::string& target, std::function<void(const config::Tree&)> take);
  void ask_next_node();
  void end(base::Result<std::string> result);

  const config::ObjectKey pod_;
  const bool internal_;
  const ApiCall call_;
  std::function<void(base::Result<std::string>)> done_;
  std::vector<std::string> nodes_, addresses_;
};

}  // namespace narthex::controller
