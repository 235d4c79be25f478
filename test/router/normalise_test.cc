#include "router/normalise.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/text.h"

namespace {

using narthex::router::normalise_authority;
using narthex::router::normalise_target;
using narthex::router::Target;
using narthex::router::TargetError;

struct Normalised {
  TargetError error;
  std::string path, query, forwarded;
  bool copied;
};

Normalised normalise(const std::string& raw) {
  std::string scratch = "left over from before";
  Target target;
  const TargetError error = normalise_target(raw, scratch, target);
  const bool views_raw = target.path.data() >= raw.data() && target.path.data() <= raw.data() + raw.size();
  return {error, std::string(target.path), std::string(target.query), std::string(target.forwarded),
          error == TargetError::none && !views_raw};
}

std::string path_of(const std::string& raw) {
  const Normalised result = normalise(raw);
  CHECK(result.error == TargetError::none);
  return result.path;
}

std::string host_of(const std::string& raw) {
  std::string scratch;
  std::string_view host = "untouched";
  return normalise_authority(raw, scratch, host) ? std::string(host) : "refused";
}

// Text that is likely to be near the rules: slashes, dots, triplets, odd bytes.
std::string random_target(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {
      "/",   "/",    "//",   ".",   "..", "/./",    "/../", "a",   "Bc", "%2e", "%2E", "%2f", "%5C",
      "%41", "%7e",  "%25",  "%zz", "%",  "%4",     "%00",  "%0a", ";",  "?",   "x=1", "\\",  " ",
      "#",   "\x01", "\xc3", "|",   "\"", "%c0%ae", "~",    ":",   "@",  "..;", "*"};
  std::string text = random() % 10 != 0 ? "/" : "";
  for (size_t pieces = random() % 12; pieces > 0; --pieces) text += kPieces[random() % kPieces.size()];
  return text;
}

}  // namespace

TEST_CASE("a path that is canonical already is passed on without a copy") {
  for (const std::string path : {"/", "/a", "/a/", "/a/b/c", "/.well-known/x", "/a/..b/...", "/a/b..", "/%2F%5C",
                                 "/a;x=1,2&3=$!*'()+:@-._~", "/%C0%AE%C0%AE", "/%25", "/..;/a", "/a./b"}) {
    const Normalised result = normalise(path);
    INFO(path);
    CHECK(result.error == TargetError::none);
    CHECK(result.path == path);
    CHECK_FALSE(result.copied);
  }
}

TEST_CASE("encoded unreserved characters are decoded and other triplets get upper-case digits") {
  CHECK(path_of("/%61dmin") == "/admin");
  CHECK(path_of("/%41%7a%30%2D%2e%5f%7E") == "/Az0-._~");
  CHECK(path_of("/a%2fb%5cc%3f%23%20") == "/a%2Fb%5Cc%3F%23%20");
  CHECK(path_of("/%c3%a9%09%7f") == "/%C3%A9%09%7F");
  CHECK(path_of("/%252e%252e/admin") == "/%252e%252e/admin");  // decoded once, never twice
}

TEST_CASE("bytes that should have been encoded count as if they were") {
  CHECK(path_of("/caf\xc3\xa9") == "/caf%C3%A9");
  CHECK(path_of("/|^{}\"<>`") == "/%7C%5E%7B%7D%22%3C%3E%60");
  CHECK(path_of("/caf\xc3%a9?\xc3") == "/caf%C3%A9");
  CHECK(normalise("/caf\xc3%a9?\xc3|").query == "?\xc3|");
}

TEST_CASE("what is forwarded is the canonical path, but for the look of triplets where nothing else differs") {
  CHECK(normalise("/caf\xc3\xa9|").forwarded == "/caf\xc3\xa9|");
  CHECK(normalise("/caf\xc3\xa9%2f|?a|b").forwarded == "/caf\xc3\xa9%2f|");
  CHECK(normalise("/./caf\xc3\xa9").forwarded == "/caf%C3%A9");
  CHECK(normalise("/%61|%41").forwarded == "/a%7CA");  // as long as what came, and yet another path
  CHECK(normalise("/a%2fb%5C").forwarded == "/a%2fb%5C");
  CHECK(normalise("/a%2Fb?x").forwarded == "/a%2Fb");
  CHECK(normalise("/a%2f/../b%2f").forwarded == "/b%2F");
  CHECK(normalise("/%61%2f").forwarded == "/a%2F");
  CHECK(normalise("//%2f").forwarded == "/%2F");
}

