// Heads of messages as the exchange sees them, whatever the protocol: views into the buffer they were read into.
// Values without ownership. VALID UNTIL: the buffer changes (each producer says when). LIMIT: kFields fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string_view>

#include "proxy/h1_bytes.h"
#include "proxy/limits.h"

namespace narthex::proxy {

// Fields that the proxy itself knows. Anything else is `other` and passes through.
enum class FieldId : uint8_t {
  other,
  // framing and hop-by-hop (RFC 9110 7.6.1)
  connection, content_length, transfer_encoding, te, trailer, upgrade, keep_alive, proxy_connection,
  proxy_authenticate, proxy_authorization, expect, http2_settings,
  // meaning for the proxy
  host, cookie, set_cookie, user_agent, referer, date, server, x_request_id,
  // who says where a request came from; never believed from an untrusted peer
  forwarded, x_forwarded_for, x_forwarded_host, x_forwarded_port, x_forwarded_proto, x_forwarded_scheme,
  x_forwarded_prefix, x_forwarded_other, x_scheme, x_real_ip, x_original, ssl_client, proxy,
  // answers of a backend that only nginx would act on (annotations.md 13.1)
  x_accel,
  strict_transport_security,
  // ours: how often a request came through here (filters/hops.h)
  narthex_hops,
  // the name holds bytes outside A-Z a-z 0-9 '-': dropped, so that no look-alike (X_Forwarded_For) passes
  invalid_name,
  // named by Connection, so meant for us alone (RFC 9110 7.6.1): not passed on. Framing fields, Host, Cookie,
  // Authorization and all that says where a request came from keep their id whatever Connection says.
  nominated,
};

// The id of a field name, compared without case.
FieldId identify_field(std::string_view name);
// The same, where the bytes have been looked at already. REQUIRES: only A-Z a-z 0-9 '-' in name.
FieldId identify_plain_field(std::string_view name);

// The name of a field that may be sent: a token (RFC 9110 5.1), made sure of where the name is made and not with every
// head that is written.
class FieldName {
 public:
  // A literal of ours: checked by the compiler.
  template <size_t kSize>
  consteval FieldName(const char (&literal)[kSize]) : text_(literal, kSize - 1) {
    if (kSize < 2 || !bytes::all(text_, bytes::kToken)) throw "not a token";
  }
  // REQUIRES: a codec has found it to be a token.
  static FieldName admitted(std::string_view name) { return FieldName(name); }
  // Of unknown origin; nothing where it is no token.
  static std::optional<FieldName> of(std::string_view name) {
    if (!bytes::is_token(name)) return std::nullopt;
    return FieldName(name);
  }
  std::string_view text() const { return text_; }

 private:
  explicit FieldName(std::string_view text) : text_(text) {}
  std::string_view text_;
};

struct Field {
  std::string_view name, value;  // as received; the value without surrounding white space
  FieldId id = FieldId::other;
  // name ": " value CRLF stand one behind the other in the bytes that the views are of, and it is none for the framing
  bool plain_line = false;
};

// 5 KiB that are written only where fields are, and never copied.
class FieldList final {
 public:
  FieldList() {}  // leaves the memory as it is
  FieldList(const FieldList&) = delete;
  FieldList& operator=(const FieldList&) = delete;

  // False: the list is full.
  bool add(const Field& field) {
    if (size_ == limits::kFields) return false;
    ::new (static_cast<void*>(memory_ + size_++ * sizeof(Field))) Field(field);
    return true;
  }
  void clear() { size_ = 0; }
  // REQUIRES: index < size().
  void set_id(size_t index, FieldId id) { (first() + index)->id = id; }
  const Field* begin() const { return first(); }
  const Field* end() const { return first() + size_; }
  size_t size() const { return size_; }
  // The first field of that id, or null.
  const Field* find(FieldId id) const {
    for (const Field& field : *this)
      if (field.id == id) return &field;
    return nullptr;
  }

 private:
  const Field* first() const { return std::launder(reinterpret_cast<const Field*>(memory_)); }
  Field* first() { return std::launder(reinterpret_cast<Field*>(memory_)); }
  size_t size_ = 0;
  alignas(Field) std::byte memory_[limits::kFields * sizeof(Field)];
};

// How the length of a body is known (RFC 9112 6.3): decided once, by the admission check, from the bytes.
enum class BodyKind : uint8_t { none, length, chunked, until_close };

struct Framing {
  BodyKind kind = BodyKind::none;
  uint64_t length = 0;  // with BodyKind::length
};

struct RequestHead {
  std::string_view method;
  std::string_view target;     // origin-form or "*", not yet canonical; absolute-form is reduced to its path
  std::string_view authority;  // of the absolute-form, else the Host field; may be empty for HTTP/1.0
  uint8_t version = 11;        // 10, 11, 20
  Framing framing;
  bool keep_alive = true;         // what the client asks for
  bool expects_continue = false;  // Expect: 100-continue, from HTTP/1.1
  bool wants_websocket = false;   // Connection: upgrade and Upgrade: websocket, without a body, on a GET of HTTP/1.1
  bool accepts_trailers = false;  // TE: trailers
  FieldList fields;
};

struct ResponseHead {
  uint16_t status = 0;
  uint8_t version = 11;
  Framing framing;
  bool keep_alive = true;
  bool upgraded = false;  // 101 that answers the Upgrade that was sent
  FieldList fields;
};

}  // namespace narthex::proxy
