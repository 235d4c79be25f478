// Kubernetes manifests for tests: builders of YAML for the usual objects, and a folder to put them in with every way of
// writing that editors, kubectl and the kubelet have. Values, and one resource. THREAD: any, one at a time per folder.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "test/support/backend.h"

namespace narthex::test {

struct PathSpec {
  std::string path = "/", service = "web", type = "Prefix";
  int port = 80;
};

struct RuleSpec {
  std::string host = "example.com";  // empty: no host
  std::vector<PathSpec> paths = {PathSpec{}};
};

struct TlsSpec {
  std::vector<std::string> hosts;
  std::string secret;
};

struct IngressSpec {
  std::string name = "web";
  std::vector<RuleSpec> rules = {RuleSpec{}};
  std::map<std::string, std::string> annotations = {};  // the part behind nginx.ingress.kubernetes.io/
  std::vector<TlsSpec> tls = {};
  std::string default_service = {};  // empty: none
  std::string class_name = "nginx";
  std::string ns = "default";
};

// Each text is one or several whole YAML documents that start with "---".
std::string ingress_yaml(const IngressSpec& spec);
std::string ingress_class_yaml(const std::string& name = "nginx");
// A Service with port 80 named http; `extra` is put under spec as it is, indented by two spaces.
std::string service_yaml(const std::string& name, const std::string& extra = "", const std::string& ns = "default");
// One EndpointSlice for each backend (they differ in port), all of the Service's port http.
std::string slices_yaml(const std::string& service, const std::vector<const Backend*>& pods,
                        const std::string& ns = "default");
// The two above.
std::string service_with(const std::string& service, const std::vector<const Backend*>& pods,
                         const std::string& extra = "");
std::string tls_secret_yaml(const std::string& name, const std::string& chain_pem, const std::string& key_pem,
                            const std::string& ns = "default");
// IngressClass nginx, an Ingress of example.com for everything, and the Service web with these pods.
std::string simple_site(const std::vector<const Backend*>& pods);

std::vector<const Backend*> pointers(const std::vector<std::unique_ptr<Backend>>& pods);

// A new folder below the system's temporary one, removed with all in it at the end.
class ManifestFolder final {
 public:
  ManifestFolder();
  ~ManifestFolder();
  ManifestFolder(const ManifestFolder&) = delete;
  ManifestFolder& operator=(const ManifestFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }
  // Written elsewhere and renamed over, as good editors and kubectl do.
  void write(const std::string& name, const std::string& text) const;
  // Truncated and written again, as shells and bad editors do.
  void write_in_place(const std::string& name, const std::string& text) const;
  void remove(const std::string& name) const;
  // As the kubelet mounts a ConfigMap: name -> ..data/name, ..data -> a folder with a new name, changed by renaming
  // ..data.
  void project(const std::map<std::string, std::string>& files);

 private:
  std::filesystem::path path_;
  std::string projected_;
  int projections_ = 0;
};

}  // namespace narthex::test
