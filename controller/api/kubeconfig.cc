#include "controller/api/kubeconfig.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/text.h"
#include "config/names.h"
#include "config/tree.h"
#include "controller/api/small_file.h"

namespace narthex::controller {
namespace {

using config::Tree;

constexpr config::TreeLimits kLimits{.depth = 30, .nodes = 100'000, .bytes = kSmallFileBytesMax};

// A map of the file, with its name for messages: reads its members and keeps the first thing that was wrong.
class Section final {
 public:
  Section(const Tree* tree, std::string name, std::string& trouble)
      : tree_(tree), name_(std::move(name)), trouble_(trouble) {}

  bool present() const { return tree_ != nullptr && tree_->value.index() != 0; }
  std::string text(std::string_view field) const;
  bool truth(std::string_view field) const;
  // The bytes behind base64.
  std::string bytes(std::string_view field) const;
  Section member(std::string_view field) const {
    return {present() ? tree_->find(field) : nullptr, name_ + "." + std::string(field), trouble_};
  }
  const Tree::List& list(std::string_view field) const;
  void fail(std::string_view field, std::string_view why) const {
    if (trouble_.empty()) trouble_ = fmt::format("{}.{}: {}", name_, field, why);
  }
  const std::string& name() const { return name_; }
  std::string& trouble() const { return trouble_; }

 private:
  const Tree* find(std::string_view field) const {
    const Tree* found = present() ? tree_->find(field) : nullptr;
    return found != nullptr && found->value.index() != 0 ? found : nullptr;
  }

  const Tree* tree_;
  std::string name_;
  std::string& trouble_;
};

std::string Section::text(std::string_view field) const {
  const Tree* found = find(field);
  if (found == nullptr) return {};
  if (const auto* text = std::get_if<std::string>(&found->value)) return *text;
  fail(field, fmt::format("must be a string, but is {}", found->kind_name()));
  return {};
}

bool Section::truth(std::string_view field) const {
  const Tree* found = find(field);
  if (found == nullptr) return false;
  if (const auto* truth = std::get_if<bool>(&found->value)) return *truth;
  fail(field, fmt::format("must be true or false, but is {}", found->kind_name()));
  return false;
}

std::string Section::bytes(std::string_view field) const {
  auto bytes = base::decode_base64(text(field));
  if (!bytes) fail(field, "is not base64");
  return bytes.value_or("");
}

const Tree::List& Section::list(std::string_view field) const {
  static const Tree::List kNone;
  const Tree* found = find(field);
  if (found == nullptr) return kNone;
  if (const auto* list = std::get_if<Tree::List>(&found->value)) return *list;
  fail(field, fmt::format("must be a list, but is {}", found->kind_name()));
  return kNone;
}

// The entry of that name in clusters, users or contexts.
Section named(const Section& root, const char* list, const char* one, const std::string& name) {
  for (const Tree& entry : root.list(list)) {
    const Section section(&entry, list, root.trouble());
    if (section.text("name") == name)
      return {entry.find(one), fmt::format("{} {}", one, config::in_quotes(name)), root.trouble()};
  }
  root.fail(list, fmt::format("there is none named {}", config::in_quotes(name)));
  return {nullptr, one, root.trouble()};
}

std::string path_in(const std::string& folder, const std::string& path) {
  if (path.empty() || path.starts_with('/')) return path;
  return (std::filesystem::path(folder) / path).string();
}

void read_cluster(const Section& cluster, const std::string& folder, ApiAccess& into) {
  const std::string server = cluster.text("server");
  if (!cluster.text("proxy-url").empty())
    cluster.fail("proxy-url",
                 "the API server is not reached through a proxy; give a server that can be reached directly");
  const auto read = read_server_url(server, into);
  if (!read) cluster.fail("server", read.error().message());
  into.server_name = cluster.text("tls-server-name");
  into.authorities_pem = cluster.bytes("certificate-authority-data");
  if (into.authorities_pem.empty()) into.authorities_file = path_in(folder, cluster.text("certificate-authority"));
  if (!cluster.truth("insecure-skip-tls-verify")) return;
  if (!into.authorities_pem.empty() || !into.authorities_file.empty())
    cluster.fail("insecure-skip-tls-verify", "stands beside a certificate authority; remove one of the two");
  into.verify = false;
  into.warnings.push_back(
      fmt::format("insecure-skip-tls-verify: whoever answers at {} is believed to be the API server; "
                  "give certificate-authority-data instead",
                  into.url()));
}

void read_exec(const Section& exec, const std::string& folder, ApiUser& into) {
  ExecPlugin plugin;
  plugin.api_version = exec.text("apiVersion");
  if (plugin.api_version != "client.authentication.k8s.io/v1" &&
      plugin.api_version != "client.authentication.k8s.io/v1beta1")
    exec.fail("apiVersion", fmt::format("{} must be client.authentication.k8s.io/v1 or v1beta1",
                                        config::in_quotes(plugin.api_version)));
  plugin.command = exec.text("command");
  if (plugin.command.empty()) exec.fail("command", "is missing");
  // With a slash it is a file beside the kubeconfig, without one it is looked up in PATH.
  if (plugin.command.find('/') != std::string::npos) plugin.command = path_in(folder, plugin.command);
  for (const Tree& argument : exec.list("args")) {
    const auto* text = std::get_if<std::string>(&argument.value);
    if (text == nullptr) exec.fail("args", "every item must be a string; put it in quotes");
    if (text != nullptr) plugin.arguments.push_back(*text);
  }
  for (const Tree& entry : exec.list("env")) {
    const Section variable(&entry, exec.name() + ".env", exec.trouble());
    plugin.environment.emplace_back(variable.text("name"), variable.text("value"));
  }
  plugin.install_hint = exec.text("installHint");
  plugin.wants_cluster = exec.truth("provideClusterInfo");
  if (exec.text("interactiveMode") == "Always")
    exec.fail("interactiveMode", "Always: there is nobody to ask; use IfAvailable or Never");
  into.exec = std::move(plugin);
}

void read_user(const Section& user, const std::string& folder, ApiUser& into) {
  into.token_file = path_in(folder, user.text("tokenFile"));
  if (into.token_file.empty()) into.token = user.text("token");
  into.certificate_pem = user.bytes("client-certificate-data");
  if (into.certificate_pem.empty()) into.certificate_file = path_in(folder, user.text("client-certificate"));
  into.key_pem = user.bytes("client-key-data");
  if (into.key_pem.empty()) into.key_file = path_in(folder, user.text("client-key"));
  if ((into.certificate_pem.empty() && into.certificate_file.empty()) !=
      (into.key_pem.empty() && into.key_file.empty()))
    user.fail("client-key", "a client certificate and its key go together, but one of the two is missing");
  if (user.member("auth-provider").present())
    user.fail("auth-provider", "was removed from Kubernetes 1.26; use exec with the provider's plug-in");
  if (!user.text("username").empty() || !user.text("password").empty())
    user.fail("username", "API servers since 1.19 take no passwords; use a token, a client certificate or exec");
  for (const char* as : {"as", "as-uid", "as-groups", "as-user-extra"})
    if (user.member(as).present()) user.fail(as, "impersonation is not supported; give the user's own credentials");
  const Section exec = user.member("exec");
  if (exec.present()) read_exec(exec, folder, into);
}

}  // namespace

base::Result<ApiAccess> parse_kubeconfig(std::string_view text, const std::string& folder) {
  config::TreeDocuments parsed = config::parse_yaml(text, kLimits);
  if (!parsed.errors.empty())
    return base::Error(fmt::format("line {}: {}", parsed.errors[0].line, parsed.errors[0].message));
  if (parsed.documents.size() != 1 || !std::holds_alternative<Tree::Map>(parsed.documents[0].value))
    return base::Error("must be one YAML map with clusters, users and contexts");
  std::string trouble;
  const Section root(&parsed.documents[0], "kubeconfig", trouble);
  const std::string current = root.text("current-context");
  if (current.empty() && trouble.empty())
    return base::Error("current-context is not set; choose one: kubectl config use-context NAME");
  ApiAccess access;
  const Section context = named(root, "contexts", "context", current);
  if (!trouble.empty()) return base::Error(trouble);
  const Section cluster = named(root, "clusters", "cluster", context.text("cluster"));
  if (trouble.empty()) read_cluster(cluster, folder, access);
  const std::string user = context.text("user");
  if (trouble.empty() && !user.empty()) {
    const Section section = named(root, "users", "user", user);
    if (trouble.empty()) read_user(section, folder, access.user);
  }
  if (!trouble.empty()) return base::Error(trouble);
  return access;
}

base::Result<ApiAccess> read_kubeconfig(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text) return text.error().within("--kubeconfig");
  auto access = parse_kubeconfig(*text, std::filesystem::path(path).parent_path().string());
  if (!access) return access.error().within("--kubeconfig " + path);
  return access;
}

}  // namespace narthex::controller
