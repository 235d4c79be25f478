#include "config/flags.h"

#include <catch2/catch.hpp>
#include <set>

#include "config/flags_table.h"

namespace narthex::config {
namespace {

ParsedFlags parse(std::vector<const char*> args) {
  args.insert(args.begin(), "narthex");
  return parse_flags(static_cast<int>(args.size()), args.data());
}

Flags flags_of(std::vector<const char*> args) {
  const ParsedFlags parsed = parse(std::move(args));
  INFO(parsed.text);
  REQUIRE(parsed.flags);
  CHECK(parsed.exit_status == 0);
  return *parsed.flags;
}

// serve on a folder, with more flags.
Flags serve(std::vector<const char*> more) {
  more.insert(more.begin(), {"serve", "--manifests", "dir"});
  return flags_of(std::move(more));
}

std::string usage_error(std::vector<const char*> args) {
  const ParsedFlags parsed = parse(std::move(args));
  CHECK_FALSE(parsed.flags);
  CHECK(parsed.exit_status == 2);
  return parsed.text;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("serve has the defaults of ingress-nginx") {
  const Flags flags = serve({});
  CHECK(flags.command == Command::serve);
  CHECK(flags.manifests == std::vector<std::string>{"dir"});
  CHECK(flags.http_port == 80);
  CHECK(flags.https_port == 443);
  CHECK(flags.admin_port == 10254);
  CHECK(flags.ingress_class == "nginx");
  CHECK(flags.controller_class == "k8s.io/ingress-nginx");
  CHECK(flags.annotations_prefix == "nginx.ingress.kubernetes.io");
  CHECK_FALSE(flags.ingress_class_by_name);
  CHECK_FALSE(flags.watch_ingress_without_class);
  CHECK_FALSE(flags.default_backend_service);
  CHECK(flags.access_log.empty());
  CHECK(flags.log_level == base::log::Level::info);
  CHECK(flags.shutdown_grace_seconds == 0);
  CHECK(flags.shutdown_timeout_seconds == 30);
}

TEST_CASE("the defaults that the help tells are those of the program") {
  Flags flags;
  for (const FlagRow& row : flag_table()) {
    if (row.apply == nullptr || *row.standard == '\0') continue;
    INFO(row.name);
    CHECK(type_fault(row.value, row.standard) == nullptr);
    CHECK(row.apply(row.standard, flags) == nullptr);
  }
  const Flags fresh;
  CHECK(flags.http_port == fresh.http_port);
  CHECK(flags.https_port == fresh.https_port);
  CHECK(flags.admin_port == fresh.admin_port);
  CHECK(flags.workers == fresh.workers);
  CHECK(flags.ingress_class == fresh.ingress_class);
  CHECK(flags.controller_class == fresh.controller_class);
  CHECK(flags.annotations_prefix == fresh.annotations_prefix);
  CHECK(flags.ingress_class_by_name == fresh.ingress_class_by_name);
  CHECK(flags.watch_ingress_without_class == fresh.watch_ingress_without_class);
  CHECK(flags.log_format == fresh.log_format);
  CHECK(flags.log_level == fresh.log_level);
  CHECK(flags.access_log == fresh.access_log);
  CHECK(flags.shutdown_grace_seconds == fresh.shutdown_grace_seconds);
  CHECK(flags.shutdown_timeout_seconds == fresh.shutdown_timeout_seconds);
  CHECK(flags.election_id == fresh.election_id);
  CHECK(flags.election_ttl == fresh.election_ttl);
  CHECK(flags.status_update_seconds == fresh.status_update_seconds);
  CHECK(flags.update_status == fresh.update_status);
  CHECK(flags.update_status_on_shutdown == fresh.update_status_on_shutdown);
  CHECK(flags.disable_leader_election == fresh.disable_leader_election);
  CHECK(flags.disable_sync_events == fresh.disable_sync_events);
  CHECK(flags.report_node_internal_ip_address == fresh.report_node_internal_ip_address);
}

TEST_CASE("the flags of status, Events and election are read as ingress-nginx reads them") {
  using namespace std::chrono_literals;
  Flags flags = flags_of({"controller", "--publish-service=ingress/front", "--update-status=false", "--election-id=edge",
                          "--update-status-on-shutdown=false", "--report-node-internal-ip-address", "--election-ttl=1m30.5s",
                          "--status-update-interval=2", "--disable-leader-election", "--disable-sync-events"});
  CHECK(flags.publish_service == ObjectKey{"ingress", "front"});
  CHECK_FALSE(flags.update_status);
  CHECK_FALSE(flags.update_status_on_shutdown);
  CHECK(flags.report_node_internal_ip_address);
  CHECK(flags.election_id == "edge");
  CHECK(flags.election_ttl == 90500ms);
  CHECK(flags.status_update_seconds == 5);
  CHECK(flags.disable_leader_election);
  CHECK(flags.disable_sync_events);
  flags = flags_of({"controller", "--publish-status-address=203.0.113.7, 2001:db8::1,lb.example.com,", "--election-ttl=0"});
  CHECK(flags.publish_status_addresses == std::vector<std::string>{"203.0.113.7", "2001:db8::1", "lb.example.com"});
  CHECK(flags.election_ttl == 30s);
  CHECK(flags_of({"controller", "--election-ttl=-3s"}).election_ttl == 30s);
  for (const char* wrong : {"--publish-status-address=a b", "--election-ttl=10ms", "--election-ttl=3h", "--election-id=A B",
                            "--publish-service=front", "--status-update-interval=-1"}) {
    INFO(wrong);
    CHECK(has(usage_error({"controller", wrong}), "must be"));
  }
  CHECK(has(usage_error({"controller", "--publish-service=a/b", "--publish-status-address=203.0.113.7"}), "exclude"));
  CHECK(parse({"serve", "--manifests=d", "--update-status=false"}).warnings.size() == 1);
}

TEST_CASE("every flag of serve is read, with = or with a space") {
  const Flags flags = flags_of({"serve",
                                "--manifests=a",
                                "--manifests",
                                "b",
                                "--manifests",
                                "-",
                                "--http-port",
                                "8080",
                                "--https-port=0",
                                "--admin-port=9000",
                                "--bind-address=::1",
                                "--workers=4",
                                "--ingress-class",
                                "edge",
                                "--controller-class=example.com/edge",
                                "--annotations-prefix=edge.example.com",
                                "--ingress-class-by-name",
                                "--watch-ingress-without-class=true",
                                "--default-backend-service=kube-system/fallback",
                                "--default-ssl-certificate",
                                "certs/main",
                                "--log-format=json",
                                "--access-log=/var/log/access",
                                "--shutdown-grace-period=10",
                                "--shutdown-timeout=5"});
  CHECK(flags.manifests == std::vector<std::string>{"a", "b", "-"});
  CHECK(flags.http_port == 8080);
  CHECK(flags.https_port == 0);
  CHECK(flags.admin_port == 9000);
  CHECK(flags.bind_address == "::1");
  CHECK(flags.workers == 4);
  CHECK(flags.ingress_class == "edge");
  CHECK(flags.controller_class == "example.com/edge");
  CHECK(flags.annotations_prefix == "edge.example.com");
  CHECK(flags.ingress_class_by_name);
  CHECK(flags.watch_ingress_without_class);
  CHECK(flags.default_backend_service == ObjectKey{"kube-system", "fallback"});
  CHECK(flags.default_ssl_certificate == ObjectKey{"certs", "main"});
  CHECK(flags.log_format == base::log::Format::json);
  CHECK(flags.access_log == "/var/log/access");
  CHECK(flags.shutdown_grace_seconds == 10);
  CHECK(flags.shutdown_timeout_seconds == 5);
}

TEST_CASE("flags behave as those of ingress-nginx") {
  CHECK(serve({"--healthz-port=9001"}).admin_port == 9001);
  CHECK(serve({"--http-port=1", "--http-port=2"}).http_port == 2);
  CHECK(serve({"--ingress-class-by-name=F"}).ingress_class_by_name == false);
  CHECK(serve({"--ingress-class-by-name=T"}).ingress_class_by_name);
  CHECK(serve({"--default-backend-service="}).default_backend_service == std::nullopt);
  CHECK(serve({"--bind-address="}).bind_address.empty());
  CHECK(serve({"--v=1"}).log_level == base::log::Level::info);
  for (const char* verbose : {"--v=2", "-v=3", "-v5"}) CHECK(serve({verbose}).log_level == base::log::Level::debug);
  CHECK(serve({"-v", "5"}).log_level == base::log::Level::debug);
  CHECK(flags_of({"--manifests", "dir", "--http-port=81", "serve"}).http_port == 81);
}

TEST_CASE("the access log goes nowhere, to standard output or to a file") {
  CHECK(serve({"--access-log=off"}).access_log.empty());
  CHECK(serve({"--access-log=on"}).access_log == "-");
  CHECK(serve({"--access-log", "-"}).access_log == "-");
  CHECK(serve({"--access-log=./log"}).access_log == "./log");
}

TEST_CASE("check takes folders behind it, and by flag") {
  const Flags flags = flags_of({"check", "a", "--manifests=b", "--ingress-class-by-name", "c", "-"});
  CHECK(flags.command == Command::check);
  CHECK(flags.ingress_class_by_name);
  CHECK(flags.manifests == std::vector<std::string>{"b", "a", "c", "-"});
}

TEST_CASE("version and help need nothing else") {
  CHECK(flags_of({"version"}).command == Command::version);
  CHECK(flags_of({"--version"}).command == Command::version);
  for (const char* word : {"help", "--help", "-h"}) {
    const ParsedFlags parsed = parse({word});
    CHECK_FALSE(parsed.flags);
    CHECK(parsed.exit_status == 0);
    CHECK(has(parsed.text, "narthex serve --manifests PATH"));
  }
  CHECK(parse({"serve", "--help"}).exit_status == 0);
}

TEST_CASE("bad usage is one message that names the flag and what was expected, with status 2") {
  CHECK(has(usage_error({"serve", "--manifests=d", "--http-port=70000"}),
            "--http-port: \"70000\" must be a port within 0..65535"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--http-port=-1"}), "--http-port"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--http-port="}), "--http-port: \"\""));
  CHECK(has(usage_error({"serve", "--manifests=d", "--workers=x"}), "--workers: \"x\""));
  CHECK(has(usage_error({"serve", "--manifests=d", "--bind-address=localhost"}), "--bind-address"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--default-ssl-certificate=main"}), "must be namespace/name"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--ingress-class-by-name=yes"}), "must be true or false"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--ingress-class-by-name="}), "must be true or false"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--log-format=xml"}), "text or json"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--shutdown-timeout=30s"}), "seconds"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--annotations-prefix=a/b"}), "--annotations-prefix"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--v=x"}), "--v: \"x\" must be a whole number"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--nonsense=1"}), "there is no flag \"--nonsense=1\""));
  CHECK(has(usage_error({"serve", "--manifests=d", "-x"}), "there is no flag \"-x\""));
  CHECK(has(usage_error({"serve", "--manifests"}), "--manifests: a value is missing"));
  CHECK(has(usage_error({"serve", "--manifests="}), "--manifests"));
  CHECK(has(usage_error({"serve"}), "serve needs --manifests PATH"));
  CHECK(has(usage_error({"serve", "dir"}), "write --manifests dir"));
  CHECK(has(usage_error({"check"}), "check needs a PATH"));
  CHECK(has(usage_error({"run"}), "there is no command \"run\""));
  CHECK(has(usage_error({"version", "x"}), "\"x\""));
  CHECK(has(usage_error({}), "give a command"));
  CHECK(parse_flags(0, nullptr).exit_status == 2);
}

