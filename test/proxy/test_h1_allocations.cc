// The sanitizers bring allocators of their own, which cannot be counted this way.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "proxy/h1_codec.h"

namespace {
std::atomic<uint64_t> allocations{0};
}

void* operator new(size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace narthex::proxy::test {
namespace {

constexpr std::string_view kRequest =
    "GET /a?b HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nUser-Agent: curl/8\r\nX_Y: 1\r\nCookie: a=b\r\n\r\n";

TEST_CASE("reading a head allocates nothing") {
  std::string large = "POST / HTTP/1.1\r\nHost: a\r\nConnection: X-A\r\nX-A: 1\r\nContent-Length: 5\r\nX-Large: " +
                      std::string(20000, 'v') + "\r\n";
  for (int i = 0; i < 100; ++i) large += "X-" + std::to_string(i) + ": value\r\n";
  large += "\r\n";
  const std::string response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: x\r\n\r\n";
  const auto head = std::make_unique<RequestHead>();
  const auto answer = std::make_unique<ResponseHead>();
  const auto read_all = [&] {
    bool good = true;
    for (const std::string_view bytes : {kRequest, std::string_view(large)}) {
      size_t scanned = 0;
      good = good && read_request_head(bytes, scanned, *head).state == HeadState::complete;
      scanned = 0;
      read_request_head("TRACE / HTTP/1.1\r\n\r\n", scanned, *head);
    }
    size_t scanned = 0;
    return good && read_response_head(response, scanned, {}, *answer).state == HeadState::complete;
  };
  REQUIRE(read_all());  // tables of the libraries are made on first use
  const uint64_t before = allocations;
  const bool good = read_all();
  const uint64_t after = allocations;
  CHECK(good);
  CHECK(after == before);
  CHECK(before > 0);
}

}  // namespace
}  // namespace narthex::proxy::test

#endif
