// What annotations and settings ask for, carried out by the real binary: who may ask, redirects, limits, CORS, retries, trust.
#include <catch2/catch.hpp>

#include "test/feature/site.h"

namespace narthex::test {
namespace {

using Annotations = std::map<std::string, std::string>;

SiteOptions with(Annotations annotations) { return {.ingress = {.annotations = std::move(annotations)}}; }

// A site whose settings are `data`, the lines of a ConfigMap's data.
SiteOptions with_settings(const std::string& data, Annotations annotations = {}) {
  return {.narthex = {.more = {"--configmap", "default/settings"}},
          .ingress = {.annotations = std::move(annotations)},
          .more = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: default}\ndata:\n" + data};
}

int status_from(const Site& site, const std::string& source, const Request& request = {}) {
  return exchange(*connect_plain(site.http(), source), request).status;
}

std::string findings_of(const Site& site) { return site.narthex->admin("/findings").body; }

TEST_CASE("lists of client addresses let in and keep out, the denied ones first") {
  const Site allowed(with({{"whitelist-source-range", "127.0.0.2, 127.0.1.0/24"}}));
  CHECK(status_from(allowed, "127.0.0.1") == 403);
  CHECK(status_from(allowed, "127.0.0.2") == 200);
  CHECK(status_from(allowed, "127.0.1.200") == 200);
  const Site denied(with({{"denylist-source-range", "127.0.0.2"}}));
  CHECK(status_from(denied, "127.0.0.1") == 200);
  CHECK(status_from(denied, "127.0.0.2") == 403);
  const Site both(with({{"allowlist-source-range", "127.0.0.0/24"}, {"denylist-source-range", "127.0.0.2"}}));
  CHECK(status_from(both, "127.0.0.1") == 200);
  CHECK(status_from(both, "127.0.0.2") == 403);
  CHECK(status_from(both, "127.0.1.1") == 403);
  // A claim about the address changes nothing: nobody is trusted to make one.
  CHECK(status_from(allowed, "127.0.0.1", {.fields = {{"X-Forwarded-For", "127.0.0.2"}, {"X-Real-IP", "127.0.0.2"}}}) == 403);
  CHECK(allowed.requests() == 2);
}

TEST_CASE("a list that cannot be read closes its routes and says so") {
  for (const char* value : {"not-a-cidr", "", "127.0.0.0/8;10.0.0.0/8", "127.0.0.0/8,bad", "10.0.0.0/33"}) {
    CAPTURE(value);
    const Site site(with({{"allowlist-source-range", value}}));
    CHECK(status_from(site, "127.0.0.1") == 503);
    CHECK(findings_of(site).find("InvalidAnnotationValue") != std::string::npos);
    CHECK(site.requests() == 0);
  }
}

TEST_CASE("what no rule takes is under the policy of the host's oldest Ingress") {
  SiteOptions options = with({{"whitelist-source-range", "192.0.2.0/24"}});
  options.ingress.rules = {{"example.com", {{.path = "/closed"}}}};
  const Site site(std::move(options));
  CHECK(fetch(site.http(), {.target = "/closed"}).status == 403);
  CHECK(fetch(site.http(), {.target = "/elsewhere"}).status == 403);
  CHECK(fetch(site.http(), {.host = "unknown.org"}).status == 404);
}

TEST_CASE("hosts with TLS send plain requests to https, whatever became of their certificate") {
  SiteOptions options = with({});
  options.ingress.tls = {{{"example.com"}, "missing"}};
  const Site site(std::move(options));
  const auto location = [&](const std::string& target, const std::string& host = "example.com") {
    const Response response = fetch(site.http(), {.target = target, .host = host});
    CHECK(response.status == 308);
    return response.value("Location");
  };
  CHECK(location("/") == "https://example.com");
  CHECK(location("/a/") == "https://example.com/a");
  CHECK(location("/a%20b/%2F?x=%20") == "https://example.com/a%20b/%2F?x=%20");
  CHECK(location("/a?b=c/") == "https://example.com/a?b=c");
  CHECK(location("//evil.org/%2e%2e") == "https://example.com//evil.org/%2e%2e");
  CHECK(location("/x", "example.com:8080") == "https://example.com/x");
  CHECK(exchange(*connect_tls(site.https(), {.server_name = "example.com"}), {}).status == 200);
  CHECK(fetch(site.http(), {.target = "/", .fields = {{"X-Forwarded-Proto", "https"}}}).status == 308);
  CHECK(site.requests() == 1);
}

TEST_CASE("a wildcard with TLS sends the hosts below it to https, too") {
  SiteOptions options = with({});
  options.ingress.rules = {{"one.example.com", {{.path = "/"}}}, {"one.example.org", {{.path = "/"}}}};
  options.more = ingress_yaml({.name = "wild", .rules = {{"*.example.com", {{.path = "/"}}}}, .tls = {{{"*.example.com"}, ""}}});
  const Site site(std::move(options));
  CHECK(fetch(site.http(), {.host = "one.example.com"}).status == 308);
  CHECK(fetch(site.http(), {.host = "two.example.com"}).status == 308);
  CHECK(fetch(site.http(), {.host = "one.example.org"}).status == 200);
}

TEST_CASE("redirects to https are asked for, or not wanted, by annotations and by settings") {
  SiteOptions options = with({{"ssl-redirect", "false"}});
  options.ingress.tls = {{{"example.com"}, ""}};
  CHECK(fetch(Site(std::move(options)).http(), {}).status == 200);
  const Site forced(with({{"force-ssl-redirect", "true"}, {"preserve-trailing-slash", "true"}}));
  CHECK(fetch(forced.http(), {.target = "/a/"}).value("Location") == "https://example.com/a/");
  const Site by_settings(with_settings("  force-ssl-redirect: \"true\"\n  http-redirect-code: \"301\"\n"));
  CHECK(fetch(by_settings.http(), {}).status == 301);
  SiteOptions acme = with_settings("  force-ssl-redirect: \"true\"\n");
  acme.ingress.rules = {{"example.com", {{.path = "/"}, {.path = "/.well-known/acme-challenge/x"}}}};
  const Site with_acme(std::move(acme));
  CHECK(fetch(with_acme.http(), {.target = "/.well-known/acme-challenge/x"}).status == 200);
  CHECK(fetch(with_acme.http(), {.target = "/.well-known/acme-challenge/y"}).status == 308);
}

TEST_CASE("permanent and temporal redirects answer every request of their routes") {
  const Site site(with({{"permanent-redirect", "https://p.example.org/x?y=1"}, {"permanent-redirect-code", "308"}}));
  const Response response = fetch(site.http(), {.method = "POST", .target = "/some?q", .body = "b"});
  CHECK(response.status == 308);
  CHECK(response.value("Location") == "https://p.example.org/x?y=1");
  CHECK(site.requests() == 0);
  const Site both(with({{"permanent-redirect", "https://p.example.org"}, {"temporal-redirect", "https://t.example.org"}}));
  CHECK(fetch(both.http(), {}).status == 302);
  CHECK(fetch(both.http(), {}).value("Location") == "https://t.example.org");
  const Site path(with({{"permanent-redirect", "/there"}}));
  CHECK(fetch(path.http(), {.host = "example.com:81"}).value("Location") == "http://example.com:81/there");
  const Site relative(with({{"permanent-redirect", "/there"}, {"relative-redirects", "true"}}));
  CHECK(fetch(relative.http(), {}).value("Location") == "/there");
}

TEST_CASE("an Ingress with a redirect that cannot be read is not served, and nobody else notices") {
  SiteOptions options = with({});
  options.more = ingress_yaml({.name = "bad", .rules = {{"bad.org", {{.path = "/"}}}},
                               .annotations = {{"permanent-redirect", "https://x.org$request_uri"}}});
  const Site site(std::move(options));
  CHECK(fetch(site.http(), {.host = "bad.org"}).status == 404);
  CHECK(fetch(site.http(), {}).status == 200);
  CHECK(findings_of(site).find("this Ingress is not served until then") != std::string::npos);
}

TEST_CASE("app-root is where / of the host goes, and nothing else") {
  const Site site(with({{"app-root", "/app"}}));
  const Response response = fetch(site.http(), {.target = "/?x=1", .host = "example.com:8080"});
  CHECK(response.status == 302);
  CHECK(response.value("Location") == "http://example.com:8080/app");
  CHECK(fetch(site.http(), {.target = "/other"}).status == 200);
}

TEST_CASE("aliases are served like their host, and the www twin is sent to it") {
  Site site(with({{"server-alias", "alias.org"}, {"from-to-www-redirect", "true"}}));
  CHECK(fetch(site.http(), {.host = "alias.org"}).status == 200);
  const Response twin = fetch(site.http(), {.target = "/foo/?a=b", .host = "www.example.com"});
  CHECK(twin.status == 308);
  CHECK(twin.value("Location") == "http://example.com:" + std::to_string(site.http()) + "/foo/?a=b");
  CHECK(exchange(*connect_tls(site.https(), {.server_name = "www.example.com"}), {.target = "/", .host = "www.example.com"})
            .value("Location") == "https://example.com:443");
  // A rule for the host itself takes it over, and its end gives it back.
  site.options().more = ingress_yaml({.name = "own", .rules = {{"alias.org", {{.path = "/own"}}}}});
  site.write();
  CHECK(eventually([&] { return fetch(site.http(), {.host = "alias.org"}).status == 404; }));
  site.options().more.clear();
  site.write();
  CHECK(eventually([&] { return fetch(site.http(), {.host = "alias.org"}).status == 200; }));
  // Another Ingress of the host changes its aliases, too.
  site.options().more = ingress_yaml({.name = "more", .rules = {{"example.com", {{.path = "/gone", .service = "none"}}}}});
  site.write();
  CHECK(eventually([&] { return fetch(site.http(), {.target = "/gone", .host = "alias.org"}).status == 503; }));
}

TEST_CASE("bodies above the limit are 413, by length before a byte of them and by chunks as they come") {
  const Site site(with({{"proxy-body-size", "1k"}}));
  CHECK(fetch(site.http(), {.method = "POST", .body = std::string(1024, 'x')}).status == 200);
  CHECK(fetch(site.http(), {.method = "POST", .body = std::string(1025, 'x')}).status == 413);
  const auto waiting = connect_plain(site.http());
  waiting->send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1025\r\nExpect: 100-continue\r\n\r\n");
  CHECK(read_response(*waiting).status == 413);
  const auto chunked = connect_plain(site.http());
  chunked->send("POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n3ff\r\n" + std::string(1023, 'x') +
                "\r\n2\r\nxx\r\n0\r\n\r\n");
  CHECK(read_response(*chunked).status == 413);
  const Site standard;
  CHECK(fetch(standard.http(), {.method = "POST", .body = std::string(1 << 20, 'x')}).status == 200);
  CHECK(fetch(standard.http(), {.method = "POST", .body = std::string((1 << 20) + 1, 'x')}).status == 413);
}

TEST_CASE("CORS answers preflights and marks every response, for the origins that are listed") {
  const Site site(with({{"enable-cors", "true"}, {"cors-allow-origin", "https://a.test, http://b.test:8080,https://*.w.test"}}));
  const auto origin_for = [&](const std::string& origin) {
    return fetch(site.http(), {.fields = {{"Origin", origin}}}).value("Access-Control-Allow-Origin");
  };
  CHECK(origin_for("https://a.test") == "https://a.test");
  CHECK(origin_for("https://A.test") == "https://A.test");
  CHECK(origin_for("http://b.test:8080") == "http://b.test:8080");
  CHECK(origin_for("https://x.w.test") == "https://x.w.test");
  for (const char* other : {"http://b.test", "https://x.y.w.test", "https://w.test", "evilhttps://a.test", "https://a.test.evil",
                            "https://aXtest", "null", ""})
    CHECK(origin_for(other).empty());
  const Response preflight = fetch(site.http(), {.method = "OPTIONS", .fields = {{"Origin", "https://a.test"}}});
  CHECK(preflight.status == 204);
  CHECK(preflight.value("Access-Control-Allow-Methods") == "GET, PUT, POST, DELETE, PATCH, OPTIONS");
  CHECK(preflight.value("Access-Control-Allow-Credentials") == "true");
  CHECK(preflight.value("Vary") == "Origin");
  CHECK(fetch(site.http(), {.method = "OPTIONS", .fields = {{"Origin", "https://other.test"}}}).status == 200);
  const Site none(with({{"enable-cors", "true"}, {"cors-allow-origin", "not an origin"}}));
  CHECK_FALSE(fetch(none.http(), {.fields = {{"Origin", "https://x.test"}}}).has("Access-Control-Allow-Origin"));
  const Site all(with({{"enable-cors", "true"}, {"cors-allow-credentials", "false"}, {"cors-max-age", "600"}}));
  const Response any = fetch(all.http(), {});
  CHECK(any.value("Access-Control-Allow-Origin") == "*");
  CHECK(any.value("Access-Control-Max-Age") == "600");
  CHECK_FALSE(any.has("Access-Control-Allow-Credentials"));
}

TEST_CASE("nothing of one client's redirect shows in another client's answer") {
  SiteOptions options = with({{"enable-cors", "true"}});
  options.narthex.workers = 1;
  options.more = ingress_yaml({.name = "secure", .rules = {{"secure.org", {{.path = "/"}}}}, .annotations = {{"force-ssl-redirect", "true"}}});
  const Site site(std::move(options));
  for (int i = 0; i < 3; ++i) {
    CHECK(fetch(site.http(), {.target = "/reset?token=secret", .host = "secure.org"}).status == 308);
    const Response preflight = fetch(site.http(), {.method = "OPTIONS", .fields = {{"Origin", "https://other.test"}}});
    CHECK(preflight.status == 204);
    CHECK_FALSE(preflight.has("Location"));
    CHECK_FALSE(fetch(site.http(), {.host = "unknown.org"}).has("Location"));
  }
}

TEST_CASE("responses over TLS carry HSTS, also those that are made here, plain ones do not") {
  const Site site;
  const auto secure = [&](const std::string& host) {
    return exchange(*connect_tls(site.https(), {.server_name = host}), {.host = host}).value("Strict-Transport-Security");
  };
  CHECK(secure("example.com") == "max-age=31536000; includeSubDomains");
  CHECK(secure("unknown.org") == "max-age=31536000; includeSubDomains");
  CHECK_FALSE(fetch(site.http(), {}).has("Strict-Transport-Security"));
  const Site other(with_settings("  hsts-max-age: \"100\"\n  hsts-include-subdomains: \"false\"\n  hsts-preload: \"true\"\n"));
  CHECK(exchange(*connect_tls(other.https(), {.server_name = "example.com"}), {}).value("Strict-Transport-Security") ==
        "max-age=100; preload");
}

TEST_CASE("a trusted proxy in front is believed about the client, anybody else is not") {
  const Site site(with_settings("  use-forwarded-headers: \"true\"\n  proxy-real-ip-cidr: 127.0.0.1,198.51.100.0/24\n",
                                {{"whitelist-source-range", "203.0.113.0/24"}}));
  const std::vector<Field> claims = {{"X-Forwarded-For", "203.0.113.9, 198.51.100.1"},
                                     {"X-Forwarded-Host", "one.test, two.test"},
                                     {"X-Forwarded-Proto", "https"},
                                     {"X-Forwarded-Port", "8443"}};
  const Head seen = echoed_head(exchange(*connect_plain(site.http(), "127.0.0.1"), {.fields = claims}));
  CHECK(seen.value("X-Forwarded-For") == "203.0.113.9");
  CHECK(seen.value("X-Real-IP") == "203.0.113.9");
  CHECK(seen.value("X-Forwarded-Proto") == "https");
  CHECK(seen.value("X-Forwarded-Port") == "8443");
  CHECK(seen.value("X-Forwarded-Host") == "one.test");
  CHECK(seen.value("Host") == "one.test");
  CHECK(seen.value("X-Original-Forwarded-For") == "203.0.113.9, 198.51.100.1");
  CHECK(status_from(site, "127.0.0.2", {.fields = claims}) == 403);
  CHECK(status_from(site, "127.0.0.1") == 403);
  // The client may write what it wants to the left of what the proxy adds.
  CHECK(status_from(site, "127.0.0.1", {.fields = {{"X-Forwarded-For", "203.0.113.9, 192.0.2.66"}}}) == 403);
  CHECK(status_from(site, "127.0.0.1", {.fields = {{"X-Forwarded-For", "not-an-ip"}}}) == 403);
}

TEST_CASE("who relays for a client says so in a PROXY header, must, and is trusted to") {
  const Site site(with_settings("  use-proxy-protocol: \"true\"\n  proxy-real-ip-cidr: 127.0.0.1/32\n", {{"denylist-source-range", "203.0.113.66"}}));
  const auto ask = [&](const std::string& header, const std::string& source = "127.0.0.1") {
    const auto client = connect_plain(site.http(), source);
    client->send(header + to_wire({}));
    return read_response(*client);
  };
  const Head v1 = echoed_head(ask("PROXY TCP4 203.0.113.5 10.0.0.1 1234 443\r\n"));
  CHECK(v1.value("X-Real-IP") == "203.0.113.5");
  CHECK(v1.value("X-Forwarded-For") == "203.0.113.5");
  CHECK(v1.value("X-Forwarded-Port") == "443");
  CHECK(v1.value("X-Forwarded-Proto") == "https");
  CHECK(echoed_head(ask("PROXY TCP6 2001:db8::5 2001:db8::1 1234 80\r\n")).value("X-Real-IP") == "2001:db8::5");
  CHECK(echoed_head(ask("PROXY UNKNOWN\r\n")).value("X-Real-IP") == "127.0.0.1");
  CHECK(ask("PROXY TCP4 203.0.113.66 10.0.0.1 1234 80\r\n").status == 403);
  for (const char* header : {"", "PROXY TCP4 203.0.113.5\r\n", "PROXY TCP4 a b 1 2\r\n", "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n"})
    CHECK_THROWS_AS(ask(header), NetworkError);
  CHECK_THROWS_AS(ask("PROXY TCP4 203.0.113.5 10.0.0.1 1234 443\r\n", "127.0.0.2"), NetworkError);

  const auto dripping = connect_plain(site.http());
  const std::string slow = "PROXY TCP4 203.0.113.7 10.0.0.1 1234 80\r\n" + to_wire({});
  for (const char byte : slow) dripping->send(std::string(1, byte));
  CHECK(echoed_head(read_response(*dripping)).value("X-Real-IP") == "203.0.113.7");
  CHECK(echoed_head(exchange(*dripping, {})).value("X-Real-IP") == "203.0.113.7");

  const std::string v2 = std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16) + std::string("\xcb\0\x71\x08\x0a\0\0\1\4\xd2\1\xbb", 12);
  CHECK(echoed_head(ask(v2)).value("X-Real-IP") == "203.0.113.8");
  // Under TLS it comes in clear, before the handshake.
  const auto secure = connect_tls(site.https(), {.server_name = "example.com", .source = "127.0.0.1", .prelude = v2});
  const Head seen = echoed_head(exchange(*secure, {}));
  CHECK(seen.value("X-Real-IP") == "203.0.113.8");
  CHECK(seen.value("X-Forwarded-Proto") == "https");
}

TEST_CASE("answers that the route does not want are asked for at another pod, the last one is the client's") {
  SiteOptions options = with({{"proxy-next-upstream", "error http_503"}});
  options.pods = 3;
  options.handler = [](BackendExchange& exchange) { exchange.respond(503, "no"); };
  const Site site(std::move(options));
  const Response response = fetch(site.http(), {});
  CHECK(response.status == 503);
  CHECK(response.body == "no");
  CHECK(site.requests() == 3);
  CHECK(fetch(site.http(), {.method = "POST", .body = "once"}).body == "no");
  CHECK(site.requests() == 4);
  SiteOptions once = with({{"proxy-next-upstream-tries", "1"}});
  once.pods = 2;
  once.handler = [](BackendExchange& exchange) { exchange.close(); };
  const Site tried_once(std::move(once));
  CHECK(fetch(tried_once.http(), {}).status == 502);
  CHECK(tried_once.requests() == 1);
}

TEST_CASE("a pod is asked as upstream-vhost and connection-proxy-header say") {
  const Site site(with({{"upstream-vhost", "inside.local:81"}, {"connection-proxy-header", "close"}}));
  const Head seen = echoed_head(fetch(site.http(), {}));
  CHECK(seen.value("Host") == "inside.local:81");
  CHECK(seen.value("X-Forwarded-Host") == "example.com");
  CHECK(seen.value("Connection") == "close");
}

TEST_CASE("settings take effect as they change, and what cannot be read keeps its default") {
  Site site(with_settings("  proxy-body-size: 1k\n  no-such-key: x\n  proxy-read-timeout: 10s\n"));
  CHECK(fetch(site.http(), {.method = "POST", .body = std::string(2000, 'x')}).status == 413);
  CHECK(findings_of(site).find("UnknownSetting") != std::string::npos);
  CHECK(findings_of(site).find("data[proxy-read-timeout]: InvalidSettingValue") != std::string::npos);
  const auto client = connect_plain(site.http());
  CHECK(exchange(*client, {}).status == 200);
  site.options().more = with_settings("  proxy-body-size: 1m\n").more;
  site.write();
  CHECK(eventually([&] { return fetch(site.http(), {.method = "POST", .body = std::string(2000, 'x')}).status == 200; }));
  CHECK(exchange(*client, {}).status == 200);
  site.options().more = with_settings("  block-cidrs: nonsense\n").more;
  site.write();
  CHECK(eventually([&] { return exchange(*client, {}).status == 503; }));
  site.options().more.clear();
  site.write();
  CHECK(eventually([&] { return exchange(*client, {}).status == 200; }));
  CHECK(eventually([&] { return findings_of(site).find("InvalidSettingValue") == std::string::npos; }));
}

TEST_CASE("names with underscores pass where the settings let them, but none that reads like a field of ours") {
  const Site site(with_settings("  enable-underscores-in-headers: \"true\"\n"));
  const Head seen = echoed_head(fetch(site.http(), {.fields = {{"X_Under", "1"}, {"X_Forwarded_For", "6.6.6.6"}, {"X_Real-IP", "6.6.6.6"},
                                                               {"ssl_client_verify", "SUCCESS"}, {"Transfer_Encoding", "chunked"}}}));
  CHECK(seen.value("X_Under") == "1");
  for (const char* name : {"X_Forwarded_For", "X_Real-IP", "ssl_client_verify", "Transfer_Encoding"}) CHECK(seen.count(name) == 0);
}

TEST_CASE("fields of answers are hidden and told as the settings say") {
  SiteOptions options = with_settings("  hide-headers: X-Secret,x-powered-by\n  server-tokens: \"true\"\n");
  options.handler = [](BackendExchange& exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Secret: 1\r\nX-Powered-By: php\r\nX-Open: 1\r\nServer: inner\r\n\r\n");
  };
  const Site site(std::move(options));
  const Response response = fetch(site.http(), {});
  CHECK_FALSE(response.has("X-Secret"));
  CHECK_FALSE(response.has("X-Powered-By"));
  CHECK(response.has("X-Open"));
  CHECK(response.value("Server") == "narthex");
}

}  // namespace
}  // namespace narthex::test
