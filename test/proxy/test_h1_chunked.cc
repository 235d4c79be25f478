#include <catch2/catch.hpp>
#include <string>

#include "proxy/h1_codec.h"
#include "proxy/h1_writer.h"

namespace narthex::proxy::test {
namespace {

using State = ChunkedReader::State;

TEST_CASE("data of a chunk is given as far as it has come, and what is missing is known") {
  ChunkedReader reader;
  const std::string_view begin = "a\r\nhello";
  const ChunkedReader::Step first = reader.next(begin);
  CHECK((first.state == State::data && first.data == "hello" && first.consumed == begin.size()));
  CHECK(first.data.data() == begin.data() + 3);
  CHECK(reader.chunk_remaining() == 5);
  const ChunkedReader::Step none = reader.next("");
  CHECK((none.state == State::more && none.consumed == 0));
  const ChunkedReader::Step second = reader.next("world\r\n0\r\n\r\n");
  CHECK((second.state == State::data && second.data == "world" && second.consumed == 5));
  CHECK(reader.chunk_remaining() == 0);
  const ChunkedReader::Step last = reader.next("\r\n0\r\n\r\nGET");
  CHECK((last.state == State::end && last.consumed == 7));
  const ChunkedReader::Step again = reader.next("GET");
  CHECK((again.state == State::end && again.consumed == 0));
}

TEST_CASE("half a size line is not consumed") {
  ChunkedReader reader;
  CHECK(reader.next("1").consumed == 0);
  CHECK(reader.next("1;a").state == State::more);
  CHECK(reader.next("1;a\r").consumed == 0);
  CHECK(reader.next("1;a\r\nx").data == "x");
  CHECK(reader.next("\r").consumed == 0);
  CHECK(reader.next("\r\n0").consumed == 2);
}

TEST_CASE("trailers are views into the input of the last step, and only those that may pass") {
  ChunkedReader reader;
  const std::string text = "0\r\nX-Sum: 1\r\nTransfer-Encoding: chunked\r\nX-Real-IP: 6\r\n\r\nrest";
  const ChunkedReader::Step step = reader.next(text);
  REQUIRE(step.state == State::end);
  CHECK(step.consumed == text.size() - 4);
  REQUIRE(reader.trailers().size() == 1);
  const Field& field = *reader.trailers().begin();
  CHECK((field.name == "X-Sum" && field.value == "1"));
  CHECK(field.name.data() == text.data() + 3);
}

TEST_CASE("once malformed, a body stays malformed") {
  ChunkedReader reader;
  CHECK(reader.next("x").state == State::malformed);
  CHECK(reader.next("5\r\nhello").state == State::malformed);
}

TEST_CASE("a chunk line that the writer writes is one that the reader reads") {
  for (const uint64_t size :
       {uint64_t{1}, uint64_t{9}, uint64_t{10}, uint64_t{16}, uint64_t{500}, uint64_t{65536}, uint64_t{INT64_MAX}}) {
    char line[18];
    const size_t bytes = write_chunk_size(size, line);
    REQUIRE(bytes <= sizeof line);
    ChunkedReader reader;
    const ChunkedReader::Step step = reader.next(std::string(line, bytes) + "x");
    CHECK(step.state == State::data);
    CHECK(reader.chunk_remaining() == size - 1);
  }
  char line[18];
  CHECK(std::string_view(line, write_chunk_size(500, line)) == "1f4\r\n");
  CHECK(std::string_view(line, write_chunk_size(UINT64_MAX, line)) == "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace narthex::proxy::test
