// The addresses at which Ingresses are reached, as one short text: IPs and host names, sorted, each once, with commas
// between them; empty: none. One text because there are as many of them as Ingresses, and most hold a single address.
// Pure; any thread. LIMIT: kAddressesMax of a list; more are left out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/tree.h"

namespace narthex::config {

inline constexpr size_t kAddressesMax = 100;

std::string join_addresses(std::vector<std::string> addresses);
// .status.loadBalancer.ingress of an Ingress or a Service, as far as it can be read: users do not write it.
std::vector<std::string> load_balancer_addresses(const Tree& object);
// [{"ip":"203.0.113.7"},{"hostname":"lb.example.com"}], or null where there are none.
std::string load_balancer_json(std::string_view addresses);

}  // namespace narthex::config
