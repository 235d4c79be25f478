// A socket as OpenSSL reads and writes it: recv and send without SIGPIPE, and a memory of readiness, so that a read
// which emptied the socket is not followed by one that fails (about 1 us each). Only for this folder. THREAD: the
// worker's.
#pragma once

#include "tls/native.h"

namespace narthex::tls {

struct SocketState {
  int fd = -1;
  bool drained = false;  // nothing to read until somebody says otherwise: then reads ask no more
  bool ended = false;    // the peer's FIN was read
  int error = 0;         // errno of the failure that ended the connection
};

// `state` outlives the BIO. Null where memory is short.
BIO* make_socket_bio(SocketState& state);

}  // namespace narthex::tls
