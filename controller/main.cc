// The program: parses the flags, builds the planes and joins them. The only file that sees both.
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "config/flags.h"
#include "controller/check_command.h"
#include "controller/serve.h"
#include "proxy/fault.h"
#include "proxy/server.h"

namespace narthex {
namespace {

const char* to_text(proxy::Party party) {
  switch (party) {
    case proxy::Party::client: return "client";
    case proxy::Party::self: return "self";
    case proxy::Party::upstream: return "upstream";
  }
  return "unknown";
}

void add_times(const proxy::Totals& totals, controller::Traffic& traffic) {
  constexpr double kMicroseconds = 1e6;
  for (size_t i = 0; i < proxy::kDurationBoundsUs.size(); ++i) {
    const auto bound_us = static_cast<double>(proxy::kDurationBoundsUs[i]);
    traffic.durations.push_back({bound_us / kMicroseconds, totals.durations[i]});
  }
  traffic.durations_above = totals.durations.back();
  traffic.duration_sum_seconds = static_cast<double>(totals.duration_sum_us) / kMicroseconds;
}

// The data plane's counters in the words of the metrics.
controller::Traffic traffic_of(const proxy::Totals& totals) {
  controller::Traffic traffic;
  for (size_t code = 0; code < totals.responses.size(); ++code) {
    if (totals.responses[code]) traffic.responses.push_back({static_cast<uint16_t>(code), totals.responses[code]});
  }
  add_times(totals, traffic);
  for (size_t i = 1; i < totals.faults.size(); ++i) {  // 0 is Fault::none
    const proxy::FaultRow& row = proxy::row_of(static_cast<proxy::Fault>(i));
    traffic.faults.push_back({std::string(row.name), to_text(row.party), totals.faults[i]});
  }
  traffic.client_connections = totals.client_connections;
  traffic.client_connections_open = totals.client_connections_open;
  traffic.tls_handshakes = totals.tls_handshakes;
  traffic.tls_handshakes_failed = totals.tls_handshakes_failed;
  traffic.tls_resumed = totals.tls_resumed;
  traffic.upstream_connections = totals.upstream_connections;
  traffic.upstream_reused = totals.upstream_reused;
  traffic.upstream_idle = totals.upstream_idle;
  traffic.upstream_retries = totals.upstream_retries;
  traffic.received_bytes = totals.received_bytes;
  traffic.sent_bytes = totals.sent_bytes;
  traffic.tunnels_open = totals.tunnels_open;
  traffic.access_log_dropped = totals.access_log_dropped;
  return traffic;
}

std::string listening_at(const std::string& bind_address, uint16_t port) {
  const std::string ip = bind_address.empty() ? "::" : bind_address;
  return fmt::format(fmt::runtime(ip.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}"), ip, port);
}

proxy::ServerOptions server_options(const config::Flags& flags) {
  proxy::ServerOptions options;
  options.bind_address = flags.bind_address;
  options.http_port = flags.http_port;
  options.https_port = flags.https_port;
  options.workers = flags.workers;
  options.access_log = flags.access_log;
  options.access_log_json = flags.log_format == base::log::Format::json;
  return options;
}

// VALID UNTIL: the server ends.
controller::DataPlane data_plane(proxy::Server& server, const config::Flags& flags) {
  controller::DataPlane plane;
  plane.publish = [&server](std::shared_ptr<const router::Snapshot> snapshot) { server.publish(std::move(snapshot)); };
  plane.reclaim = [&server] { server.reclaim(); };
  plane.adopted_generation = [&server] { return server.adopted_generation(); };
  plane.traffic = [&server] { return traffic_of(server.totals()); };
  plane.drain = [&server] { server.drain(); };
  plane.drained = [&server] { return server.drained(); };
  plane.workers = server.workers();
  plane.http_address = listening_at(flags.bind_address, server.http_port());
  plane.https_address = listening_at(flags.bind_address, server.https_port());
  plane.ports = {server.http_port(), server.https_port()};
  return plane;
}

int cannot_start(const base::Error& error) {
  base::log::error("cannot start: {}", error.message());
  return 1;
}

int serve(const config::Flags& flags) {
  const base::SystemClock clock;
  auto control = controller::ControlPlane::load(flags, NARTHEX_VERSION, clock);
  if (!control) return cannot_start(control.error());
  auto server = proxy::Server::start(server_options(flags), clock);
  if (!server) return cannot_start(server.error());
  const auto served = (*control)->serve(data_plane(**server, flags));
  return served ? 0 : cannot_start(served.error());
}

int run(int argc, const char* const* argv) {
  const config::ParsedFlags parsed = config::parse_flags(argc, argv);
  if (!parsed.flags) {
    (parsed.exit_status == 0 ? std::cout : std::cerr) << parsed.text;
    return parsed.exit_status;
  }
  const config::Flags& flags = *parsed.flags;
  base::log::set_up(flags.log_format, flags.log_level);
  for (const std::string& warning : parsed.warnings) base::log::warn("{}", warning);
  switch (flags.command) {
    case config::Command::serve:
    case config::Command::controller: return serve(flags);
    case config::Command::check: return controller::check_command(flags, base::SystemClock(), std::cout, std::cerr);
    case config::Command::version: std::cout << "narthex " NARTHEX_VERSION "\n"; return 0;
    case config::Command::help: break;
  }
  std::cout << parsed.text;
  return parsed.exit_status;
}

}  // namespace
}  // namespace narthex

int main(int argc, char** argv) {
  // A peer that closes shows as EPIPE where it is written to, never as a signal.
  std::signal(SIGPIPE, SIG_IGN);
  return narthex::run(argc, argv);
}