TEST_CASE("every flag of ingress-nginx is accepted with its default and tells why it has no effect") {
  size_t accepted = 0;
  for (const FlagRow& row : flag_table()) {
    if (row.group != FlagGroup::accepted) continue;
    ++accepted;
    INFO(row.name);
    const std::string value = *row.standard != '\0' || row.value == FlagValue::text ? row.standard : "0";
    const std::string joined = std::string("--") + row.name + "=" + value;
    const ParsedFlags parsed = parse({"serve", "--manifests=d", joined.c_str()});
    REQUIRE(parsed.flags);
    REQUIRE(parsed.warnings.size() == 1);
    CHECK(parsed.warnings[0] == std::string("--") + row.name + " is accepted and has no effect: " + row.help);
  }
  CHECK(accepted == 55);
}

TEST_CASE("controller takes the flags of a cluster") {
  const Flags flags = flags_of({"controller", "--kubeconfig=/k", "--apiserver-host=https://a", "--certificate-authority",
                                "/ca", "--watch-namespace=a, b", "--watch-namespace=b,c"});
  CHECK(flags.command == Command::controller);
  CHECK(flags.kubeconfig == "/k");
  CHECK(flags.apiserver_host == "https://a");
  CHECK(flags.certificate_authority == "/ca");
  CHECK(flags.watch_namespaces == std::vector<std::string>{"a", "b", "c"});
  CHECK(flags_of({"controller", "--watch-namespace-selector= team=a "}).watch_namespace_selector == "team=a");
  CHECK(flags_of({"controller"}).watch_namespaces.empty());
  CHECK(has(usage_error({"controller", "--watch-namespace=A_b"}), "must be names of namespaces"));
  CHECK(has(usage_error({"controller", "--watch-namespace=a", "--watch-namespace-selector=b"}), "exclude each other"));
  CHECK(has(usage_error({"controller", "--manifests=d"}), "use serve with --manifests"));
  CHECK(has(usage_error({"controller", "d"}), "controller takes flags only"));
  const ParsedFlags parsed = parse({"serve", "--manifests=d", "--kubeconfig=/k"});
  REQUIRE(parsed.warnings.size() == 1);
  CHECK(parsed.warnings[0] == "--kubeconfig has no effect: objects are read from manifests");
}

