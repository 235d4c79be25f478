#include <catch2/catch.hpp>
#include <string>

#include "proxy/access_log.h"

using namespace narthex;

namespace {

proxy::AccessLine sample() {
  proxy::AccessLine line;
  line.time = base::WallTime{std::chrono::seconds(1'000'000'000)};
  line.client = "192.0.2.1";
  line.method = "GET";
  line.target = "/a?b=c";
  line.host = "example.com";
  line.user_agent = "curl/8";
  line.backend = "default/web:80";
  line.upstream = "10.0.0.1:80";
  line.status = line.upstream_status = 200;
  line.response_bytes = 12;
  line.duration = std::chrono::microseconds(1500);
  return line;
}

}  // namespace

TEST_CASE("a line has ingress-nginx's order of things") {
  std::string text;
  proxy::format_access_line(sample(), false, text);
  CHECK(text == R"(192.0.2.1 - - [09/Sep/2001:01:46:40 +0000] "GET /a?b=c HTTP/1.1" 200 12 "-" "curl/8" 0.002 [default/web:80] 10.0.0.1:80 200 -)");
}

TEST_CASE("no byte of a request can end a line or a quoted part, in either format") {
  proxy::AccessLine line = sample();
  line.user_agent = "a\"b\\c\r\n127.0.0.1 - forged\x01\x7f\xff";
  for (const bool json : {false, true}) {
    std::string text;
    proxy::format_access_line(line, json, text);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find('\r') == std::string::npos);
    CHECK(text.find("a\"b") == std::string::npos);
  }
}

TEST_CASE("a full ring drops lines and takes new ones after it was read") {
  proxy::AccessLogRing ring(false);
  size_t taken = 0;
  while (ring.add(sample())) ++taken;
  CHECK(taken > 1000);
  std::string out;
  ring.take(out);
  CHECK(static_cast<size_t>(std::count(out.begin(), out.end(), '\n')) == taken);
  CHECK(ring.add(sample()));
  out.clear();
  ring.take(out);
  CHECK(out.find("GET /a?b=c HTTP/1.1") != std::string::npos);
  CHECK(out.back() == '\n');
}
