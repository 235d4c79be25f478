#include <catch2/catch.hpp>

#include "test/config/tree_text.h"

namespace narthex::config {
namespace {

std::string read(std::string_view text, const TreeLimits& limits = {}) { return text_of(parse_json(text, limits)); }

TreeError only_error(std::string_view text, const TreeLimits& limits = {}) {
  const TreeDocuments parsed = parse_json(text, limits);
  CHECK(parsed.documents.empty());
  REQUIRE(parsed.errors.size() == 1);
  return parsed.errors[0];
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("JSON values become tree values") {
  CHECK(read(R"({"a": [1, -2, 2.5, "x\u00e9\n", true, false, null, {}, []]})") ==
        "{a: [1, -2, 2.5d, \"x\xc3\xa9\n\", true, false, null, {}, []]}");
  CHECK(read("18446744073709551615") == "1.8446744073709552e+19d");
  CHECK(read("12") == "12");
  CHECK(read("\xEF\xBB\xBF{}\n\n") == "{}");
  CHECK(read(" \n") == "");
}

TEST_CASE("every JSON node knows its line") {
  const TreeDocuments parsed = parse_json("\n{\n \"a\": 1,\n \"b\": [\n  \"x\",\n  80\n ]\n}\n");
  REQUIRE(parsed.documents.size() == 1);
  const Tree& root = parsed.documents[0];
  CHECK(root.line == 2);
  CHECK(root.find("a")->line == 3);
  CHECK(std::get<Tree::List>(root.find("b")->value)[1].line == 6);
}

TEST_CASE("what is not JSON is an error with its line") {
  const std::pair<const char*, uint32_t> cases[] = {
      {"{\"a\": 1,\n}", 2}, {"{\n\"a\" 1}", 2}, {"[1,\n2", 2},   {"{} x", 1}, {"{}\n{}", 2}, {"{'a': 1}", 1},
      {"[1, // no\n2]", 1}, {"\"a\nb\"", 1},    {"\"\xff\"", 1}, {"nul", 1},  {"[01]", 1},   {"\n\n\"open", 3},
  };
  for (const auto& [text, line] : cases) {
    INFO(text);
    const TreeError error = only_error(text);
    CHECK(error.line == line);
    CHECK(has(error.message, "not JSON"));
  }
}

TEST_CASE("a key given twice in one JSON object is an error") {
  const TreeError error = only_error("{\"a\": 1,\n\"b\": 2,\n\"a\": 3}");
  CHECK(error.line == 3);
  CHECK(has(error.message, "the key a is given twice"));
}

TEST_CASE("JSON is read within its limits") {
  CHECK(has(only_error(repeat("[", 100'000)).message, "deeper than 100"));
  CHECK(has(only_error(repeat("{\"a\":", 100'000)).message, "deeper than 100"));
  CHECK(has(only_error(repeat("[", 100'000) + repeat("]", 100'000)).message, "deeper than 100"));
  CHECK(read("[[[1]]]", {.depth = 3}) == "[[[1]]]");
  CHECK(has(only_error("[[[[1]]]]", {.depth = 3}).message, "deeper than 3"));
  CHECK(has(only_error("[1, 2, 3, 4]", {.nodes = 4}).message, "more than 4 values"));
  CHECK(has(only_error("[1, 2, 3, 4]", {.bytes = 8}).message, "larger than 8 bytes"));
}

}  // namespace narthex::config