TEST_CASE("DNS servers and ranges are lists of addresses") {
  const Flags flags = serve({"--dns-servers= 10.0.0.10, 10.0.0.11:5353,[fd00::a]:53,fd00::b",
                             "--allow-external-name-addresses=127.0.0.0/8,::1", "--disable-svc-external-name",
                             "--allow-external-name-addresses=fd00::/8"});
  CHECK(flags.dns_servers == "10.0.0.10,10.0.0.11:5353,[fd00::a]:53,fd00::b");
  CHECK(flags.allowed_external_names == std::vector<std::string>{"127.0.0.0/8", "::1", "fd00::/8"});
  CHECK(flags.disable_external_names);
  CHECK_FALSE(serve({}).disable_external_names);
  for (const char* wrong : {"--dns-servers=ns.example.org", "--dns-servers=10.0.0.10:0", "--dns-servers=10.0.0.10:",
                            "--dns-servers=[10.0.0.10]:53", "--dns-servers=1.1.1.1,,1.1.1.1:x"})
    CHECK(has(usage_error({"serve", "--manifests=d", wrong}), "--dns-servers: "));
  for (const char* wrong : {"--allow-external-name-addresses=10.0.0.0/33", "--allow-external-name-addresses=10/8",
                            "--allow-external-name-addresses=localhost", "--allow-external-name-addresses=::1/"})
    CHECK(has(usage_error({"serve", "--manifests=d", wrong}), "--allow-external-name-addresses: "));
}

