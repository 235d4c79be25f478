#include <catch2/catch.hpp>

#include "test/proxy/h1_transcript.h"

namespace narthex::proxy::test {
namespace {

std::vector<WireCase> cases_of(const std::string& name) {
  return read_wire_cases(NARTHEX_SOURCE_DIR "/test/proxy/wire/" + name);
}

void check_requests(const std::string& file, size_t least) {
  const std::vector<WireCase> cases = cases_of(file);
  REQUIRE(cases.size() >= least);
  for (const WireCase& wire : cases)
    for (const size_t piece : piece_sizes()) {
      INFO(file << ": " << wire.name << ", in pieces of " << piece);
      CHECK(transcript_of_requests(wire.bytes, piece) == wire.expected);
    }
}

TEST_CASE("requests of hostile clients are refused or understood in one way, however they are cut") {
  check_requests("requests.wire", 190);
}
TEST_CASE("each rule for requests holds on both sides of its border, however they are cut") {
  check_requests("strict.wire", 150);
}

TEST_CASE("responses of hostile backends are refused or understood in one way, however they are cut") {
  const std::vector<WireCase> cases = cases_of("responses.wire");
  REQUIRE(cases.size() >= 60);
  for (const WireCase& wire : cases)
    for (const size_t piece : piece_sizes()) {
      INFO(wire.name << ", in pieces of " << piece);
      CHECK(transcript_of_responses(wire.bytes, wire.context, piece) == wire.expected);
    }
}

TEST_CASE("any two requests on one connection mean what each means alone") {
  const std::vector<WireCase> cases = cases_of("requests.wire");
  for (const WireCase& first : cases) {
    // What ends in the middle, or badly, says nothing about the bytes behind it.
    if (first.expected.ends_with("incomplete\n") || first.expected.ends_with("malformed\n") ||
        first.expected.find("refused") != std::string::npos)
      continue;
    for (const WireCase& second : cases) {
      if (first.bytes.size() + second.bytes.size() > 20000) continue;
      INFO(first.name << ", then " << second.name);
      CHECK(transcript_of_requests(first.bytes + second.bytes, 0) == first.expected + second.expected);
    }
  }
}

}  // namespace
}  // namespace narthex::proxy::test
