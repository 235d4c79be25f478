// Which endpoint gets the exchange. Round robin keeps a cursor per backend and worker; rendezvous hashing keeps nothing, so that
// every worker, every replica and every restart chooses alike. THREAD: the worker's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "router/backend.h"

namespace narthex::proxy {

// xoshiro256**: fast, good enough for balancing and ids, not for secrets. Seeded from getrandom(2).
class Random {
 public:
  Random();
  uint64_t next();
  size_t below(size_t bound) { return static_cast<size_t>((static_cast<unsigned __int128>(next()) * bound) >> 64); }

 private:
  uint64_t state_[4];
};

class RoundRobin {
 public:
  explicit RoundRobin(Random& random) : random_(random) {}
  // The next endpoint; starts at a random one, so that many workers with few requests spread. REQUIRES: endpoints.
  size_t next(router::BackendSlot slot, const router::Backend& backend);

 private:
  struct Cursor {
    uint64_t identity = 0;  // of the backend in that slot; another one starts anew
    size_t next = 0;
  };
  Random& random_;
  std::vector<Cursor> cursors_;
};

// Rendezvous (highest random weight) hashing: the endpoint for a key. When an endpoint goes, only its keys move; when one comes,
// only those that it takes. `avoid` is left out where there is another. REQUIRES: endpoints. Cost: about 2 ns an endpoint.
size_t rendezvous(const router::Backend& backend, uint64_t key, std::optional<size_t> avoid = std::nullopt);

}  // namespace narthex::proxy