TEST_CASE("runs of slashes are merged before dot segments are resolved") {
  CHECK(path_of("//admin") == "/admin");
  CHECK(path_of("///public/..//admin") == "/admin");
  CHECK(path_of("/a//../b") == "/b");
  CHECK(path_of("/a///") == "/a/");
  CHECK(path_of("//") == "/");
}

TEST_CASE("dot segments are resolved as RFC 3986 says, written plainly or encoded") {
  CHECK(path_of("/a/./b") == "/a/b");
  CHECK(path_of("/a/.") == "/a/");
  CHECK(path_of("/a/b/..") == "/a/");
  CHECK(path_of("/a/b/../c") == "/a/c");
  CHECK(path_of("/a/b/c/./../../g") == "/a/g");
  CHECK(path_of("/mid/content=5/../6") == "/mid/6");
  CHECK(path_of("/x/y/../../admin/secret") == "/admin/secret");
  CHECK(path_of("/public/.%2e/%61dmin/x") == "/admin/x");
  CHECK(path_of("/public/%2e%2e/%2E/admin") == "/admin");
  CHECK(path_of("/a/..?q=/../b") == "/");
}

TEST_CASE("dot segments never lead above the root") {
  CHECK(path_of("/..") == "/");
  CHECK(path_of("/../admin") == "/admin");
  CHECK(path_of("/a/../../../b") == "/b");
  CHECK(path_of("/%2e%2e/%2e%2e/etc") == "/etc");
}

TEST_CASE("a segment with more than dots is a name") {
  CHECK(path_of("//admin.") == "/admin.");
  CHECK(path_of("//...") == "/...");
  CHECK(path_of("//..%2fadmin") == "/..%2Fadmin");
  CHECK(path_of("/public/%5c../admin") == "/public/%5C../admin");
  CHECK(path_of("//..;/admin") == "/..;/admin");
}

TEST_CASE("the query is kept as it came, with its question mark") {
  const Normalised plain = normalise("/a?x=/../%zz\\?y=%41%");
  CHECK(plain.path == "/a");
  CHECK(plain.query == "?x=/../%zz\\?y=%41%");
  const Normalised rewritten = normalise("//a/%2e?b//c");
  CHECK(rewritten.path == "/a/");
  CHECK(rewritten.query == "?b//c");
  CHECK(normalise("/a?").query == "?");
  CHECK(normalise("/a").query.empty());
  for (const std::string bad : {"/a?b c", "/a?b#c", "/a?\x01", "/a?\x7f", "/%61?b\r"})
    CHECK(normalise(bad).error == TargetError::bad_byte);
}

TEST_CASE("bytes that programs read differently are refused, in paths that are canonical otherwise and in others") {
  for (const std::string front : {"/a", "//a", "/a/%41/"}) {
    for (const char byte : {'\x01', '\t', '\n', '\r', ' ', '\x7f', '#', '\\'})
      CHECK(normalise(front + byte + "x").error == TargetError::bad_byte);
    CHECK(normalise(front + std::string(1, '\0')).error == TargetError::bad_byte);
    CHECK(normalise(front + "%00").error == TargetError::bad_byte);
    for (const char* triplet : {"%", "%4", "%zz", "%u002e", "%4g", "%/1", "%4?"})
      CHECK(normalise(front + triplet).error == TargetError::bad_percent);
  }
}

TEST_CASE("what does not start with a slash is no path") {
  for (const std::string raw : {"", "*", "a/b", "http://a.test/x", "?x", "%2fa"})
    CHECK(normalise(raw).error == TargetError::not_absolute_path);
}

TEST_CASE(
    "canonical paths stay as they are, hold no dot segment or double slash, and are three times as long at most") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  size_t accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string raw = random_target(random);
    const Normalised once = normalise(raw);
    if (once.error != TargetError::none) continue;
    ++accepted;
    INFO(raw << " -> " << once.path);
    REQUIRE(once.path.starts_with('/'));
    REQUIRE(once.path.size() + once.query.size() <= 3 * raw.size());
    REQUIRE(once.forwarded.size() + once.query.size() <= (once.forwarded == once.path ? 3 : 1) * raw.size());
    REQUIRE((once.path + "/").find("//") == (once.path.ends_with('/') ? once.path.size() - 1 : std::string::npos));
    REQUIRE((once.path + "/").find("/./") == std::string::npos);
    REQUIRE((once.path + "/").find("/../") == std::string::npos);
    const Normalised twice = normalise(once.path + once.query);
    REQUIRE(twice.error == TargetError::none);
    REQUIRE(twice.path == once.path);
    REQUIRE(twice.query == once.query);
    REQUIRE((once.forwarded == once.path || once.forwarded + once.query == raw));
    REQUIRE(path_of(once.forwarded) == once.path);
    REQUIRE_FALSE(twice.copied);
    REQUIRE(once.copied == (raw != once.path + once.query));
  }
  CHECK(accepted > 5'000);
}

