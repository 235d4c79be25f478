// Where the API server is and who we are to it: plain values, read once at start from the command line, a kubeconfig or
// the pod's surroundings. THREAD: control. Files that they name are read again later, by credentials.h, as they rotate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/flags.h"

namespace narthex::controller {

// A program that prints credentials (client.authentication.k8s.io).
struct ExecPlugin {
  std::string api_version, command;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string install_hint;
  bool wants_cluster = false;  // provideClusterInfo
};

// Of each pair the text wins over the file.
struct ApiUser {
  std::string token, token_file;
  std::string certificate_pem, certificate_file;
  std::string key_pem, key_file;
  std::optional<ExecPlugin> exec;
};

struct ApiAccess {
  std::string host;  // a name or an IP, without brackets
  uint16_t port = 443;
  bool tls = true;
  std::string path_prefix;  // "/k8s/clusters/one", where the API is not at the root
  std::string server_name;  // what the certificate must be for; empty: the host
  bool verify = true;
  std::string authorities_pem, authorities_file;  // both empty: the system's
  ApiUser user;
  std::vector<std::string> warnings;  // to be logged by whoever uses this

  std::string url() const;  // "https://10.96.0.1:443", for messages
};

// What the kubelet gives to a pod.
struct PodSurroundings {
  std::string host, port;  // KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT
  std::string folder = "/var/run/secrets/kubernetes.io/serviceaccount";
  static PodSurroundings of_this_process();
};

// --kubeconfig, else --apiserver-host alone, else the pod's service account; --apiserver-host overrides the server of a
// kubeconfig. Errors: one line that names the file and the field, or says that there is no API server to be found.
base::Result<ApiAccess> find_api_access(const config::Flags& flags, const PodSurroundings& pod);

// Takes "https://host:port/prefix" apart into `into`. Errors: what is wrong with it.
base::Result<void> read_server_url(const std::string& url, ApiAccess& into);

}  // namespace narthex::controller
