// The sanitizers bring allocators of their own, which cannot be counted this way.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <string>

#include "router/log_format.h"

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

namespace narthex::router {
namespace {

TEST_CASE("rendering a line allocates nothing where there is room for it") {
  static constexpr LogField fields[] = {
      {"User-Agent", "curl/8.0 \xff \""}, {"Cookie", "a=b"}, {"X-Forwarded-For", "::1"}};
  const std::string long_target(50'000, '/');
  const LogTry attempts[] = {{"10.0.0.1:80", 502}, {"10.0.0.2:80", 200}};
  LogRecord record;
  record.time = base::WallTime{std::chrono::seconds(1'773'958'831)};
  record.request_method = "GET";
  record.request_uri = long_target;
  record.server_protocol = "HTTP/1.1";
  record.args = "a=b";
  record.tries = attempts;
  record.request_fields = {fields, std::size(fields),
                           [](const void* head, size_t index) { return static_cast<const LogField*>(head)[index]; }};
  const std::string text = std::string(kDefaultLogFormat) +
                           " $time_iso8601 $msec $cookie_a $arg_a $upstream_connect_time "
                           "$proxy_add_x_forwarded_for $unknown $http_x";
  std::string out;
  out.reserve(kLogLineBytes);
  for (const LogEscape escape : {LogEscape::standard, LogEscape::json, LogEscape::none}) {
    const base::Result<LogFormat> format = LogFormat::parse(text, escape);
    REQUIRE(format.has_value());
    out.clear();
    const uint64_t before = allocations;
    format->render(record, out);
    CHECK(allocations - before == 0);
    CHECK(out.find("10.0.0.2:80") != std::string::npos);
  }
}

}  // namespace
}  // namespace narthex::router

#endif
