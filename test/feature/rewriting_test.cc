// use-regex, rewrite-target and x-forwarded-prefix, carried out by the real binary: what pods are asked for, as ingress-nginx asks
// them, and what attackers get who look for the seam between pattern and path.
#include <catch2/catch.hpp>

#include "test/feature/site.h"

namespace narthex::test {
namespace {

using Annotations = std::map<std::string, std::string>;

PathSpec pattern(std::string path, std::string service = "web") { return {std::move(path), std::move(service), "ImplementationSpecific"}; }

SiteOptions with(std::vector<PathSpec> paths, Annotations annotations) {
  return {.ingress = {.rules = {{"example.com", std::move(paths)}}, .annotations = std::move(annotations)}};
}

// What the pod is asked for, or the status where none is.
std::string asked(const Site& site, const std::string& target, const std::string& host = "example.com") {
  const Response response = fetch(site.http(), {.target = target, .host = host});
  if (response.status != 200) return std::to_string(response.status);
  const std::string line = echoed_head(response).start_line;
  return line.substr(4, line.rfind(' ') - 4);
}

std::string findings_of(const Site& site) { return site.narthex->admin("/findings").body; }
std::string routes_of(const Site& site) { return site.narthex->admin("/routes").body; }

// Services "a" and so on, each of one pod that answers with the Service's name.
class NamedPods final {
 public:
  explicit NamedPods(const std::string& names) {
    for (const char name : names) {
      const std::string text(1, name);
      pods_.push_back(std::make_unique<Backend>(text, [text](BackendExchange& exchange) { exchange.respond(200, text); }));
      yaml += service_with(text, {pods_.back().get()});
    }
  }
  std::string yaml;

