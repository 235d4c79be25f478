#include "config/flags_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "config/names.h"

namespace narthex::config {
namespace {

constexpr uint32_t kMaxWorkers = 1024;
constexpr size_t kMaxNamespaces = 100;  // each costs four watches
constexpr size_t kMaxDnsServers = 8;
constexpr size_t kMaxRanges = 100;
constexpr uint32_t kMaxSeconds = 24 * 60 * 60;  // of the waits at the end: a day

// "1m30s": as Go's time.ParseDuration; the type was checked before.
std::chrono::duration<double> duration_of(std::string_view text) {
  const double sign = text.starts_with('-') ? -1 : 1;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  double seconds = 0;
  while (!text.empty()) {
    const size_t unit = std::min(text.find_first_not_of("0123456789."), text.size());
    const size_t end = std::min(text.find_first_of("0123456789.", unit), text.size());
    double number = 0;
    std::from_chars(text.data(), text.data() + unit, number);
    constexpr auto kUnits = std::to_array<std::pair<std::string_view, double>>(
        {{"h", 3600}, {"m", 60}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"\xc2\xb5s", 1e-6}, {"ns", 1e-9}});
    for (const auto& [name, factor] : kUnits)
      if (name == text.substr(unit, end - unit)) seconds += number * factor;
    text.remove_prefix(end);
  }
  return std::chrono::duration<double>(sign * seconds);
}

const char* port(const std::string& value, uint16_t& into) {
  const auto number = base::parse_decimal(value, 65535);
  if (!number) return "a port within 0..65535 (0: any free one)";
  into = static_cast<uint16_t>(*number);
  return nullptr;
}

const char* seconds(const std::string& value, uint32_t& into) {
  const auto number = base::parse_decimal(value, kMaxSeconds);
  if (!number) return "a whole number of seconds within 0..86400, without unit";
  into = static_cast<uint32_t>(*number);
  return nullptr;
}

const char* truth(const std::string& value, bool& into) {
  into = parse_go_bool(value).value_or(false);  // the type was checked before
  return nullptr;
}

const char* key(const std::string& value, std::optional<ObjectKey>& into) {
  const size_t slash = value.find('/');
  into.reset();
  if (value.empty()) return nullptr;
  if (slash == std::string::npos || !is_dns_label(value.substr(0, slash)) || !is_dns_subdomain(value.substr(slash + 1)))
    return "namespace/name";
  into = ObjectKey{value.substr(0, slash), value.substr(slash + 1)};
  return nullptr;
}

const char* word(const std::string& value, std::string& into, const char* expected) {
  if (value.empty() || has_control_byte(value)) return expected;
  into = value;
  return nullptr;
}

const char* manifests(const std::string& value, Flags& flags) {
  if (value.empty()) return "a folder, a file, or - for standard input";
  flags.manifests.push_back(value);
  return nullptr;
}

const char* path(const std::string& value, std::string& into) {
  if (value.find('\0') != std::string::npos) return "without NUL";
  into = value;
  return nullptr;
}

const char* watch_namespace(const std::string& value, Flags& flags) {
  for (const std::string_view part : base::split(value, ',')) {
    const std::string name(base::trim(part));
    auto& all = flags.watch_namespaces;
    if (name.empty()) continue;
    if (!is_dns_label(name)) return "names of namespaces with commas between them";
    if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
    if (all.size() > kMaxNamespaces) return "at most 100 namespaces; watch all, or use --watch-namespace-selector";
  }
  return nullptr;
}

const char* namespace_selector(const std::string& value, Flags& flags) {
  if (has_control_byte(value)) return "a label selector such as team=a";
  flags.watch_namespace_selector = base::trim(value);
  return nullptr;
}

const char* publish_addresses(const std::string& value, Flags& flags) {
  flags.publish_status_addresses.clear();
  for (const std::string_view part : base::split(value, ',')) {
    const std::string address(base::trim(part));
    if (address.empty()) continue;
    if (!is_ipv4(address) && !is_ipv6(address) && !is_dns_subdomain(address))
      return "IP addresses and host names with commas between them";
    flags.publish_status_addresses.push_back(address);
  }
  return flags.publish_status_addresses.size() <= 100 ? nullptr : "at most 100 addresses";
}

// As ingress-nginx has it: below 5 reads as 5.
const char* update_interval(const std::string& value, Flags& flags) {
  const auto number = base::parse_decimal(value, kMaxSeconds);
  if (!number) return "a whole number of seconds within 0..86400";
  flags.status_update_seconds = std::max(5u, static_cast<uint32_t>(*number));
  return nullptr;
}

const char* election_id(const std::string& value, Flags& flags) {
  if (!is_dns_subdomain(value)) return "the name of a Lease (lower case letters, digits, - and .)";
  flags.election_id = value;
  return nullptr;
}

// As ingress-nginx has it: nothing or less reads as the default.
const char* election_ttl(const std::string& value, Flags& flags) {
  const std::chrono::duration<double> time = duration_of(value);
  if (time.count() <= 0) {
    flags.election_ttl = Flags{}.election_ttl;
    return nullptr;
  }
  if (time < std::chrono::seconds(1) || time > std::chrono::hours(1)) return "a duration within 1s..1h";
  flags.election_ttl = std::chrono::duration_cast<std::chrono::milliseconds>(time);
  return nullptr;
}

// An IP, then perhaps a port: "10.0.0.10", "10.0.0.10:53", "[fd00::a]:53", "fd00::a".
bool is_dns_server(std::string_view text) {
  if (is_ipv4(text) || is_ipv6(text)) return true;
  const size_t colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt : base::parse_decimal(text.substr(colon + 1), 65535);
  if (!port || *port == 0) return false;
  const std::string_view ip = text.substr(0, colon);
  return is_ipv4(ip) || (ip.starts_with('[') && ip.ends_with(']') && is_ipv6(ip.substr(1, ip.size() - 2)));
}

const char* dns_servers(const std::string& value, Flags& flags) {
  std::string servers;
  size_t count = 0;
  for (const std::string_view part : base::split(value, ',')) {
    const std::string_view server = base::trim(part);
    if (server.empty()) continue;
    if (!is_dns_server(server) || ++count > kMaxDnsServers)
      return "at most 8 IP addresses, each with :PORT where that is not 53, with commas between them";
    servers += (servers.empty() ? "" : ",") + std::string(server);
  }
  flags.dns_servers = servers;
  return nullptr;
}

// "10.0.0.0/8" or an address. What stands behind the prefix is looked at by whoever uses it.
const char* external_name_addresses(const std::string& value, Flags& flags) {
  for (const std::string_view part : base::split(value, ',')) {
    const std::string_view range = base::trim(part);
    if (range.empty()) continue;
    const std::string_view ip = range.substr(0, range.find('/'));
    const uint64_t width = is_ipv4(ip) ? 32 : is_ipv6(ip) ? 128 : 0;
    const bool has_prefix = ip.size() < range.size();
    if (width == 0 || (has_prefix && !base::parse_decimal(range.substr(ip.size() + 1), width)))
      return "addresses or ranges such as 127.0.0.0/8, with commas between them";
    if (flags.allowed_external_names.size() >= kMaxRanges) return "at most 100 ranges";
    flags.allowed_external_names.emplace_back(range);
  }
  return nullptr;
}

const char* bind_address(const std::string& value, Flags& flags) {
  if (!value.empty() && !is_ipv4(value) && !is_ipv6(value)) return "an IPv4 or IPv6 address of this machine";
  flags.bind_address = value;
  return nullptr;
}

const char* workers(const std::string& value, Flags& flags) {
  const auto number = base::parse_decimal(value, kMaxWorkers);
  if (!number) return "a number within 0..1024 (0: one for each CPU)";
  flags.workers = static_cast<uint32_t>(*number);
  return nullptr;
}

const char* annotations_prefix(const std::string& value, Flags& flags) {
  if (!is_dns_subdomain(value)) return "a DNS name without a slash, such as nginx.ingress.kubernetes.io";
  flags.annotations_prefix = value;
  return nullptr;
}

const char* log_format(const std::string& value, Flags& flags) {
  if (value != "text" && value != "json") return "text or json";
  flags.log_format = value == "json" ? base::log::Format::json : base::log::Format::text;
  return nullptr;
}

const char* access_log(const std::string& value, Flags& flags) {
  if (value.empty() || value.find('\0') != std::string::npos) return "off, on, - or the path of a file";
  flags.access_log = value == "off" ? "" : value == "on" ? "-" : value;
  return nullptr;
}

// ingress-nginx prints configuration changes from 2 on; here that is the level debug.
const char* verbosity(const std::string& value, Flags& flags) {
  int64_t level = 0;
  std::from_chars(value.data(), value.data() + value.size(), level);  // the type was checked before
  flags.log_level = level >= 2 ? base::log::Level::debug : base::log::Level::info;
  return nullptr;
}

constexpr FlagRow ignored(const char* name, FlagValue value, const char* placeholder, const char* standard,
                          const char* why) {
  return {name, "", FlagGroup::accepted, value, placeholder, standard, why, nullptr};
}

using Text = const std::string&;

constexpr auto kTable = std::to_array<FlagRow>({
    {"manifests", "", FlagGroup::objects, FlagValue::text, "PATH", "",
     "a folder or a file of manifests, or - for standard input; may be given several times", manifests, true},
    {"annotations-prefix", "", FlagGroup::objects, FlagValue::text, "NAME", "nginx.ingress.kubernetes.io",
     "prefix of the annotations that are read", annotations_prefix},
    {"kubeconfig", "", FlagGroup::cluster, FlagValue::text, "PATH", "",
     "kubeconfig whose current context is used; empty: the pod's service account",
     [](Text value, Flags& flags) { return path(value, flags.kubeconfig); }},
    {"apiserver-host", "", FlagGroup::cluster, FlagValue::text, "URL", "",
     "API server, as protocol://host:port; overrides that of the kubeconfig",
     [](Text value, Flags& flags) { return path(value, flags.apiserver_host); }},
    {"certificate-authority", "", FlagGroup::cluster, FlagValue::text, "PATH", "",
     "file with the certificate authority of --apiserver-host",
     [](Text value, Flags& flags) { return path(value, flags.certificate_authority); }},
    {"watch-namespace", "", FlagGroup::cluster, FlagValue::text, "NAME,NAME", "",
     "namespaces whose objects are read, several with commas or by giving it again; empty: all", watch_namespace, true},
    {"watch-namespace-selector", "", FlagGroup::cluster, FlagValue::text, "SELECTOR", "",
     "labels of the namespaces whose Ingresses are served, such as team=a; empty: all", namespace_selector},
    {"publish-service", "", FlagGroup::writing, FlagValue::text, "NS/NAME", "",
     "Service whose addresses the status of Ingresses shows; empty: those of the nodes that run our pods",
     [](Text value, Flags& flags) { return key(value, flags.publish_service); }},
    {"publish-status-address", "", FlagGroup::writing, FlagValue::text, "ADDRESS,ADDRESS", "",
     "IPs and host names that the status of Ingresses shows, instead", publish_addresses},
    {"report-node-internal-ip-address", "", FlagGroup::writing, FlagValue::boolean, "", "false",
     "of nodes show the internal addresses",
     [](Text value, Flags& flags) { return truth(value, flags.report_node_internal_ip_address); }},
    {"update-status", "", FlagGroup::writing, FlagValue::boolean, "", "true", "write the status of Ingresses",
     [](Text value, Flags& flags) { return truth(value, flags.update_status); }},
    {"update-status-on-shutdown", "", FlagGroup::writing, FlagValue::boolean, "", "true",
     "take our addresses out of it when the last replica ends",
     [](Text value, Flags& flags) { return truth(value, flags.update_status_on_shutdown); }},
    {"status-update-interval", "", FlagGroup::writing, FlagValue::integer, "SECONDS", "60",
     "how often to ask for the addresses of nodes, at least 5; all else is written as it changes", update_interval},
    {"election-id", "", FlagGroup::writing, FlagValue::text, "NAME", "ingress-controller-leader",
     "name of the Lease by which the replica that writes is elected", election_id},
    {"election-ttl", "", FlagGroup::writing, FlagValue::duration, "TIME", "30s",
     "after how long without news another replica takes over, at least 1s", election_ttl},
    {"disable-leader-election", "", FlagGroup::writing, FlagValue::boolean, "", "false",
     "write without an election; only where there is one replica",
     [](Text value, Flags& flags) { return truth(value, flags.disable_leader_election); }},
    {"disable-sync-events", "", FlagGroup::writing, FlagValue::boolean, "", "false",
     "write no Event when an Ingress is taken up or changed",
     [](Text value, Flags& flags) { return truth(value, flags.disable_sync_events); }},
    {"disable-svc-external-name", "", FlagGroup::names, FlagValue::boolean, "", "false",
     "do not resolve Services of type ExternalName; their routes answer 503",
     [](Text value, Flags& flags) { return truth(value, flags.disable_external_names); }},
    {"dns-servers", "", FlagGroup::names, FlagValue::text, "IP:PORT,...", "",
     "DNS servers for ExternalName, the port may be left out; empty: those of /etc/resolv.conf", dns_servers},
    {"allow-external-name-addresses", "", FlagGroup::names, FlagValue::text, "CIDR,...", "",
     "what ExternalName may lead to all the same, of loopback, link-local, metadata, the API server",
     external_name_addresses, true},
    {"http-port", "", FlagGroup::listening, FlagValue::text, "PORT", "80", "port for HTTP; 0: any free one",
     [](Text value, Flags& flags) { return port(value, flags.http_port); }},
    {"https-port", "", FlagGroup::listening, FlagValue::text, "PORT", "443", "port for HTTPS; 0: any free one",
     [](Text value, Flags& flags) { return port(value, flags.https_port); }},
    {"admin-port", "--healthz-port", FlagGroup::listening, FlagValue::text, "PORT", "10254",
     "port for /healthz, /readyz, /metrics and /routes; 0: any free one",
     [](Text value, Flags& flags) { return port(value, flags.admin_port); }},
    {"bind-address", "", FlagGroup::listening, FlagValue::text, "IP", "",
     "address to listen on; empty: all, IPv4 and IPv6", bind_address},
    {"workers", "", FlagGroup::listening, FlagValue::text, "N", "0", "worker threads; 0: one for each CPU", workers},
    {"ingress-class", "", FlagGroup::classes, FlagValue::text, "NAME", "nginx",
     "value of the annotation kubernetes.io/ingress.class that is served",
     [](Text value, Flags& flags) { return word(value, flags.ingress_class, "the name of a class"); }},
    {"controller-class", "", FlagGroup::classes, FlagValue::text, "NAME", "k8s.io/ingress-nginx",
     "spec.controller of the IngressClasses that are served",
     [](Text value, Flags& flags) { return word(value, flags.controller_class, "the name of a controller"); }},
    {"ingress-class-by-name", "", FlagGroup::classes, FlagValue::boolean, "", "false",
     "serve IngressClasses that are named as --ingress-class says, too, whatever their controller",
     [](Text value, Flags& flags) { return truth(value, flags.ingress_class_by_name); }},
    {"watch-ingress-without-class", "", FlagGroup::classes, FlagValue::boolean, "", "false",
     "serve Ingresses that name no class, too",
     [](Text value, Flags& flags) { return truth(value, flags.watch_ingress_without_class); }},
    {"configmap", "", FlagGroup::defaults, FlagValue::text, "NS/NAME", "",
     "ConfigMap with the settings, which take effect as they change; see docs/settings.md",
     [](Text value, Flags& flags) { return key(value, flags.config_map); }},
    {"default-backend-service", "", FlagGroup::defaults, FlagValue::text, "NS/NAME", "",
     "Service that answers what no Ingress matches (its first port); empty: 404",
     [](Text value, Flags& flags) { return key(value, flags.default_backend_service); }},
    {"default-ssl-certificate", "", FlagGroup::defaults, FlagValue::text, "NS/NAME", "",
     "Secret with the certificate for hosts that have none; empty: a self-made one",
     [](Text value, Flags& flags) { return key(value, flags.default_ssl_certificate); }},
    {"log-format", "", FlagGroup::logging, FlagValue::text, "text|json", "text", "form of the program's log",
     log_format},
    {"access-log", "", FlagGroup::logging, FlagValue::text, "off|on|PATH", "off",
     "one line for each request: on or - for standard output, or a file", access_log},
    {"v", "-v", FlagGroup::logging, FlagValue::integer, "N", "0",
     "how much to log; from 2 on also what helps to find bugs", verbosity},
    {"shutdown-grace-period", "", FlagGroup::shutdown, FlagValue::text, "SECONDS", "0",
     "after SIGTERM: how long to accept connections on while not ready",
     [](Text value, Flags& flags) { return seconds(value, flags.shutdown_grace_seconds); }},
    {"shutdown-timeout", "", FlagGroup::shutdown, FlagValue::text, "SECONDS", "30",
     "after that: how long to wait for requests in flight",
     [](Text value, Flags& flags) { return seconds(value, flags.shutdown_timeout_seconds); }},
    {"help", "-h", FlagGroup::general, FlagValue::boolean, "", "false", "print this text and end", nullptr},
    {"version", "", FlagGroup::general, FlagValue::boolean, "", "false", "print the version and end", nullptr},
    // Flags of ingress-nginx: existing argument lists must start.
    ignored("tcp-services-configmap", FlagValue::text, "TEXT", "",
            "TCP and UDP services are not served in this version"),
    ignored("udp-services-configmap", FlagValue::text, "TEXT", "",
            "TCP and UDP services are not served in this version"),
    ignored("disable-catch-all", FlagValue::boolean, "", "false",
            "a spec.defaultBackend is always served in this version"),
    ignored("sync-period", FlagValue::duration, "TIME", "0s", "changes take effect at once"),
    ignored("sync-rate-limit", FlagValue::real, "N", "0.3", "changes take effect at once"),
    ignored("dynamic-configuration-retries", FlagValue::integer, "N", "15", "there is no second process to configure"),
    ignored("enable-topology-aware-routing", FlagValue::boolean, "", "false",
            "zone hints are not used in this version"),
    ignored("enable-ssl-passthrough", FlagValue::boolean, "", "false", "TLS is always ended here in this version"),
    ignored("ssl-passthrough-proxy-port", FlagValue::integer, "N", "442", "there is no second hop for TLS"),
    ignored("enable-ssl-chain-completion", FlagValue::boolean, "", "false",
            "certificates are served as they stand in their Secrets"),
    ignored("enable-annotation-validation", FlagValue::boolean, "", "true", "annotations are always validated"),
    ignored("deep-inspect", FlagValue::boolean, "", "true",
            "objects are always inspected, and no text is generated from them"),
    ignored("disable-full-test", FlagValue::boolean, "", "false", "there is no admission webhook in this version"),
    ignored("validating-webhook", FlagValue::text, "TEXT", "", "there is no admission webhook in this version"),
    ignored("validating-webhook-certificate", FlagValue::text, "TEXT", "",
            "there is no admission webhook in this version"),
    ignored("validating-webhook-key", FlagValue::text, "TEXT", "", "there is no admission webhook in this version"),
    ignored("default-server-port", FlagValue::integer, "N", "8181", "the answer 404 needs no port of its own"),
    ignored("healthz-host", FlagValue::text, "TEXT", "", "the admin port has no address of its own in this version"),
    ignored("health-check-path", FlagValue::text, "TEXT", "/healthz", "the path is always /healthz"),
    ignored("health-check-timeout", FlagValue::integer, "N", "10", "ingress-nginx never read it either"),
    ignored("status-port", FlagValue::integer, "N", "10246", "there is no nginx process to talk to"),
    ignored("stream-port", FlagValue::integer, "N", "10247", "there is no nginx process to talk to"),
    ignored("profiling", FlagValue::boolean, "", "true", "it belongs to programs in Go"),
    ignored("profiler-port", FlagValue::integer, "N", "10245", "it belongs to programs in Go"),
    ignored("profiler-address", FlagValue::text, "TEXT", "127.0.0.1", "it belongs to programs in Go"),
    ignored("internal-logger-address", FlagValue::text, "TEXT", "127.0.0.1:11514", "the log needs no relay"),
    ignored("post-shutdown-grace-period", FlagValue::integer, "N", "10",
            "the process ends with its last request; see --shutdown-timeout"),
    ignored("enable-metrics", FlagValue::boolean, "", "false", "metrics are always on"),
    ignored("metrics-per-host", FlagValue::boolean, "", "true", "the labels of metrics are fixed in this version"),
    ignored("metrics-per-undefined-host", FlagValue::boolean, "", "false",
            "the labels of metrics are fixed in this version"),
    ignored("report-status-classes", FlagValue::boolean, "", "false",
            "the labels of metrics are fixed in this version"),
    ignored("time-buckets", FlagValue::reals, "N,N", "0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10",
            "the buckets of histograms are fixed in this version"),
    ignored("length-buckets", FlagValue::reals, "N,N", "10,20,30,40,50,60,70,80,90,100",
            "the buckets of histograms are fixed in this version"),
    ignored("size-buckets", FlagValue::reals, "N,N", "10,100,1e3,1e4,1e5,1e6,1e7",
            "the buckets of histograms are fixed in this version"),
    ignored("bucket-factor", FlagValue::real, "N", "0", "the buckets of histograms are fixed in this version"),
    ignored("max-buckets", FlagValue::integer, "N", "100", "the buckets of histograms are fixed in this version"),
    ignored("exclude-socket-metrics", FlagValue::text, "TEXT", "", "all metrics are exported in this version"),
    ignored("monitor-max-batch-size", FlagValue::integer, "N", "10000", "there is no pipe between processes to bound"),
    ignored("maxmind-edition-ids", FlagValue::text, "TEXT", "GeoLite2-City,GeoLite2-ASN",
            "GeoIP is not supported in this version"),
    ignored("maxmind-license-key", FlagValue::text, "TEXT", "", "GeoIP is not supported in this version"),
    ignored("maxmind-mirror", FlagValue::text, "TEXT", "", "GeoIP is not supported in this version"),
    ignored("maxmind-retries-count", FlagValue::integer, "N", "1", "GeoIP is not supported in this version"),
    ignored("maxmind-retries-timeout", FlagValue::duration, "TIME", "0s", "GeoIP is not supported in this version"),
    ignored("vmodule", FlagValue::text, "TEXT", "", "it belongs to the logging library of Go programs"),
    ignored("logtostderr", FlagValue::boolean, "", "true", "it belongs to the logging library of Go programs"),
    ignored("alsologtostderr", FlagValue::boolean, "", "false", "it belongs to the logging library of Go programs"),
    ignored("stderrthreshold", FlagValue::integer, "N", "2", "it belongs to the logging library of Go programs"),
    ignored("log_dir", FlagValue::text, "TEXT", "", "it belongs to the logging library of Go programs"),
    ignored("log_file", FlagValue::text, "TEXT", "", "it belongs to the logging library of Go programs"),
    ignored("log_file_max_size", FlagValue::integer, "N", "1800", "it belongs to the logging library of Go programs"),
    ignored("log_backtrace_at", FlagValue::text, "TEXT", ":0", "it belongs to the logging library of Go programs"),
    ignored("one_output", FlagValue::boolean, "", "false", "it belongs to the logging library of Go programs"),
    ignored("skip_headers", FlagValue::boolean, "", "false", "it belongs to the logging library of Go programs"),
    ignored("skip_log_headers", FlagValue::boolean, "", "false", "it belongs to the logging library of Go programs"),
    ignored("add_dir_header", FlagValue::boolean, "", "false", "it belongs to the logging library of Go programs"),
});

// "1h30m", "1.5s", "300ms", "0" (Go's time.ParseDuration).
bool is_duration(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return true;
  bool some = false;
  while (!text.empty()) {
    const size_t number = std::min(text.find_first_not_of("0123456789."), text.size());
    if (number == 0 || std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(number), '.') > 1)
      return false;
    text.remove_prefix(number);
    const size_t unit = std::min(text.find_first_of("0123456789."), text.size());
    constexpr auto kUnits = std::to_array<std::string_view>({"ns", "us", "\xc2\xb5s", "ms", "s", "m", "h"});
    if (std::find(kUnits.begin(), kUnits.end(), text.substr(0, unit)) == kUnits.end()) return false;
    text.remove_prefix(unit);
    some = true;
  }
  return some;
}

