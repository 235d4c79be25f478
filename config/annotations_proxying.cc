// Annotations about who may ask, how the backend is asked, and what browsers are told (CORS).
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/annotation_groups.h"
#include "config/names.h"
#include "config/values.h"

namespace narthex::config {
namespace {

constexpr const char* kRanges = "addresses or CIDRs with commas, such as 10.0.0.0/8,192.0.2.1";

// A list that cannot be read must not let anybody in, nor keep nobody out.
void read_ranges(AnnotationReader& reader, const char* name, std::optional<std::vector<base::IpRange>>& into) {
  const auto text = reader.value(name);
  if (!text) return;
  if (auto ranges = parse_ranges(*text)) {
    into = std::move(*ranges);
  } else {
    reader.say_bad_value(name, *text, kRanges, Otherwise::routes_closed);
  }
}

// One condition of proxy-next-upstream. False: it is none.
bool add_condition(const std::string& word, Retries& into) {
  if (word == "error") return into.on_error = true;
  if (word == "timeout") return into.on_timeout = true;
  if (word == "invalid_header") return into.on_invalid_head = true;
  if (word == "non_idempotent") return into.non_idempotent = true;
  if (word == "off") return true;
  for (const uint16_t status : {500, 502, 503, 504, 403, 404, 429}) {
    if (word != fmt::format("http_{}", status)) continue;
    into.on_statuses.push_back(status);
    return true;
  }
  return false;
}

std::string host_part(std::string_view origin) { return std::string(origin.substr(origin.find("://") + 3)); }

// "https://a.test:8443", "https://*.a.test", "null" or "*".
bool is_origin(std::string_view text) {
  if (text == "null" || text == "*") return true;
  const size_t end = text.find("://");
  if (end == 0 || end == std::string_view::npos) return false;
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const std::string_view scheme = text.substr(0, end);
  if (!std::all_of(scheme.begin(), scheme.end(), is_letter)) return false;
  std::string host = host_part(text);
  if (const size_t colon = host.rfind(':'); colon != std::string::npos) {
    if (!base::parse_decimal(std::string_view(host).substr(colon + 1), 65535)) return false;
    host.resize(colon);
  }
  if (host.starts_with("*.")) host.erase(0, 2);
  return is_dns_subdomain(host) || is_ipv4(host);
}

void read_origins(AnnotationReader& reader, std::optional<Cors>& into) {
  constexpr const char* kName = "cors-allow-origin";
  constexpr const char* kExpected = "origins with commas, such as https://a.example.com,https://*.example.org, or *";
  const auto text = reader.value(kName);
  if (!text) return;
  const std::vector<std::string> given = parse_list(*text, ',');
  if (given.empty()) return reader.say_bad_value(kName, *text, kExpected);
  for (const std::string& one : given) {
    if (std::string origin = base::lower(one); is_origin(origin)) {
      into->origins.push_back(std::move(origin));
    } else {
      reader.say(Severity::refused, "InvalidAnnotationValue", kName,
                 fmt::format("{} must be an origin, such as https://a.example.com; it is left out", in_quotes(one)));
    }
  }
  const bool any = std::find(into->origins.begin(), into->origins.end(), "*") != into->origins.end();
  if (any) into->origins.clear();
  // None of them is one: that must not open the routes to everybody.
  if (!any && into->origins.empty()) into.reset();
}

void read_field_list(AnnotationReader& reader, const char* name, bool letters_only, std::string& into) {
  const auto text = reader.value(name);
  if (!text) return;
  const std::vector<std::string> words = parse_list(*text, ',');
  const bool good = !words.empty() && text->size() <= kValueBytesMax &&
                    std::all_of(words.begin(), words.end(), [&](const std::string& word) {
                      return is_token(word) && (!letters_only || std::all_of(word.begin(), word.end(), [](char c) {
                        return base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z';
                      }));
                    });
  if (good) {
    into = *text;
  } else {
    reader.say_bad_value(name, *text, letters_only ? "methods with commas, such as GET, POST" : "names of header fields with commas");
  }
}

}  // namespace

void read_access(AnnotationReader& reader, RouteOptions& into) {
  read_ranges(reader, "denylist-source-range", into.denied);
  // The old name counts where the new one is absent.
  const bool by_new_name = reader.value("allowlist-source-range").has_value();
  read_ranges(reader, by_new_name ? "allowlist-source-range" : "whitelist-source-range", into.allowed);
}

void read_proxying(AnnotationReader& reader, RouteOptions& into) {
  reader.read_size("proxy-body-size", into.body_bytes_max);
  uint64_t buffer = 0;
  reader.read_size("client-body-buffer-size", buffer);  // bodies are never kept, so that no buffer is too small
  reader.read_timeout("proxy-connect-timeout", into.connect_timeout);
  reader.read_timeout("proxy-read-timeout", into.read_timeout);
  reader.read_timeout("proxy-send-timeout", into.send_timeout);
  if (const auto text = reader.value("proxy-next-upstream")) {
    if (auto retries = parse_retries(*text, into.retries)) {
      into.retries = std::move(*retries);
    } else {
      reader.say_bad_value("proxy-next-upstream", *text,
                           "words of error, timeout, invalid_header, non_idempotent, http_500 and other statuses, or off");
    }
  }
  constexpr uint64_t kTriesMax = 100;
  reader.read_count("proxy-next-upstream-tries", kTriesMax, into.retries.tries);
  uint32_t seconds = static_cast<uint32_t>(into.retries.time.count());
  constexpr uint64_t kSecondsMax = 86'400;
  reader.read_count("proxy-next-upstream-timeout", kSecondsMax, seconds);
  into.retries.time = std::chrono::seconds(seconds);
  if (const auto text = reader.value("upstream-vhost"); text && !text->empty()) {
    if (is_host_and_port(*text)) {
      into.upstream_host = base::lower(*text);
    } else {
      reader.say_bad_value("upstream-vhost", *text, "a host name, with or without a port", Otherwise::object_refused);
    }
  }
  if (const auto text = reader.value("connection-proxy-header"); text && !text->empty()) {
    if (*text == "close" || *text == "keep-alive") {
      into.upstream_connection = *text;
    } else {
      reader.say_bad_value("connection-proxy-header", *text, "close or keep-alive", Otherwise::object_refused);
    }
  }
  reader.read_bool("enable-access-log", into.access_log);
}

void read_cors(AnnotationReader& reader, RouteOptions& into) {
  bool enabled = false;
  reader.read_bool("enable-cors", enabled);
  if (!enabled) return;
  into.cors.emplace();
  read_field_list(reader, "cors-allow-methods", true, into.cors->methods);
  read_field_list(reader, "cors-allow-headers", false, into.cors->headers);
  read_field_list(reader, "cors-expose-headers", false, into.cors->expose_headers);
  reader.read_bool("cors-allow-credentials", into.cors->credentials);
  uint32_t age = static_cast<uint32_t>(into.cors->max_age_seconds);
  constexpr uint64_t kAgeMax = INT32_MAX;
  reader.read_count("cors-max-age", kAgeMax, age);
  into.cors->max_age_seconds = age;
  read_origins(reader, into.cors);
}

std::optional<Retries> parse_retries(std::string_view text, const Retries& settings) {
  Retries retries = settings;
  retries.on_error = retries.on_timeout = retries.on_invalid_head = false;
  retries.on_statuses.clear();
  const std::vector<std::string> words = parse_list(text, ' ');
  if (words.empty()) return std::nullopt;
  for (const std::string& word : words)
    if (!add_condition(word, retries)) return std::nullopt;
  if (std::find(words.begin(), words.end(), "off") != words.end()) {
    retries.on_error = retries.on_timeout = retries.on_invalid_head = false;
    retries.on_statuses.clear();
  }
  return retries;
}

}  // namespace narthex::config
