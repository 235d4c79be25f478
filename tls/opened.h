// Certificates opened for signing, the most recently used ones: DER becomes OpenSSL objects at the first handshake that
// needs them. One per worker, so that no reference count is shared between workers. Only for this folder. THREAD: the
// worker's. LIMIT: kOpenedMax pairs of about 10 kB; the least recently used goes first, and those whose Certificate is
// gone.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>

#include "tls/certificate.h"
#include "tls/native.h"

namespace narthex::tls {

struct Opened {
  std::weak_ptr<const Certificate> source;
  X509Ptr leaf;
  ChainPtr rest;  // intermediates
  PkeyPtr key;
};

class OpenedCertificates final {
 public:
  // Null where OpenSSL takes less than was found good at load. VALID UNTIL: the next call.
  const Opened* open(const std::shared_ptr<const Certificate>& certificate);

 private:
  void make_room();

  std::list<Opened> recent_;  // most recently used first
  std::unordered_map<const Certificate*, std::list<Opened>::iterator> by_address_;
};

}  // namespace narthex::tls
