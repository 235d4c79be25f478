// What most feature tests need: some pods, a folder of manifests that routes example.com to them, and the real binary
// on it. Owned by the test. THREAD: the test's.
#pragma once

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "test/support/backend.h"
#include "test/support/client.h"
#include "test/support/manifests.h"
#include "test/support/narthex_process.h"

namespace narthex::test {

// The binary under test: NARTHEX_BINARY of the environment (another build, an installed one), else that of this build.
inline std::string binary() {
  const char* other = std::getenv("NARTHEX_BINARY");
  return other == nullptr ? NARTHEX_BINARY : other;
}

struct SiteOptions {
  int pods = 1;
  Handler handler = echo;
  NarthexOptions narthex = {};
  IngressSpec ingress = {};
  std::string service_extra = {};  // below the Service's spec
  std::string more = {};           // further manifests
};

class Site final {
 public:
  explicit Site(SiteOptions options = {}) : options_(std::move(options)) {
    for (int i = 0; i < options_.pods; ++i) add_pod();
    write();
    start();
  }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  Backend& add_pod() {
    return *pods.emplace_back(std::make_unique<Backend>("pod-" + std::to_string(++made_), options_.handler));
  }
  // The manifests anew from the present pods and options.
  void write() {
    folder.write("class.yaml", ingress_class_yaml());
    folder.write("web.yaml",
                 ingress_yaml(options_.ingress) + service_yaml("web", options_.service_extra) + options_.more);
    folder.write("pods.yaml", slices_yaml("web", pointers(pods)));
  }
  void start() { narthex.emplace(binary(), folder, options_.narthex); }
  void restart() {
    narthex.reset();
    start();
  }

  Backend& pod(size_t i = 0) { return *pods.at(i); }
  uint16_t http() const { return narthex->http_port(); }
  uint16_t https() const { return narthex->https_port(); }
  SiteOptions& options() { return options_; }
  uint64_t requests() const {
    uint64_t sum = 0;
    for (const auto& pod : pods) sum += pod->requests();
    return sum;
  }

  std::vector<std::unique_ptr<Backend>> pods;
  ManifestFolder folder;
  std::optional<Narthex> narthex;

 private:
  SiteOptions options_;
  int made_ = 0;
};

// The head as the echoing pod saw it.
inline Head echoed_head(const Response& response) {
  return parse_head(response.body.substr(0, response.body.find("\r\n\r\n") + 4));
}
inline std::string echoed_body(const Response& response) {
  return response.body.substr(response.body.find("\r\n\r\n") + 4);
}

}  // namespace narthex::test
