// What the context's callbacks and the stream of one connection share; hangs on the SSL as its application data.
// Only for this folder. THREAD: the worker's.
#pragma once

#include <string>

#include "tls/socket_bio.h"

namespace narthex::tls {

struct Connection {
  SocketState socket;
  std::string server_name;   // as sent in this handshake, also when a session is resumed
  const char* failure = "";  // static text; the first reason wins
  int silent_records = 0;    // read since the handshake or since the last content
};

inline Connection& connection_of(SSL* ssl) { return *static_cast<Connection*>(SSL_get_app_data(ssl)); }

}  // namespace narthex::tls
