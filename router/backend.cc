#include "router/backend.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/check.h"
#include "base/copy_on_write.h"
#include "base/hash.h"

namespace narthex::router {

std::optional<Endpoint> make_endpoint(std::string_view ip, uint16_t port) {
  // inet_pton wants a terminated string; what is longer than the longest address or holds a NUL is none.
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (ip.size() >= text.size() || ip.find('\0') != std::string_view::npos) return std::nullopt;
  std::copy(ip.begin(), ip.end(), text.begin());
  Endpoint endpoint;
  endpoint.port = port;
  endpoint.v6 = ip.find(':') != std::string_view::npos;
  if (inet_pton(endpoint.v6 ? AF_INET6 : AF_INET, text.data(), endpoint.ip.data()) != 1) return std::nullopt;
  endpoint.id = base::hash(to_text(endpoint));
  return endpoint;
}

std::string to_text(const Endpoint& endpoint) {
  std::array<char, INET6_ADDRSTRLEN + 8> text{};
  char* at = text.data();
  if (endpoint.v6) {
    *at++ = '[';
    inet_ntop(AF_INET6, endpoint.ip.data(), at, INET6_ADDRSTRLEN);
    at += std::strlen(at);
    *at++ = ']';
  } else {
    // Several times for each pod, and inet_ntop goes through printf.
    for (size_t i = 0; i < 4; ++i) {
      if (i > 0) *at++ = '.';
      at = std::to_chars(at, at + 3, endpoint.ip[i]).ptr;
    }
  }
  *at++ = ':';
  at = std::to_chars(at, at + 5, endpoint.port).ptr;
  return {text.data(), at};
}

void BackendTable::set(BackendSlot slot, std::shared_ptr<const Backend> backend) {
  base::check(slot != kNoBackend, "a backend needs a slot");
  if (!backend && find(slot) == nullptr) return;
  const size_t group = slot / (kChunk * kGroup);
  if (group >= groups_.size()) groups_.resize(group + 1);
  base::own(base::own(groups_[group])[slot / kChunk % kGroup])[slot % kChunk] = std::move(backend);
}

}  // namespace narthex::router
