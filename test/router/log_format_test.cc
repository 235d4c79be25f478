#include "router/log_format.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace narthex;
using router::LogEscape;
using router::LogField;
using router::LogFields;
using router::LogFormat;
using router::LogRecord;
using router::LogTry;
using std::chrono::microseconds;

using Fields = std::vector<LogField>;

LogFields view_of(const Fields& fields) {
  return {fields.data(), fields.size(),
          [](const void* head, size_t index) { return static_cast<const LogField*>(head)[index]; }};
}

LogFormat format_of(std::string_view text, LogEscape escape = LogEscape::standard) {
  const base::Result<LogFormat> format = LogFormat::parse(text, escape);
  REQUIRE(format.has_value());
  return *format;
}

std::string render(std::string_view text, const LogRecord& record, LogEscape escape = LogEscape::standard) {
  std::string out = "before\n";
  format_of(text, escape).render(record, out);
  REQUIRE(out.starts_with("before\n"));
  return out.substr(7);
}

// A value of the outside world, in each mode.
std::string escaped(std::string_view value, LogEscape escape) {
  LogRecord record;
  record.remote_user = value;
  return render("$remote_user", record, escape);
}

const std::vector<LogTry> kTries = {
    {"10.0.0.1:8080", 502, 0, microseconds(-1), microseconds(-1), microseconds(2000)},
    {"10.0.0.2:8080", 200, 12, microseconds(0), microseconds(1999), microseconds(5000)}};
const Fields kRequestFields = {{"Host", "example.com"},
                               {"User-Agent", "curl/8.0"},
                               {"X-Forwarded-For", "203.0.113.9"},
                               {"x-forwarded-for", "203.0.113.10"},
                               {"Cookie", "a=1; Session=s3; b=2"},
                               {"cookie", "late=4"},
                               {"X_Odd-Name", "odd"}};
const Fields kResponseFields = {{"Content-Type", "text/plain"}};
const Fields kUpstreamFields = {{"Server", "pod/1"}};