 private:
  std::vector<std::unique_ptr<Backend>> pods_;
};

std::string who(const Site& site, const std::string& target, const std::string& host = "example.com") {
  const Response response = fetch(site.http(), {.target = target, .host = host});
  return response.status == 200 ? response.body : std::to_string(response.status);
}

TEST_CASE("the groups of the path fill the target, and the query stays") {
  const Site site(with({pattern("/something(/|$)(.*)")}, {{"rewrite-target", "/$2"}, {"use-regex", "true"}}));
  CHECK(asked(site, "/something") == "/");
  CHECK(asked(site, "/something/") == "/");
  CHECK(asked(site, "/something/new") == "/new");
  CHECK(asked(site, "/something/new?x=1&y=2") == "/new?x=1&y=2");
  CHECK(asked(site, "/somethingelse") == "404");
  CHECK(asked(site, "/Something/x") == "/x");
  CHECK(asked(site, "/something/a%20b%2Fc") == "/a%20b/c");
  CHECK(asked(site, "/something/%3Fa%23b") == "/%3Fa%23b");
  CHECK(asked(site, "/something//double") == "/double");
  CHECK(asked(site, "/pre/something/x") == "404");
  CHECK(asked(site, "/") == "404");
  CHECK(findings_of(site).find("Ingress") == std::string::npos);
}

TEST_CASE("a rewrite makes patterns of the host's paths, Exact ones, too, and loses what it does not name") {
  const Site site({.ingress = {.rules = {{"root.test", {{.path = "/"}}}}, .annotations = {{"rewrite-target", "/"}}},
                   .more = ingress_yaml({.name = "app", .rules = {{"app.test", {{.path = "/app"}}}}, .annotations = {{"rewrite-target", "/"}}}) +
                           ingress_yaml({.name = "slash", .rules = {{"slash.test", {{.path = "/app/"}}}}, .annotations = {{"rewrite-target", "/base/"}}}) +
                           ingress_yaml({.name = "exact", .rules = {{"exact.test", {{.path = "/app", .type = "Exact"}}}},
                                         .annotations = {{"rewrite-target", "/new/path"}}}) +
                           ingress_yaml({.name = "same", .rules = {{"same.test", {{.path = "/app"}}}}, .annotations = {{"rewrite-target", "/app"}}})});
  CHECK(asked(site, "/x/y?q=1", "root.test") == "/x/y?q=1");
  CHECK(routes_of(site).find("prefix / -> default/web:80 (default/web)\n") != std::string::npos);
  CHECK(asked(site, "/app", "app.test") == "/");
  CHECK(asked(site, "/app/x/y?q=1", "app.test") == "/?q=1");
  CHECK(asked(site, "/application", "app.test") == "/");
  CHECK(asked(site, "/app/x", "slash.test") == "/base/");
  CHECK(asked(site, "/app", "slash.test") == "404");
  for (const char* path : {"/app", "/app/x", "/appendix", "/APP"}) CHECK(asked(site, path, "exact.test") == "/new/path");
  CHECK(asked(site, "/app", "same.test") == "/app");
  CHECK(asked(site, "/app/x", "same.test") == "/app");
  CHECK(asked(site, "/appendix", "same.test") == "/appendix");
}

TEST_CASE("a target with a scheme is where clients are sent, with the query") {
  SiteOptions options = with({pattern("/go(/|$)(.*)")}, {{"rewrite-target", "https://elsewhere.test/$2"}});
  options.more = ingress_yaml({.name = "bare", .rules = {{"bare.test", {pattern("/x(.*)")}}}, .annotations = {{"rewrite-target", "https://elsewhere.test$1"}}});
  options.ingress.tls = {{{"example.com"}, ""}};
  const Site site(std::move(options));
  const auto location = [&](const std::string& target, const std::string& host = "example.com") {
    const Response response = fetch(site.http(), {.target = target, .host = host});
    return response.status == 302 ? response.value("Location") : std::to_string(response.status);
  };
  CHECK(location("/go/x?y=1") == "https://elsewhere.test/x?y=1");
  CHECK(location("/go") == "https://elsewhere.test/");
  CHECK(location("/go/a%0d%0ab") == "https://elsewhere.test/a%0D%0Ab");
  CHECK(location("/go/../x") == "https://elsewhere.test/");  // what no rule takes is under the same policy
  CHECK(location("/x", "bare.test") == "https://elsewhere.test");
  CHECK(location("/x@evil.org", "bare.test") == "https://elsewhere.test/@evil.org");
  CHECK(location("/x.evil.org/", "bare.test") == "https://elsewhere.test/.evil.org/");
  CHECK(location("/x//evil.org", "bare.test") == "https://elsewhere.test/evil.org");
  CHECK(site.requests() == 0);
}

TEST_CASE("a target that cannot be carried out is told, and brings no patterns") {
  for (const char* target : {"/new?p=$1", "bad value", "$scheme://example.org/$1", "/$host", "/x$", "/a/../$1", "https://$1/", "https://$1.test/",
                             "/$0", "/\"$1", "https:///x"}) {
    CAPTURE(target);
    const Site site(with({pattern("/q/(.*)")}, {{"rewrite-target", target}}));
    CHECK(asked(site, "/q/x") == "404");
    CHECK(asked(site, "/q/(.*)/x") == "/q/(.*)/x");
    CHECK(findings_of(site).find("rewrite-target]: InvalidAnnotationValue") != std::string::npos);
  }
  const Site yes(with({pattern("/q/(.*)")}, {{"use-regex", "yes"}}));
  CHECK(asked(yes, "/q/x") == "404");
}

TEST_CASE("the longest pattern is asked first, then backwards by alphabet") {
  const NamedPods pods("abcd");
  SiteOptions options = with({{"/foo/bar/bar", "a"}, pattern("/foo/bar/[a-z]{3}", "b"), pattern("/foo/.*", "c"), {"/", "d"}}, {{"use-regex", "true"}});
  options.more = pods.yaml;
  const Site site(std::move(options));
  CHECK(who(site, "/foo/bar/bar") == "b");
  CHECK(who(site, "/foo/bar/bars") == "b");
  CHECK(who(site, "/foo/bar/baz") == "b");
  CHECK(who(site, "/foo/x") == "c");
  CHECK(who(site, "/foo") == "d");
  CHECK(who(site, "/else") == "d");
}

TEST_CASE("paths of every type are patterns where one Ingress of the host wants it, and of no other host") {
  const NamedPods pods("abc");
  SiteOptions options = with({{"/pre/[0-9]+", "a"}, {"/ex/[0-9]+$", "b", "Exact"}, pattern("/dot.html", "c")}, {{"use-regex", "true"}});
  options.more = pods.yaml +
                 ingress_yaml({.name = "plain", .rules = {{"example.com", {{"/v1.0", "b"}, {"/Only", "c", "Exact"}}}, {"plain.test", {{"/v1.0", "b"}}}}});
  const Site site(std::move(options));
  CHECK(who(site, "/pre/12") == "a");
  CHECK(who(site, "/pre/12x") == "a");
  CHECK(who(site, "/pre/x") == "404");
  CHECK(who(site, "/ex/1") == "b");
  CHECK(who(site, "/ex/1/2") == "404");
  CHECK(who(site, "/dotxhtml") == "c");
  for (const char* path : {"/v1.0", "/v1x0", "/v1.0/x", "/v1.0x"}) CHECK(who(site, path) == "b");
  CHECK(who(site, "/only/x") == "c");
  CHECK(who(site, "/v1.0/x", "plain.test") == "b");
  CHECK(who(site, "/v1x0", "plain.test") == "404");
  CHECK(who(site, "/V1.0", "plain.test") == "404");
}

TEST_CASE("X-Forwarded-Prefix is told inside a rewrite, and never what the client says") {
  const auto rewritten = [](const char* name, const char* host, const char* path, Annotations annotations) {
    return ingress_yaml({.name = name, .rules = {{host, {pattern(path)}}}, .annotations = std::move(annotations)});
  };
  SiteOptions options = with({pattern("/api(/|$)(.*)")}, {{"rewrite-target", "/$2"}, {"x-forwarded-prefix", "/api"}});
  options.more = rewritten("groups", "groups.test", "/(svc[0-9])(/|$)(.*)", {{"rewrite-target", "/$3"}, {"x-forwarded-prefix", "/$1"}}) +
                 rewritten("plain", "plain.test", "/api", {{"x-forwarded-prefix", "/api"}}) +
                 rewritten("empty", "empty.test", "/api", {{"rewrite-target", "/"}, {"x-forwarded-prefix", ""}}) +
                 rewritten("bad", "bad.test", "/api", {{"rewrite-target", "/"}, {"x-forwarded-prefix", "/a b"}});
  const Site site(std::move(options));
  const auto prefix = [&](const std::string& host, const std::string& target, std::vector<Field> fields = {}) {
    const Response response = fetch(site.http(), {.target = target, .host = host, .fields = std::move(fields)});
    if (response.status != 200) return std::to_string(response.status);
    const Head head = echoed_head(response);
    return head.start_line.substr(4, head.start_line.rfind(' ') - 4) + (head.has("X-Forwarded-Prefix") ? " " + head.value("X-Forwarded-Prefix") : "");
  };
  CHECK(prefix("example.com", "/api/x") == "/x /api");
  CHECK(prefix("example.com", "/api/x", {{"X-Forwarded-Prefix", "/client"}}) == "/x /api");
  CHECK(prefix("groups.test", "/svc1/x") == "/x /svc1");
  CHECK(prefix("plain.test", "/api/x") == "/api/x");
  CHECK(prefix("plain.test", "/api/x", {{"X-Forwarded-Prefix", "/client"}}) == "/api/x");
  CHECK(prefix("empty.test", "/api/x") == "/");
  CHECK(prefix("bad.test", "/api/x") == "404");
  CHECK(findings_of(site).find("AnnotationWithoutEffect") != std::string::npos);
}

TEST_CASE("a rewritten path cannot leave what its rule names") {
  const Site site(with({pattern("/api(.*)")}, {{"rewrite-target", "/$1"}}));
  CHECK(asked(site, "/api/x") == "/x");
  CHECK(asked(site, "/api%2fx") == "/x");
  CHECK(asked(site, "/api//x") == "/x");
  const uint64_t before = site.requests();
  for (const char* target : {"/api../admin", "/api..", "/api%2e%2e/x", "/api%2E%2E%2fx", "/api..%2fadmin", "/api..%5cadmin", "/api..;/admin", "/api%00",
                             "/api/%00", "/api/%2", "/api/..%2f..%2fadmin"}) {
    CAPTURE(target);
    CHECK(asked(site, target) == "400");
  }
  CHECK(asked(site, "/api/../admin") == "404");
  CHECK(asked(site, "/api/%2e%2e/admin") == "404");
  CHECK(site.requests() == before);
  CHECK(asked(site, "/api/%0d%0aX-Evil:%201") == "/%0D%0AX-Evil:%201");
}

TEST_CASE("an encoded slash slips past no route that a plain one would meet") {
  SiteOptions options = with({pattern("/api/(.*)")}, {{"rewrite-target", "/$1"}});
  options.more = ingress_yaml({.name = "guarded", .rules = {{"example.com", {pattern("/api/admin/.*")}}},
                               .annotations = {{"whitelist-source-range", "192.0.2.0/24"}}});
  const Site site(std::move(options));
  CHECK(asked(site, "/api/admin/x") == "403");
  CHECK(asked(site, "/API/Admin/x") == "403");
  CHECK(asked(site, "/api/%61dmin/x") == "403");
  CHECK(asked(site, "/api/admin%2Fx") == "400");
  CHECK(asked(site, "/api/x/..%2Fadmin%2Fx") == "400");
  CHECK(asked(site, "/api/x%2Fy") == "/x/y");
}

TEST_CASE("a pattern that cannot be compiled closes its own route and nothing else") {
  SiteOptions options = with({pattern("/a(b"), pattern("/open"), pattern("/(?!x)(.*)")}, {{"use-regex", "true"}});
  options.more = ingress_yaml({.name = "other", .rules = {{"example.com", {{.path = "/abc"}, {.path = "/"}}}, {"other.test", {{.path = "/"}}}}});
  const Site site(std::move(options));
  CHECK(asked(site, "/a(b") == "503");
  CHECK(asked(site, "/ab") == "503");
  CHECK(asked(site, "/open") == "/open");
  CHECK(asked(site, "/abc/x") == "/abc/x");
  CHECK(asked(site, "/else") == "/else");
  CHECK(asked(site, "/a", "other.test") == "/a");
  const std::string findings = findings_of(site);
  CHECK(findings.find("http.paths[0].path: InvalidRegex") != std::string::npos);
  CHECK(findings.find("http.paths[2].path: InvalidRegex") != std::string::npos);
  CHECK(findings.find("http.paths[1].path: InvalidRegex") == std::string::npos);
}

TEST_CASE("evil patterns cost their own requests no more than the length of the path") {
  const Site site(with({pattern("/(a+)+$"), pattern("/((a|aa)+)+b")}, {{"use-regex", "true"}}));
  CHECK(asked(site, "/" + std::string(8000, 'a') + "!") == "404");
  CHECK(asked(site, "/aaa") == "/aaa");
}

TEST_CASE("the cookie of a session is for what of the pattern is literal") {
  const auto cookie_path = [](const char* path, Annotations more) {
    Annotations annotations = {{"affinity", "cookie"}, {"use-regex", "true"}};
    annotations.merge(more);
    const Site site(with({pattern(path)}, std::move(annotations)));
    const std::string cookie = fetch(site.http(), {.target = "/g/x"}).value("Set-Cookie");
    const size_t at = cookie.find("; Path=") + 7;
    return cookie.substr(at, cookie.find(';', at) - at);
  };
  CHECK(cookie_path("/g(/|$)(.*)", {}) == "/g");
  CHECK(cookie_path("/g/(.*)", {}) == "/g");
  CHECK(cookie_path("/g.*", {}) == "/");
  CHECK(cookie_path("/[a-g]/(x)", {}) == "/");
  CHECK(cookie_path("/g/x|/y", {}) == "/");
  CHECK(cookie_path("/g(/|$)(.*)", {{"session-cookie-path", "/own"}}) == "/own");
}

TEST_CASE("patterns come and go with the annotation, and with what makes patterns of another Ingress") {
  Site site({.ingress = {.rules = {{"example.com", {{.path = "/v1.0"}}}}}});
  CHECK(asked(site, "/v1x0") == "404");
  site.options().more = ingress_yaml({.name = "regex", .rules = {{"example.com", {pattern("/r/(.*)")}}}, .annotations = {{"use-regex", "true"}}});
  site.write();
  CHECK(eventually([&] { return asked(site, "/v1x0") == "/v1x0"; }));
  CHECK(asked(site, "/r/1") == "/r/1");
  site.options().more.clear();
  site.write();
  CHECK(eventually([&] { return asked(site, "/v1x0") == "404"; }));
  CHECK(asked(site, "/v1.0/x") == "/v1.0/x");
}

}  // namespace
}  // namespace narthex::test
