#include "proxy/buffer.h"

#include <new>

namespace narthex::proxy {

void Buffer::release() {
  if (!bytes_) return;
  pool_->give(bytes_, size_);
  bytes_ = nullptr;
  size_ = 0;
}

BufferPool::~BufferPool() {
  for (char* bytes : small_) ::operator delete(bytes);
  for (char* bytes : large_) ::operator delete(bytes);
}

Buffer BufferPool::take(std::vector<char*>& list, size_t size) {
  if (list.empty()) return Buffer(*this, static_cast<char*>(::operator new(size)), size);
  char* bytes = list.back();
  list.pop_back();
  return Buffer(*this, bytes, size);
}

void BufferPool::give(char* bytes, size_t size) {
  std::vector<char*>& list = size == limits::kSmallBuffer ? small_ : large_;
  if (list.size() >= limits::kFreeBuffers) return ::operator delete(bytes);
  list.push_back(bytes);
}

}  // namespace narthex::proxy
