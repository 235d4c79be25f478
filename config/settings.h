// The settings of the ConfigMap that --configmap names, with ingress-nginx's keys, units and defaults. Values; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/finding.h"
#include "config/objects.h"
#include "config/route_options.h"

namespace narthex::config {

// Whom to believe about where a request came from.
struct Trust {
  bool forwarded_fields = false;  // use-forwarded-headers: address, scheme, port and host
  bool real_ip = false;           // enable-real-ip: the address alone
  bool full_forwarded_for = false;
  std::string forwarded_for_name = "X-Forwarded-For";
  // proxy-real-ip-cidr. Not everybody, as in ingress-nginx, where any client can then choose its address: by default those who
  // are private neighbours or this machine.
  std::vector<base::IpRange> peers;
  bool proxy_protocol = false;
  std::chrono::seconds proxy_protocol_timeout{5};
  bool operator==(const Trust&) const = default;
};

struct Hsts {
  bool on = true, include_subdomains = true, preload = false;
  uint64_t max_age_seconds = 31'536'000;
  bool operator==(const Hsts&) const = default;
};

// Fields that are written or left out, whatever the route.
struct FieldRules {
  bool keeps_underscores = false;      // enable-underscores-in-headers
  bool drops_invalid_names = true;     // ignore-invalid-headers
  bool generates_request_id = true;
  bool tells_original_uri = false;     // proxy-add-original-uri-header
  bool tells_server = false;           // server-tokens
  bool passes_backend_server = false;  // allow-backend-server-header
  std::vector<std::string> hidden;     // hide-headers
  bool operator==(const FieldRules&) const = default;
};

struct Settings {
  Settings();

  RouteOptions route;
  Trust trust;
  Hsts hsts;
  FieldRules fields;
  uint16_t redirect_status = 308;                                               // http-redirect-code
  std::vector<std::string> without_https = {"/.well-known/acme-challenge"};     // no-tls-redirect-locations
  std::optional<std::vector<base::IpRange>> blocked;                            // block-cidrs
  bool operator==(const Settings&) const = default;
};

// What cannot be read keeps its default, and is told; a list that guards and cannot be read closes every route (`guards_unmet`).
struct DecodedSettings {
  Settings settings;
  std::vector<std::string> unmet_guards;
};
DecodedSettings decode_settings(const ConfigMap& map, Findings& findings);

// Every key that has an effect, for the test that compares it with the table of documentation.
std::vector<std::string_view> settings_carried_out();

}  // namespace narthex::config
