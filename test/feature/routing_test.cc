// Which request meets which Service, seen from the wire.
#include <catch2/catch.hpp>

#include "test/feature/site.h"

namespace narthex::test {
namespace {

// Services a, b and c with a pod of that name each, and an Ingress with these rules.
class ThreeServices final {
 public:
  explicit ThreeServices(const IngressSpec& spec, const NarthexOptions& options = {}) {
    folder.write("site.yaml", ingress_class_yaml() + ingress_yaml(spec) + service_with("a", {&a}) +
                                  service_with("b", {&b}) + service_with("c", {&c}));
    narthex.emplace(binary(), folder, options);
  }

  // The name of the pod that answered, or the status.
  std::string answer(const std::string& host, const std::string& target = "/") const {
    const Response response = get(narthex->http_port(), host, target);
    return response.status == 200 ? response.value("X-Pod") : std::to_string(response.status);
  }

  Backend a{"a"}, b{"b"}, c{"c"};
  ManifestFolder folder;
  std::optional<Narthex> narthex;
};

TEST_CASE("an exact host goes before a wildcard of one label, and that before no host") {
  const ThreeServices site(
      {.rules = {
           {"a.example.com", {{.service = "a"}}}, {"*.example.com", {{.service = "b"}}}, {"", {{.service = "c"}}}}});
  CHECK(site.answer("a.example.com") == "a");
  CHECK(site.answer("A.Example.COM") == "a");
  CHECK(site.answer("a.example.com:8080") == "a");
  CHECK(site.answer("a.example.com.") == "a");
  CHECK(site.answer("b.example.com") == "b");
  CHECK(site.answer("a.b.example.com") == "c");
  CHECK(site.answer("example.com") == "c");
  CHECK(site.answer("127.0.0.1") == "c");
}

TEST_CASE("an exact path goes before a prefix, the longest prefix first, element by element") {
  const ThreeServices site({.rules = {{"example.com",
                                       {{"/aaa", "a", "Prefix"},
                                        {"/aaa/bbb", "b", "Prefix"},
                                        {"/aaa/bbb", "c", "Exact"},
                                        {"/slash/", "a", "Prefix"}}}}});
  CHECK(site.answer("example.com", "/aaa") == "a");
  CHECK(site.answer("example.com", "/aaa/x") == "a");
  CHECK(site.answer("example.com", "/aaab") == "404");
  CHECK(site.answer("example.com", "/aaa/bbb") == "c");
  CHECK(site.answer("example.com", "/aaa/bbb?q=1") == "c");
  CHECK(site.answer("example.com", "/aaa/bbb/") == "b");
  CHECK(site.answer("example.com", "/aaa/bbb/ccc") == "b");
  CHECK(site.answer("example.com", "/aaa/bbbc") == "a");
  CHECK(site.answer("example.com", "/slash") == "a");
  CHECK(site.answer("example.com", "/slash/x") == "a");
  CHECK(site.answer("example.com", "/") == "404");
}

TEST_CASE("a path that its exact host does not have is 404, even where a wildcard would take it") {
  const ThreeServices site(
      {.rules = {{"a.example.com", {{"/only", "a", "Prefix"}}}, {"*.example.com", {{.service = "b"}}}}});
  CHECK(site.answer("a.example.com", "/only") == "a");
  CHECK(site.answer("a.example.com", "/other") == "404");
  CHECK(site.answer("b.example.com", "/other") == "b");
}

TEST_CASE("the default backend of an Ingress takes what its rules do not, and that of the controller the rest") {
  const ThreeServices site({.rules = {{"example.com", {{"/a", "a", "Prefix"}}}}, .default_service = "b"},
                           {.more = {"--default-backend-service", "default/c"}});
  CHECK(site.answer("example.com", "/a") == "a");
  CHECK(site.answer("example.com", "/other") == "b");
  CHECK(site.answer("unknown.org", "/") == "c");
}

TEST_CASE("an Ingress of a default backend alone serves every host") {
  const ThreeServices site({.rules = {}, .default_service = "a"});
  CHECK(site.answer("any.example.org", "/any/path") == "a");
}

TEST_CASE("an unknown host is 404, and a Service that is missing or has no ready pod is 503") {
  const ThreeServices site({.rules = {{"example.com", {{"/missing", "nobody", "Prefix"}, {"/a", "a", "Prefix"}}}}});
  CHECK(site.answer("unknown.org") == "404");
  CHECK(site.answer("example.com", "/missing") == "503");
  CHECK(site.answer("example.com", "/a") == "a");
  site.folder.write(
      "empty.yaml",
      service_yaml("empty") + ingress_yaml({.name = "empty", .rules = {{"empty.org", {{.service = "empty"}}}}}));
  CHECK(eventually([&] { return site.answer("empty.org") == "503"; }));
}

TEST_CASE("what is forwarded is the path that was matched, with the query as it came") {
  const Site site;
  const auto target_at_pod = [&](const std::string& target) {
    const std::string line = echoed_head(get(site.http(), "example.com", target)).start_line;
    return line.substr(4, line.size() - 4 - std::string(" HTTP/1.1").size());
  };
  CHECK(target_at_pod("/a/b?x=1&y=%2F../") == "/a/b?x=1&y=%2F../");
  CHECK(target_at_pod("/a/./b/../c//d") == "/a/c/d");
  CHECK(target_at_pod("/%7euser/%41") == "/~user/A");
  // Both spellings of hex digits mean the same; the client's own is kept where nothing else had to change.
  CHECK(target_at_pod("/a%2fb") == "/a%2fb");
  CHECK(target_at_pod("/./a%2fb") == "/a%2Fb");
  CHECK(target_at_pod("http://example.com/abs?q") == "/abs?q");
}

TEST_CASE("a dot segment cannot step out of the path that was matched") {
  const ThreeServices site({.rules = {{"example.com", {{"/public", "a", "Prefix"}, {"/private", "b", "Prefix"}}}}});
  CHECK(site.answer("example.com", "/public/../private/x") == "b");
  CHECK(site.answer("example.com", "/public/%2e%2e/private") == "b");
  CHECK(site.answer("example.com", "/public//x") == "a");
}

TEST_CASE("a request without Host, with two, or with an impossible one is refused and never reaches a pod") {
  Site site;
  for (const std::string fields :
       {"", "Host: example.com\r\nHost: example.com\r\n", "Host: exa mple.com\r\n", "Host: a@example.com\r\n"}) {
    const auto client = connect_plain(site.http());
    client->send("GET / HTTP/1.1\r\n" + fields + "\r\n");
    CHECK(read_response(*client).status == 400);
    CHECK(client->ended());
  }
  CHECK(site.pod().requests() == 0);
}

TEST_CASE("a body sent to a path that leads nowhere is not taken for the next request") {
  Site site({.ingress = {.rules = {{"example.com", {{"/here"}}}}}});
  const std::string smuggled = "GET /here/smuggled HTTP/1.1\r\nHost: example.com\r\n\r\n";
  const std::string length =
      "POST /nowhere HTTP/1.1\r\nHost: example.com\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n" +
      smuggled;
  const std::string chunked = "POST /nowhere HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n" +
                              std::string("32\r\n") + smuggled + "\r\n0\r\n\r\n";
  REQUIRE(smuggled.size() == 0x32);
  for (const std::string& post : {length, chunked}) {
    const auto client = connect_plain(site.http());
    client->send(post);
    const Response refused = read_response(*client);
    CHECK(refused.status == 404);
    // A server may close instead of reading the body; if it does not, the next request is answered as itself.
    if (refused.head.has_token("Connection", "close")) {
      CHECK(client->ended());
      continue;
    }
    const Response next = exchange(*client, {.target = "/here/next"});
    CHECK(echoed_head(next).start_line == "GET /here/next HTTP/1.1");
  }
  for (const Head& head : site.pod().heads()) CHECK(head.start_line == "GET /here/next HTTP/1.1");
}

TEST_CASE("an Ingress of another class is not served, and one of the old annotation is") {
  Backend pod;
  ManifestFolder folder;
  std::string old = ingress_yaml({.name = "old", .rules = {{.host = "old.org"}}, .class_name = ""});
  old.insert(old.find("spec:"), "  annotations: {kubernetes.io/ingress.class: nginx}\n");
  folder.write("all.yaml",
               simple_site({&pod}) + old +
                   ingress_yaml({.name = "other", .rules = {{.host = "other.org"}}, .class_name = "haproxy"}) +
                   ingress_yaml({.name = "none", .rules = {{.host = "none.org"}}, .class_name = ""}));
  const Narthex narthex(binary(), folder);
  CHECK(get(narthex.http_port(), "example.com").status == 200);
  CHECK(get(narthex.http_port(), "old.org").status == 200);
  CHECK(get(narthex.http_port(), "other.org").status == 404);
  CHECK(get(narthex.http_port(), "none.org").status == 404);
}

}  // namespace
}  // namespace narthex::test
