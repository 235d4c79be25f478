// Writes HTTP/1 heads into a buffer. Unable to write CR, LF or NUL inside a field, and unable to write a second framing
// field: framing comes from a Framing value only, never from fields. Fields that would break this are left out and
// counted, for they are a bug of ours: everything received was checked before. A value over a caller's buffer; one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/head.h"

namespace narthex::proxy {

// Appends to a caller's buffer and never past its end; a head that does not fit leaves ok() false.
class HeadWriter final {
 public:
  explicit HeadWriter(std::span<char> buffer) : buffer_(buffer) {}

  // "GET /path?query HTTP/1.1": path and query are written one after the other. A byte that cannot stand there: ok() is
  // false.
  void request_line(std::string_view method, std::string_view path, std::string_view query);
  // "HTTP/1.1 200 OK" with the standard reason phrase. REQUIRES: 100 <= status <= 999, otherwise ok() is false.
  void status_line(uint16_t status);
  void field(FieldName name, std::string_view value);
  // Whole lines. REQUIRES: a codec has found them to be fields, none of them for the framing, each with its CRLF.
  void lines(std::string_view admitted);
  // Content-Length or Transfer-Encoding: chunked or nothing. Once; a second call is left out and counted.
  void framing(const Framing& framing);
  // The empty line.
  void end();
  // Body bytes behind the head (or, before fields, the last chunk's line in front of trailers), to save a second write.
  // False: no room, nothing was written.
  bool append(std::string_view bytes);

  bool ok() const { return ok_; }
  // Fields and framings that were left out.
  size_t dropped() const { return dropped_; }
  std::string_view written() const { return {buffer_.data(), used_}; }
  size_t room() const { return buffer_.size() - used_; }

 private:
  // Room for that many bytes, or null.
  char* claim(size_t bytes);
  std::span<char> buffer_;
  size_t used_ = 0, dropped_ = 0;
  bool ok_ = true, framed_ = false, ended_ = false;
};

// Empty for a status without one.
std::string_view reason_phrase(uint16_t status);
// "1f4\r\n" for a chunk of 500 bytes. REQUIRES: room for 18 bytes. Returns the bytes written.
size_t write_chunk_size(uint64_t bytes, char* out);

}  // namespace narthex::proxy
