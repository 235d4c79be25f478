#include "tls/server_stream.h"

#include <cstring>
#include <optional>

#include "base/check.h"
#include "tls/connection.h"
#include "tls/server_context.h"

namespace narthex::tls {
namespace {

// Records without content between two with it: key updates, warnings, refused renegotiations, empty ones. The library
// bounds some of these by itself, but not the first, and each costs it up to 20 us. Honest clients send one or two.
constexpr int kSilentRecordsMax = 32;

void count_record(int is_write, int, int type, const void*, size_t, SSL* ssl, void*) {
  if (is_write != 0 || type != SSL3_RT_HEADER) return;
  Connection& connection = connection_of(ssl);
  if (++connection.silent_records <= kSilentRecordsMax) return;
  connection.failure = "too many records without content";
  SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);  // the library reads nothing more
}

}  // namespace

struct ServerStream::Native {
  IoResult outcome(int result);
  IoResult fail(const char* reason);

  Connection connection;
  SslPtr ssl;            // after what it points to, so that it goes before
  bool starved = false;  // the library waits for bytes: what it holds is a part of a record
  bool failed = false;
  bool closed = false;  // the peer's close_notify was read
};

ServerStream::ServerStream(ServerContext& context, int fd) : native_(std::make_unique<Native>()) {
  const QuietErrors quiet;
  native_->connection.socket.fd = fd;
  native_->ssl.reset(SSL_new(context.native_->context.get()));
  BIO* bio = native_->ssl ? make_socket_bio(native_->connection.socket) : nullptr;
  base::check(bio != nullptr, "no memory for a TLS connection");
  SSL_set_bio(native_->ssl.get(), bio, bio);
  SSL_set_app_data(native_->ssl.get(), &native_->connection);
  SSL_set_accept_state(native_->ssl.get());
}

ServerStream::~ServerStream() = default;

IoResult ServerStream::handshake() {
  if (native_->failed) return {IoStatus::failed};
  ERR_clear_error();
  const int result = SSL_do_handshake(native_->ssl.get());
  if (result == 1) {
    SSL_set_msg_callback(native_->ssl.get(), count_record);
    return {IoStatus::done};
  }
  const IoResult outcome = native_->outcome(result);
  return outcome.status == IoStatus::closed ? native_->fail("closed by the client during the handshake") : outcome;
}

IoResult ServerStream::read(std::span<char> into) {
  if (native_->failed) return {IoStatus::failed};
  if (native_->closed) return {IoStatus::closed};
  size_t moved = 0;
  // Record by record, as long as it costs no system call that would fail.
  while (moved < into.size() && !(moved > 0 && socket_drained())) {
    size_t step = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(native_->ssl.get(), into.data() + moved, into.size() - moved, &step);
    moved += step;
    if (result == 1) {
      native_->connection.silent_records = 0;
      continue;
    }
    const IoResult outcome = native_->outcome(result);
    if (moved == 0) return outcome;
    break;  // the bytes first; an end is told by the next call
  }
  return {IoStatus::done, moved};
}

IoResult ServerStream::write(std::string_view bytes) {
  if (native_->failed) return {IoStatus::failed};
  size_t moved = 0;
  while (moved < bytes.size()) {
    size_t step = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(native_->ssl.get(), bytes.data() + moved, bytes.size() - moved, &step);
    moved += step;
    if (result == 1) continue;
    const IoResult outcome = native_->outcome(result);
    if (moved == 0) return outcome;
    break;
  }
  return {IoStatus::done, moved};
}

void ServerStream::close_notify() {
  if (native_->failed || SSL_is_init_finished(native_->ssl.get()) != 1)
    return;  // nothing may follow a failure (RFC 8446 6.2)
  if ((SSL_get_shutdown(native_->ssl.get()) & SSL_SENT_SHUTDOWN) != 0) return;
  const QuietErrors quiet;
  SSL_shutdown(native_->ssl.get());
}

bool ServerStream::socket_drained() const {
  return native_->starved || (native_->connection.socket.drained && SSL_has_pending(native_->ssl.get()) == 0);
}

void ServerStream::note_readable() {
  native_->connection.socket.drained = false;
  native_->starved = false;
}

bool ServerStream::has_pending() const { return !native_->starved && SSL_has_pending(native_->ssl.get()) == 1; }

std::string_view ServerStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(native_->ssl.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string_view ServerStream::server_name() const { return native_->connection.server_name; }
bool ServerStream::resumed() const { return SSL_session_reused(native_->ssl.get()) == 1; }
std::string_view ServerStream::failure() const { return native_->connection.failure; }

IoResult ServerStream::Native::fail(const char* reason) {
  failed = true;
  if (*connection.failure == '\0') connection.failure = reason;
  ERR_clear_error();
  return {IoStatus::failed};
}

// What the library says about a call that did not succeed.
IoResult ServerStream::Native::outcome(int result) {
  if (connection.silent_records > kSilentRecordsMax) return fail("");
  switch (SSL_get_error(ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
      starved = true;
      return {IoStatus::want_read};
    case SSL_ERROR_WANT_WRITE:
      return {IoStatus::want_write};
    case SSL_ERROR_ZERO_RETURN:
      closed = true;
      return {IoStatus::closed};
    default:
      break;
  }
  const SocketState& socket = connection.socket;
  // First: the library answers an end with an alert, and the socket may refuse that.
  if (socket.ended) return fail("closed by the client without close_notify");
  if (socket.error != 0) {
    const char* text = strerrordesc_np(socket.error);
    return fail(text != nullptr ? text : "the socket failed");
  }
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return fail(reason != nullptr ? reason : "the TLS library gives no reason");
}

}  // namespace narthex::tls
