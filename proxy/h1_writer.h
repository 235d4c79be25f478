// Writes HTTP/1 heads into a buffer. Unable to write CR, LF or NUL inside a field, and unable to write a second framing field:
// framing comes from a Framing value only, never from fields. Values that would break this are left out and counted as a bug.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/head.h"

namespace narthex::proxy {

// Appends to a caller's buffer and never past its end; a head that does not fit leaves ok() false.
class HeadWriter {
 public:
  explicit HeadWriter(std::span<char> buffer) : buffer_(buffer) {}

  // "GET /path?query HTTP/1.1": path and query are written one after the other.
  void request_line(std::string_view method, std::string_view path, std::string_view query);
  // "HTTP/1.1 200 OK" with the standard reason phrase.
  void status_line(uint16_t status);
  void field(std::string_view name, std::string_view value);
  // Content-Length or Transfer-Encoding: chunked or nothing.
  void framing(const Framing& framing);
  // The empty line.
  void end();
  // Body bytes behind the head, to save a second write.
  bool append(std::string_view bytes);

  bool ok() const { return ok_; }
  std::string_view written() const { return {buffer_.data(), used_}; }
  size_t room() const { return buffer_.size() - used_; }

 private:
  void put(std::string_view bytes);
  std::span<char> buffer_;
  size_t used_ = 0;
  bool ok_ = true;
};

std::string_view reason_phrase(uint16_t status);
// "1f4\r\n" for a chunk of 500 bytes. REQUIRES: room for 18 bytes. Returns the bytes written.
size_t write_chunk_size(uint64_t bytes, char* out);

}  // namespace narthex::proxy
