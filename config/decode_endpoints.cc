// EndpointSlice (discovery.k8s.io/v1 and v1beta1, alike in what is used here) and Endpoints.
#include <fmt/format.h>

#include "config/decode_kinds.h"
#include "config/names.h"

namespace narthex::config {
namespace {

constexpr const char* kServiceLabel = "kubernetes.io/service-name";

std::optional<EndpointPort> read_port(const Node& node) {
  EndpointPort port;
  const Node number = node.member("port"), name = node.member("name");
  if (!node.expect_map() || !name.read(port.name) || !read_port_number(number, port.port) ||
      !read_protocol(node.member("protocol"), port.protocol))
    return std::nullopt;
  if (port.port == 0) {
    number.note("MissingPort", "is missing, which means every port; a proxy needs a number, so this entry is not used");
    return std::nullopt;
  }
  return port;
}

std::vector<EndpointPort> read_ports(const Node& node) {
  std::vector<EndpointPort> ports;
  for (size_t i = 0, count = node.list_size(); i < count; ++i)
    if (auto port = read_port(node.item(i))) ports.push_back(std::move(*port));
  return ports;
}

bool fits(std::string_view address, std::string_view type) {
  if (type == "IPv4") return is_ipv4(address);
  if (type == "IPv6") return is_ipv6(address);
  return is_dns_subdomain(address);
}

// conditions of the API: nil ready is to be read as true, nil serving as ready, nil terminating as false.
bool read_conditions(const Node& node, EndpointAddress& into) {
  if (!node.present()) return true;
  if (!node.expect_map()) return false;
  std::optional<bool> ready, serving, terminating;
  if (!node.member("ready").read(ready) || !node.member("serving").read(serving) ||
      !node.member("terminating").read(terminating))
    return false;
  into.ready = ready.value_or(true);
  into.serving = serving.value_or(into.ready);
  into.terminating = terminating.value_or(false);
  return true;
}

void read_endpoint(const Node& node, EndpointSlice& into) {
  EndpointAddress one;
  if (!node.expect_map() || !read_conditions(node.member("conditions"), one)) return;
  const Node addresses = node.member("addresses");
  for (size_t i = 0, count = addresses.list_size(); i < count; ++i) {
    const Node item = addresses.item(i);
    one.ip.clear();
    if (!item.read(one.ip)) continue;
    if (fits(one.ip, into.address_type)) {
      into.addresses.push_back(one);
    } else {
      item.refuse("InvalidAddress", fmt::format("{} is no address of type {}", in_quotes(one.ip), into.address_type));
    }
  }
}

void read_addresses(const Node& node, bool ready, std::vector<EndpointAddress>& into) {
  for (size_t i = 0, count = node.list_size(); i < count; ++i) {
    const Node item = node.item(i);
    const Node ip = item.member("ip");
    EndpointAddress one;
    one.ready = one.serving = ready;
    if (!item.expect_map() || !ip.read(one.ip)) continue;
    if (is_ipv4(one.ip) || is_ipv6(one.ip)) {
      into.push_back(std::move(one));
    } else {
      ip.refuse("InvalidAddress", in_quotes(one.ip) + " is no IP address");
    }
  }
}

}  // namespace

std::optional<Object> decode_endpoint_slice(const Node& root, Meta meta) {
  EndpointSlice slice;
  slice.meta = std::move(meta);
  const auto label = slice.meta.labels.find(kServiceLabel);
  if (label != slice.meta.labels.end()) slice.service = label->second;
  if (slice.service.empty())
    root.member("metadata")
        .note("MissingServiceLabel",
              fmt::format("without the label {} the slice belongs to no Service", kServiceLabel));
  const Node type = root.member("addressType");
  if (!type.read(slice.address_type)) return std::nullopt;
  if (slice.address_type != "IPv4" && slice.address_type != "IPv6" && slice.address_type != "FQDN") {
    type.refuse("InvalidAddressType", in_quotes(slice.address_type) + " must be IPv4, IPv6 or FQDN");
    return std::nullopt;
  }
  slice.ports = read_ports(root.member("ports"));
  const Node endpoints = root.member("endpoints");
  for (size_t i = 0, count = endpoints.list_size(); i < count; ++i) read_endpoint(endpoints.item(i), slice);
  return slice;
}

std::optional<Object> decode_endpoints(const Node& root, Meta meta) {
  Endpoints out;
  out.meta = std::move(meta);
  const Node subsets = root.member("subsets");
  for (size_t i = 0, count = subsets.list_size(); i < count; ++i) {
    const Node item = subsets.item(i);
    if (!item.expect_map()) continue;
    EndpointSubset subset;
    subset.ports = read_ports(item.member("ports"));
    read_addresses(item.member("addresses"), true, subset.addresses);
    read_addresses(item.member("notReadyAddresses"), false, subset.addresses);
    out.subsets.push_back(std::move(subset));
  }
  return out;
}

}  // namespace narthex::config
