// What a connection's bytes mean, as text: one line for each message and one for how it ends. The same bytes must give
// the same text however they are cut into pieces. For the tests of the HTTP/1 codec; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/h1_codec.h"

namespace narthex::proxy::test {

// "GET /x a.test 1.1 length=5 body=hello keep" per request, then "refused FAULT", "incomplete" or "body malformed";
// nothing where the bytes end with a message. Feeds `piece` bytes at a time, 0 for all at once.
std::string transcript_of_requests(std::string_view stream, size_t piece);
// "200 1.1 length=2 body=ok keep". Interim responses are followed by the final one, as on a connection; `until_close`
// takes what is left.
std::string transcript_of_responses(std::string_view stream, const ResponseContext& context, size_t piece);

// A case of a .wire file:
//   NAME words about it
//     bytes with \r \n \t \\ \xNN and {rep:TEXT:COUNT}, or {head} {upgrade} for the context of responses
//   = a line of the transcript
struct WireCase {
  std::string name;
  std::string bytes;
  std::string expected;
  ResponseContext context;
};
std::vector<WireCase> read_wire_cases(const std::string& path);

// 0 (whole) and the piece sizes at which everything is fed.
std::span<const size_t> piece_sizes();

}  // namespace narthex::proxy::test
