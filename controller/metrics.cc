#include "controller/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

namespace narthex::controller {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Families = std::vector<MetricFamily>;
using Label = ClientMetric::Label;

ClientMetric counter_value(double value, std::vector<Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  return metric;
}

ClientMetric gauge_value(double value, std::vector<Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

void counter(Families& families, const char* name, const char* help, uint64_t value) {
  families.push_back({name, help, MetricType::Counter, {counter_value(static_cast<double>(value))}});
}

void gauge(Families& families, const char* name, const char* help, double value) {
  families.push_back({name, help, MetricType::Gauge, {gauge_value(value)}});
}

double unix_seconds(base::WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void add_process(const Metrics& metrics, Families& families) {
  families.push_back({"narthex_build_info", "The version that runs; always 1.", MetricType::Gauge,
                      {gauge_value(1, {{"version", metrics.version}})}});
  gauge(families, "process_start_time_seconds", "When the process started, in seconds since 1970.",
        unix_seconds(metrics.started));
  gauge(families, "narthex_ready", "1 while /readyz says yes.", metrics.ready ? 1 : 0);
  gauge(families, "narthex_workers", "Worker threads of the data plane.", metrics.workers);
}

void add_responses(const Traffic& traffic, Families& families) {
  MetricFamily responses{"narthex_http_responses_total", "Answers to clients, by status.", MetricType::Counter, {}};
  for (const auto& [code, count] : traffic.responses) {
    if (count) responses.metric.push_back(counter_value(static_cast<double>(count), {{"code", std::to_string(code)}}));
  }
  families.push_back(std::move(responses));

  ClientMetric metric;
  uint64_t cumulative = 0;
  for (const auto& [upper_bound, count] : traffic.durations) {
    cumulative += count;
    metric.histogram.bucket.push_back({cumulative, upper_bound});
  }
  cumulative += traffic.durations_above;
  metric.histogram.bucket.push_back({cumulative, HUGE_VAL});
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = traffic.duration_sum_seconds;
  families.push_back({"narthex_http_request_duration_seconds",
                      "From the first byte of a request to the last byte of its answer.", MetricType::Histogram,
                      {std::move(metric)}});

  // All faults from the start, so that a first one shows as a rise and not as a new series.
  MetricFamily faults{"narthex_http_faults_total", "Exchanges that failed, by reason and by whose doing it was.",
                      MetricType::Counter, {}};
  for (const auto& [name, party, count] : traffic.faults) {
    faults.metric.push_back(counter_value(static_cast<double>(count), {{"fault", name}, {"party", party}}));
  }
  families.push_back(std::move(faults));
}

void add_connections(const Traffic& traffic, Families& families) {
  counter(families, "narthex_client_connections_total", "Connections taken from clients.", traffic.client_connections);
  gauge(families, "narthex_client_connections", "Client connections that are open.",
        static_cast<double>(traffic.client_connections_open));
  families.push_back({"narthex_tls_handshakes_total", "TLS handshakes with clients, by their end.", MetricType::Counter,
                      {counter_value(static_cast<double>(traffic.tls_handshakes), {{"result", "done"}}),
                       counter_value(static_cast<double>(traffic.tls_handshakes_failed), {{"result", "failed"}})}});
  counter(families, "narthex_tls_resumed_total", "TLS handshakes that resumed a session.", traffic.tls_resumed);
  counter(families, "narthex_client_received_bytes_total", "Bytes read from clients.", traffic.received_bytes);
  counter(families, "narthex_client_sent_bytes_total", "Bytes written to clients.", traffic.sent_bytes);
  gauge(families, "narthex_tunnels", "Upgraded connections (WebSocket) that are open.",
        static_cast<double>(traffic.tunnels_open));
  counter(families, "narthex_upstream_connections_total", "Connections made to endpoints.",
          traffic.upstream_connections);
  counter(families, "narthex_upstream_reused_total", "Requests sent on a kept connection.", traffic.upstream_reused);
  gauge(families, "narthex_upstream_idle_connections", "Kept connections to endpoints without a request.",
        static_cast<double>(traffic.upstream_idle));
  counter(families, "narthex_upstream_retries_total", "Requests sent a second time, to another endpoint or connection.",
          traffic.upstream_retries);
  counter(families, "narthex_access_log_dropped_total", "Lines of the access log that its reader was too slow for.",
          traffic.access_log_dropped);
}

// One series per host, the earliest of its certificates; of too many hosts those that expire first.
std::vector<ClientMetric> certificate_series(const std::vector<Metrics::Certificate>& certificates) {
  std::map<std::string_view, base::WallTime> earliest;
  for (const auto& [host, not_after] : certificates) {
    const auto [entry, is_new] = earliest.try_emplace(host, not_after);
    if (!is_new) entry->second = std::min(entry->second, not_after);
  }
  std::vector<std::pair<base::WallTime, std::string_view>> series;
  for (const auto& [host, not_after] : earliest) series.emplace_back(not_after, host);
  const size_t count = std::min(series.size(), kCertificateSeriesMax);
  std::partial_sort(series.begin(), series.begin() + static_cast<ptrdiff_t>(count), series.end());
  std::vector<ClientMetric> metrics;
  for (size_t i = 0; i < count; ++i) {
    metrics.push_back(gauge_value(unix_seconds(series[i].first), {{"host", std::string(series[i].second)}}));
  }
  return metrics;
}

void add_control(const Metrics& metrics, Families& families) {
  gauge(families, "narthex_snapshot_generation", "The newest routing snapshot that was published.",
        static_cast<double>(metrics.published_generation));
  gauge(families, "narthex_snapshot_adopted_generation", "The routing snapshot that every worker has adopted.",
        static_cast<double>(metrics.adopted_generation));
  MetricFamily objects{"narthex_objects", "Kubernetes objects that are known, by kind.", MetricType::Gauge, {}};
  for (const auto& [kind, count] : metrics.objects) {
    objects.metric.push_back(gauge_value(static_cast<double>(count), {{"kind", kind}}));
  }
  families.push_back(std::move(objects));
  MetricFamily findings{"narthex_findings", "What is wrong or doubtful in objects just now, by reason; see /findings.",
                        MetricType::Gauge, {}};
  for (const auto& [reason, severity, count] : metrics.findings) {
    if (findings.metric.size() == kFindingSeriesMax) break;
    findings.metric.push_back(gauge_value(static_cast<double>(count), {{"reason", reason}, {"severity", severity}}));
  }
  families.push_back(std::move(findings));
  families.push_back({"narthex_certificate_expiry_timestamp_seconds",
                      "When the certificate of a host expires, in seconds since 1970; of more than 10000 hosts those "
                      "that expire first.",
                      MetricType::Gauge, certificate_series(metrics.certificates)});
}

void add_api(const ApiMetrics& api, Families& families) {
  MetricFamily requests{"narthex_api_requests_total",
                        "Answers of the API server to requests and watches, by status; none: there was no answer.",
                        MetricType::Counter, {}};
  for (const auto& [code, count] : api.requests) {
    requests.metric.push_back(counter_value(static_cast<double>(count), {{"code", code}}));
  }
  MetricFamily lists{"narthex_api_lists_total", "Lists of a kind that were begun.", MetricType::Counter, {}};
  MetricFamily watches{"narthex_api_watches_total", "Watches of a kind that were begun; each ends within ten minutes.",
                       MetricType::Counter, {}};
  MetricFamily events{"narthex_api_last_event_timestamp_seconds",
                      "When the API server last said something about a kind, in seconds since 1970.",
                      MetricType::Gauge, {}};
  MetricFamily down{"narthex_api_parts_down",
                    "Namespaces (or the whole cluster) of which a kind cannot be read just now.", MetricType::Gauge, {}};
  for (const ApiMetrics::Kind& kind : api.kinds) {
    const std::vector<Label> label = {{"kind", kind.kind}};
    lists.metric.push_back(counter_value(static_cast<double>(kind.lists), label));
    watches.metric.push_back(counter_value(static_cast<double>(kind.watches), label));
    if (kind.last_event != base::WallTime{}) events.metric.push_back(gauge_value(unix_seconds(kind.last_event), label));
    down.metric.push_back(gauge_value(kind.parts_down, label));
  }
  for (MetricFamily* family : {&requests, &lists, &watches, &events, &down}) families.push_back(std::move(*family));
}

void add_writer(const WriterMetrics& writer, Families& families) {
  gauge(families, "narthex_leader", "1 while this replica is the one that writes status and Events.", writer.leads);
  const auto results = [](const char* name, const char* help, std::vector<std::pair<const char*, uint64_t>> values) {
    MetricFamily family{name, help, MetricType::Counter, {}};
    for (const auto& [result, count] : values)
      family.metric.push_back(counter_value(static_cast<double>(count), {{"result", result}}));
    return family;
  };
  families.push_back(results("narthex_status_writes_total", "Statuses of Ingresses that were written, by the outcome.",
                             {{"written", writer.statuses_written}, {"failed", writer.statuses_failed}}));
  gauge(families, "narthex_status_waiting", "Ingresses whose status is to be written.",
        static_cast<double>(writer.statuses_waiting));
  families.push_back(results("narthex_events_total",
                             "Kubernetes Events, by the outcome; dropped: there were too many, or the object is gone.",
                             {{"written", writer.events_written},
                              {"failed", writer.events_failed},
                              {"dropped", writer.events_dropped}}));
  gauge(families, "narthex_events_waiting", "Kubernetes Events that are to be written.",
        static_cast<double>(writer.events_waiting));
}

void add_names(const NameCounts& names, Families& families) {
  gauge(families, "narthex_external_names", "Names of ExternalName Services that are in use.",
        static_cast<double>(names.names));
  gauge(families, "narthex_external_names_in_trouble", "Those of them that the DNS has no good answer for just now.",
        static_cast<double>(names.in_trouble));
  families.push_back({"narthex_dns_answers_total",
                      "Answers about names of ExternalName Services; failed: no DNS server answered, or none could.",
                      MetricType::Counter,
                      {counter_value(static_cast<double>(names.found), {{"result", "found"}}),
                       counter_value(static_cast<double>(names.absent), {{"result", "absent"}}),
                       counter_value(static_cast<double>(names.failed), {{"result", "failed"}})}});
}

}  // namespace

std::string metrics_text(const Metrics& metrics) {
  Families families;
  add_process(metrics, families);
  add_responses(metrics.traffic, families);
  add_connections(metrics.traffic, families);
  add_control(metrics, families);
  add_api(metrics.api, families);
  if (metrics.writer) add_writer(*metrics.writer, families);
  add_names(metrics.names, families);
  // A family without series would leave HELP and TYPE lines without a sample.
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace narthex::controller
