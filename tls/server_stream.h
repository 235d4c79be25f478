// The server side of TLS on one socket. ServerContext is one per worker (no lock between workers); ServerStream is one
// per connection and works on a non-blocking descriptor that it does not own. THREAD: the worker's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tls/sni_index.h"

namespace narthex::tls {

// Keys for session tickets, the same in all workers so that any of them resumes. From RAND_bytes; never zero.
struct TicketKeys {
  std::array<uint8_t, 80> bytes{};
  static base::Result<TicketKeys> make();
};

// Gives the index to choose certificates from, at the moment of a handshake: the worker's current snapshot.
class SniSource {
 public:
  virtual const SniIndex* current_certificates() const = 0;

 protected:
  ~SniSource() = default;
};

class ServerContext final {
 public:
  // TLS 1.2 and 1.3, ingress-nginx's default ciphers, X25519 first, one ticket, ALPN from `alpn` in order of preference
  // (clients that offer ALPN without any of these get the alert no_application_protocol, RFC 7301 3.2).
  static base::Result<std::unique_ptr<ServerContext>> make(const SniSource& certificates, const TicketKeys& keys,
                                                           std::span<const std::string_view> alpn);
  ~ServerContext();
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;

 private:
  friend class ServerStream;
  struct Native;
  explicit ServerContext(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

enum class IoStatus : uint8_t { done, want_read, want_write, closed, failed };

struct IoResult {
  IoStatus status = IoStatus::done;
  size_t bytes = 0;  // moved, with done
};

class ServerStream final {
 public:
  // REQUIRES: fd is a connected non-blocking socket that outlives this; the context outlives this.
  ServerStream(ServerContext& context, int fd);
  ~ServerStream();
  ServerStream(const ServerStream&) = delete;
  ServerStream& operator=(const ServerStream&) = delete;

  // Call again after the socket became ready, until done or failed.
  IoResult handshake();
  // closed: the peer's close_notify; an end of the stream without it is `failed` (truncation, RFC 8446 6.1).
  IoResult read(std::span<char> into);
  // Partial writes happen. REQUIRES: the next write begins with the bytes not yet taken, and is not shorter than they
  // are: a record of them may be half sent. LIMIT: 16 KiB records one after another until the socket takes no more.
  IoResult write(std::string_view bytes);
  // Sends close_notify once; does not wait for the peer's.
  void close_notify();

  // True after a read that emptied the socket: the next read would only say want_read.
  bool socket_drained() const;
  // The socket has become readable. Once an event has told the peer's end (EPOLLRDHUP), call it before every read: the
  // FIN may be queued behind the bytes of a short read, and no event of its own would follow.
  void note_readable();
  // Decrypted bytes that wait inside the library.
  bool has_pending() const;
  std::string_view alpn() const;         // "h2", "http/1.1" or empty
  std::string_view server_name() const;  // SNI as sent, or empty
  bool resumed() const;
  // Why a handshake or read failed: a short reason from the library, for logs.
  std::string_view failure() const;

 private:
  struct Native;
  std::unique_ptr<Native> native_;
};

}  // namespace narthex::tls
