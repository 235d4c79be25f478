#include "proxy/balance.h"

#include <sys/random.h>

#include <bit>
#include <chrono>

#include "base/hash.h"

namespace narthex::proxy {

Random::Random() {
  if (getrandom(state_, sizeof state_, 0) != sizeof state_) {
    // Only spread matters here, so the clock will do where the kernel gives nothing.
    const auto now = static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    for (size_t i = 0; i < 4; ++i) state_[i] = base::mix(now, i + 1);
  }
  spread_ = next();
}

uint64_t Random::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

size_t RoundRobin::next(router::BackendSlot slot, const router::Backend& backend) {
  if (slot >= cursors_.size()) cursors_.resize(slot + 1);
  Cursor& cursor = cursors_[slot];
  if (cursor.identity != backend.identity) cursor = {backend.identity, random_.below(backend.endpoints.size())};
  if (cursor.next >= backend.endpoints.size()) cursor.next = 0;
  return cursor.next++;
}

size_t rendezvous(const router::Backend& backend, uint64_t key) {
  size_t best = 0;
  uint64_t best_weight = 0;
  for (size_t i = 0; i < backend.endpoints.size(); ++i) {
    const uint64_t weight = base::mix(key, backend.endpoints[i].id);
    if (i != 0 && weight <= best_weight) continue;
    best = i;
    best_weight = weight;
  }
  return best;
}

void Refusals::add(const router::Endpoint& endpoint, base::SteadyTime now, base::SteadyTime until) {
  if (until_.size() >= limits::kRefusals) std::erase_if(until_, [&](const auto& entry) { return entry.second <= now; });
  if (until_.size() < limits::kRefusals) until_[endpoint] = until;
}

}  // namespace narthex::proxy
