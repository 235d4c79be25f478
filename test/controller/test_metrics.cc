#include <unistd.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <sstream>

#include "controller/metrics.h"
#include "test/support/process.h"

namespace narthex::test {
namespace {

using controller::Metrics;
using controller::metrics_text;
using std::chrono::sys_seconds;

base::WallTime at(int64_t unix_seconds) { return sys_seconds(std::chrono::seconds(unix_seconds)); }

Metrics example() {
  Metrics metrics;
  metrics.version = "1.2.3";
  metrics.workers = 2;
  metrics.started = at(1700000000);
  metrics.ready = true;
  metrics.published_generation = 8;
  metrics.adopted_generation = 7;
  metrics.objects = {{"Ingress", 5}, {"Service", 6}};
  metrics.findings = {{"PathConflict", "note", 2}, {"InvalidPath", "refused", 1}};
  metrics.certificates = {{"a.example.com", at(2000)}, {"a.example.com", at(1000)}, {"*", at(3000)}};
  metrics.traffic.responses = {{200, 10}, {404, 2}};
  metrics.traffic.durations = {{0.005, 3}, {0.01, 4}};
  metrics.traffic.durations_above = 5;
  metrics.traffic.duration_sum_seconds = 1.5;
  metrics.traffic.faults = {{"no_route", "self", 2}, {"client_gone", "client", 0}};
  metrics.traffic.tls_handshakes = 4;
  metrics.traffic.tls_handshakes_failed = 1;
  metrics.traffic.sent_bytes = 1'234'567'890'123;
  return metrics;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::set<std::string> samples_of(const Metrics& metrics) {
  const std::vector<std::string> lines = lines_of(metrics_text(metrics));
  return {lines.begin(), lines.end()};
}

TEST_CASE("metrics carry every value that they were given") {
  const std::set<std::string> lines = samples_of(example());
  for (const char* line : {
           "narthex_build_info{version=\"1.2.3\"} 1", "process_start_time_seconds 1700000000", "narthex_ready 1",
           "narthex_workers 2", "narthex_snapshot_generation 8", "narthex_snapshot_adopted_generation 7",
           "narthex_objects{kind=\"Ingress\"} 5", "narthex_findings{reason=\"InvalidPath\",severity=\"refused\"} 1",
           "narthex_http_responses_total{code=\"404\"} 2",
           "narthex_http_faults_total{fault=\"no_route\",party=\"self\"} 2",
           "narthex_http_faults_total{fault=\"client_gone\",party=\"client\"} 0",
           "narthex_tls_handshakes_total{result=\"done\"} 4", "narthex_tls_handshakes_total{result=\"failed\"} 1",
           "narthex_client_sent_bytes_total 1234567890123",
       }) {
    CHECK(lines.contains(line));
  }
}

TEST_CASE("who writes to a cluster and what came of it is told there, and not told of a folder") {
  Metrics metrics = example();
  CHECK(metrics_text(metrics).find("narthex_leader") == std::string::npos);
  metrics.writer.emplace();
  metrics.writer->leads = true;
  metrics.writer->statuses_written = 3;
  metrics.writer->statuses_failed = 2;
  metrics.writer->statuses_waiting = 7;
  metrics.writer->events_written = 4;
  metrics.writer->events_dropped = 9;
  metrics.writer->events_waiting = 6;
  const std::set<std::string> lines = samples_of(metrics);
  for (const char* line :
       {"narthex_leader 1", "narthex_status_writes_total{result=\"written\"} 3",
        "narthex_status_writes_total{result=\"failed\"} 2", "narthex_status_waiting 7",
        "narthex_events_total{result=\"written\"} 4", "narthex_events_total{result=\"failed\"} 0",
        "narthex_events_total{result=\"dropped\"} 9", "narthex_events_waiting 6"})
    CHECK(lines.contains(line));
}

TEST_CASE("histogram buckets are cumulative and end with +Inf") {
  const std::set<std::string> lines = samples_of(example());
  const std::string name = "narthex_http_request_duration_seconds";
  CHECK(lines.contains(name + "_bucket{le=\"0.005\"} 3"));
  CHECK(lines.contains(name + "_bucket{le=\"0.01\"} 7"));
  CHECK(lines.contains(name + "_bucket{le=\"+Inf\"} 12"));
  CHECK(lines.contains(name + "_count 12"));
  CHECK(lines.contains(name + "_sum 1.5"));
}

TEST_CASE("a host with several certificates has one series, with the earliest end") {
  const std::set<std::string> lines = samples_of(example());
  CHECK(lines.contains("narthex_certificate_expiry_timestamp_seconds{host=\"a.example.com\"} 1000"));
  CHECK_FALSE(lines.contains("narthex_certificate_expiry_timestamp_seconds{host=\"a.example.com\"} 2000"));
  CHECK(lines.contains("narthex_certificate_expiry_timestamp_seconds{host=\"*\"} 3000"));
}

TEST_CASE("of too many certificates those that expire first are given") {
  Metrics metrics;
  const int count = static_cast<int>(controller::kCertificateSeriesMax) + 5;
  for (int i = 0; i < count; ++i) metrics.certificates.push_back({"h" + std::to_string(i), at(1'000'000 - i)});
  size_t series = 0;
  const std::set<std::string> lines = samples_of(metrics);
  for (const std::string& line : lines) series += line.starts_with("narthex_certificate_expiry_timestamp_seconds{");
  CHECK(series == controller::kCertificateSeriesMax);
  CHECK(lines.contains("narthex_certificate_expiry_timestamp_seconds{host=\"h10004\"} 989996"));
  CHECK_FALSE(lines.contains("narthex_certificate_expiry_timestamp_seconds{host=\"h4\"} 999996"));
  CHECK(lines.contains("narthex_certificate_expiry_timestamp_seconds{host=\"h5\"} 999995"));
}

TEST_CASE("label values that would break the text format are escaped") {
  Metrics metrics;
  metrics.findings = {{"quote\" back\\ line\nend", "note", 1}};
  CHECK(samples_of(metrics).contains("narthex_findings{reason=\"quote\\\" back\\\\ line\\nend\",severity=\"note\"} 1"));
}

TEST_CASE("every metric has help and a type before its samples, and counters alone end in _total") {
  std::map<std::string, std::string> types;
  std::set<std::string> helped;
  for (const std::string& line : lines_of(metrics_text(example()))) {
    std::istringstream words(line);
    std::string mark, kind, name, type;
    words >> mark;
    if (mark == "#") {
      words >> kind >> name >> type;
      REQUIRE((kind == "HELP" || kind == "TYPE"));
      const bool is_first = kind == "HELP" ? helped.insert(name).second : types.emplace(name, type).second;
      CHECK(is_first);
      continue;
    }
    std::string base = mark.substr(0, mark.find('{'));
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      const std::string end = suffix;
      const std::string stem = base.ends_with(end) ? base.substr(0, base.size() - end.size()) : "";
      if (types.contains(stem) && types[stem] == "histogram") base = stem;
    }
    INFO(line);
    CHECK(helped.contains(base));
    REQUIRE(types.contains(base));
    CHECK((types[base] == "counter") == base.ends_with("_total"));
    CHECK((base.starts_with("narthex_") || base.starts_with("process_")));
  }
  CHECK(types.size() >= 20);
}

TEST_CASE("promtool finds nothing wrong with the metrics") {
  if (access("/usr/bin/promtool", X_OK) != 0) return;  // the test above has the rules that matter most
  Process promtool({"/usr/bin/promtool", "check", "metrics"}, metrics_text(example()));
  CHECK(promtool.wait_for_exit() == 0);
  CHECK(promtool.standard_error() == "");
  CHECK(promtool.standard_output() == "");
}

}  // namespace
}  // namespace narthex::test
