#include "router/regex.h"

#include <catch2/catch.hpp>

namespace narthex::router {
namespace {

std::shared_ptr<const Regex> compiled(std::string_view pattern) {
  INFO(pattern);
  auto regex = Regex::compile(pattern);
  REQUIRE(regex.has_value());
  return regex.value();
}

bool matches(std::string_view pattern, std::string_view text) { return compiled(pattern)->matches(text); }

std::string groups(std::string_view pattern, std::string_view text) {
  Groups found;
  if (!compiled(pattern)->matches(text, found)) return "none";
  std::string all;
  for (size_t i = 0; i < found.size(); ++i)
    if (!found[i].empty()) all += std::to_string(i) + "=" + std::string(found[i]) + " ";
  return all;
}

TEST_CASE("a pattern matches from the start, not up to the end, whatever the case of letters") {
  CHECK(matches("/something", "/something"));
  CHECK(matches("/something", "/SomethingElse/x"));
  CHECK_FALSE(matches("/something", "/pre/something"));
  CHECK_FALSE(matches("/something", "/somethin"));
  CHECK(matches("/something(/|$)(.*)", "/something"));
  CHECK(matches("/SOMETHING(/|$)(.*)", "/something/new"));
  CHECK_FALSE(matches("/something(/|$)(.*)", "/somethingelse"));
  CHECK(matches("/v1.0", "/v1x0/y"));
  CHECK(matches("/ex/[0-9]+$", "/ex/12"));
  CHECK_FALSE(matches("/ex/[0-9]+$", "/ex/12/3"));
  CHECK(matches("/", "/"));
}

TEST_CASE("all alternatives begin at the start, and no text of a pattern ends its own group") {
  CHECK(matches("/a|/b", "/b"));
  CHECK_FALSE(matches("/a|b", "/x/b"));
  CHECK_FALSE(matches("/a|/b", "/x/b"));
  CHECK_FALSE(Regex::compile("/a)|(/b").has_value());
  CHECK_FALSE(Regex::compile("/a)(?:.*").has_value());
}

TEST_CASE("groups are what the pattern says, and empty where they took no part") {
  CHECK(groups("/something(/|$)(.*)", "/something/new/x") == "0=/something/new/x 1=/ 2=new/x ");
  CHECK(groups("/something(/|$)(.*)", "/something") == "0=/something ");
  CHECK(groups("/(a)|/(b)", "/b") == "0=/b 2=b ");
  CHECK(groups("/plain", "/plain/x") == "0=/plain ");
  CHECK(groups("/(1)(2)(3)(4)(5)(6)(7)(8)(9)(a)(b)", "/123456789ab") == "0=/123456789ab 1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8 9=9 ");
  CHECK(groups("/(?P<name>x+)", "/xx") == "0=/xx 1=xx ");
  CHECK(groups("/x(.*)", "/y") == "none");
}

TEST_CASE("texts are bytes, whatever they are in UTF-8") {
  CHECK(groups("/x(.*)", "/x\xff\x80y") == "0=/x\xff\x80y 1=\xff\x80y ");
  CHECK(matches("/caf\xc3\xa9/(.*)", "/caf\xc3\xa9/x"));
  CHECK_FALSE(matches("/k", "/\xe2\x84\xaa"));
}

TEST_CASE("what RE2 does not take is refused with its reason, and so is what is too large") {
  for (const char* pattern : {"/a(b", "/a[b", "/a)", "/(?!admin)(.*)", "/(?=x)", "/(a)\\1", "/a**", "/a{1001}", "/\\", "/*+*?"}) {
    INFO(pattern);
    const auto regex = Regex::compile(pattern);
    REQUIRE_FALSE(regex.has_value());
    CHECK_FALSE(regex.error().message().empty());
  }
  CHECK(Regex::compile("/a(b").error().message().find("missing )") != std::string::npos);
  CHECK(Regex::compile("/" + std::string(Regex::kBytesMax - 1, 'a')).has_value());
  CHECK_FALSE(Regex::compile("/" + std::string(Regex::kBytesMax, 'a')).has_value());
  CHECK_FALSE(Regex::compile("/(a{1,1000}){1,1000}").has_value());
  CHECK_FALSE(Regex::compile("/((a{1,100}){1,100}){1,100}").has_value());
  CHECK_FALSE(Regex::compile("/(a?){1000}").has_value());
  CHECK_FALSE(Regex::compile("/" + std::string(1500, '(') + std::string(1500, ')')).has_value());
}

// Steps are not to be had from RE2, and time says nothing here; but what backtracks over these would be at it when the sun is cold.
TEST_CASE("patterns that are evil to others are plain ones here, over the longest path") {
  const std::string long_a = "/" + std::string(8192, 'a');
  for (const char* pattern : {"/(a+)+$", "/(a|aa)+$", "/(a|a?)+$", "/(a*)*b", "/(.*a){20}x", "/((a+)*)*$", "/(a|b|ab)*c",
                              "/(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x$", "/(a?){50}a*$", "/(a|b)*a(a|b){50}$"}) {
    INFO(pattern);
    const auto regex = compiled(pattern);
    Groups found;
    CHECK_FALSE(regex->matches(long_a + "!\n"));
    CHECK_FALSE(regex->matches(long_a + "!\n", found));
    regex->matches(long_a, found);
  }
}

TEST_CASE("the literal beginning of a pattern is what every match begins with") {
  const auto is = [](std::string_view pattern, std::string_view prefix) {
    INFO(pattern);
    CHECK(literal_prefix(pattern) == prefix);
  };
  is("/plain/path", "/plain/path");
  is("/g(/|$)(.*)", "/g");
  is("/v1\\.0/", "/v1");
  is("/ab?c", "/a");
  is("/ab*", "/a");
  is("/ab{2}", "/a");
  is("/ab+", "/a");
  is("/a|/b", "");
  is("/a(x)|b", "");
  is("/a(x|y)", "/a");
  is("/a[|]", "");
  is("/a\\|b", "/a");
  is("", "");
  is("?", "");
}

}  // namespace
}  // namespace narthex::router
