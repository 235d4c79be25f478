// Memory for bytes on their way, from the worker's free lists; an idle connection holds none.
// Buffer is a value that owns; ReadBuffer is a window over one. THREAD: the worker's. LIMIT: kFreeBuffers kept per size.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/limits.h"

namespace narthex::proxy {

class BufferPool;

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() { release(); }
  void release();
  explicit operator bool() const { return bytes_ != nullptr; }
  std::span<char> span() const { return {bytes_, size_}; }

 private:
  friend class BufferPool;
  Buffer(BufferPool& pool, char* bytes, size_t size) : pool_(&pool), bytes_(bytes), size_(size) {}
  void swap(Buffer& other) {
    std::swap(pool_, other.pool_);
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
  }
  BufferPool* pool_ = nullptr;
  char* bytes_ = nullptr;
  size_t size_ = 0;
};

class BufferPool final {
 public:
  BufferPool() = default;
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  Buffer small() { return take(small_, limits::kSmallBuffer); }
  Buffer large() { return take(large_, limits::kLargeBuffer); }

 private:
  friend class Buffer;
  Buffer take(std::vector<char*>& list, size_t size);
  void give(char* bytes, size_t size);
  std::vector<char*> small_, large_;
};

// Bytes that were read and not yet used: a window [begin, end) in a buffer.
class ReadBuffer {
 public:
  std::string_view view() const { return {buffer_.span().data() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  size_t size() const { return end_ - begin_; }
  bool has_memory() const { return static_cast<bool>(buffer_); }
  size_t capacity() const { return buffer_.span().size(); }
  // Where the next bytes may be read into; moves the window to the front where that gives more room.
  std::span<char> room() {
    if (begin_ == end_) begin_ = end_ = 0;
    return buffer_.span().subspan(end_);
  }
  void compact() {
    if (begin_ == 0) return;
    std::memmove(buffer_.span().data(), buffer_.span().data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  void produced(size_t bytes) { end_ += bytes; }
  void consume(size_t bytes) { begin_ += bytes; }
  // Memory to read into, if there is none yet.
  void need(BufferPool& pool) {
    if (!buffer_) replace(pool.small());
  }
  // Moves the bytes into a larger buffer. REQUIRES: no views into this buffer are in use.
  void grow(BufferPool& pool) {
    if (capacity() < limits::kLargeBuffer) replace(pool.large());
  }
  // Gives the memory back. REQUIRES: empty, or the bytes are of no interest any more.
  void release() {
    buffer_.release();
    begin_ = end_ = 0;
  }
  // Hands over the memory with all views into it, and goes on with what lies behind `used` bytes in memory of its own.
  Buffer split(size_t used, BufferPool& pool) {
    const std::string_view rest = view().substr(used);
    Buffer taken = std::move(buffer_);
    buffer_ = Buffer();
    begin_ = end_ = 0;
    if (!rest.empty()) {
      buffer_ = rest.size() > limits::kSmallBuffer / 2 ? pool.large() : pool.small();
      std::memcpy(buffer_.span().data(), rest.data(), rest.size());
      end_ = rest.size();
    }
    return taken;
  }

 private:
  void replace(Buffer larger) {
    if (buffer_) std::memcpy(larger.span().data(), buffer_.span().data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    buffer_ = std::move(larger);
  }
  Buffer buffer_;
  size_t begin_ = 0, end_ = 0;
};

}  // namespace narthex::proxy
