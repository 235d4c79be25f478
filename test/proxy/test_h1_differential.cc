// What admission accepts, Beast reads in the same way: the same bytes and fields of each head, the same body, the same
// end.
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "proxy/h1_codec.h"
#include "test/proxy/h1_transcript.h"
#include "test/support/beast_reading.h"

namespace narthex::test {

static std::ostream& operator<<(std::ostream& out, const Reading& reading) {
  out << reading.bytes << " bytes, " << (reading.whole ? "whole" : "cut") << ", body '" << reading.body << "'";
  for (const auto& [name, value] : reading.fields) out << "; '" << name << "': '" << value << "'";
  return out;
}

}  // namespace narthex::test

namespace narthex::proxy::test {
namespace {

using narthex::test::beast_knows_start_line;
using narthex::test::read_request_by_beast;
using narthex::test::read_response_by_beast;
using narthex::test::Reading;

// Nothing where the message is refused or incomplete or its body malformed.
template <class Head>
std::optional<Reading> read_body(std::string_view text, size_t head_bytes, const Head& head) {
  Reading seen{head_bytes, {}, {}, head.framing.kind == BodyKind::none};
  for (const Field& field : head.fields) seen.fields.emplace_back(field.name, field.value);
  std::string_view rest = text.substr(head_bytes);
  if (head.framing.kind == BodyKind::length || head.framing.kind == BodyKind::until_close) {
    const uint64_t length = head.framing.kind == BodyKind::length ? head.framing.length : UINT64_MAX;
    seen.body = rest.substr(0, std::min<uint64_t>(length, rest.size()));
    seen.whole = seen.body.size() == length;
    seen.bytes += seen.body.size();
  }
  if (head.framing.kind != BodyKind::chunked) return seen;
  ChunkedReader reader;
  for (;;) {
    const ChunkedReader::Step step = reader.next(rest);
    rest.remove_prefix(step.consumed);
    seen.body += step.data;
    if (step.state == ChunkedReader::State::malformed) return std::nullopt;
    if (step.state == ChunkedReader::State::data) continue;
    seen.whole = step.state == ChunkedReader::State::end;
    seen.bytes = static_cast<size_t>(rest.data() - text.data());
    return seen;
  }
}

std::optional<Reading> see_request(std::string_view text) {
  const auto head = std::make_unique<RequestHead>();
  size_t scanned = 0;
  const HeadResult result = read_request_head(text, scanned, *head);
  if (result.state != HeadState::complete) return std::nullopt;
  return read_body(text, result.bytes, *head);
}

std::optional<Reading> see_response(std::string_view text, bool to_head) {
  const auto head = std::make_unique<ResponseHead>();
  size_t scanned = 0;
  const HeadResult result = read_response_head(text, scanned, {to_head, true}, *head);
  if (result.state != HeadState::complete) return std::nullopt;
  return read_body(text, result.bytes, *head);
}

class Sentences {
 public:
  explicit Sentences(unsigned seed) : random_(seed) {}

  // A message that is often good and often nearly good, with something behind it.
  std::string request() {
    std::string text = pick({"GET", "POST", "OPTIONS", "HEAD", "get"}) + " " +
                       pick({"/", "/a?b", "http://a.test/x", "*", "/\xe4", "/a b"}) + " " +
                       pick({"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"}) + line_end();
    text += "Host: a" + line_end();
    return text + fields() + line_end() + body() + pick({"", "GET / HTTP/1.1\r\n\r\n", "x"});
  }
  std::string response() {
    return pick({"HTTP/1.1", "HTTP/1.1", "HTTP/1.0"}) + " " +
           pick({"200 OK", "200 ", "204 No", "304 Not", "100 C", "101 S", "500 x\xe4"}) + line_end() + fields() +
           line_end() + body() + pick({"", "HTTP/1.1 200 OK\r\n\r\n", "x"});
  }
  // The same with a few bytes changed, dropped or doubled.
  std::string mutated(std::string text) {
    for (unsigned i = random_() % 4; i > 0; --i) {
      const size_t at = random_() % text.size();
      switch (random_() % 4) {
        case 0:
          text[at] = static_cast<char>(random_() % 256);
          break;
        case 1:
          text.erase(at, 1);
          break;
        case 2:
          text.insert(at, 1, text[at]);
          break;
        default:
          text.insert(at, pick({"\r", "\n", "\r\n", " ", "\t", ":", ",", ";", "0", "chunked", "\"", "\\"}));
      }
      if (text.empty()) text = "x";
    }
    return text;
  }

