#include "router/backend.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/check.h"
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
  std::array<char, INET6_ADDRSTRLEN> ip{};
  inet_ntop(endpoint.v6 ? AF_INET6 : AF_INET, endpoint.ip.data(), ip.data(), ip.size());
  const std::string port = std::to_string(endpoint.port);
  return endpoint.v6 ? "[" + std::string(ip.data()) + "]:" + port : std::string(ip.data()) + ":" + port;
}

void BackendTable::set(BackendSlot slot, std::shared_ptr<const Backend> backend) {
  base::check(slot != kNoBackend, "a backend needs a slot");
  const size_t index = slot / kChunk;
  if (index >= chunks_.size()) {
    if (!backend) return;
    chunks_.resize(index + 1);
  }
  std::shared_ptr<Chunk>& chunk = chunks_[index];
  if (!chunk) {
    if (!backend) return;
    chunk = std::make_shared<Chunk>();
  } else if (chunk.use_count() > 1) {
    chunk = std::make_shared<Chunk>(*chunk);
  }
  (*chunk)[slot % kChunk] = std::move(backend);
}

}  // namespace narthex::router
