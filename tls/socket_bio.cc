#include "tls/socket_bio.h"

#include <sys/socket.h>

#include <cerrno>

namespace narthex::tls {
namespace {

SocketState& state_of(BIO* bio) { return *static_cast<SocketState*>(BIO_get_data(bio)); }

int read_some(BIO* bio, char* into, size_t size, size_t* moved) {
  BIO_clear_retry_flags(bio);
  SocketState& state = state_of(bio);
  ssize_t got = -1;
  if (!state.drained) {
    do got = recv(state.fd, into, size, 0);
    while (got < 0 && errno == EINTR);
  }
  if (got > 0) {
    // A short read has emptied the socket. What comes later, a FIN too, comes with an event of its own.
    state.drained = static_cast<size_t>(got) < size;
    *moved = static_cast<size_t>(got);
    return 1;
  }
  if (got == 0) {
    state.ended = true;
    return 0;
  }
  if (state.drained || errno == EAGAIN) {
    state.drained = true;
    BIO_set_retry_read(bio);
  } else {
    state.error = errno;
  }
  return 0;
}

int write_some(BIO* bio, const char* from, size_t size, size_t* moved) {
  BIO_clear_retry_flags(bio);
  SocketState& state = state_of(bio);
  ssize_t sent = -1;
  do sent = send(state.fd, from, size, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    *moved = static_cast<size_t>(sent);
    return 1;
  }
  if (errno == EAGAIN)
    BIO_set_retry_write(bio);
  else
    state.error = errno;
  return 0;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return state_of(bio).ended ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// Made once for the process and never freed; function-local, so that its making is safe from any thread.
const BIO_METHOD* method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* fresh =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "narthex socket");
    if (fresh == nullptr) return fresh;
    BIO_meth_set_read_ex(fresh, read_some);
    BIO_meth_set_write_ex(fresh, write_some);
    BIO_meth_set_ctrl(fresh, control);
    return fresh;
  }();
  return made;
}

}  // namespace

BIO* make_socket_bio(SocketState& state) {
  BIO* bio = method() != nullptr ? BIO_new(method()) : nullptr;
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &state);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace narthex::tls
