#include "test/support/manifests.h"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "base/text.h"

namespace narthex::test {

namespace {

void put(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file.string());
}

std::string meta_yaml(const std::string& name, const std::string& ns) {
  return "metadata:\n  name: " + name + "\n  namespace: " + ns + "\n";
}

// A text in single quotes, for YAML.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

std::string block_yaml(const std::string& text, const std::string& indent) {
  std::string out = "|\n";
  for (std::string_view line : base::split(base::trim(text), '\n')) out += indent + std::string(line) + "\n";
  return out;
}

}  // namespace

std::string ingress_yaml(const IngressSpec& spec) {
  std::string text = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\n" + meta_yaml(spec.name, spec.ns);
  if (!spec.annotations.empty()) text += "  annotations:\n";
  for (const auto& [name, value] : spec.annotations)
    text += "    nginx.ingress.kubernetes.io/" + name + ": " + quoted(value) + "\n";
  text += "spec:\n";
  if (!spec.class_name.empty()) text += "  ingressClassName: " + spec.class_name + "\n";
  if (!spec.default_service.empty())
    text += "  defaultBackend: {service: {name: " + spec.default_service + ", port: {number: 80}}}\n";
  if (!spec.tls.empty()) text += "  tls:\n";
  for (const TlsSpec& tls : spec.tls) {
    text += "  - secretName: " + tls.secret + "\n    hosts:\n";
    for (const std::string& host : tls.hosts) text += "    - " + quoted(host) + "\n";
  }
  if (!spec.rules.empty()) text += "  rules:\n";
  for (const RuleSpec& rule : spec.rules) {
    text += rule.host.empty() ? "  - http:\n" : "  - host: " + quoted(rule.host) + "\n    http:\n";
    text += "      paths:\n";
    for (const PathSpec& path : rule.paths)
      text += "      - path: " + quoted(path.path) + "\n        pathType: " + path.type +
              "\n        backend: {service: {name: " + path.service + ", port: {number: " + std::to_string(path.port) +
              "}}}\n";
  }
  return text;
}

std::string ingress_class_yaml(const std::string& name) {
  return "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata:\n  name: " + name +
         "\nspec:\n  controller: k8s.io/ingress-nginx\n";
}

std::string service_yaml(const std::string& name, const std::string& extra, const std::string& ns) {
  return "---\napiVersion: v1\nkind: Service\n" + meta_yaml(name, ns) + "spec:\n  selector: {app: " + name +
         "}\n  ports:\n  - {name: http, port: 80, targetPort: http}\n" + extra;
}

std::string slices_yaml(const std::string& service, const std::vector<const Backend*>& pods, const std::string& ns) {
  std::string text;
  size_t nth = 0;
  for (const Backend* pod : pods)
    text += "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" +
            meta_yaml(service + "-" + std::to_string(++nth), ns) + "  labels: {kubernetes.io/service-name: " + service +
            "}\naddressType: " + (pod->address().find(':') == std::string::npos ? "IPv4" : "IPv6") +
            "\nports:\n- {name: http, port: " + std::to_string(pod->port()) +
            ", protocol: TCP}\nendpoints:\n- addresses: ['" + pod->address() + "']\n  conditions: {ready: true}\n";
  return text;
}

std::string service_with(const std::string& service, const std::vector<const Backend*>& pods,
                         const std::string& extra) {
  return service_yaml(service, extra) + slices_yaml(service, pods);
}

std::string tls_secret_yaml(const std::string& name, const std::string& chain_pem, const std::string& key_pem,
                            const std::string& ns) {
  return "---\napiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\n" + meta_yaml(name, ns) +
         "stringData:\n  tls.crt: " + block_yaml(chain_pem, "    ") + "  tls.key: " + block_yaml(key_pem, "    ");
}

std::string simple_site(const std::vector<const Backend*>& pods) {
  return ingress_class_yaml() + ingress_yaml({}) + service_with("web", pods);
}

std::vector<const Backend*> pointers(const std::vector<std::unique_ptr<Backend>>& pods) {
  std::vector<const Backend*> out;
  for (const std::unique_ptr<Backend>& pod : pods) out.push_back(pod.get());
  return out;
}

ManifestFolder::ManifestFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "narthex-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder " + name);
  path_ = name;
}

ManifestFolder::~ManifestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void ManifestFolder::write(const std::string& name, const std::string& text) const {
  // The name of the half-made file must not look like a manifest: a dot in front, as editors do.
  const std::filesystem::path half = path_ / ("." + name + ".half");
  put(half, text);
  std::filesystem::rename(half, path_ / name);
}

void ManifestFolder::write_in_place(const std::string& name, const std::string& text) const { put(path_ / name, text); }

void ManifestFolder::remove(const std::string& name) const { std::filesystem::remove(path_ / name); }

void ManifestFolder::project(const std::map<std::string, std::string>& files) {
  const std::string folder = "..2026_" + std::to_string(++projections_);
  std::filesystem::create_directory(path_ / folder);
  for (const auto& [name, text] : files) put(path_ / folder / name, text);
  std::filesystem::create_symlink(folder, path_ / "..data_tmp");
  std::filesystem::rename(path_ / "..data_tmp", path_ / "..data");
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    if (entry.is_symlink() && entry.path().filename() != "..data" && !files.contains(entry.path().filename().string()))
      std::filesystem::remove(entry.path());
  for (const auto& [name, text] : files)
    if (!std::filesystem::is_symlink(path_ / name)) std::filesystem::create_symlink("..data/" + name, path_ / name);
  if (!projected_.empty()) std::filesystem::remove_all(path_ / projected_);
  projected_ = folder;
}

}  // namespace narthex::test
