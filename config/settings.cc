#include "config/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "config/annotation_groups.h"
#include "config/names.h"
#include "config/settings_table.h"
#include "config/values.h"

namespace narthex::config {
namespace {

using Text = std::string_view;

bool truth(Text text, bool& into) {
  const auto word = parse_go_bool(text);
  if (word) into = *word;
  return word.has_value();
}

bool timeout(Text text, std::chrono::seconds& into) {
  const auto seconds = parse_timeout(text);
  if (seconds) into = *seconds;
  return seconds.has_value();
}

bool size(Text text, uint64_t& into) {
  const auto bytes = parse_size(text);
  if (bytes) into = *bytes;
  return bytes.has_value();
}

template <typename Number>
bool number(Text text, uint64_t max, Number& into) {
  const auto value = base::parse_decimal(text, max);
  if (value) into = static_cast<Number>(*value);
  return value.has_value();
}

template <typename Ranges>
bool ranges(Text text, Ranges& into) {
  auto list = parse_ranges(text);
  if (!list) return false;
  into = std::move(*list);
  return true;
}

bool words(Text text, std::vector<std::string>& into) {
  into = parse_list(text, ',');
  return true;
}

bool on_or_off(Text text) { return text == "on" || text == "off"; }

struct Row {
  std::string_view name;
  const char* expected;
  bool (*read)(Text, Settings&);
  bool guards = false;  // where it cannot be read, nothing is served
};

constexpr const char* kTruth = "true or false";
constexpr const char* kSeconds = "a number of seconds from 1 on, without unit";
constexpr const char* kRanges = "addresses or CIDRs with commas, such as 10.0.0.0/8,192.0.2.1";
constexpr const char* kSize = "a number of bytes with k, m, g or no unit, such as 8m";

// Sorted by name.
constexpr auto kRows = std::to_array<Row>({
    {"allow-backend-server-header", kTruth, [](Text t, Settings& s) { return truth(t, s.fields.passes_backend_server); }},
    {"block-cidrs", kRanges, [](Text t, Settings& s) { return ranges(t, s.blocked); }, true},
    {"client-body-buffer-size", kSize, [](Text t, Settings&) { return parse_size(t).has_value(); }},
    {"compute-full-forwarded-for", kTruth, [](Text t, Settings& s) { return truth(t, s.trust.full_forwarded_for); }},
    {"denylist-source-range", kRanges, [](Text t, Settings& s) { return ranges(t, s.route.denied); }, true},
    {"enable-real-ip", kTruth, [](Text t, Settings& s) { return truth(t, s.trust.real_ip); }},
    {"enable-underscores-in-headers", kTruth, [](Text t, Settings& s) { return truth(t, s.fields.keeps_underscores); }},
    {"force-ssl-redirect", kTruth, [](Text t, Settings& s) { return truth(t, s.route.https.always); }},
    {"forwarded-for-header", "the name of a header field",
     [](Text t, Settings& s) { return is_token(t) && (s.trust.forwarded_for_name = t, true); }},
    {"generate-request-id", kTruth, [](Text t, Settings& s) { return truth(t, s.fields.generates_request_id); }},
    {"hide-headers", "names of header fields with commas", [](Text t, Settings& s) { return words(t, s.fields.hidden); }},
    {"hsts", kTruth, [](Text t, Settings& s) { return truth(t, s.hsts.on); }},
    {"hsts-include-subdomains", kTruth, [](Text t, Settings& s) { return truth(t, s.hsts.include_subdomains); }},
    {"hsts-max-age", "a number of seconds", [](Text t, Settings& s) { return number(t, UINT32_MAX, s.hsts.max_age_seconds); }},
    {"hsts-preload", kTruth, [](Text t, Settings& s) { return truth(t, s.hsts.preload); }},
    {"http-redirect-code", "301, 302, 307 or 308",
     [](Text t, Settings& s) {
       const bool good = t == "301" || t == "302" || t == "307" || t == "308";
       return good && number(t, 308, s.redirect_status);
     }},
    {"ignore-invalid-headers", kTruth, [](Text t, Settings& s) { return truth(t, s.fields.drops_invalid_names); }},
    {"no-tls-redirect-locations", "paths with commas", [](Text t, Settings& s) { return words(t, s.without_https); }},
    {"preserve-trailing-slash", kTruth, [](Text t, Settings& s) { return truth(t, s.route.https.keeps_trailing_slash); }},
    {"proxy-add-original-uri-header", kTruth, [](Text t, Settings& s) { return truth(t, s.fields.tells_original_uri); }},
    {"proxy-body-size", kSize, [](Text t, Settings& s) { return size(t, s.route.body_bytes_max); }},
    {"proxy-connect-timeout", kSeconds, [](Text t, Settings& s) { return timeout(t, s.route.connect_timeout); }},
    {"proxy-next-upstream", "words of error, timeout, invalid_header, non_idempotent, http_500 and other statuses, or off",
     [](Text t, Settings& s) {
       const auto retries = parse_retries(t, s.route.retries);
       if (retries) s.route.retries = *retries;
       return retries.has_value();
     }},
    {"proxy-next-upstream-timeout", "a number of seconds; 0: no bound",
     [](Text t, Settings& s) {
       uint64_t seconds = 0;
       return number(t, 86'400, seconds) && (s.route.retries.time = std::chrono::seconds(seconds), true);
     }},
    {"proxy-next-upstream-tries", "a number from 0 to 100", [](Text t, Settings& s) { return number(t, 100, s.route.retries.tries); }},
    {"proxy-protocol-header-timeout", "a time such as 5s",
     [](Text t, Settings& s) {
       if (t.ends_with('s')) t.remove_suffix(1);
       return timeout(t, s.trust.proxy_protocol_timeout);
     }},
    {"proxy-read-timeout", kSeconds, [](Text t, Settings& s) { return timeout(t, s.route.read_timeout); }},
    {"proxy-real-ip-cidr", kRanges, [](Text t, Settings& s) { return ranges(t, s.trust.peers); }, true},
    {"proxy-request-buffering", "on or off", [](Text t, Settings&) { return on_or_off(t); }},
    {"proxy-send-timeout", kSeconds, [](Text t, Settings& s) { return timeout(t, s.route.send_timeout); }},
    {"retry-non-idempotent", kTruth, [](Text t, Settings& s) { return truth(t, s.route.retries.non_idempotent); }},
    {"server-tokens", kTruth, [](Text t, Settings& s) { return truth(t, s.fields.tells_server); }},
    {"ssl-redirect", kTruth, [](Text t, Settings& s) { return truth(t, s.route.https.where_tls); }},
    {"use-forwarded-headers", kTruth, [](Text t, Settings& s) { return truth(t, s.trust.forwarded_fields); }},
    {"use-port-in-redirects", kTruth, [](Text t, Settings& s) { return truth(t, s.route.https.names_port); }},
    {"use-proxy-protocol", kTruth, [](Text t, Settings& s) { return truth(t, s.trust.proxy_protocol); }},
    {"whitelist-source-range", kRanges, [](Text t, Settings& s) { return ranges(t, s.route.allowed); }, true},
});

const Row* find_row(std::string_view name) {
  const auto found = std::lower_bound(kRows.begin(), kRows.end(), name, [](const Row& row, std::string_view n) { return row.name < n; });
  return found != kRows.end() && found->name == name ? &*found : nullptr;
}

// RFC 1918, 4193, 6598, loopback and link-local.
constexpr const char* kNeighbours[] = {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
                                       "::1",         "fc00::/7",   "fe80::/10"};

void say(const ConfigMap& map, Severity severity, const char* reason, std::string_view key, std::string message, Findings& findings) {
  findings.push_back({severity,
                      reason,
                      {ConfigMap::kKind, map.meta.key.ns, map.meta.key.name},
                      fmt::format("data[{}]", key),
                      std::move(message),
                      map.meta.origin});
}

void say_why_not(const ConfigMap& map, std::string_view key, Findings& findings) {
  const KnownSetting* known = find_setting(key);
  if (known == nullptr) {
    say(map, Severity::note, "UnknownSetting", key, "is no setting of ingress-nginx and has no effect; remove it or correct its name",
        findings);
  } else if (known->fate == SettingFate::no_meaning) {
    say(map, Severity::note, "SettingWithoutMeaning", key, fmt::format("has no meaning here, {}", known->because), findings);
  } else {
    say(map, Severity::note, "SettingNotSupported", key, "is not supported by this version and has no effect", findings);
  }
}

}  // namespace

Settings::Settings() {
  for (const char* text : kNeighbours) trust.peers.push_back(*base::parse_ip_range(text));
}

DecodedSettings decode_settings(const ConfigMap& map, Findings& findings) {
  DecodedSettings out;
  for (const auto& [key, value] : map.data) {
    const Row* row = find_row(key);
    const std::string_view text = base::trim(value);
    if (row == nullptr) {
      say_why_not(map, key, findings);
    } else if (text.empty()) {
      say(map, Severity::note, "EmptySetting", key, fmt::format("is empty and has no effect; it must be {}, or be removed", row->expected),
          findings);
    } else if (text.size() > kValueBytesMax || has_control_byte(text) || !row->read(text, out.settings)) {
      say(map, Severity::refused, "InvalidSettingValue", key,
          fmt::format("{} must be {}; {}", in_quotes(text), row->expected,
                      row->guards ? "every route answers 503 until then" : "the default is used instead"),
          findings);
      if (row->guards) out.unmet_guards.emplace_back(key);
    }
  }
  return out;
}

std::vector<std::string_view> settings_carried_out() {
  std::vector<std::string_view> names;
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

}  // namespace narthex::config
