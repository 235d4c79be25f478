// The line of the access log as its user writes it: a template in the language of nginx's log_format
// (log-format-upstream of ingress-nginx), compiled once into literals and variables, and rendered per request. Neither
// reads nor writes anything. A format is a frozen value that all workers share; any thread.
//
// No byte of a request ends a line, a quoted part or a JSON string: values are escaped in one of three ways, and even
// where a user asked for none of it, control bytes are.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace narthex::router {

// LIMIT: a line has kLogLineBytes at the most. Each value has its share of kLogShareBytes for certain, which holds any
// number, time or address, so that no long value takes the place of another; beyond that values take what is left in
// their order, up to kLogValueBytes. What does not fit ends in "...", never within an escape.
inline constexpr size_t kLogLineBytes = 16 * 1024;
inline constexpr size_t kLogTemplateBytes = 8 * 1024;
inline constexpr size_t kLogVariables = 128;
inline constexpr size_t kLogShareBytes = 48;
inline constexpr size_t kLogValueBytes = 8 * 1024;  // the longest target has about as much
static_assert(kLogTemplateBytes + kLogVariables * kLogShareBytes <= kLogLineBytes);

inline constexpr std::string_view kDefaultLogFormat =
    R"($remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" )"
    R"("$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] )"
    R"($upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id)";

enum class LogEscape : uint8_t {
  // Bytes below 0x20 and above 0x7e, quotes and backslashes become \xHH; an empty value is "-". Not so the variables
  // that ingress-nginx itself sets (proxy_alternative_upstream_name and others that tell the route): "[]".
  standard,
  // What JSON wants within a string, and an empty value stays empty. Stricter than nginx: bytes that are no UTF-8
  // become \u00HH, so that the line stays JSON, and so do the control and line characters beyond ASCII (U+007F to
  // U+009F, U+2028, U+2029), which mean the same in JSON escaped.
  json,
  // As it is, empty where empty; but control bytes (below 0x20, and 0x7f) become \xHH, the tab among them.
  none,
};

struct LogField {
  std::string_view name, value;
};

// Fields of a head, in whatever form the caller has them: `at` is called for 0 to count - 1.
struct LogFields {
  const void* head = nullptr;
  size_t count = 0;
  LogField (*at)(const void* head, size_t index) = nullptr;
};

// One attempt at an endpoint. A negative time has not been measured, no status was not received: "-" in the list.
struct LogTry {
  std::string_view addr;  // "ip:port"
  uint64_t status = 0;
  uint64_t response_bytes = 0;
  std::chrono::microseconds connect_time{-1}, header_time{-1}, response_time{-1};
};

// What is known of a finished exchange, under the names of its variables. Views need to hold during render() only. What
// is empty (of ports: 0) is told as absent.
struct LogRecord {
  base::WallTime time;                        // of the line: $time_local, $time_iso8601, $msec
  std::chrono::microseconds request_time{0};  // first byte in to last byte out
  // $request is put together of method, request_uri and server_protocol; a line that could not be read stands here.
  std::string_view request;
  std::string_view request_method, request_uri, server_protocol;  // the target as received; "HTTP/1.1", "HTTP/2.0"
  std::string_view host, uri, args, scheme;                       // canonical path after rewriting; without '?'
  std::string_view remote_addr, remote_user, req_id, hostname;
  std::string_view proxy_protocol_addr, pass_access_scheme, best_http_host;
  std::string_view ssl_protocol, ssl_cipher, ssl_server_name;
  std::string_view ns, ingress_name, service_name, service_port, location_path;  // ns: $namespace
  std::string_view proxy_upstream_name, proxy_alternative_upstream_name;
  uint64_t status = 0, body_bytes_sent = 0, bytes_sent = 0, request_length = 0;
  uint64_t connection = 0, connection_requests = 0, server_port = 0, remote_port = 0, pid = 0;
  std::span<const LogTry> tries;
  // $http_NAME and $cookie_NAME (also with HTTP/2 there is a Host among them), $sent_http_NAME, $upstream_http_NAME.
  LogFields request_fields, response_fields, upstream_fields;
};

struct LogVariable;  // a row of the table in log_format.cc

class LogFormat {
 public:
  // $name or ${name}; letters, digits and '_', case does not count. A '$' that begins no name is itself. Backslashes
  // are read as nginx reads them in a quoted text (\" \' \\ \t \r \n), and the template's line ends become spaces,
  // those at its very end nothing. An error where the template exceeds the limits above.
  static base::Result<LogFormat> parse(std::string_view text, LogEscape escape);

  // Variables that nobody knows, in order, each once, in lower case; they render as absent.
  const std::vector<std::string>& unknown() const { return unknown_; }

  // Appends one line without its end. Nothing is allocated but what `out` needs to grow.
  void render(const LogRecord& record, std::string& out) const;

 private:
  struct Part {
    const LogVariable* variable;  // null: a literal
    std::string text;             // the literal; of a field, cookie or argument its name
  };
  LogFormat() = default;
  void add_literal(std::string_view text);
  void add_variable(std::string name);

  LogEscape escape_ = LogEscape::standard;
  size_t literal_bytes_ = 0, variables_ = 0;
  std::vector<Part> parts_;
  std::vector<std::string> unknown_;
};

}  // namespace narthex::router