LogRecord sample() {
  LogRecord record;
  record.time = base::WallTime{std::chrono::seconds(1'773'958'831) + std::chrono::milliseconds(7)};
  record.request_time = microseconds(1999);
  record.request_method = "GET";
  record.request_uri = "/a%20b?c=d&e=f";
  record.server_protocol = "HTTP/1.1";
  record.host = "example.com";
  record.uri = "/a b";
  record.args = "c=d&E=f";
  record.scheme = "https";
  record.remote_addr = "192.0.2.1";
  record.req_id = "0123456789abcdef";
  record.hostname = "node-1";
  record.ssl_protocol = "TLSv1.3";
  record.ssl_cipher = "TLS_AES_256_GCM_SHA384";
  record.ssl_server_name = "example.com";
  record.ns = "default";
  record.ingress_name = "web";
  record.service_name = "web-service";
  record.service_port = "80";
  record.location_path = "/a";
  record.proxy_upstream_name = "default-web-service-80";
  record.status = 200;
  record.body_bytes_sent = 12;
  record.bytes_sent = 212;
  record.request_length = 77;
  record.connection = 5;
  record.connection_requests = 2;
  record.server_port = 443;
  record.remote_port = 56324;
  record.pid = 31;
  record.tries = {kTries.data() + 1, 1};
  record.request_fields = view_of(kRequestFields);
  record.response_fields = view_of(kResponseFields);
  record.upstream_fields = view_of(kUpstreamFields);
  return record;
}

}  // namespace

TEST_CASE("the default template gives the line that ingress-nginx gives") {
  CHECK(render(router::kDefaultLogFormat, sample()) ==
        R"(192.0.2.1 - - [19/Mar/2026:22:20:31 +0000] "GET /a%20b?c=d&e=f HTTP/1.1" 200 12 "-" "curl/8.0" 77 0.001 )"
        R"([default-web-service-80] [] 10.0.0.2:8080 12 0.005 200 0123456789abcdef)");
  CHECK(format_of(router::kDefaultLogFormat).unknown().empty());
}

TEST_CASE("the default template of an exchange that met no route is full of dashes") {
  LogRecord record;
  record.time = base::WallTime{std::chrono::seconds(0)};
  record.remote_addr = "2001:db8::1";
  record.status = 400;
  CHECK(render(router::kDefaultLogFormat, record) ==
        R"(2001:db8::1 - - [01/Jan/1970:00:00:00 +0000] "-" 400 0 "-" "-" 0 0.000 [] [] - - - - -)");
}

TEST_CASE("a line is appended to what is there, without its end") {
  std::string out = "first\n";
  format_of("$status!").render(sample(), out);
  CHECK(out == "first\n200!");
}

TEST_CASE("each variable has its meaning") {
  const LogRecord record = sample();
  const std::vector<std::pair<const char*, const char*>> expected = {
      {"$time_iso8601", "2026-03-19T22:20:31+00:00"},
      {"$time_local", "19/Mar/2026:22:20:31 +0000"},
      {"$msec", "1773958831.007"},
      {"$host $http_host", "example.com example.com"},
      {"$request_method $request_uri", "GET /a%20b?c=d&e=f"},
      {"$uri $document_uri", "/a b /a b"},
      {"$args $query_string", "c=d&E=f c=d&E=f"},
      {"$arg_c $arg_e $arg_d $arg_f", "d f - -"},
      {"$scheme $server_protocol", "https HTTP/1.1"},
      {"$server_port $remote_port", "443 56324"},
      {"$bytes_sent $body_bytes_sent $request_length", "212 12 77"},
      {"$connection $connection_requests $pid", "5 2 31"},
      {"$ssl_protocol $ssl_cipher $ssl_server_name", "TLSv1.3 TLS_AES_256_GCM_SHA384 example.com"},
      {"$namespace $ingress_name $service_name $service_port", "default web web-service 80"},
      {"$location_path $hostname", "/a node-1"},
      {"$remote_addr $the_real_ip", "192.0.2.1 192.0.2.1"},
      {"$req_id $request_id", "0123456789abcdef 0123456789abcdef"},
      {"$http_x_forwarded_for", "203.0.113.9, 203.0.113.10"},
      {"$proxy_add_x_forwarded_for", "203.0.113.9, 203.0.113.10, 192.0.2.1"},
      {"$http_x_odd_name $http_x_request_id $http_odd_name", "odd - -"},
      {"$http_cookie", "a=1; Session=s3; b=2; late=4"},
      {"$cookie_session $cookie_late $cookie_ession", "s3 4 -"},
      {"$sent_http_content_type $sent_http_server $content_type", "text/plain - -"},
      {"$upstream_http_server $upstream_http_content_type", "pod/1 -"},
      {"$upstream_connect_time $upstream_header_time", "0.000 0.001"},
      {"$proxy_protocol_addr", "-"},
  };
  for (const auto& [text, line] : expected) {
    CHECK(render(text, record) == line);
    CHECK(format_of(text).unknown().empty());
  }
}

TEST_CASE("several attempts are a list, with a dash for what one of them has not") {
  LogRecord record = sample();
  record.tries = kTries;
  CHECK(render("$upstream_addr", record) == "10.0.0.1:8080, 10.0.0.2:8080");
  CHECK(render("$upstream_status", record) == "502, 200");
  CHECK(render("$upstream_response_length", record) == "0, 12");
  CHECK(render("$upstream_response_time", record) == "0.002, 0.005");
  CHECK(render("$upstream_connect_time", record) == "-, 0.000");
  const std::vector<LogTry> unanswered(1);
  record.tries = unanswered;
  CHECK(render("$upstream_addr $upstream_status $upstream_response_time", record) == "- - -");
}

TEST_CASE("times have milliseconds, are cut, and are never negative") {
  LogRecord record;
  for (const auto& [time, text] :
       {std::pair{microseconds(0), "0.000"}, std::pair{microseconds(999), "0.000"},
        std::pair{microseconds(1000), "0.001"}, std::pair{microseconds(59'999'999), "59.999"},
        std::pair{microseconds(-5'000'000), "0.000"}, std::pair{microseconds(3'600'000'000), "3600.000"}}) {
    record.request_time = time;
    CHECK(render("$request_time", record) == text);
  }
  record.time = base::WallTime{std::chrono::seconds(1'709'251'199)};
  CHECK(render("$time_local", record) == "29/Feb/2024:23:59:59 +0000");
}

TEST_CASE("a request line that could not be read is told as it came") {
  LogRecord record;
  record.request = "GET  / \"\x01";
  CHECK(render("$request", record) == R"(GET  / \x22\x01)");
}

TEST_CASE("names are read with and without braces, and their case does not count") {
  const LogRecord record = sample();
  CHECK(render("${status}00", record) == "20000");
  CHECK(render("$status-$Status.${STATUS}", record) == "200-200.200");
  CHECK(render("$HTTP_Host", record) == "example.com");
  CHECK(render("", record).empty());
  CHECK(render("plain", record) == "plain");
}

TEST_CASE("a dollar that begins no name is itself") {
  const LogRecord record = sample();
  for (const char* text : {"$", "a$", "$ $", "$-", "${", "${}", "${status", "${sta tus}", "${-}", "$$", "$.$"})
    CHECK(render(text, record) == text);
  CHECK(render("$$status", record) == "$200");
  CHECK(render("${$status}", record) == "${200}");
  CHECK(render("${status$status", record) == "${status200");
}

TEST_CASE("variables that nobody knows are told and absent") {
  const LogFormat format = format_of("$status $geoip2_city ${Nobody} $nobody $http_ $cookie_ $arg_");
  CHECK(format.unknown() == std::vector<std::string>{"geoip2_city", "nobody", "http_", "cookie_", "arg_"});
  std::string out;
  format.render(sample(), out);
  CHECK(out == "200 - - - - - -");
  CHECK(render("[$nobody]", sample(), LogEscape::json) == "[]");
  CHECK(render("[$nobody]", sample(), LogEscape::none) == "[]");
}

TEST_CASE("the default mode escapes as nginx does, and an empty value is a dash") {
  CHECK(escaped("", LogEscape::standard) == "-");
  CHECK(escaped("-", LogEscape::standard) == "-");
  CHECK(escaped("a b~'{}$status", LogEscape::standard) == "a b~'{}$status");
  CHECK(escaped("\"\\", LogEscape::standard) == R"(\x22\x5C)");
  CHECK(escaped(std::string_view("\0\x1f\x7f\x80\xff", 5), LogEscape::standard) == R"(\x00\x1F\x7F\x80\xFF)");
  CHECK(escaped("\r\n\t", LogEscape::standard) == R"(\x0D\x0A\x09)");
  CHECK(escaped("\xc3\xa4", LogEscape::standard) == R"(\xC3\xA4)");
}

TEST_CASE("the JSON mode gives what may stand within a JSON string, and an empty value stays empty") {
  CHECK(escaped("", LogEscape::json).empty());
  CHECK(escaped("\"\\/'", LogEscape::json) == R"(\"\\/')");
  CHECK(escaped("\n\r\t\b\f", LogEscape::json) == R"(\n\r\t\b\f)");
  CHECK(escaped(std::string_view("\0\x0b\x1f\x7f", 4), LogEscape::json) == R"(\u0000\u000B\u001F\u007F)");
  CHECK(escaped("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", LogEscape::json) == "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(escaped("\xc2\x85\xc2\x9b\xc2\xa0\xe2\x80\xa8\xe2\x80\xa9", LogEscape::json) ==
        "\\u0085\\u009B\xc2\xa0\\u2028\\u2029");
  // No UTF-8: alone, cut, overlong, surrogate, beyond U+10FFFF.
  CHECK(escaped("\xff\x80", LogEscape::json) == R"(\u00FF\u0080)");
  CHECK(escaped("\xe2\x82", LogEscape::json) == R"(\u00E2\u0082)");
  CHECK(escaped("\xc0\xae", LogEscape::json) == R"(\u00C0\u00AE)");
  CHECK(escaped("\xe0\x80\x80", LogEscape::json) == R"(\u00E0\u0080\u0080)");
  CHECK(escaped("\xed\xa0\x80", LogEscape::json) == R"(\u00ED\u00A0\u0080)");
  CHECK(escaped("\xf4\x90\x80\x80", LogEscape::json) == R"(\u00F4\u0090\u0080\u0080)");
  CHECK(escaped("\xe2\"", LogEscape::json) == R"(\u00E2\")");
}

TEST_CASE("a JSON template stays JSON where all is absent") {
  const char* const text =
      R"({"time": "$time_iso8601", "addr": "$remote_addr", "for": "$proxy_add_x_forwarded_for", "user": "$remote_user", )"
      R"("sent": $bytes_sent, "took": $request_time, "status": $status, "up": "$upstream_status"})";
  LogRecord record;
  record.time = base::WallTime{std::chrono::seconds(0)};
  CHECK(render(text, record, LogEscape::json) ==
        R"({"time": "1970-01-01T00:00:00+00:00", "addr": "", "for": "", "user": "", )"
        R"("sent": 0, "took": 0.000, "status": 000, "up": ""})");
}

TEST_CASE("without escaping, control bytes are escaped all the same") {
  CHECK(escaped("", LogEscape::none).empty());
  CHECK(escaped("\"\\\xc3\xa4\xff", LogEscape::none) == "\"\\\xc3\xa4\xff");
  CHECK(escaped("a\r\nb\tc", LogEscape::none) == R"(a\x0D\x0Ab\x09c)");
  CHECK(escaped(std::string_view("\0\x1b\x7f", 3), LogEscape::none) == R"(\x00\x1B\x7F)");
}

TEST_CASE("no byte of any field of a request can forge a line or leave its quotes") {
  const std::string forged = "x\"\r\n\n127.0.0.1 - - [forged] \"GET / HTTP/1.1\"\x0b\x0c\x1b[2J\\";
  const std::string cookie = "a=" + forged;
  const Fields fields = {{"Referer", forged}, {"User-Agent", forged}, {"X-Forwarded-For", forged}, {"Cookie", cookie}};
  LogRecord record = sample();
  record.request_method = record.request_uri = record.server_protocol = record.host = record.uri = forged;
  record.args = record.remote_addr = record.remote_user = record.req_id = record.ssl_server_name = forged;
  record.proxy_upstream_name = record.location_path = record.proxy_protocol_addr = forged;
  record.request_fields = record.response_fields = record.upstream_fields = view_of(fields);
  std::vector<LogTry> tries(1);
  tries[0].addr = forged;
  record.tries = tries;
  const std::string text =
      std::string(router::kDefaultLogFormat) +
      " $host $uri $args $ssl_server_name $location_path $proxy_protocol_addr $http_cookie $cookie_a "
      "$sent_http_referer $upstream_http_referer $proxy_add_x_forwarded_for $request_method";
  for (const LogEscape escape : {LogEscape::standard, LogEscape::json, LogEscape::none}) {
    const std::string line = render(text, record, escape);
    for (const char c : line) CHECK((static_cast<uint8_t>(c) >= 0x20 && c != 0x7f));
    if (escape == LogEscape::standard) CHECK(std::count(line.begin(), line.end(), '"') == 6);
    if (escape == LogEscape::json) CHECK(line.find("x\"") == std::string::npos);
  }
}

TEST_CASE("a template is one line, and its backslashes are read as nginx reads them") {
  const LogRecord record = sample();
  CHECK(render("{\n  \"status\": $status\n}\n", record) == "{   \"status\": 200 }");
  CHECK(render("$status\r\n\r\n", record) == "200");
  CHECK(render(R"($status\t$pid\n)", record) == "200\t31");
  CHECK(render("$status\t$pid", record) == "200\t31");
  CHECK(render(R"({\"status\": \'$status\'} \\ \x \$pid \)", record) == R"({"status": '200'} \ \x \31 \)");
  CHECK(render(R"(a\nb\rc)", record) == "a b c");
  CHECK(render(std::string_view("a\0b\x7f", 4), record) == "a b ");
}

TEST_CASE("a template beyond the bounds is an error") {
  std::string text;
  for (size_t i = 0; i < router::kLogVariables; ++i) text += "$pid";
  CHECK(LogFormat::parse(text, LogEscape::none).has_value());
  CHECK(LogFormat::parse(text + "$pid", LogEscape::none).has_error());
  CHECK(LogFormat::parse(std::string(router::kLogTemplateBytes, 'x'), LogEscape::none).has_value());
  CHECK(LogFormat::parse(std::string(router::kLogTemplateBytes + 1, 'x'), LogEscape::none).has_error());
}

TEST_CASE("a long value is cut and the ones behind it have their place all the same") {
  const std::string longest(100'000, 'x'), quotes(100'000, '"');
  LogRecord record = sample();
  record.request_uri = longest;
  record.remote_user = quotes;
  const std::string line = render("$request_uri|$remote_user|$request_uri|$time_local|$req_id|$status", record);
  CHECK(line.size() <= router::kLogLineBytes);
  CHECK(line.size() > router::kLogLineBytes - router::kLogShareBytes * 6);
  CHECK(line.ends_with("...|19/Mar/2026:22:20:31 +0000|0123456789abcdef|200"));
  const std::string first = line.substr(0, line.find('|'));
  CHECK(first == std::string(router::kLogValueBytes - 3, 'x') + "...");
}

TEST_CASE("a value is never cut within an escape or a character") {
  LogRecord record;
  const std::string_view pieces[] = {"\"", "\n", "\x01", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff", "ab"};
  for (const std::string_view piece : pieces) {
    for (size_t shift = 0; shift < 6; ++shift) {
      std::string value(shift, 'x');
      while (value.size() < 30'000) value += piece;
      record.remote_user = value;
      for (const LogEscape escape : {LogEscape::standard, LogEscape::json, LogEscape::none}) {
        std::string line = render("$remote_user", record, escape);
        CHECK(line.size() <= router::kLogValueBytes);
        CHECK(line.size() > router::kLogValueBytes - 9);
        REQUIRE(line.ends_with("..."));
        line.resize(line.size() - 3);
        const std::string unit = escaped(piece, escape);
        const std::string_view rest = std::string_view(line).substr(shift);
        const size_t whole = piece == "ab" || (piece == "\xff" && escape == LogEscape::none) ? 1 : unit.size();
        if (escape == LogEscape::standard && piece.size() > 1 && piece != "ab")
          CHECK(rest.size() % 4 == 0);  // each byte is an escape
        else
          CHECK(rest.size() % whole == 0);
      }
    }
  }
}

TEST_CASE("whatever the bytes, a line is bounded, printable and without a free quote") {
  std::mt19937 random(20260319);
  const std::string_view pieces[] = {"\"",   "\\",   "\r\n", "\xc3", "\xa4", "\xe2\x80\xa8", "\xf0\x9f", "x", "$status",
                                     "\x7f", "\x1b", ", ",   ";",    "=",    "\xff"};
  for (int round = 0; round < 2000; ++round) {
    std::string value;
    for (size_t left = random() % (round % 100 == 0 ? 20'000 : 40); left > 0; --left)
      value += random() % 3 == 0 ? std::string(1, static_cast<char>(random() % 256))
                                 : std::string(pieces[random() % std::size(pieces)]);
    LogRecord record = sample();
    const Fields fields = {{"A", value}, {"a", value}, {"Cookie", value}};
    record.request_fields = view_of(fields);
    record.remote_user = record.request_uri = value;
    for (const LogEscape escape : {LogEscape::standard, LogEscape::json, LogEscape::none}) {
      std::string line = render("<$http_a|$remote_user|$request|$cookie_x|$http_a|$status>", record, escape);
      REQUIRE(line.size() <= router::kLogLineBytes);
      REQUIRE((line.starts_with('<') && line.ends_with("|200>")));
      for (size_t i = 0; i < line.size(); ++i) {
        REQUIRE((static_cast<uint8_t>(line[i]) >= 0x20 && line[i] != 0x7f));
        if (escape != LogEscape::none) REQUIRE(line[i] != '"');
        if (escape == LogEscape::standard) REQUIRE(static_cast<uint8_t>(line[i]) < 0x7f);
        if (escape == LogEscape::json && line[i] == '\\') ++i;
      }
    }
  }
}

TEST_CASE("escaping eight bytes at a time gives what escaping one gives") {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string value;
    for (size_t left = random() % 40; left > 0; --left)
      value += static_cast<char>(random() % 4 != 0 ? 0x20 + random() % 0x60 : random() % 256);
    for (const LogEscape escape : {LogEscape::standard, LogEscape::none}) {
      std::string expected;
      for (const char c : value) expected += escaped(std::string_view(&c, 1), escape);
      if (value.empty() && escape == LogEscape::standard) expected = "-";
      REQUIRE(escaped(value, escape) == expected);
    }
  }
}
