#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <string>

#include "proxy/h1_codec.h"
#include "proxy/h1_writer.h"

namespace narthex::proxy::test {
namespace {

struct Paper {
  std::array<char, 1024> memory;
  HeadWriter writer{memory};
};

TEST_CASE("a request head is written with its framing and the bytes behind it") {
  Paper paper;
  paper.writer.request_line("POST", "/a", "?b=c");
  paper.writer.field("Host", "a.test");
  paper.writer.field("X-Empty", "");
  paper.writer.framing({BodyKind::length, 5});
  paper.writer.end();
  CHECK(paper.writer.append("hello"));
  CHECK(paper.writer.ok());
  CHECK(paper.writer.dropped() == 0);
  CHECK(paper.writer.written() ==
        "POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nX-Empty: \r\nContent-Length: 5\r\n\r\nhello");
  CHECK(paper.writer.room() == 1024 - paper.writer.written().size());
}

TEST_CASE("a response head has the standard reason") {
  const auto line = [](uint16_t status) {
    Paper paper;
    paper.writer.status_line(status);
    return paper.writer.ok() ? std::string(paper.writer.written()) : "not written";
  };
  CHECK(line(200) == "HTTP/1.1 200 OK\r\n");
  CHECK(line(413) == "HTTP/1.1 413 Content Too Large\r\n");
  CHECK(line(599) == "HTTP/1.1 599 \r\n");
  CHECK(line(999) == "HTTP/1.1 999 \r\n");
  CHECK(line(99) == "not written");
  CHECK(line(1000) == "not written");
  CHECK(reason_phrase(511) == "Network Authentication Required");
  CHECK(reason_phrase(65535) == "");
}

TEST_CASE("framing is written by its kind, and nothing is nothing") {
  const auto framing = [](Framing how) {
    Paper paper;
    paper.writer.framing(how);
    return std::string(paper.writer.written());
  };
  CHECK(framing({BodyKind::none, 0}) == "");
  CHECK(framing({BodyKind::until_close, 0}) == "");
  CHECK(framing({BodyKind::length, 0}) == "Content-Length: 0\r\n");
  CHECK(framing({BodyKind::length, UINT64_MAX}) == "Content-Length: 18446744073709551615\r\n");
  CHECK(framing({BodyKind::chunked, 0}) == "Transfer-Encoding: chunked\r\n");
}

TEST_CASE("a second framing cannot be written, neither as framing nor as a field nor behind the head") {
  Paper paper;
  paper.writer.status_line(200);
  paper.writer.field("Content-Length", "1");
  paper.writer.field("cONTENT-lENGTH", "1");
  paper.writer.field("Transfer-Encoding", "chunked");
  paper.writer.framing({BodyKind::chunked, 0});
  paper.writer.framing({BodyKind::length, 1});
  paper.writer.end();
  paper.writer.framing({BodyKind::length, 1});
  paper.writer.field("X-Late", "1");
  CHECK(paper.writer.written() == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(paper.writer.dropped() == 6);
  CHECK(paper.writer.ok());
}

TEST_CASE("what is no token is no name of a field") {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv, "a b"sv, "a:"sv, "a\r\nb"sv, "a\0b"sv, "\xe4"sv, "a,"sv, "\x7f"sv})
    CHECK_FALSE(FieldName::of(text));
  CHECK(FieldName::of("X_y!#$%&'*+.^`|~-9")->text() == "X_y!#$%&'*+.^`|~-9");
}

TEST_CASE("fields that would break the head are left out and counted") {
  using namespace std::string_view_literals;
  Paper paper;
  const std::string_view broken[] = {"v\r\nb: c", "v\rb",     "v\nb",     "v\0b"sv,
                                     "12345678\n", "1234567\r", "\x1b[0m", "12345678901234567890\x7f"};
  for (const std::string_view value : broken) paper.writer.field("a", value);
  CHECK(paper.writer.written().empty());
  CHECK(paper.writer.dropped() == std::size(broken));
  paper.writer.field("a", "tab\tand obs-text \xe4 pass, 12345678\t");
  CHECK(paper.writer.dropped() == std::size(broken));
  CHECK(paper.writer.ok());
}

TEST_CASE("a request line that would be read as two is not written") {
  using Line = std::array<std::string_view, 3>;
  for (const Line& line : {Line{"GET", "/a b", ""}, Line{"GET", "/a\r\nX: y", ""}, Line{"GET", "/", "?a b"},
                           Line{"GE T", "/", ""}, Line{"", "/", ""}, Line{"GET", "", "?a"}, Line{"GET", "/#", ""}}) {
    Paper paper;
    paper.writer.request_line(line[0], line[1], line[2]);
    CHECK_FALSE(paper.writer.ok());
    CHECK(paper.writer.written().empty());
  }
}

TEST_CASE("a head that does not fit is not written past its end, whatever the room") {
  const auto write = [](std::span<char> room) {
    HeadWriter writer(room);
    writer.request_line("GET", "/path", "?query");
    writer.field("Host", "a.test");
    writer.framing({BodyKind::length, 12345});
    writer.end();
    return std::pair(writer.ok(), std::string(writer.written()));
  };
  std::array<char, 200> enough;
  const std::string whole = write(enough).second;
  for (size_t room = 0; room <= whole.size(); ++room) {
    const std::unique_ptr<char[]> exact(new char[room]);
    const auto [ok, text] = write({exact.get(), room});
    CHECK(ok == (room == whole.size()));
    CHECK(whole.starts_with(text));
  }
}

TEST_CASE("bytes that do not fit behind a head leave it as it is") {
  std::array<char, 10> memory;
  HeadWriter writer(memory);
  CHECK(writer.append("12345"));
  CHECK_FALSE(writer.append("123456"));
  CHECK(writer.ok());
  CHECK(writer.written() == "12345");
  CHECK(writer.append(""));
}

TEST_CASE("whatever is written is read back as one head with one framing") {
  std::mt19937 random(Catch::rngSeed());
  INFO("seed " << Catch::rngSeed());
  constexpr std::string_view alphabet = "aZ09-_: \t\r\n,;=\"\\/";
  const auto any_text = [&](size_t most) {
    std::string text(random() % (most + 1), ' ');
    for (char& c : text)
      c = random() % 8 == 0 ? static_cast<char>(random() % 256) : alphabet[random() % alphabet.size()];
    return text;
  };
  constexpr const char* names[] = {"Content-Length", "transfer-encoding", "X-A",
                                   "Connection",     "Content-Length ",   "Upgrade"};
  for (int round = 0; round < 5000; ++round) {
    Paper paper;
    paper.writer.status_line(200);
    const Framing framing{static_cast<BodyKind>(random() % 4), random() % 100};
    for (size_t i = random() % 6; i > 0; --i) {
      if (random() % 4 == 0) paper.writer.framing(framing);
      const std::string text = random() % 2 == 0 ? names[random() % std::size(names)] : any_text(12);
      // The reader has its own opinion on Connection's grammar.
      if (const auto name = FieldName::of(text)) paper.writer.field(*name, text == "Connection" ? "close" : any_text(20));
    }
    paper.writer.framing(framing);
    paper.writer.end();
    if (!paper.writer.ok()) continue;
    ResponseHead head;
    size_t scanned = 0;
    const HeadResult result = read_response_head(paper.writer.written(), scanned, {}, head);
    INFO(paper.writer.written());
    REQUIRE(result.state == HeadState::complete);
    CHECK(result.bytes == paper.writer.written().size());
    CHECK(head.framing.kind == (framing.kind == BodyKind::none ? BodyKind::until_close : framing.kind));
  }
}

}  // namespace
}  // namespace narthex::proxy::test
