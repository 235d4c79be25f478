#include "controller/api/api_access.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/text.h"
#include "config/names.h"
#include "controller/api/kubeconfig.h"

namespace narthex::controller {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

base::Result<ApiAccess> access_of_pod(const PodSurroundings& pod) {
  ApiAccess access;
  const auto port = base::parse_decimal(pod.port, 65535);
  if (pod.host.empty() || !port)
    return base::Error(
        "no API server: this is no pod of a cluster (KUBERNETES_SERVICE_HOST and "
        "KUBERNETES_SERVICE_PORT are not set); give --kubeconfig PATH or --apiserver-host URL");
  access.host = pod.host;
  access.port = static_cast<uint16_t>(*port);
  access.authorities_file = pod.folder + "/ca.crt";
  access.user.token_file = pod.folder + "/token";
  return access;
}

bool is_host(std::string_view text) {
  return config::is_ipv4(text) || config::is_ipv6(text) || config::is_dns_subdomain(base::lower(text));
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

// "host", "host:port", "[::1]:port"
base::Result<void> read_authority(std::string_view authority, ApiAccess& into) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return base::Error("the ] of an IPv6 address is missing");
    into.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    into.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (!is_host(into.host)) return base::Error(config::in_quotes(into.host) + " is no host name and no IP address");
  into.port = into.tls ? 443 : 80;
  if (port.empty()) return {};
  const auto number = base::parse_decimal(port.substr(1), 65535);
  if (port[0] != ':' || !number || *number == 0)
    return base::Error(config::in_quotes(port) + " is no port within 1..65535");
  into.port = static_cast<uint16_t>(*number);
  return {};
}

}  // namespace

std::string ApiAccess::url() const {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}{}", tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "", port, path_prefix);
}

PodSurroundings PodSurroundings::of_this_process() {
  PodSurroundings pod;
  pod.host = variable("KUBERNETES_SERVICE_HOST");
  pod.port = variable("KUBERNETES_SERVICE_PORT");
  return pod;
}

base::Result<void> read_server_url(const std::string& url, ApiAccess& into) {
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    into.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    into.tls = false;
    rest.remove_prefix(7);
  } else {
    return base::Error(config::in_quotes(url) + " must be a URL such as https://10.0.0.1:6443");
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view path = rest.substr(slash);
  if (config::has_control_byte(path) || path.find_first_of(" ?#") != std::string_view::npos)
    return base::Error(config::in_quotes(url) + " must be a URL without query, such as https://10.0.0.1:6443");
  into.path_prefix = path;
  while (into.path_prefix.ends_with('/')) into.path_prefix.pop_back();
  return read_authority(rest.substr(0, slash), into);
}

base::Result<ApiAccess> find_api_access(const config::Flags& flags, const PodSurroundings& pod) {
  base::Result<ApiAccess> access = ApiAccess{};
  if (!flags.kubeconfig.empty()) {
    access = read_kubeconfig(flags.kubeconfig);
  } else if (flags.apiserver_host.empty()) {
    access = access_of_pod(pod);
  }
  if (!access) return access;
  if (!flags.apiserver_host.empty()) {
    const auto read = read_server_url(flags.apiserver_host, *access);
    if (!read) return read.error().within("--apiserver-host");
    if (!flags.certificate_authority.empty()) {
      access->authorities_pem.clear();
      access->authorities_file = flags.certificate_authority;
    }
  } else if (!flags.certificate_authority.empty()) {
    access->warnings.emplace_back("--certificate-authority has an effect only together with --apiserver-host");
  }
  if (!access->tls && !is_loopback(access->host))
    access->warnings.push_back(access->url() +
                               " is not encrypted: everybody on the way can read and change what the API "
                               "server says, Secrets included; use https");
  return access;
}

}  // namespace narthex::controller