TEST_CASE("check reads manifests or a cluster, not both") {
  CHECK(flags_of({"check", "--kubeconfig=/k"}).kubeconfig == "/k");
  CHECK(flags_of({"check", "--apiserver-host=https://a"}).manifests.empty());
  CHECK(has(usage_error({"check", "dir", "--kubeconfig=/k"}), "either manifests or a cluster"));
}

TEST_CASE("an accepted flag takes as many arguments as in ingress-nginx") {
  const ParsedFlags parsed = parse({"serve", "--publish-service", "ns/lb", "--enable-metrics", "--update-status=false",
                                    "--election-ttl", "1m30s", "--time-buckets=0.1,1e3", "--sync-rate-limit", "0.5",
                                    "--configmap=", "--logtostderr", "--manifests=d", "--stderrthreshold=2"});
  INFO(parsed.text);
  REQUIRE(parsed.flags);
  CHECK(parsed.flags->manifests == std::vector<std::string>{"d"});
  CHECK(parsed.warnings.size() == 8);
  CHECK(has(usage_error({"serve", "--manifests=d", "--election-ttl=soon"}),
            "--election-ttl: \"soon\" must be a duration"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--time-buckets=1,x"}), "--time-buckets"));
  CHECK(has(usage_error({"serve", "--manifests=d", "--sync-rate-limit=x"}), "--sync-rate-limit"));
}

TEST_CASE("help and the Markdown page name every flag once, with its default") {
  const std::string help = parse({"help"}).text, page = flags_markdown();
  std::set<std::string> names;
  for (const FlagRow& row : flag_table()) {
    CHECK(names.insert(row.name).second);
    CHECK(has(help, std::string("--") + row.name));
    CHECK(has(page, std::string("| `--") + row.name));
    CHECK(*row.help != '\0');
  }
  CHECK(has(help, "--admin-port, --healthz-port PORT"));
  CHECK(has(help, "(default k8s.io/ingress-nginx)"));
  CHECK(has(page, "text\\|json"));
  for (size_t at = 0; at < help.size();) {
    const size_t end = help.find('\n', at);
    CHECK(end - at <= 150);
    at = end + 1;
  }
}

}  // namespace narthex::config
