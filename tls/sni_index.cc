#include "tls/sni_index.h"

#include <array>
#include <unordered_map>

#include "base/copy_on_write.h"
#include "base/hash.h"
#include "base/text.h"

namespace narthex::tls {
namespace {

// One change copies one shard: of 100,000 hosts that is about 100 entries, some 10 us. An index without hosts has no
// shards.
constexpr size_t kShards = 1024;
constexpr size_t kNameMax = 255;  // RFC 1035 2.3.4; the library refuses longer server names anyway

struct HashName {
  using is_transparent = void;
  size_t operator()(std::string_view name) const { return base::hash(name); }
};

// The top bits: the table inside the shard uses the low ones.
size_t shard_of(std::string_view host) { return base::hash(host) >> 54; }
static_assert(kShards == size_t{1} << (64 - 54));

}  // namespace

struct SniIndex::Shard {
  std::unordered_map<std::string, CertificateSet, HashName, std::equal_to<>> hosts;
};

const CertificateSet& SniIndex::find(std::string_view name) const {
  static const CertificateSet kNone;
  const CertificateSet& otherwise = default_ ? *default_ : kNone;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kNameMax || shards_.empty()) return otherwise;
  std::array<char, kNameMax> lower;
  for (size_t i = 0; i < name.size(); ++i) lower[i] = base::to_lower(name[i]);
  const std::string_view host(lower.data(), name.size());
  if (host.starts_with('*')) return otherwise;  // the wildcard itself is no name of a host
  const auto probe = [this](std::string_view key) -> const CertificateSet* {
    const Shard* shard = shards_[shard_of(key)].get();
    if (shard == nullptr) return nullptr;
    const auto found = shard->hosts.find(key);
    return found == shard->hosts.end() ? nullptr : &found->second;
  };
  if (const CertificateSet* exact = probe(host)) return *exact;
  const size_t dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return otherwise;
  lower[dot - 1] = '*';  // "a.example.com": the label's last byte makes "*.example.com" in place
  if (const CertificateSet* wildcard = probe(host.substr(dot - 1))) return *wildcard;
  return otherwise;
}

void SniIndex::set(std::string_view host, CertificateSet certificates) {
  if (shards_.empty()) shards_.resize(kShards);
  writable_shard(host).hosts.insert_or_assign(std::string(host), std::move(certificates));
}

void SniIndex::erase(std::string_view host) {
  if (shards_.empty()) return;
  const std::shared_ptr<const Shard>& shard = shards_[shard_of(host)];
  if (!shard || !shard->hosts.contains(host)) return;
  auto& hosts = writable_shard(host).hosts;
  hosts.erase(hosts.find(host));
}

void SniIndex::set_default(CertificateSet certificates) {
  default_ = std::make_shared<const CertificateSet>(std::move(certificates));
}

void SniIndex::for_each(const std::function<void(std::string_view host, const CertificateSet&)>& visit) const {
  for (const auto& shard : shards_) {
    if (!shard) continue;
    for (const auto& [host, certificates] : shard->hosts) visit(host, certificates);
  }
}

// In place where no other index shares the shard, so that loading is linear. Only the control thread copies and frees
// indexes, so a count of one cannot be stale.
SniIndex::Shard& SniIndex::writable_shard(std::string_view host) {
  return base::own(shards_[shard_of(host)]);
}

}  // namespace narthex::tls
