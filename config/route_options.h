// What the routes of an Ingress are asked to do: the settings of the ConfigMap, and over them the annotations of the Ingress.
// Values with ingress-nginx's defaults; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_range.h"

namespace narthex::config {

inline constexpr uint64_t kMiB = 1024 * 1024;

// From HTTP to HTTPS.
struct HttpsRedirect {
  bool where_tls = true;  // ssl-redirect: where the host has an entry in spec.tls
  bool always = false;    // force-ssl-redirect
  bool keeps_trailing_slash = false;
  bool names_port = false;  // use-port-in-redirects
  bool operator==(const HttpsRedirect&) const = default;
};

// permanent-redirect and temporal-redirect.
struct Redirect {
  uint16_t status = 301;
  std::string location;  // absolute, or a path
  bool stays_relative = false;
  bool operator==(const Redirect&) const = default;
};

// proxy-next-upstream: what lets a request be tried at another endpoint.
struct Retries {
  bool on_error = true, on_timeout = true, on_invalid_head = false, non_idempotent = false;
  std::vector<uint16_t> on_statuses;
  uint32_t tries = 3;  // the first one counted; 0: no bound but that of the proxy
  std::chrono::seconds time{0};  // 0: no bound
  bool operator==(const Retries&) const = default;
};

// enable-cors and cors-*.
struct Cors {
  std::vector<std::string> origins;  // lower case; empty: every one
  std::string methods = "GET, PUT, POST, DELETE, PATCH, OPTIONS";
  std::string headers =
      "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization";
  std::string expose_headers;
  bool credentials = true;
  uint64_t max_age_seconds = 1'728'000;
  bool operator==(const Cors&) const = default;
};

struct RouteOptions {
  HttpsRedirect https;
  std::optional<Redirect> redirect;
  uint64_t body_bytes_max = kMiB;  // proxy-body-size; 0: no bound
  std::chrono::seconds connect_timeout{5}, read_timeout{60}, send_timeout{60};
  Retries retries;
  std::optional<std::vector<base::IpRange>> allowed, denied;  // clients; set where a list was given, even an empty one
  std::string upstream_host;        // upstream-vhost; empty: the client's
  std::string upstream_connection;  // connection-proxy-header; empty: as the proxy needs it
  std::optional<Cors> cors;
  std::string rewrite_target;       // a path, or a URL of http or https; with $1 to $9; empty: none
  bool use_regex = false;
  std::string forwarded_prefix;     // x-forwarded-prefix, with $1 to $9; empty: none
  bool access_log = true;
  bool operator==(const RouteOptions&) const = default;
};

}  // namespace narthex::config
