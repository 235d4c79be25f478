// One HTTP/1 message as Boost.Beast's parser reads it by itself: the second reader that the codec is held against, in
// tests and under fuzzing. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::test {

struct Reading {
  using Fields = std::vector<std::pair<std::string, std::string>>;  // of the head, in their order; values trimmed
  size_t bytes = 0;                                                 // taken
  Fields fields;
  std::string body;
  bool whole = false;  // the body has ended
  bool operator==(const Reading&) const = default;
};

// Nothing where Beast refuses or the head has no end. `skip_body`: of an answer to HEAD.
std::optional<Reading> read_request_by_beast(std::string_view text);
std::optional<Reading> read_response_by_beast(std::string_view text, bool skip_body);

// Beast knows HTTP/1.0 and 1.1 only, no empty lines in front of a request, and wants the space behind a status code.
bool beast_knows_start_line(std::string_view text);

}  // namespace narthex::test
