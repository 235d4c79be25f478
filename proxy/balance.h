// Which endpoint gets the exchange. Round robin keeps a cursor per backend and worker; rendezvous hashing keeps nothing, so that
// every worker, every replica and every restart chooses alike. THREAD: the worker's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "proxy/limits.h"
#include "router/backend.h"

namespace narthex::proxy {

// xoshiro256**: fast, good enough for balancing and ids, not for secrets. Seeded from getrandom(2).
class Random {
 public:
  Random();
  uint64_t next();
  size_t below(size_t bound) { return static_cast<size_t>((static_cast<unsigned __int128>(next()) * bound) >> 64); }
  // For shares: steps of the golden ratio from a random start (a Weyl sequence), which lie more evenly than independent draws. Of n
  // draws a share strays by about log(n)/n instead of 1/sqrt(n), also where only every k-th draw is looked at.
  size_t spread_below(size_t bound) {
    spread_ += 0x9e37'79b9'7f4a'7c15;
    return static_cast<size_t>((static_cast<unsigned __int128>(spread_) * bound) >> 64);
  }

 private:
  uint64_t state_[4];
  uint64_t spread_;
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
// only those that it takes. REQUIRES: endpoints. Cost: about 2 ns an endpoint.
size_t rendezvous(const router::Backend& backend, uint64_t key);

// Endpoints at which no connection could be made a moment ago. Pods die faster than their endpoints are taken away: what a worker
// has learnt from one exchange spares the next ones the attempt. LIMIT: kRefusals endpoints; more are not remembered.
class Refusals {
 public:
  void add(const router::Endpoint& endpoint, base::SteadyTime now, base::SteadyTime until);
  void remove(const router::Endpoint& endpoint) {
    if (!until_.empty()) until_.erase(endpoint);
  }
  bool has(const router::Endpoint& endpoint, base::SteadyTime now) const {
    if (until_.empty()) return false;
    const auto found = until_.find(endpoint);
    return found != until_.end() && now < found->second;
  }

 private:
  std::unordered_map<router::Endpoint, base::SteadyTime, router::EndpointHash> until_;
};

// What a choice passes over while there is something else: the endpoints that this exchange has tried, and those that refused
// another one. A view.
struct Unwanted {
  const router::Backend& backend;
  std::span<const size_t> tried;
  const Refusals& refusals;
  base::SteadyTime now;

  bool was_tried(size_t endpoint) const { return std::ranges::find(tried, endpoint) != tried.end(); }
  bool operator()(size_t endpoint) const { return refusals.has(backend.endpoints[endpoint], now) || was_tried(endpoint); }
};

// Draws until an endpoint comes that is not unwanted, then until one comes that was not tried at least, and takes the last one when
// none does. `draw`: gives an endpoint, another one each time.
template <class Draw>
size_t draw_wanted(const Unwanted& unwanted, Draw&& draw) {
  size_t endpoint = draw();
  if (!unwanted(endpoint)) [[likely]] return endpoint;
  for (int i = 0; i < limits::kDraws && unwanted(endpoint); ++i) endpoint = draw();
  for (int i = 0; i < limits::kDraws && unwanted.was_tried(endpoint); ++i) endpoint = draw();
  return endpoint;
}

}  // namespace narthex::proxy
