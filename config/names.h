// What Kubernetes calls valid: names, hosts, ports, times. Pure; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::config {

// RFC 1123 as Kubernetes reads it: lower case letters, digits and '-', at most 63.
bool is_dns_label(std::string_view text);
// Labels joined by dots, at most 253.
bool is_dns_subdomain(std::string_view text);
// IANA_SVC_NAME (RFC 6335 5.1): at most 15, at least one letter, no '-' at an end and no two in a row.
bool is_port_name(std::string_view text);
// IPv4 or IPv6 in text form.
bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);
// Bytes below 0x20, and 0x7f.
bool has_control_byte(std::string_view text);
// RFC 3339 date-time, to the second: "2024-05-01T12:00:00Z", "...+02:00", with or without a fraction.
std::optional<std::chrono::sys_seconds> parse_rfc3339(std::string_view text);
// Go's strconv.ParseBool: 1 t T true TRUE True 0 f F false FALSE False.
std::optional<bool> parse_go_bool(std::string_view text);
// For messages: one line, cut at 80 bytes.
std::string in_quotes(std::string_view text);

}  // namespace narthex::config