bool is_integer(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  int64_t number = 0;
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  if (text.starts_with('-')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  return error == std::errc{} && end == text.data() + text.size();
}

bool is_real(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::span<const FlagRow> flag_table() { return kTable; }

const char* title_of(FlagGroup group) {
  switch (group) {
    case FlagGroup::objects:
      return "Objects";
    case FlagGroup::cluster:
      return "Cluster";
    case FlagGroup::writing:
      return "Status, Events and the leader";
    case FlagGroup::names:
      return "Names outside the cluster";
    case FlagGroup::listening:
      return "Listening";
    case FlagGroup::classes:
      return "Classes";
    case FlagGroup::defaults:
      return "Defaults";
    case FlagGroup::logging:
      return "Logging";
    case FlagGroup::shutdown:
      return "Ending";
    case FlagGroup::general:
      return "General";
    case FlagGroup::accepted:
      return "Flags of ingress-nginx that are accepted and have no effect";
  }
  return "";
}

const char* name_of(FlagValue value) {
  switch (value) {
    case FlagValue::text:
      return "text";
    case FlagValue::integer:
      return "integer";
    case FlagValue::real:
      return "number";
    case FlagValue::reals:
      return "numbers";
    case FlagValue::duration:
      return "duration";
    case FlagValue::boolean:
      return "boolean";
  }
  return "";
}

const char* type_fault(FlagValue value, const std::string& text) {
  const auto items = base::split(text, ',');
  switch (value) {
    case FlagValue::text:
      return nullptr;
    case FlagValue::integer:
      return is_integer(text) ? nullptr : "a whole number";
    case FlagValue::real:
      return is_real(text) ? nullptr : "a number";
    case FlagValue::reals:
      return std::all_of(items.begin(), items.end(), is_real) ? nullptr : "numbers with commas between them";
    case FlagValue::duration:
      return is_duration(text) ? nullptr : "a duration such as 30s or 1h30m";
    case FlagValue::boolean:
      return parse_go_bool(text) ? nullptr : "true or false";
  }
  return nullptr;
}

}  // namespace narthex::config
