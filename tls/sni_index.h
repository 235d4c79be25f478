// From a server name to the certificates to offer: exact host, then one-label wildcard, then the default.
// Copy-on-write in shards like router/host_index.h. A value; const access from any thread, changes on the control
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/certificate.h"

namespace narthex::tls {

// The certificates of one host: at most one per key type, so that old clients get RSA and new ones ECDSA.
using CertificateSet = std::vector<std::shared_ptr<const Certificate>>;

class SniIndex {
 public:
  // `name` as the client sent it: compared without case and without one trailing dot; empty: the default. Never empty
  // where set_default was called. VALID UNTIL: the last index that shares it is gone.
  const CertificateSet& find(std::string_view name) const;

  void set(std::string_view host, CertificateSet certificates);  // "a.example.com" or "*.example.com", lower case
  void erase(std::string_view host);
  void set_default(CertificateSet certificates);
  void for_each(const std::function<void(std::string_view host, const CertificateSet&)>& visit) const;

 private:
  struct Shard;
  Shard& writable_shard(std::string_view host);

  std::vector<std::shared_ptr<Shard>> shards_;
  std::shared_ptr<const CertificateSet> default_;
};

}  // namespace narthex::tls
