// The command line: one table of flags (name, type, default, help), from which the parser and --help are made. CLI11 does the
// parsing, in flags.cc only. Used at start, on the main thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/objects.h"

namespace narthex::config {

enum class Command { serve, controller, check, version, help };

struct Flags {
  Command command = Command::help;
  std::vector<std::string> manifests;  // folders, files, "-" for standard input
  uint16_t http_port = 80, https_port = 443, admin_port = 10254;  // 0: any free port
  std::string bind_address;  // empty: every address, IPv4 and IPv6
  uint32_t workers = 0;      // 0: one per CPU that the process may use
  std::string ingress_class = "nginx";
  std::string controller_class = "k8s.io/ingress-nginx";
  std::string annotations_prefix = "nginx.ingress.kubernetes.io";
  bool ingress_class_by_name = false;
  bool watch_ingress_without_class = false;
  std::optional<ObjectKey> default_backend_service, default_ssl_certificate, config_map;
  base::log::Format log_format = base::log::Format::text;
  base::log::Level log_level = base::log::Level::info;
  // The API server, of `controller` and `check`; all empty: the pod's own.
  std::string kubeconfig, apiserver_host, certificate_authority;
  std::vector<std::string> watch_namespaces;  // empty: all
  std::string watch_namespace_selector;       // "team=a,env in (prod)"; empty: none
  // Status, Events and the leader that writes them, of `controller`.
  std::optional<ObjectKey> publish_service;
  std::vector<std::string> publish_status_addresses;  // IPs and host names
  bool report_node_internal_ip_address = false;
  bool update_status = true, update_status_on_shutdown = true;
  uint32_t status_update_seconds = 60;
  std::string election_id = "ingress-controller-leader";
  std::chrono::milliseconds election_ttl{30'000};
  bool disable_leader_election = false, disable_sync_events = false;
  // Services of type ExternalName.
  bool disable_external_names = false;
  std::string dns_servers;                          // "10.0.0.10:53,[fd00::a]:53"; empty: those of resolv.conf
  std::vector<std::string> allowed_external_names;  // ranges: "127.0.0.0/8", "fd00::1"
  std::string access_log;  // empty: off; "-": standard output; else a file that is appended to
  uint32_t shutdown_grace_seconds = 0;    // --shutdown-grace-period: not ready, still accepting
  uint32_t shutdown_timeout_seconds = 30; // --shutdown-timeout: for what is in flight
};

// The outcome of reading argv: flags to run with, or text to print and the exit status to end with (0 for help, 2 for usage).
struct ParsedFlags {
  std::optional<Flags> flags;
  std::string text;
  int exit_status = 0;
  std::vector<std::string> warnings;  // accepted and ignored flags of ingress-nginx, with the reason
};

ParsedFlags parse_flags(int argc, const char* const* argv);
// The flags' table as Markdown, for docs/flags.md.
std::string flags_markdown();

}  // namespace narthex::config
