#include <catch2/catch.hpp>

#include "test/config/tree_text.h"

namespace narthex::config {
namespace {

std::string read(std::string_view text, const TreeLimits& limits = {}) { return text_of(parse_yaml(text, limits)); }

// The one error of a text that gives no document.
TreeError only_error(std::string_view text, const TreeLimits& limits = {}) {
  const TreeDocuments parsed = parse_yaml(text, limits);
  CHECK(parsed.documents.empty());
  REQUIRE(parsed.errors.size() == 1);
  return parsed.errors[0];
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a plain YAML scalar stands for what Kubernetes' reader makes of it") {
  const std::pair<const char*, const char*> cases[] = {
      {"true", "true"},
      {"True", "true"},
      {"TRUE", "true"},
      {"yes", "true"},
      {"Yes", "true"},
      {"on", "true"},
      {"ON", "true"},
      {"y", "true"},
      {"Y", "true"},
      {"false", "false"},
      {"no", "false"},
      {"NO", "false"},
      {"off", "false"},
      {"Off", "false"},
      {"n", "false"},
      {"N", "false"},
      {"null", "null"},
      {"Null", "null"},
      {"~", "null"},
      {"", "null"},
      {"80", "80"},
      {"-80", "-80"},
      {"+80", "80"},
      {"0x50", "80"},
      {"0o17", "15"},
      {"017", "15"},
      {"0b101", "5"},
      {"1_000", "1000"},
      {"08", "8d"},
      {"0", "0"},
      {"1.5", "1.5d"},
      {".5", "0.5d"},
      {"-2.5e3", "-2500d"},
      {"1e3", "1000d"},
      {".inf", "infd"},
      {"-.Inf", "-infd"},
      {"yEs", "\"yEs\""},
      {"tRue", "\"tRue\""},
      {"1.2.3", "\"1.2.3\""},
      {"10.0.0.1", "\"10.0.0.1\""},
      {"2024-05-01", "\"2024-05-01\""},
      {"80/tcp", "\"80/tcp\""},
      {"0x", "\"0x\""},
      {"0xfg", "\"0xfg\""},
      {"-", "\"-\""},
      {"inf", "\"inf\""},
      {"nan", "\"nan\""},
      {"e3", "\"e3\""},
      {"_1", "\"_1\""},
      {"1e400", "\"1e400\""},
      {"<none>", "\"<none>\""},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9223372036854775808", "9.223372036854776e+18d"},
      {"00:1a:2b", "\"00:1a:2b\""},
      {"12e03", "12000d"},
      {"0b12", "\"0b12\""},
      {"+", "\"+\""},
  };
  for (const auto& [plain, value] : cases) {
    if (std::string_view(plain) == "-") continue;  // a lone dash begins a list
    CHECK(read(fmt::format("a: {}\n", plain)) == fmt::format("{{a: {}}}", value));
  }
}

TEST_CASE("a quoted or block YAML scalar is a string whatever it says") {
  CHECK(read("[\"true\", 'yes', \"80\", '', \"~\", 'null']") == R"(["true", "yes", "80", "", "~", "null"])");
  CHECK(read("a: |\n  80\nb: >-\n  true\n") == "{a: \"80\n\", b: \"true\"}");
  CHECK(read("a: \"x\\ty\\u00e9\"") == "{a: \"x\ty\xc3\xa9\"}");
}

TEST_CASE("tags say what a YAML scalar is") {
  CHECK(read("a: !!str 80\nb: !!int \"80\"\nc: !!bool yes\nd: !own 80\ne: !!binary aGk=\n") ==
        R"({a: "80", b: 80, c: true, d: "80", e: "hi"})");
  CHECK(has(only_error("a: !!int x\n").message, "!!int"));
  CHECK(has(only_error("a: !!binary '*'\n").message, "base64"));
}

TEST_CASE("keys that are not text become the text that they have in JSON") {
  CHECK(read("on: 1\n80: 2\n0x10: 3\n'yes': 4\n") == R"({true: 1, 80: 2, 16: 3, yes: 4})");
  CHECK(has(only_error("? [a]\n: 1\n").message, "key"));
  CHECK(has(only_error("~: 1\n").message, "key is missing"));
}

TEST_CASE("every YAML node knows its line") {
  const TreeDocuments parsed = parse_yaml("# top\na: 1\nb:\n  - x\n  - k: z\nc:\nd: 4\n---\ne: 5\n");
  REQUIRE(parsed.documents.size() == 2);
  const Tree& first = parsed.documents[0];
  CHECK(first.line == 2);
  CHECK(first.find("a")->line == 2);
  CHECK(std::get<Tree::List>(first.find("b")->value)[1].find("k")->line == 5);
  CHECK(first.find("c")->line == 6);
  CHECK(first.find("d")->line == 7);
  CHECK(parsed.documents[1].find("e")->line == 9);
}

TEST_CASE("a YAML text has as many documents as its markers say") {
  CHECK(read("") == "");
  CHECK(read("# nothing\n\n") == "");
  CHECK(read("---\n---\na: 1\n") == "null | {a: 1}");
  CHECK(read("a: 1\n---\nb: 2\n...\nc: 3\n") == "{a: 1} | {b: 2} | {c: 3}");
  CHECK(read("--- {a: 1}\n--- b\n") == "{a: 1} | \"b\"");
  CHECK(read("a: 1\r\n---\r\nb: 2\r\n") == "{a: 1} | {b: 2}");
  CHECK(read("%YAML 1.2\n---\na: 1\n...\n%TAG ! tag:yaml.org,2002:\n---\nb: !str 2\n") == "{a: 1} | {b: \"2\"}");
  CHECK(read("\xEF\xBB\xBF---\na: 1\n") == "{a: 1}");
  CHECK(read("a: |\n  ---\n  x\n---\nb: 1\n") == "{a: \"---\nx\n\"} | {b: 1}");
  CHECK(read("a: x ---\n---b: 2\n--- 3\n") == "{a: \"x ---\", ---b: 2} | 3");
}

TEST_CASE("a broken YAML document costs only itself") {
  const TreeDocuments parsed = parse_yaml("a: 1\n---\nb: [1\n---\nc: 3\n---\nd: \"x\n---\ne: 5\n");
  CHECK(text_of(parsed).starts_with("{a: 1} | {c: 3} | {e: 5} | !"));
  REQUIRE(parsed.errors.size() == 2);
  CHECK(parsed.errors[0].line == 4);
  CHECK(parsed.errors[1].line >= 7);
}

TEST_CASE("a YAML document that is not closed, or has more behind its end, is not believed") {
  CHECK(has(only_error("a: \"half\nb: 1\n").message, "never closed"));
  CHECK(has(only_error("a: 'half").message, "never closed"));
  CHECK(has(only_error("a: [1, 2").message, "not YAML"));
  CHECK(has(only_error("{a: 1} {b: 2}").message, "behind the end"));
  CHECK(has(only_error("a: b: c\n").message, "in quotes"));
  CHECK(has(only_error("a: 1\nhal").message, "without a colon"));
  CHECK(has(only_error("a:\n- b\nhal\n").message, "without a colon"));
  CHECK(has(only_error("name: {{ .Values.name }}\n").message, "template"));
  CHECK(has(only_error("a: @x\n").message, "begins with @"));
  CHECK(read("{a, b: }") == "{a: null, b: null}");
  CHECK(read("a:\nb: &x\nc: *x\n") == "{a: null, b: null, c: null}");
  CHECK(has(only_error("a: *nobody\n").message, "anchor in front"));
  CHECK(only_error("a: 1\nb:\n\tc: 1\n").line == 3);
}

TEST_CASE("a key given twice in one YAML map is an error that names both lines") {
  const TreeError error = only_error("a: 1\nb: 2\na: 3\n");
  CHECK(error.line == 3);
  CHECK(has(error.message, "the key a is given twice"));
  CHECK(has(error.message, "line 1"));
  CHECK(has(only_error("on: 1\ntrue: 2\n").message, "twice"));
  CHECK(read("x: {a: 1}\nz: {a: 1}\n") == "{x: {a: 1}, z: {a: 1}}");
}

TEST_CASE("YAML aliases stand for a copy of what they name") {
  CHECK(read("a: &x [1, {b: 2}]\nc: *x\n") == "{a: [1, {b: 2}], c: [1, {b: 2}]}");
  CHECK(read("a: &x key\n*x : 1\n") == "{a: \"key\", key: 1}");
  CHECK(read("a: &x 1\nb: &x 2\nc: *x\n") == "{a: 1, b: 2, c: 2}");
  CHECK(has(only_error("a: &x [*x]\n").message, "alias inside"));
}

TEST_CASE("a YAML merge key adds what the map does not have itself") {
  CHECK(read("d: &d {x: 1, k: 2}\ne: &e {k: 3, z: 4}\na: {<<: *d, x: 9}\nb:\n  <<: [*d, *e]\n") ==
        "{d: {x: 1, k: 2}, e: {k: 3, z: 4}, a: {x: 9, k: 2}, b: {x: 1, k: 2, z: 4}}");
  CHECK(read("'<<': 1\n") == "{<<: 1}");
  CHECK(has(only_error("<<: 1\n").message, "needs a map"));
}

TEST_CASE("YAML nested 100,000 deep gives one clear error, in whatever form") {
  for (const char* opening : {"[", "{a: ", "- ", "? ", "[a: ", "{? ", "!t [", "[? ", "- ? "}) {
    INFO(opening);
    CHECK_FALSE(only_error(repeat(opening, 100'000)).message.empty());
  }
  const TreeError closed = only_error("a: " + repeat("[", 100'000) + repeat("]", 100'000));
  CHECK(has(closed.message, "deeper than 100 levels"));
  CHECK(closed.line == 1);
  CHECK(read(repeat("- ", 100'000) + "\n---\nb: 1\n").starts_with("{b: 1} | !1 nested deeper"));
}

TEST_CASE("YAML is read up to the depth limit and not beyond") {
  const TreeLimits limits{.depth = 3};
  CHECK(read("[[[1]]]", limits) == "[[[1]]]");
  CHECK(has(only_error("[[[[1]]]]", limits).message, "deeper than 3"));
  CHECK(read("a: &x [1]\nb: [*x]\n", limits) == "{a: [1], b: [[1]]}");
  CHECK(has(only_error("a: &x [1]\nb: [[*x]]\n", limits).message, "deeper than 3"));
}

TEST_CASE("a chain of YAML aliases cannot grow deeper than the limit") {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 200; ++i) text += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
  CHECK(has(only_error(text).message, "deeper than 100"));
}

TEST_CASE("YAML aliases count as what they stand for") {
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 20; ++i) laughs += fmt::format("a{}: &a{} [{}]\n", i, i, repeat(fmt::format("*a{},", i - 1), 10));
  CHECK(has(only_error(laughs, {.nodes = 100'000}).message, "more than 100000 values"));
  const std::string long_text = "a: &a " + std::string(1000, 'x') + "\nb: [" + repeat("*a,", 1000) + "]\n";
  CHECK(has(only_error(long_text, {.bytes = 100'000}).message, "more than 100000 bytes"));
  CHECK(has(only_error("a: [1, 2, 3]\n", {.nodes = 4}).message, "more than 4 values"));
  CHECK(read("a: [1, 2, 3]\n", {.nodes = 5}) == "{a: [1, 2, 3]}");
}

TEST_CASE("a YAML text larger than the limit is not read") {
  CHECK(has(only_error("a: 12345\n", {.bytes = 8}).message, "larger than 8 bytes"));
}

TEST_CASE("a YAML collection in brackets too big for the parser is refused, not swallowed") {
  CHECK(has(only_error("[" + repeat("a,", 3'000'000) + "]").message, "too big"));
}

TEST_CASE("control bytes and text that is not UTF-8 are refused with their line") {
  for (const std::string_view bad :
       {std::string_view("\x04"), std::string_view("\0", 1), std::string_view("\x1b"), std::string_view("\x7f"),
        std::string_view("\xff\xfe"), std::string_view("\xc0\xaf"), std::string_view("\xed\xa0\x80"),
        std::string_view("\xe2\x82"), std::string_view("\xf4\x90\x80\x80")}) {
    const TreeError error = only_error("a: 1\nb: " + std::string(bad) + "\n");
    CHECK(error.line == 2);
    CHECK(has(error.message, "UTF-8"));
  }
  CHECK(read("a: \xe2\x82\xac \xf0\x9f\x98\x80\n") == "{a: \"\xe2\x82\xac \xf0\x9f\x98\x80\"}");
}

TEST_CASE("a text of many broken documents gives a bounded number of errors") {
  const TreeDocuments parsed = parse_yaml(repeat("---\na: [\n", 10'000));
  CHECK(parsed.errors.size() == 101);
  CHECK(has(parsed.errors.back().message, "not read"));
}

}  // namespace narthex::config
