// Raw HTTP/1 on a byte stream, for test clients and test backends: heads as they came, bodies by their framing, no
// repair of anything. Deliberately simple and blocking; every read and write gives up after kPatience. Errors are
// NetworkError, thrown. THREAD: one at a time per connection; interrupt() from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::test {

// The peer closed, reset, stalled or sent what is not HTTP. The text says which.
class NetworkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Field {
  std::string name, value;
};

// A start line and its fields. `raw` holds the exact bytes with the empty line.
struct Head {
  std::string raw, start_line;
  std::vector<Field> fields;

  // The first value of that name, compared without case; empty: none.
  std::string value(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  size_t count(std::string_view name) const { return values(name).size(); }
  bool has(std::string_view name) const { return count(name) != 0; }
  // True where the comma-separated values of that field hold this token.
  bool has_token(std::string_view name, std::string_view token) const;
};

Head parse_head(std::string raw);
std::string fields_text(const std::vector<Field>& fields);

// What carries the bytes: a TCP socket or TLS over one. A resource.
class Stream {
 public:
  virtual ~Stream() = default;
  // Bytes read; 0: the orderly end.
  virtual size_t read_some(std::span<char> into) = 0;
  virtual void write_all(std::string_view bytes) = 0;
  virtual int fd() const = 0;
};

// Owns the descriptor.
std::unique_ptr<Stream> make_plain_stream(int fd);
// With both timeouts of the socket set to kPatience, and no delay.
void prepare_socket(int fd);

class Connection final {
 public:
  explicit Connection(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(std::string_view bytes) { stream_->write_all(bytes); }
  // At least one byte; empty: the end.
  std::string read_some();
  std::string read_exactly(size_t bytes);
  // Up to and with the marker. LIMIT: 1 MiB.
  std::string read_until(std::string_view marker);
  std::string read_to_end();
  // False: the end came before the first byte of a head.
  bool read_head(Head& head);
  // A chunked body; the trailer fields go to `trailers`.
  std::string read_chunked(std::vector<Field>& trailers);
  // True: the peer closed (orderly or by reset) without sending more.
  bool ended();
  // True where bytes or the end can be read without waiting longer than that.
  bool readable(int wait_ms);

  // Half-close: the peer reads the end.
  void shutdown_write();
  // Wakes whoever reads or writes here; they see the end.
  void interrupt();
  // The next close sends a reset.
  void reset_on_close();
  int fd() const { return stream_->fd(); }
  Stream& stream() { return *stream_; }

 private:
  bool fill();
  std::string take(size_t bytes);

  std::unique_ptr<Stream> stream_;
  std::string buffer_;
  size_t begin_ = 0;
};

}  // namespace narthex::test