 private:
  std::string pick(std::initializer_list<const char*> from) { return from.begin()[random_() % from.size()]; }
  std::string line_end() { return random_() % 60 == 0 ? pick({"\n", "\r", "\r\r\n", " \r\n"}) : "\r\n"; }
  std::string fields() {
    std::string text;
    for (unsigned i = random_() % 4; i > 0; --i)
      text += pick({"Content-Length", "content-length", "Transfer-Encoding", "Transfer-Encoding", "Connection",
                    "Proxy-Connection", "X-A", "X_B", "Upgrade", "Expect", "TE", "Content-Length "}) +
              pick({": ", ": ", ":", " : "}) +
              pick({"5",
                    "0",
                    "05",
                    "5, 5",
                    "chunked",
                    "chunked",
                    "Chunked",
                    "gzip",
                    "gzip, chunked",
                    "chunked;q=1",
                    "identity",
                    "close",
                    ",,close,,",
                    "keep-alive, upgrade",
                    "websocket",
                    "",
                    "\tx \t",
                    "100-continue",
                    "-1",
                    "close \xe4",
                    "\"close\"",
                    "a;b=c",
                    "18446744073709551616"}) +
              line_end();
    return text;
  }
  std::string body() {
    return pick({"hello", "hello", "", "5\r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n",
                 "3 ; a=\"b\\\"\" \t; c\r\nabc\r\n2\r\nde\r\n0;x\r\nX-T: 1\r\n\r\n", "A\r\n0123456789\r\n00\r\n\r\n",
                 "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "0\r\n\r\n"});
  }
  std::mt19937 random_;
};

// How many were accepted and compared.
template <class Ours, class Theirs>
size_t compare(std::string_view text, Ours ours, Theirs theirs) {
  const std::optional<Reading> here = ours(text);
  if (!here) return 0;
  const std::optional<Reading> there = theirs(text);
  INFO(text);
  REQUIRE(there.has_value());
  // Beast consumes a chunk line only with what follows it; the body so far is what counts where more is to come.
  if (here->whole)
    CHECK(*there == *here);
  else
    CHECK((there->body == here->body && there->fields == here->fields && !there->whole));
  return 1;
}

TEST_CASE("requests that are accepted are read by Beast in the same way") {
  const unsigned seed = Catch::rngSeed();
  INFO("seed " << seed);
  Sentences sentences(seed);
  size_t accepted = 0;
  for (int round = 0; round < 30000; ++round) {
    std::string text = sentences.request();
    if (round % 2 == 1) text = sentences.mutated(text);
    if (!beast_knows_start_line(text)) continue;
    accepted += compare(text, see_request, read_request_by_beast);
  }
  CHECK(accepted > 1000);
}

TEST_CASE("responses that are accepted are read by Beast in the same way") {
  const unsigned seed = Catch::rngSeed();
  INFO("seed " << seed);
  Sentences sentences(seed);
  size_t accepted = 0;
  for (int round = 0; round < 30000; ++round) {
    std::string text = sentences.response();
    if (round % 2 == 1) text = sentences.mutated(text);
    if (!beast_knows_start_line(text)) continue;
    const bool to_head = round % 3 == 0;
    accepted += compare(
        text, [&](std::string_view all) { return see_response(all, to_head); },
        [&](std::string_view all) { return read_response_by_beast(all, to_head); });
  }
  CHECK(accepted > 1000);
}

TEST_CASE("the wire cases that are accepted are read by Beast in the same way") {
  size_t accepted = 0;
  for (const char* file : {"requests.wire", "strict.wire"})
    for (const WireCase& wire : read_wire_cases(NARTHEX_SOURCE_DIR "/test/proxy/wire/" + std::string(file)))
      // Framing fields in trailers, which we drop (RFC 9110 6.5.1), Beast 1.81 takes for those of the head.
      if (beast_knows_start_line(wire.bytes) && wire.bytes.find("\r\nX-T: 1\r\nContent-Length") == std::string::npos) {
        accepted += compare(wire.bytes, see_request, read_request_by_beast);
      }
  CHECK(accepted > 120);
}

TEST_CASE("garbage is refused or understood, and a cut changes nothing") {
  const unsigned seed = Catch::rngSeed();
  INFO("seed " << seed);
  Sentences sentences(seed);
  for (int round = 0; round < 3000; ++round) {
    const std::string request = sentences.mutated(sentences.mutated(sentences.request()));
    const std::string response = sentences.mutated(sentences.mutated(sentences.response()));
    INFO(request << "|" << response);
    const std::string whole = transcript_of_requests(request, 0);
    CHECK(transcript_of_requests(request, 1) == whole);
    CHECK(transcript_of_requests(request, 3) == whole);
    const std::string answer = transcript_of_responses(response, {}, 0);
    CHECK(transcript_of_responses(response, {}, 1) == answer);
    CHECK(transcript_of_responses(response, {}, 4) == answer);
  }
}

}  // namespace
}  // namespace narthex::proxy::test
