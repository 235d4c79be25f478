// OpenSSL inside this folder: owning pointers, and what a Certificate keeps. Only the .cc files of tls/ include this.
// Certificates are kept as DER (about 1.5 kB each) and opened by the worker that needs them: an opened pair costs 10 kB
// and 90 us, so 100,000 of them could not all be kept open.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/certificate.h"
#include "tls/private_key.h"

namespace narthex::tls {

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
inline void free_chain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }

using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;
using ChainPtr = std::unique_ptr<STACK_OF(X509), Free<free_chain>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;

// Leaves OpenSSL's error queue of this thread empty, whatever happened in the scope.
struct QuietErrors {
  QuietErrors() { ERR_clear_error(); }
  ~QuietErrors() { ERR_clear_error(); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
};

inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// A private key opened for signing; null where the bytes are no such key.
PkeyPtr open_key(const PrivateKey& key);

struct Certificate::Native {
  std::string chain;     // DER of all certificates one after another, leaf first
  size_t leaf_size = 0;  // the leaf's share of it
  PrivateKey key;
  base::WallTime not_before, not_after;
  std::vector<std::string> names;
};

}  // namespace narthex::tls
