// Backends: a Service port with its ready endpoints, frozen. Made on the control thread, read by all workers.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::router {

// An IPv4 or IPv6 address with a port. A value.
struct Endpoint {
  std::array<uint8_t, 16> ip{};  // network order; IPv4 in the first four bytes
  bool v6 = false;
  uint16_t port = 0;
  // Stable hash of the text form "10.0.0.1:80" / "[::1]:80": the same in every process, so affinity survives restarts.
  uint64_t id = 0;
  bool operator==(const Endpoint& other) const { return ip == other.ip && v6 == other.v6 && port == other.port; }
};

struct EndpointHash {
  size_t operator()(const Endpoint& endpoint) const { return endpoint.id; }
};

// Nothing where `ip` is no address. Accepts both families.
std::optional<Endpoint> make_endpoint(std::string_view ip, uint16_t port);
std::string to_text(const Endpoint& endpoint);

struct Backend {
  std::string name;       // "namespace/service:port" as the Ingress names the port: the identity across snapshots
  uint64_t identity = 0;  // hash of the name
  std::vector<Endpoint> endpoints;  // in the order of their text, no duplicates
  // All that there might be to send to is this program itself: 508 and not 503. REQUIRES: endpoints is empty.
  bool leads_back = false;
  // Service.spec.sessionAffinity ClientIP.
  std::optional<std::chrono::seconds> client_ip_affinity;
};

// Where a backend stands in the table of a snapshot. Slots are given out by the control plane and reused.
using BackendSlot = uint32_t;
inline constexpr BackendSlot kNoBackend = UINT32_MAX;
// Of a route that no rule stands for: requests get the controller's default backend, or 404.
inline constexpr BackendSlot kUnrouted = UINT32_MAX - 1;

// All backends of a snapshot, copy-on-write in groups of chunks: a change copies one chunk of pointers, one group of
// chunks and the list of groups; of 100 000 backends 32 + 64 + 49 pointers.
// A value; const access from any thread.
class BackendTable {
 public:
  // Null: no such backend. VALID UNTIL: the last table that shares it is gone.
  const Backend* find(BackendSlot slot) const {
    const size_t group = slot / (kChunk * kGroup);
    if (group >= groups_.size() || !groups_[group]) return nullptr;
    const Chunk* chunk = (*groups_[group])[slot / kChunk % kGroup].get();
    return chunk == nullptr ? nullptr : (*chunk)[slot % kChunk].get();
  }
  // Puts a backend into its slot, or empties the slot with null. Works in place where no other table shares it.
  // REQUIRES: slot != kNoBackend. THREAD: control, on which also all copies of this table are freed.
  void set(BackendSlot slot, std::shared_ptr<const Backend> backend);

 private:
  static constexpr size_t kChunk = 32, kGroup = 64;
  using Chunk = std::array<std::shared_ptr<const Backend>, kChunk>;
  using Group = std::array<std::shared_ptr<Chunk>, kGroup>;

  std::vector<std::shared_ptr<Group>> groups_;  // shared ones are never written, nor shared chunks
};

}  // namespace narthex::router
