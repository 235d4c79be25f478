#include "controller/address_rules.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace narthex::controller {
namespace {

struct NamedRange {
  const char* text;
  std::string_view name;
};

// IANA's special-purpose registries, as far as nobody can have a server there (RFC 6890).
constexpr NamedRange kNeverServers[] = {
    {"0.0.0.0/8", "unspecified"}, {"::/128", "unspecified"},    {"169.254.0.0/16", "link-local"},
    {"fe80::/10", "link-local"},  {"224.0.0.0/4", "multicast"}, {"ff00::/8", "multicast"},
    {"240.0.0.0/4", "reserved"},
};
constexpr NamedRange kLoopback[] = {{"127.0.0.0/8", "loopback"}, {"::1/128", "loopback"}};
// What clouds answer with credentials of the machine; those that are link-local stand above.
constexpr NamedRange kMetadata[] = {
    {"fd00:ec2::254/128", "a metadata service (AWS)"},      {"fd20:ce::254/128", "a metadata service (Google)"},
    {"100.100.100.200/32", "a metadata service (Alibaba)"}, {"192.0.0.192/32", "a metadata service (Oracle)"},
    {"168.63.129.16/32", "a metadata service (Azure)"},
};

struct Named {
  base::IpRange range;
  std::string_view name;
};

template <size_t kSize>
std::vector<Named> parsed(const NamedRange (&table)[kSize]) {
  std::vector<Named> ranges;
  for (const NamedRange& row : table) {
    const std::optional<base::IpRange> range = base::parse_ip_range(row.text);
    base::check(range.has_value(), "the tables of addresses hold ranges");
    ranges.push_back({*range, row.name});
  }
  return ranges;
}

std::string_view name_in(const std::vector<Named>& table, const base::IpBytes& ip) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Named& row) { return row.range.holds(ip); });
  return found == table.end() ? std::string_view{} : found->name;
}

std::string_view never_servers(const base::IpBytes& ip) {
  static const std::vector<Named> table = parsed(kNeverServers);
  return name_in(table, ip);
}
std::string_view loopback(const base::IpBytes& ip) {
  static const std::vector<Named> table = parsed(kLoopback);
  return name_in(table, ip);
}
std::string_view metadata(const base::IpBytes& ip) {
  static const std::vector<Named> table = parsed(kMetadata);
  return name_in(table, ip);
}

bool any_holds(const std::vector<base::IpRange>& ranges, const base::IpBytes& ip) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const base::IpRange& range) { return range.holds(ip); });
}

void add(std::vector<base::IpRange>& ranges, std::string_view text) {
  const std::optional<base::IpRange> range = base::parse_ip_range(text);
  if (range && std::find(ranges.begin(), ranges.end(), *range) == ranges.end()) ranges.push_back(*range);
}

void add_interfaces(std::vector<base::IpRange>& ranges) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return;
  for (const ifaddrs* one = all; one; one = one->ifa_next) {
    base::IpRange range;
    if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address;
      std::memcpy(&address, one->ifa_addr, sizeof address);
      range.first = base::kMappedPrefix;
      std::memcpy(range.first.data() + 12, &address.sin_addr, 4);
      ranges.push_back(range);
    } else if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 address;
      std::memcpy(&address, one->ifa_addr, sizeof address);
      std::memcpy(range.first.data(), &address.sin6_addr, 16);
      ranges.push_back(range);
    }
  }
  freeifaddrs(all);
}

}  // namespace

base::IpBytes ip_bytes(const router::Endpoint& endpoint) {
  if (endpoint.v6) return endpoint.ip;
  base::IpBytes bytes = base::kMappedPrefix;
  std::copy_n(endpoint.ip.begin(), 4, bytes.begin() + 12);
  return bytes;
}

bool OwnListeners::holds(const router::Endpoint& endpoint) const {
  return std::find(ports.begin(), ports.end(), endpoint.port) != ports.end() &&
         any_holds(addresses, ip_bytes(endpoint));
}

std::vector<base::IpRange> own_addresses(const std::string& bind_address) {
  std::vector<base::IpRange> ranges;
  const std::optional<base::IpRange> bound = base::parse_ip_range(bind_address);
  const bool to_all = !bound || bind_address == "0.0.0.0" || bind_address == "::";
  if (!to_all) return {*bound};
  for (const NamedRange& row : kLoopback) add(ranges, row.text);
  add_interfaces(ranges);
  for (const char* name : {"POD_IP", "POD_IPS"}) {
    const char* value = std::getenv(name);
    if (!value) continue;
    for (const std::string_view part : base::split(value, ',')) add(ranges, base::trim(part));
  }
  return ranges;
}

std::string_view refusal_of_endpoint(const router::Endpoint& endpoint, const BackendRules& rules) {
  if (rules.own.holds(endpoint)) return kLeadsBack;
  const base::IpBytes ip = ip_bytes(endpoint);
  if (rules.refuse_loopback_endpoints && !loopback(ip).empty()) return loopback(ip);
  return never_servers(ip);
}

std::string_view refusal_of_external(const router::Endpoint& endpoint, const BackendRules& rules,
                                     const std::vector<base::IpRange>& api_servers) {
  if (rules.own.holds(endpoint)) return kLeadsBack;
  const base::IpBytes ip = ip_bytes(endpoint);
  if (any_holds(rules.allowed_external_names, ip)) return {};
  for (const std::string_view range : {loopback(ip), never_servers(ip), metadata(ip)})
    if (!range.empty()) return range;
  return any_holds(rules.api_servers, ip) || any_holds(api_servers, ip) ? "the API server" : std::string_view{};
}

}  // namespace narthex::controller