TEST_CASE("an authority loses its port, one dot at its end and its capitals") {
  CHECK(host_of("a.test") == "a.test");
  CHECK(host_of("A.TeSt") == "a.test");
  CHECK(host_of("a.test.") == "a.test");
  CHECK(host_of("A.test.:8080") == "a.test");
  CHECK(host_of("a.test:") == "a.test");
  CHECK(host_of("a.test:0") == "a.test");
  CHECK(host_of("a.test:65535") == "a.test");
  CHECK(host_of("a_b-c.test") == "a_b-c.test");
  CHECK(host_of("10.0.0.1:80") == "10.0.0.1");
  CHECK(host_of("[::1]") == "[::1]");
  CHECK(host_of("[2001:DB8::1]:443") == "[2001:db8::1]");
  CHECK(host_of("[::ffff:10.0.0.1]:") == "[::ffff:10.0.0.1]");
  CHECK(host_of("") == "");
}

TEST_CASE("an authority that is no host with a port is refused") {
  for (const std::string raw : {":80",
                                ".",
                                "..",
                                "a..test",
                                ".a.test",
                                "a.test..",
                                "a.test p.test",
                                "a.test/x",
                                "user@a.test",
                                "a.test:99999",
                                "a.test:65536",
                                "a.test:80x",
                                "a.test:-1",
                                "a.test:80:80",
                                "a.test: 80",
                                "a%2etest",
                                "*.test",
                                "*",
                                "a.test\\@p.test",
                                "a.test#",
                                "a.test?",
                                "a,b",
                                "caf\xc3\xa9.test",
                                " a.test",
                                "a.test\t",
                                "[::1",
                                "::1",
                                "[]",
                                "[abc]",
                                "[::1]x",
                                "[::1]:x",
                                "[::1%25eth0]",
                                "[::g]",
                                "[v1.x]",
                                "[",
                                "]",
                                "a[::1]"}) {
    INFO(raw);
    CHECK(host_of(raw) == "refused");
  }
  CHECK(host_of(std::string("a\0b", 3)) == "refused");
}

TEST_CASE("a name of 253 bytes is the longest, not counting port and dot") {
  std::string name = "a";
  while (name.size() < 253) name += ".b";
  REQUIRE(name.size() == 253);
  CHECK(host_of(name) == name);
  CHECK(host_of(name + ".:65535") == name);
  CHECK(host_of(name + "b") == "refused");
  CHECK(host_of("[" + std::string(300, ':') + "]") == "refused");
}

// The rule once more, byte by byte.
std::string host_by_the_book(const std::string& raw) {
  std::string name = raw.substr(0, raw.find(':'));
  const std::string port = raw.substr(name.size());
  if (port.size() > 1) {
    if (port.find_first_not_of("0123456789", 1) != std::string::npos) return "refused";
    const size_t digits = std::min(port.find_first_not_of('0', 1), port.size());
    if (port.size() - digits > 5 || std::strtoul(port.c_str() + digits, nullptr, 10) > 65535) return "refused";
  }
  if (raw.empty()) return "";
  if (name.ends_with('.')) name.pop_back();
  if (name.empty() || name.starts_with('.') || name.ends_with('.') || name.find("..") != std::string::npos)
    return "refused";
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter && c != '-' && c != '_' && c != '.') return "refused";
  }
  return name;
}

TEST_CASE("whatever an authority is made of, it is read as the rule says") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::string bytes = "abcz019-...Z_:@\x7f\xae ";
  for (int i = 0; i < 200'000; ++i) {
    std::string raw;
    const size_t usual = i % 3 == 0 ? bytes.size() : 11;  // mostly what names are made of
    for (size_t size = random() % 34; raw.size() < size;) raw += bytes[random() % usual];
    if (raw.size() > 5 && i % 7 == 0) raw[random() % raw.size()] = static_cast<char>(random());
    if (raw.starts_with('[')) continue;  // addresses have a rule of their own
    if (host_of(raw) == host_by_the_book(raw)) continue;
    FAIL(raw << " is " << host_of(raw) << ", not " << host_by_the_book(raw));
  }
}

TEST_CASE("an authority in lower case is not copied") {
  const std::string raw = "app.example.com:8443";
  std::string scratch;
  std::string_view host;
  REQUIRE(normalise_authority(raw, scratch, host));
  CHECK(host.data() == raw.data());
  CHECK(scratch.empty());
}
