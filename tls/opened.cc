#include "tls/opened.h"

#include <optional>

namespace narthex::tls {
namespace {

constexpr size_t kOpenedMax = 1024;  // x 10 kB: 10 MB a worker

std::optional<Opened> open_pair(const std::shared_ptr<const Certificate>& certificate) {
  const Certificate::Native& native = certificate->native();
  const unsigned char* at = bytes_of(native.chain);
  const unsigned char* const end = at + native.chain.size();
  Opened opened{certificate, X509Ptr(d2i_X509(nullptr, &at, end - at)), ChainPtr(sk_X509_new_null()),
                open_key(native.key)};
  if (!opened.leaf || !opened.rest || !opened.key) return std::nullopt;
  while (at < end) {
    X509Ptr next(d2i_X509(nullptr, &at, end - at));
    if (!next || sk_X509_push(opened.rest.get(), next.get()) <= 0) return std::nullopt;
    next.release();  // the stack owns it now
  }
  return opened;
}

}  // namespace

const Opened* OpenedCertificates::open(const std::shared_ptr<const Certificate>& certificate) {
  const auto known = by_address_.find(certificate.get());
  if (known != by_address_.end()) {
    // An expired source means that another certificate lived at this address before.
    if (known->second->source.lock() == certificate) {
      recent_.splice(recent_.begin(), recent_, known->second);
      return &recent_.front();
    }
    recent_.erase(known->second);
    by_address_.erase(known);
  }
  std::optional<Opened> fresh = open_pair(certificate);
  if (!fresh) return nullptr;
  make_room();
  recent_.push_front(std::move(*fresh));
  by_address_[certificate.get()] = recent_.begin();
  return &recent_.front();
}

// Keys of replaced certificates do not stay in memory longer than until the next one is opened.
void OpenedCertificates::make_room() {
  for (auto each = by_address_.begin(); each != by_address_.end();) {
    const bool gone = each->second->source.expired();
    if (gone) recent_.erase(each->second);
    each = gone ? by_address_.erase(each) : std::next(each);
  }
  if (recent_.size() < kOpenedMax) return;
  for (auto each = by_address_.begin(); each != by_address_.end(); ++each) {
    if (each->second != std::prev(recent_.end())) continue;
    by_address_.erase(each);
    break;
  }
  recent_.pop_back();
}

}  // namespace narthex::tls
