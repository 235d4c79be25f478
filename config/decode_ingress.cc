// Ingress and IngressClass. The rules are those of the API server (kubernetes pkg/apis/networking/validation), so that
// what a cluster refuses is refused in a folder too; but here only the broken path, rule or tls entry is lost.
#include <fmt/format.h>

#include "base/text.h"
#include "config/addresses.h"
#include "config/decode_kinds.h"
#include "config/names.h"

namespace narthex::config {
namespace {

// LIMIT: bytes of one path; also the longest that can ever match.
constexpr size_t kMaxPath = 4096;

enum class Form { v1, beta };

bool read_service_name(const Node& node, std::string& into) {
  if (!node.read(into)) return false;
  if (is_dns_label(into)) return true;
  if (into.empty()) {
    node.refuse("InvalidBackend", "the name of the Service is missing; give it");
  } else {
    node.refuse("InvalidBackend",
                in_quotes(into) + " is no name of a Service (lower case letters, digits and -, at most 63)");
  }
  return false;
}

bool is_good_port_name(const Node& node, const std::string& name) {
  if (is_port_name(name)) return true;
  const bool number = name.find_first_not_of("0123456789") == std::string::npos && !name.empty();
  node.refuse("InvalidPort",
              in_quotes(name) + (number ? " is a number in quotes; take the quotes away"
                                        : " is no port name (lower case letters, digits and -, at most 15, with "
                                          "at least one letter)"));
  return false;
}

// service.port of v1: exactly one of name and number.
bool read_service_port(const Node& port, ServicePortRef& into) {
  if (!port.expect_map()) return false;
  const Node name = port.member("name"), number = port.member("number");
  if (!name.read(into.name) || !read_port_number(number, into.number)) return false;
  if (!into.name.empty() && into.number != 0) {
    port.refuse("InvalidPort", "has both a name and a number; keep one of them");
    return false;
  }
  if (into.name.empty() && into.number == 0) {
    port.refuse("InvalidPort", "needs the name or the number of a port of the Service");
    return false;
  }
  return into.name.empty() || is_good_port_name(name, into.name);
}

// servicePort of the betas: a number, or a name.
bool read_beta_port(const Node& port, ServicePortRef& into) {
  if (!port.present()) {
    port.refuse("InvalidPort", "is missing; give the number or the name of a port of the Service");
    return false;
  }
  if (!std::holds_alternative<std::string>(port.tree()->value)) return read_port_number(port, into.number);
  return port.read(into.name) && is_good_port_name(port, into.name);
}

bool read_resource(const Node& resource, IngressBackend& into) {
  std::string kind, name;
  if (!resource.expect_map() || !resource.member("kind").read(kind) || !resource.member("name").read(name))
    return false;
  into.is_resource = true;
  if (!kind.empty() && !name.empty()) return true;
  resource.refuse("InvalidBackend", "a resource backend needs a kind and a name");
  return false;
}

bool read_backend_v1(const Node& backend, IngressBackend& into) {
  const Node service = backend.member("service"), resource = backend.member("resource");
  if (service.present() && resource.present()) {
    backend.refuse("InvalidBackend", "has both a service and a resource; keep one of them");
    return false;
  }
  if (resource.present()) return read_resource(resource, into);
  if (!service.present()) {
    const bool old = backend.member("serviceName").present();
    backend.refuse("InvalidBackend", old ? "serviceName and servicePort belong to v1beta1; write service.name and "
                                           "service.port.number (or .name)"
                                         : "needs a service (name and port)");
    return false;
  }
  return service.expect_map() && read_service_name(service.member("name"), into.service) &&
         read_service_port(service.member("port"), into.port);
}

bool read_backend_beta(const Node& backend, IngressBackend& into) {
  const Node name = backend.member("serviceName"), resource = backend.member("resource");
  if (name.present() && resource.present()) {
    backend.refuse("InvalidBackend", "has both a serviceName and a resource; keep one of them");
    return false;
  }
  if (resource.present()) return read_resource(resource, into);
  if (!name.present() && backend.member("service").present()) {
    backend.refuse("InvalidBackend", "service belongs to networking.k8s.io/v1; write that apiVersion");
    return false;
  }
  return read_service_name(name, into.service) && read_beta_port(backend.member("servicePort"), into.port);
}

bool read_backend(const Node& backend, Form form, IngressBackend& into) {
  if (!backend.expect_map()) return false;
  return form == Form::v1 ? read_backend_v1(backend, into) : read_backend_beta(backend, into);
}

bool read_path_type(const Node& node, Form form, PathType& into) {
  std::string word;
  if (!node.read(word)) return false;
  if (word == "Exact") {
    into = PathType::exact;
  } else if (word == "Prefix") {
    into = PathType::prefix;
  } else if (word == "ImplementationSpecific" || !node.present()) {
    if (!node.present() && form == Form::v1)
      node.note("MissingPathType",
                "is missing and is taken as ImplementationSpecific; write Exact, Prefix or "
                "ImplementationSpecific (a cluster refuses the object without it)");
  } else {
    node.refuse("InvalidPathType", in_quotes(word) + " must be Exact, Prefix or ImplementationSpecific");
    return false;
  }
  return true;
}

// What the API server refuses in Exact and Prefix paths (invalidPathSequences and -Suffixes): requests never have these
// once their path is normalised.
const char* forbidden_part(std::string_view path) {
  for (const char* part : {"//", "/./", "/../", "%2f", "%2F"})
    if (path.find(part) != std::string_view::npos) return part;
  for (const char* end : {"/..", "/."})
    if (path.ends_with(end)) return end;
  return nullptr;
}

bool read_path_text(const Node& node, PathType type, std::string& into) {
  if (!node.read(into)) return false;
  if (into.size() > kMaxPath) {
    node.refuse("InvalidPath", fmt::format("has {} bytes; at most {} can be matched", into.size(), kMaxPath));
    return false;
  }
  if (has_control_byte(into)) {
    node.refuse("InvalidPath", in_quotes(into) + " has a control byte or a line break in it; remove it");
    return false;
  }
  const bool free_form = type == PathType::implementation_specific;
  if (into.empty() && free_form) {
    into = "/";
    return true;
  }
  if (!into.starts_with('/')) {
    node.refuse("InvalidPath", into.empty() ? std::string("is missing; an Exact or Prefix path must start with /")
                                            : in_quotes(into) + " must start with /");
    return false;
  }
  const char* part = free_form ? nullptr : forbidden_part(into);
  if (part != nullptr) node.refuse("InvalidPath", fmt::format("{} must not have {} in it", in_quotes(into), part));
  return part == nullptr;
}

std::optional<IngressPath> read_path(const Node& node, Form form, uint32_t index) {
  IngressPath path;
  path.index = index;
  if (!node.expect_map()) return std::nullopt;
  // All three are read, so that one run shows all that is wrong.
  const bool type_ok = read_path_type(node.member("pathType"), form, path.type);
  const bool text_ok = read_path_text(node.member("path"), path.type, path.path);
  const bool backend_ok = read_backend(node.member("backend"), form, path.backend);
  if (!type_ok || !text_ok || !backend_ok) return std::nullopt;
  return path;
}

// Why this is no host, or null.
const char* host_fault(std::string_view host) {
  if (is_ipv4(host) || is_ipv6(host) || host.starts_with('[')) return "is an IP address; a host must be a DNS name";
  if (host.find("://") != std::string_view::npos) return "is a URL; a host must be a DNS name only";
  if (host.find(':') != std::string_view::npos) return "has a port; a host must be a DNS name only";
  if (host.starts_with("*.")) {
    return is_dns_subdomain(host.substr(2)) ? nullptr : "must be a DNS name behind the *.";
  }
  if (host.find('*') != std::string_view::npos)
    return "may have a * only as its whole first label, as in *.example.com";
  if (host.ends_with('.')) return "ends in a dot; remove it";
  return is_dns_subdomain(host) ? nullptr : "must be a DNS name (letters, digits, - and .) or *. and a DNS name";
}

bool read_host(const Node& node, std::string& into) {
  std::string text;
  if (!node.read(text)) return false;
  into = base::lower(text);
  if (into.empty()) return true;
  if (const char* fault = host_fault(into)) {
    node.refuse("InvalidHost", fmt::format("{} {}", in_quotes(text), fault));
    return false;
  }
  if (into != text)
    node.note("HostNotLowerCase", in_quotes(text) + " is read in lower case; a cluster refuses upper case");
  return true;
}

// Absent or without items; a wrong type is another finding.
bool is_empty_list(const Node& node) {
  const auto* list = node.present() ? std::get_if<Tree::List>(&node.tree()->value) : nullptr;
  return !node.present() || (list != nullptr && list->empty());
}

std::optional<IngressRule> read_rule(const Node& node, Form form, uint32_t index) {
  IngressRule rule;
  rule.index = index;
  if (!node.expect_map() || !read_host(node.member("host"), rule.host)) return std::nullopt;
  const Node http = node.member("http");
  if (!http.present()) return rule;
  if (!http.expect_map()) return std::nullopt;
  rule.has_http = true;
  const Node paths = http.member("paths");
  const size_t count = paths.list_size();
  if (is_empty_list(paths)) paths.refuse("MissingPaths", "has no paths; list at least one, or remove http");
  for (size_t i = 0; i < count; ++i)
    if (auto path = read_path(paths.item(i), form, static_cast<uint32_t>(i))) rule.paths.push_back(std::move(*path));
  return rule;
}

std::optional<IngressTls> read_tls(const Node& node, uint32_t index) {
  IngressTls tls;
  tls.index = index;
  const Node secret = node.member("secretName"), hosts = node.member("hosts");
  if (!node.expect_map() || !secret.read(tls.secret)) return std::nullopt;
  if (!tls.secret.empty() && !is_dns_subdomain(tls.secret)) {
    secret.refuse("InvalidSecretName", in_quotes(tls.secret) +
                                           " is no name of a Secret (lower case letters, digits, - and .; a "
                                           "Secret of another namespace cannot be used)");
    return std::nullopt;
  }
  for (size_t i = 0, count = hosts.list_size(); i < count; ++i) {
    const Node item = hosts.item(i);
    std::string host;
    if (!read_host(item, host)) continue;
    if (host.empty()) {
      item.refuse("InvalidHost", "is empty; remove it");
    } else {
      tls.hosts.push_back(std::move(host));
    }
  }
  return tls;
}

std::optional<Object> decode_ingress(const Node& root, Meta meta, Form form) {
  Ingress ingress;
  ingress.meta = std::move(meta);
  ingress.addresses = join_addresses(load_balancer_addresses(*root.tree()));
  const Node spec = root.member("spec");
  if (!spec.expect_map()) return ingress;
  // Without its class the object could be taken for one without a class, and be served by the wrong controller.
  if (!spec.member("ingressClassName").read(ingress.class_name)) return std::nullopt;
  const Node backend = spec.member(form == Form::v1 ? "defaultBackend" : "backend");
  if (backend.present()) {
    IngressBackend fallback;
    if (read_backend(backend, form, fallback)) ingress.default_backend = std::move(fallback);
  }
  const Node rules = spec.member("rules"), tls = spec.member("tls");
  const size_t rule_count = rules.list_size();
  if (is_empty_list(rules) && !backend.present())
    spec.refuse("MissingRules", form == Form::v1 ? "needs rules or a defaultBackend" : "needs rules or a backend");
  for (size_t i = 0; i < rule_count; ++i)
    if (auto rule = read_rule(rules.item(i), form, static_cast<uint32_t>(i))) ingress.rules.push_back(std::move(*rule));
  for (size_t i = 0, count = tls.list_size(); i < count; ++i)
    if (auto entry = read_tls(tls.item(i), static_cast<uint32_t>(i))) ingress.tls.push_back(std::move(*entry));
  return ingress;
}

}  // namespace

std::optional<Object> decode_ingress_v1(const Node& root, Meta meta) {
  return decode_ingress(root, std::move(meta), Form::v1);
}

std::optional<Object> decode_ingress_beta(const Node& root, Meta meta) {
  root.member("apiVersion")
      .note("OldApiVersion", "is served, but was removed in Kubernetes 1.22; write networking.k8s.io/v1");
  return decode_ingress(root, std::move(meta), Form::beta);
}

std::optional<Object> decode_ingress_class(const Node& root, Meta meta) {
  IngressClass out;
  out.meta = std::move(meta);
  const auto flag = out.meta.annotations.find("ingressclass.kubernetes.io/is-default-class");
  out.is_default = flag != out.meta.annotations.end() && flag->second == "true";
  const Node spec = root.member("spec");
  const Node controller = spec.member("controller");
  if (spec.present() && !spec.expect_map()) return out;
  if (controller.read(out.controller) && out.controller.empty())
    controller.refuse("MissingController",
                      "is missing; name the controller that serves this class, such as k8s.io/ingress-nginx");
  return out;
}

}  // namespace narthex::config
