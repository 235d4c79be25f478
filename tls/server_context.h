// ServerContext from the inside: one SSL_CTX, the certificates it has opened, the protocols it offers.
// Only for server_context.cc and server_stream.cc. THREAD: the worker's.
#pragma once

#include <string>
#include <vector>

#include "tls/native.h"
#include "tls/opened.h"
#include "tls/server_stream.h"

namespace narthex::tls {

struct ServerContext::Native {
  explicit Native(const SniSource& source) : certificates(source) {}

  // Callbacks of the library; `context` is this.
  static int choose_certificate(SSL* ssl, void* context);
  // RFC 7301 3.2: the server's preference decides; no overlap is a fatal alert.
  static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                             unsigned offered_size, void* context);
  // Gives all certificates of the set to the handshake: the library takes the one whose type fits the client's
  // signature algorithms. False where none could be used.
  bool offer(SSL* ssl, const CertificateSet& set);

  const SniSource& certificates;
  std::vector<std::string> alpn;
  OpenedCertificates opened;
  ContextPtr context;  // last, so that it goes first
};

}  // namespace narthex::tls
