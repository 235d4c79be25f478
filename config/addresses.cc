#include "config/addresses.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/names.h"

namespace narthex::config {

std::string join_addresses(std::vector<std::string> addresses) {
  std::erase(addresses, "");
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  if (addresses.size() > kAddressesMax) addresses.resize(kAddressesMax);
  return fmt::format("{}", fmt::join(addresses, ","));
}

std::vector<std::string> load_balancer_addresses(const Tree& object) {
  const Tree* at = object.find("status");
  for (const char* name : {"loadBalancer", "ingress"}) at = at == nullptr ? nullptr : at->find(name);
  std::vector<std::string> all;
  const Tree::List* list = at == nullptr ? nullptr : std::get_if<Tree::List>(&at->value);
  for (size_t i = 0; list != nullptr && i < list->size() && i < kAddressesMax; ++i) {
    for (const char* name : {"ip", "hostname"}) {
      const Tree* member = (*list)[i].find(name);
      const auto* text = member == nullptr ? nullptr : std::get_if<std::string>(&member->value);
      if (text == nullptr || text->empty()) continue;
      all.push_back(*text);
      break;
    }
  }
  return all;
}

std::string load_balancer_json(std::string_view addresses) {
  if (addresses.empty()) return "null";
  std::string out;
  for (const std::string_view address : base::split(addresses, ',')) {
    const char* name = is_ipv4(address) || is_ipv6(address) ? "ip" : "hostname";
    out += fmt::format("{}{{\"{}\":{}}}", out.empty() ? "" : ",", name, json_quoted(address));
  }
  return "[" + out + "]";
}

}  // namespace narthex::config
