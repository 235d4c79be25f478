#include "controller/api/api_path.h"

#include <fmt/format.h>

#include <array>

namespace narthex::controller {
namespace {

using config::ApiKind;

struct KindPath {
  const char* root;
  const char* plural;
  const char* spoken;
};
// By ApiKind.
constexpr std::array<KindPath, 8> kPaths = {{
    {"/apis/networking.k8s.io/v1", "ingresses", "Ingresses"},
    {"/apis/networking.k8s.io/v1", "ingressclasses", "IngressClasses"},
    {"/api/v1", "services", "Services"},
    {"/apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlices"},
    {"/api/v1", "endpoints", "Endpoints"},
    {"/api/v1", "secrets", "Secrets"},
    {"/api/v1", "configmaps", "ConfigMaps"},
    {"/api/v1", "namespaces", "Namespaces"},
}};
const KindPath& path_of(ApiKind kind) { return kPaths[static_cast<size_t>(kind)]; }

}  // namespace

std::string api_path(ApiKind kind, const std::string& ns) {
  const KindPath& path = path_of(kind);
  return ns.empty() ? fmt::format("{}/{}", path.root, path.plural)
                    : fmt::format("{}/namespaces/{}/{}", path.root, ns, path.plural);
}

std::string to_text(const ApiScope& scope) {
  std::string text = path_of(scope.kind).spoken;
  if (!scope.ns.empty()) text += " in namespace " + scope.ns;
  return text;
}

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace narthex::controller
