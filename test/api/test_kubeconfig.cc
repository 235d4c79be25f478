#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "controller/api/kubeconfig.h"
#include "test/support/manifests.h"

namespace narthex::test {
namespace {

using controller::ApiAccess;
using controller::find_api_access;
using controller::parse_kubeconfig;

std::string kubeconfig(const std::string& cluster, const std::string& user) {
  return fmt::format(
      "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
      "contexts:\n- name: there\n  context: {{cluster: no, user: no}}\n"
      "- name: here\n  context: {{cluster: c, user: u}}\n"
      "clusters:\n- name: c\n  cluster: {{{}}}\nusers:\n- name: u\n  user: {{{}}}\n",
      cluster, user);
}

ApiAccess parsed(const std::string& cluster, const std::string& user = "token: t") {
  const auto access = parse_kubeconfig(kubeconfig(cluster, user), "/etc/kube");
  if (!access) FAIL(access.error().message());
  return *access;
}

std::string refused(const std::string& cluster, const std::string& user = "token: t") {
  const auto access = parse_kubeconfig(kubeconfig(cluster, user), "/etc/kube");
  REQUIRE(access.has_error());
  CHECK(access.error().message().find('\n') == std::string::npos);
  return access.error().message();
}

const std::string kServer = "server: 'https://10.0.0.1:6443'";

TEST_CASE("the current context of a kubeconfig is read") {
  const ApiAccess access =
      parsed(kServer + ", certificate-authority-data: " + base::encode_base64("PEM") + ", tls-server-name: kubernetes");
  CHECK(access.host == "10.0.0.1");
  CHECK(access.port == 6443);
  CHECK(access.tls);
  CHECK(access.verify);
  CHECK(access.authorities_pem == "PEM");
  CHECK(access.server_name == "kubernetes");
  CHECK(access.user.token == "t");
  CHECK(access.url() == "https://10.0.0.1:6443");
  CHECK(access.warnings.empty());
}

TEST_CASE("paths in a kubeconfig are relative to it, and a token file wins over a token") {
  const ApiAccess access = parsed(kServer + ", certificate-authority: pki/ca.crt",
                                  "token: t, tokenFile: token, client-certificate: /abs/c.crt, client-key: c.key");
  CHECK(access.authorities_file == "/etc/kube/pki/ca.crt");
  CHECK(access.user.token_file == "/etc/kube/token");
  CHECK(access.user.token == "");
  CHECK(access.user.certificate_file == "/abs/c.crt");
  CHECK(access.user.key_file == "/etc/kube/c.key");
}

TEST_CASE("a server may be a name, an IPv6 address, without port, below a path, or plain") {
  CHECK(parsed("server: 'https://api.example.com'").port == 443);
  CHECK(parsed("server: 'https://[::1]:6443'").host == "::1");
  CHECK(parsed("server: 'https://[::1]:6443'").url() == "https://[::1]:6443");
  CHECK(parsed("server: 'https://rancher/k8s/clusters/one/'").path_prefix == "/k8s/clusters/one");
  CHECK_FALSE(parsed("server: 'http://127.0.0.1:8001'").tls);
  for (const char* bad : {"''", "'10.0.0.1:6443'", "'https://'", "'https://a b'", "'https://a:99999'", "'https://[::1'",
                          "'https://a/?x'", "'ftp://a'"})
    CHECK(refused(std::string("server: ") + bad).starts_with("cluster \"c\".server: "));
}

TEST_CASE("a credential plug-in is read with its words and variables") {
  const ApiAccess access = parsed(kServer,
                                  "exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/get, "
                                  "args: [a, b], env: [{name: X, value: '1'}], provideClusterInfo: true, "
                                  "interactiveMode: IfAvailable, installHint: install it}");
  REQUIRE(access.user.exec);
  CHECK(access.user.exec->command == "/etc/kube/bin/get");
  CHECK(access.user.exec->arguments == std::vector<std::string>{"a", "b"});
  CHECK(access.user.exec->environment.at(0) == std::pair<std::string, std::string>{"X", "1"});
  CHECK(access.user.exec->wants_cluster);
  CHECK(refused(kServer, "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}").find("apiVersion") !=
        std::string::npos);
  CHECK(refused(kServer, "exec: {apiVersion: client.authentication.k8s.io/v1}").ends_with("command: is missing"));
}

TEST_CASE("what cannot be carried out is refused and named, never left out") {
  CHECK(refused(kServer + ", proxy-url: 'http://proxy:3128'").starts_with("cluster \"c\".proxy-url: "));
  CHECK(refused(kServer, "auth-provider: {name: gcp}").find("auth-provider") != std::string::npos);
  CHECK(refused(kServer, "username: a, password: b").find("username") != std::string::npos);
  CHECK(refused(kServer, "token: t, as: somebody").find("impersonation") != std::string::npos);
  CHECK(refused(kServer, "client-certificate: a").find("client-key") != std::string::npos);
  CHECK(refused(kServer + ", certificate-authority-data: '%%'").find("is not base64") != std::string::npos);
  CHECK(refused(kServer, "token: 7").find("must be a string") != std::string::npos);
}

TEST_CASE("to skip the verification is a warning, beside an authority it is refused") {
  const ApiAccess access = parsed(kServer + ", insecure-skip-tls-verify: true");
  CHECK_FALSE(access.verify);
  REQUIRE(access.warnings.size() == 1);
  CHECK(access.warnings[0].starts_with("insecure-skip-tls-verify: "));
  CHECK(refused(kServer + ", insecure-skip-tls-verify: true, certificate-authority: x").find("insecure") !=
        std::string::npos);
}

TEST_CASE("a kubeconfig that is none is one line that says why") {
  for (const char* text : {"", "a: [", "- 1", "current-context: x\n", "current-context: x\ncontexts: 3\n",
                           "current-context: x\ncontexts: []\n", "kind: Config\n"}) {
    const auto access = parse_kubeconfig(text, "");
    CHECK(access.has_error());
  }
}

TEST_CASE("the API server is found by kubeconfig, by URL, or in a pod") {
  ManifestFolder folder;
  folder.write("config", kubeconfig(kServer, "token: t"));
  config::Flags flags;
  const controller::PodSurroundings nowhere{"", "", "/nowhere"}, pod{"10.96.0.1", "443", "/var/run/x"};
  CHECK(find_api_access(flags, nowhere).error().message().find("give --kubeconfig PATH") != std::string::npos);
  const auto in_pod = find_api_access(flags, pod);
  REQUIRE(in_pod.has_value());
  CHECK(in_pod->url() == "https://10.96.0.1:443");
  CHECK(in_pod->user.token_file == "/var/run/x/token");
  CHECK(in_pod->authorities_file == "/var/run/x/ca.crt");
  flags.kubeconfig = folder.file("config").string();
  CHECK(find_api_access(flags, pod)->url() == "https://10.0.0.1:6443");
  flags.apiserver_host = "https://127.0.0.1:7443";
  flags.certificate_authority = "/ca";
  const auto overridden = find_api_access(flags, pod);
  CHECK(overridden->url() == "https://127.0.0.1:7443");
  CHECK(overridden->user.token == "t");
  CHECK(overridden->authorities_file == "/ca");
  flags.kubeconfig = "/nonexistent/config";
  CHECK(find_api_access(flags, pod).error().message().starts_with("--kubeconfig: /nonexistent/config: "));
}

}  // namespace
}  // namespace narthex::test
