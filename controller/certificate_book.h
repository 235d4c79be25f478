// The certificates of the Secrets in use, parsed once per content. Owned by the Compiler. THREAD: control.
// LIMIT: holds exactly the Secrets that something refers to; others are forgotten.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "controller/store.h"
#include "tls/certificate.h"

namespace narthex::controller {

enum class SecretState : uint8_t { missing, wrong_keys, broken, not_yet_valid, expired, usable };

// What a Secret gives for TLS.
struct SecretCertificate {
  SecretState state = SecretState::missing;
  std::string why;  // one sentence for findings, where the state is not usable
  std::shared_ptr<const tls::Certificate> certificate;  // also set where only the time is wrong
  uint64_t content = 0;                                 // hash of what was parsed
};

class CertificateBook final {
 public:
  CertificateBook() = default;
  CertificateBook(const CertificateBook&) = delete;
  CertificateBook& operator=(const CertificateBook&) = delete;

  // Brings the page of one Secret up to date with the store: parses only where the content is new. True: it was parsed.
  bool refresh(const Store& store, const config::ObjectKey& key, base::WallTime now);
  // `missing` where there is no page. VALID UNTIL: refresh of that key.
  const SecretCertificate& look_up(const config::ObjectKey& key) const;
  // Secrets whose certificate began or ceased to be valid by `now`; each is named once.
  std::vector<config::ObjectKey> take_turned(base::WallTime now);
  // When the next one does.
  std::optional<base::WallTime> next_turn() const;

 private:
  void forget_turn(const config::ObjectKey& key);

  std::unordered_map<config::ObjectKey, SecretCertificate, KeyHash> pages_;
  std::set<std::pair<base::WallTime, config::ObjectKey>> turns_;
  std::unordered_map<config::ObjectKey, base::WallTime, KeyHash> turn_of_;
};

}  // namespace narthex::controller
