#include "proxy/h1_writer.h"

#include <array>
#include <charconv>
#include <cstring>

#include "proxy/h1_bytes.h"

namespace narthex::proxy {
namespace {

// RFC 9110 15 and the IANA registry.
constexpr struct Phrase {
  uint16_t status;
  std::string_view text;
} kPhrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

// Most of what is copied is shorter than a call of memcpy is worth: two moves that may overlap.
char* copy(char* to, std::string_view text) {
  const char* const from = text.data();
  const size_t size = text.size();
  if (size > 32) {
    std::memcpy(to, from, size);
  } else if (size >= 16) {
    char first[16], last[16];
    std::memcpy(first, from, 16);
    std::memcpy(last, from + size - 16, 16);
    std::memcpy(to, first, 16);
    std::memcpy(to + size - 16, last, 16);
  } else if (size >= 8) {
    uint64_t first, last;
    std::memcpy(&first, from, 8);
    std::memcpy(&last, from + size - 8, 8);
    std::memcpy(to, &first, 8);
    std::memcpy(to + size - 8, &last, 8);
  } else if (size >= 4) {
    uint32_t first, last;
    std::memcpy(&first, from, 4);
    std::memcpy(&last, from + size - 4, 4);
    std::memcpy(to, &first, 4);
    std::memcpy(to + size - 4, &last, 4);
  } else {
    for (size_t i = 0; i < size; ++i) to[i] = from[i];
  }
  return to + size;
}

bool is_framing(std::string_view name) {
  if (name.size() == 14) return bytes::same(name, "content-length");
  return name.size() == 17 && bytes::same(name, "transfer-encoding");
}

}  // namespace

char* HeadWriter::claim(size_t bytes) {
  ok_ = ok_ && bytes <= room();
  if (!ok_) return nullptr;
  char* const at = buffer_.data() + used_;
  used_ += bytes;
  return at;
}

void HeadWriter::request_line(std::string_view method, std::string_view path, std::string_view query) {
  constexpr std::string_view version = " HTTP/1.1\r\n";
  ok_ = ok_ && bytes::is_token(method) && !path.empty() &&
        bytes::all(path, bytes::kTarget) && bytes::all(query, bytes::kTarget);
  char* at = claim(method.size() + 1 + path.size() + query.size() + version.size());
  if (!at) return;
  at = copy(at, method);
  *at++ = ' ';
  copy(copy(copy(at, path), query), version);
}

void HeadWriter::status_line(uint16_t status) {
  constexpr std::string_view version = "HTTP/1.1 ";
  ok_ = ok_ && status >= 100 && status <= 999;
  const std::string_view reason = reason_phrase(status);
  char* at = claim(version.size() + 4 + reason.size() + 2);
  if (!at) return;
  at = std::to_chars(copy(at, version), at + version.size() + 3, status).ptr;
  *at++ = ' ';
  copy(copy(at, reason), "\r\n");
}

void HeadWriter::field(FieldName field_name, std::string_view value) {
  const std::string_view name = field_name.text();
  if (ended_ || is_framing(name) || !bytes::is_value(value)) {
    ++dropped_;
    return;
  }
  char* const at = claim(name.size() + value.size() + 4);
  if (at) copy(copy(copy(copy(at, name), ": "), value), "\r\n");
}

void HeadWriter::lines(std::string_view admitted) {
  if (ended_) {
    ++dropped_;
    return;
  }
  if (char* const at = claim(admitted.size())) copy(at, admitted);
}

void HeadWriter::framing(const Framing& framing) {
  constexpr std::string_view length = "Content-Length: ", chunked = "Transfer-Encoding: chunked\r\n";
  if (ended_ || framed_) {
    ++dropped_;
    return;
  }
  framed_ = true;
  if (framing.kind == BodyKind::chunked) {
    if (char* const at = claim(chunked.size())) copy(at, chunked);
  } else if (framing.kind == BodyKind::length) {
    char digits[20];
    const size_t count =
        static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, framing.length).ptr - digits);
    if (char* const at = claim(length.size() + count + 2)) copy(copy(copy(at, length), {digits, count}), "\r\n");
  }
}

void HeadWriter::end() {
  if (char* const at = claim(2)) copy(at, "\r\n");
  ended_ = true;
}

bool HeadWriter::append(std::string_view bytes) {
  if (!ok_ || bytes.size() > room()) return false;
  if (!bytes.empty()) copy(claim(bytes.size()), bytes);
  return true;
}

size_t write_chunk_size(uint64_t bytes, char* out) {
  char* const at = std::to_chars(out, out + 16, bytes, 16).ptr;
  return static_cast<size_t>(copy(at, "\r\n") - out);
}

std::string_view reason_phrase(uint16_t status) {
  static constexpr std::array<std::string_view, 512> table = [] {
    std::array<std::string_view, 512> phrases{};
    for (const Phrase& phrase : kPhrases) phrases[phrase.status] = phrase.text;
    return phrases;
  }();
  return status < table.size() ? table[status] : std::string_view();
}

}  // namespace narthex::proxy
