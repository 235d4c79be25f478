#include "test/support/wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "test/support/patience.h"

namespace narthex::test {

namespace {

constexpr size_t kHeadLimit = 1024 * 1024;

class PlainStream final : public Stream {
 public:
  explicit PlainStream(int fd) : fd_(fd) { prepare_socket(fd); }
  ~PlainStream() override { ::close(fd_); }
  PlainStream(const PlainStream&) = delete;
  PlainStream& operator=(const PlainStream&) = delete;

  size_t read_some(std::span<char> into) override {
    while (true) {
      const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno == EINTR) continue;
      if (errno == EAGAIN) throw NetworkError("nothing came in time");
      throw NetworkError(std::string("read: ") + std::strerror(errno));
    }
  }

  void write_all(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) throw NetworkError("the peer took nothing in time");
      if (put < 0) throw NetworkError(std::string("write: ") + std::strerror(errno));
      bytes.remove_prefix(static_cast<size_t>(put));
    }
  }

  int fd() const override { return fd_; }

 private:
  const int fd_;
};

}  // namespace

std::string Head::value(std::string_view name) const {
  const std::vector<std::string> all = values(name);
  return all.empty() ? std::string() : all.front();
}

std::vector<std::string> Head::values(std::string_view name) const {
  std::vector<std::string> found;
  for (const Field& field : fields)
    if (base::iequals(field.name, name)) found.push_back(field.value);
  return found;
}

bool Head::has_token(std::string_view name, std::string_view token) const {
  for (const std::string& text : values(name))
    for (std::string_view part : base::split(text, ','))
      if (base::iequals(base::trim(part), token)) return true;
  return false;
}

Head parse_head(std::string raw) {
  Head head;
  size_t at = raw.find("\r\n");
  if (at == std::string::npos) throw NetworkError("a head without CRLF: " + raw);
  head.start_line = raw.substr(0, at);
  for (at += 2; at < raw.size();) {
    const size_t end = raw.find("\r\n", at);
    if (end == std::string::npos) throw NetworkError("a field without CRLF: " + raw);
    const std::string line = raw.substr(at, end - at);
    at = end + 2;
    if (line.empty()) break;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) throw NetworkError("a field without colon: " + line);
    head.fields.push_back({line.substr(0, colon), std::string(base::trim(line.substr(colon + 1)))});
  }
  head.raw = std::move(raw);
  return head;
}

std::string fields_text(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) text += field.name + ": " + field.value + "\r\n";
  return text;
}

std::unique_ptr<Stream> make_plain_stream(int fd) { return std::make_unique<PlainStream>(fd); }

void prepare_socket(int fd) {
  const timeval patience{kPatience.count(), 0};
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool Connection::fill() {
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
  }
  const size_t before = buffer_.size();
  buffer_.resize(before + 65536);
  size_t got = 0;
  try {
    got = stream_->read_some({buffer_.data() + before, 65536});
  } catch (...) {
    buffer_.resize(before);
    throw;
  }
  buffer_.resize(before + got);
  return got != 0;
}

std::string Connection::take(size_t bytes) {
  std::string taken = buffer_.substr(begin_, bytes);
  begin_ += taken.size();
  return taken;
}

std::string Connection::read_some() {
  if (begin_ == buffer_.size()) fill();
  return take(buffer_.size() - begin_);
}

std::string Connection::read_exactly(size_t bytes) {
  std::string all;
  all.reserve(bytes);
  while (all.size() < bytes) {
    if (begin_ == buffer_.size() && !fill())
      throw NetworkError("the end after " + std::to_string(all.size()) + " of " + std::to_string(bytes) + " bytes");
    all += take(std::min(bytes - all.size(), buffer_.size() - begin_));
  }
  return all;
}

std::string Connection::read_until(std::string_view marker) {
  size_t seen = begin_;
  while (true) {
    const size_t at = buffer_.find(marker, seen);
    if (at != std::string::npos) return take(at + marker.size() - begin_);
    if (buffer_.size() - begin_ > kHeadLimit) throw NetworkError("a line or head above 1 MiB");
    const bool was_empty = begin_ == buffer_.size();
    const size_t unread = buffer_.size() - begin_;
    if (!fill())
      throw NetworkError("the end before " + std::string(marker == "\r\n" ? "CRLF" : "an empty line") +
                         ", after: " + take(unread));
    seen = was_empty ? begin_ : begin_ + unread - std::min(unread, marker.size());
  }
}

std::string Connection::read_to_end() {
  std::string all;
  for (std::string part = read_some(); !part.empty(); part = read_some()) all += part;
  return all;
}

bool Connection::read_head(Head& head) {
  if (begin_ == buffer_.size() && !fill()) return false;
  head = parse_head(read_until("\r\n\r\n"));
  return true;
}

std::string Connection::read_chunked(std::vector<Field>& trailers) {
  std::string body;
  while (true) {
    const std::string line = read_until("\r\n");
    size_t used = 0;
    size_t size = 0;
    try {
      size = std::stoul(line, &used, 16);
    } catch (const std::exception&) {
      throw NetworkError("no chunk size: " + line);
    }
    if (size == 0) break;
    body += read_exactly(size);
    if (read_exactly(2) != "\r\n") throw NetworkError("no CRLF after a chunk");
  }
  std::string section = "trailers\r\n";
  while (true) {
    const std::string line = read_until("\r\n");
    section += line;
    if (line == "\r\n") break;
  }
  trailers = parse_head(section).fields;
  return body;
}

bool Connection::ended() {
  if (begin_ != buffer_.size()) return false;
  try {
    return !fill();
  } catch (const NetworkError& error) {
    return std::string_view(error.what()).find("in time") == std::string_view::npos;
  }
}

bool Connection::readable(int wait_ms) {
  if (begin_ != buffer_.size()) return true;
  pollfd entry{stream_->fd(), POLLIN, 0};
  return ::poll(&entry, 1, wait_ms) == 1;
}

void Connection::shutdown_write() { ::shutdown(stream_->fd(), SHUT_WR); }

void Connection::interrupt() { ::shutdown(stream_->fd(), SHUT_RDWR); }

void Connection::reset_on_close() {
  const linger hard{1, 0};
  ::setsockopt(stream_->fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

}  // namespace narthex::test
