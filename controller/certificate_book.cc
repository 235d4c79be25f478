#include "controller/certificate_book.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/hash.h"

namespace narthex::controller {
namespace {

std::string day(base::WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string key_names(const config::Secret& secret) {
  std::string names;
  for (const auto& [name, bytes] : secret.data) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "no keys" : names;
}

const std::string* value(const config::Secret& secret, const std::string& name) {
  const auto found = secret.data.find(name);
  return found == secret.data.end() || found->second.empty() ? nullptr : &found->second;
}

SecretCertificate parse(const config::Secret& secret, const std::string& chain, const std::string& key) {
  SecretCertificate page;
  auto parsed = tls::Certificate::parse(chain, key);
  if (parsed.has_error()) {
    page.state = SecretState::broken;
    page.why = fmt::format("the certificate in Secret {} cannot be used: {}", to_text(secret.meta.key),
                           parsed.error().message());
  } else {
    page.state = SecretState::usable;
    page.certificate = std::move(parsed.value());
  }
  return page;
}

void judge_time(SecretCertificate& page, const config::ObjectKey& key, base::WallTime now) {
  if (!page.certificate) return;
  page.why.clear();
  if (now < page.certificate->not_before()) {
    page.state = SecretState::not_yet_valid;
    page.why = fmt::format("the certificate in Secret {} is not valid before {}; check the clock or renew it",
                           to_text(key), day(page.certificate->not_before()));
  } else if (now >= page.certificate->not_after()) {
    page.state = SecretState::expired;
    page.why = fmt::format("the certificate in Secret {} expired at {}; renew it", to_text(key),
                           day(page.certificate->not_after()));
  } else {
    page.state = SecretState::usable;
  }
}

}  // namespace

bool CertificateBook::refresh(const Store& store, const config::ObjectKey& key, base::WallTime now) {
  forget_turn(key);
  const config::Secret* secret = store.uses_secret(key) ? store.secret(key) : nullptr;
  if (!secret) {
    pages_.erase(key);
    return false;
  }
  const std::string* chain = value(*secret, "tls.crt");
  const std::string* private_key = value(*secret, "tls.key");
  SecretCertificate& page = pages_[key];
  if (!chain || !private_key) {
    page = {};
    page.state = SecretState::wrong_keys;
    page.why = fmt::format("Secret {} has {}; a certificate needs tls.crt and tls.key", to_text(key),
                           key_names(*secret));
    return false;
  }
  const uint64_t content = base::mix(base::hash(*chain), base::hash(*private_key));
  const bool is_new = page.content != content;
  if (is_new) {
    page = parse(*secret, *chain, *private_key);
    page.content = content;
  }
  judge_time(page, key, now);
  if (page.certificate && page.state != SecretState::expired) {
    const bool waits = page.state == SecretState::not_yet_valid;
    const base::WallTime turn = waits ? page.certificate->not_before() : page.certificate->not_after();
    turns_.emplace(turn, key);
    turn_of_[key] = turn;
  }
  return is_new;
}

const SecretCertificate& CertificateBook::look_up(const config::ObjectKey& key) const {
  static const SecretCertificate kMissing;
  const auto found = pages_.find(key);
  return found == pages_.end() ? kMissing : found->second;
}

std::vector<config::ObjectKey> CertificateBook::take_turned(base::WallTime now) {
  std::vector<config::ObjectKey> turned;
  while (!turns_.empty() && turns_.begin()->first <= now) {
    turned.push_back(turns_.begin()->second);
    forget_turn(turned.back());
  }
  return turned;
}

std::optional<base::WallTime> CertificateBook::next_turn() const {
  if (turns_.empty()) return std::nullopt;
  return turns_.begin()->first;
}

void CertificateBook::forget_turn(const config::ObjectKey& key) {
  const auto found = turn_of_.find(key);
  if (found == turn_of_.end()) return;
  turns_.erase({found->second, key});
  turn_of_.erase(found);
}

}  // namespace narthex::controller
