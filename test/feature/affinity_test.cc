// Sticky sessions: by cookie, with ingress-nginx's names and defaults, and by client address.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "base/text.h"
#include "test/feature/site.h"

namespace narthex::test {
namespace {

IngressSpec sticky(std::map<std::string, std::string> more = {}) {
  more.emplace("affinity", "cookie");
  return {.annotations = std::move(more)};
}

// One client's session: the cookie it was given (as "name=value") and the pod it met first.
struct Session {
  std::string cookie, pod;
};

std::string cookie_of(const std::string& set_cookie) { return set_cookie.substr(0, set_cookie.find(';')); }

std::vector<std::string> attributes_of(const std::string& set_cookie) {
  std::vector<std::string> attributes;
  for (std::string_view part : base::split(set_cookie, ';')) attributes.emplace_back(base::trim(part));
  attributes.erase(attributes.begin());
  return attributes;
}

Response fetch_with_cookie(const Site& site, const std::string& cookie) {
  return fetch(site.http(), {.fields = {{"Cookie", cookie}}});
}

Session new_session(const Site& site) {
  const Response response = get(site.http(), "example.com");
  return {cookie_of(response.value("Set-Cookie")), response.value("X-Pod")};
}

std::vector<Session> new_sessions(const Site& site, int count) {
  std::vector<Session> sessions;
  for (int i = 0; i < count; ++i) sessions.push_back(new_session(site));
  return sessions;
}

// The sessions that are not with their pod any more.
std::vector<Session> moved(const Site& site, const std::vector<Session>& sessions) {
  std::vector<Session> out;
  for (const Session& session : sessions) {
    const std::string pod = fetch_with_cookie(site, session.cookie).value("X-Pod");
    if (pod != session.pod) out.push_back({session.cookie, pod});
  }
  return out;
}

// Writes the present pods and waits until they are being served.
void publish_pods(Site& site) {
  site.write();
  const auto served = [&] {
    const std::string routes = site.narthex->routes();
    size_t endpoints = 0;
    for (size_t at = routes.find("\n  127.0.0.1:"); at != std::string::npos; at = routes.find("\n  127.0.0.1:", at + 1))
      ++endpoints;
    for (const auto& pod : site.pods)
      if (routes.find(":" + std::to_string(pod->port()) + "\n") == std::string::npos) return false;
    return endpoints == site.pods.size();
  };
  REQUIRE(eventually(served));
}

TEST_CASE("the cookie is INGRESSCOOKIE, HttpOnly, for the path of the rule, and Secure over TLS alone") {
  Site site({.pods = 3, .ingress = sticky()});
  const Response plain = get(site.http(), "example.com");
  REQUIRE(plain.head.count("Set-Cookie") == 1);
  CHECK(plain.value("Set-Cookie").starts_with("INGRESSCOOKIE="));
  CHECK(attributes_of(plain.value("Set-Cookie")) == std::vector<std::string>{"Path=/", "HttpOnly"});
  const auto tls = connect_tls(site.https(), {.server_name = "example.com"});
  CHECK(attributes_of(exchange(*tls, {}).value("Set-Cookie")) ==
        std::vector<std::string>{"Path=/", "Secure", "HttpOnly"});
}

TEST_CASE("every attribute of the cookie can be set, in the order of ingress-nginx") {
  const Site site({.ingress = sticky({{"session-cookie-name", "ROUTE"},
                                      {"session-cookie-path", "/shop"},
                                      {"session-cookie-domain", "example.com"},
                                      {"session-cookie-expires", "172800"},
                                      {"session-cookie-max-age", "3600"},
                                      {"session-cookie-secure", "true"},
                                      {"session-cookie-samesite", "Strict"}})});
  const std::string set_cookie = get(site.http(), "example.com").value("Set-Cookie");
  CHECK(set_cookie.starts_with("ROUTE="));
  const std::vector<std::string> attributes = attributes_of(set_cookie);
  REQUIRE(attributes.size() == 7);
  // The form of nginx's cookies, two digits of the year (RFC 6265 5.1.1 reads it).
  CHECK_THAT(attributes[0],
             Catch::Matches("Expires=[A-Z][a-z]{2}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"));
  CHECK(std::vector<std::string>(attributes.begin() + 1, attributes.end()) ==
        std::vector<std::string>{"Max-Age=3600", "Domain=example.com", "Path=/shop", "Secure", "HttpOnly",
                                 "SameSite=Strict"});
}

TEST_CASE("each rule has its own cookie path, and rules of an Ingress without affinity set none") {
  IngressSpec spec = sticky();
  spec.rules = {{"example.com", {{.path = "/one"}, {.path = "/two/deep"}}}};
  const Site site(
      {.ingress = spec, .more = ingress_yaml({.name = "plain", .rules = {{"example.com", {{.path = "/plain"}}}}})});
  CHECK(attributes_of(get(site.http(), "example.com", "/one/x").value("Set-Cookie"))[0] == "Path=/one");
  CHECK(attributes_of(get(site.http(), "example.com", "/two/deep").value("Set-Cookie"))[0] == "Path=/two/deep");
  CHECK_FALSE(get(site.http(), "example.com", "/plain").has("Set-Cookie"));
}

TEST_CASE("a session stays with its pod across eight workers, and is told its cookie once") {
  const std::string mode = GENERATE("balanced", "persistent");
  CAPTURE(mode);
  const Site site({.pods = 10, .narthex = {.workers = 8}, .ingress = sticky({{"affinity-mode", mode}})});
  std::set<std::string> pods;
  for (const Session& session : new_sessions(site, 20)) {
    pods.insert(session.pod);
    for (int i = 0; i < 10; ++i) {
      const Response response = fetch_with_cookie(site, "a=b; " + session.cookie + "; c=d");
      REQUIRE(response.value("X-Pod") == session.pod);
      REQUIRE_FALSE(response.has("Set-Cookie"));
    }
  }
  CHECK(pods.size() >= 3);
}

TEST_CASE("sessions stay with their pods across changes of other things and restarts") {
  const std::string mode = GENERATE("balanced", "persistent");
  CAPTURE(mode);
  Site site({.pods = 7, .ingress = sticky({{"affinity-mode", mode}})});
  const std::vector<Session> sessions = new_sessions(site, 30);
  site.folder.write("other.yaml", ingress_yaml({.name = "other", .rules = {{.host = "other.org"}}}));
  REQUIRE(eventually([&] { return get(site.http(), "other.org").status == 200; }));
  CHECK(moved(site, sessions).empty());
  site.restart();
  CHECK(moved(site, sessions).empty());
  std::reverse(site.pods.begin(), site.pods.end());
  publish_pods(site);
  CHECK(moved(site, sessions).empty());
}

TEST_CASE("persistent sessions stay for as long as their pod lives, whatever comes and goes beside it") {
  Site site({.pods = 4, .ingress = sticky({{"affinity-mode", "persistent"}})});
  const std::vector<Session> sessions = new_sessions(site, 60);
  for (int i = 0; i < 6; ++i) site.add_pod();
  publish_pods(site);
  CHECK(moved(site, sessions).empty());
  const std::unique_ptr<Backend> gone = std::move(site.pods.front());
  site.pods.erase(site.pods.begin());
  publish_pods(site);
  const auto with_gone = std::count_if(sessions.begin(), sessions.end(),
                                       [&](const Session& session) { return session.pod == gone->name(); });
  REQUIRE(with_gone > 0);
  CHECK(moved(site, sessions).size() == static_cast<size_t>(with_gone));
  for (const Session& session : sessions) {
    if (session.pod != gone->name()) continue;
    const Response response = fetch_with_cookie(site, session.cookie);
    REQUIRE(response.has("Set-Cookie"));
    REQUIRE(fetch_with_cookie(site, cookie_of(response.value("Set-Cookie"))).value("X-Pod") == response.value("X-Pod"));
    REQUIRE_FALSE(fetch_with_cookie(site, cookie_of(response.value("Set-Cookie"))).has("Set-Cookie"));
  }
}

TEST_CASE("balanced sessions move only from a pod that goes and only to a pod that comes") {
  Site site({.pods = 6, .ingress = sticky()});
  const std::vector<Session> sessions = new_sessions(site, 120);
  const std::unique_ptr<Backend> gone = std::move(site.pods.back());
  site.pods.pop_back();
  publish_pods(site);
  const auto with_gone = std::count_if(sessions.begin(), sessions.end(),
                                       [&](const Session& session) { return session.pod == gone->name(); });
  CHECK(moved(site, sessions).size() == static_cast<size_t>(with_gone));
  site.pods.push_back(std::make_unique<Backend>("newcomer"));
  publish_pods(site);
  std::vector<Session> settled;
  for (const Session& session : sessions)
    if (session.pod != gone->name()) settled.push_back(session);
  const std::vector<Session> to_newcomer = moved(site, settled);
  CHECK(to_newcomer.size() < settled.size() / 2);  // a sixth is expected
  for (const Session& session : to_newcomer) CHECK(session.pod == "newcomer");
}

TEST_CASE("sessions without any pod get 503, and find their pod again when it is back") {
  Site site({.pods = 5, .ingress = sticky()});
  const std::vector<Session> sessions = new_sessions(site, 10);
  std::vector<std::unique_ptr<Backend>> away;
  away.swap(site.pods);
  publish_pods(site);
  CHECK(fetch_with_cookie(site, sessions[0].cookie).status == 503);
  site.pods.swap(away);
  publish_pods(site);
  CHECK(moved(site, sessions).empty());
}

TEST_CASE("a forged cookie leads to some pod of the Service and does no harm") {
  const std::string mode = GENERATE("balanced", "persistent");
  CAPTURE(mode);
  Site site({.pods = 4, .ingress = sticky({{"affinity-mode", mode}})});
  const Session real = new_session(site);
  const std::string value = real.cookie.substr(real.cookie.find('=') + 1);
  const std::vector<std::string> forged = {"",
                                           "x",
                                           "\"quoted\"",
                                           "127.0.0.1:22",
                                           value + "x",
                                           value.substr(0, value.size() / 2),
                                           std::string(6000, 'a'),
                                           "1700000000.123.45.678|0123456789abcdef0123456789abcdef",
                                           "%00%0d%0aSet-Cookie:evil=1",
                                           "\x80\xff\xfe",
                                           "a=b=c",
                                           "|||"};
  for (const std::string& text : forged) {
    CAPTURE(text);
    const Response response = fetch_with_cookie(site, "INGRESSCOOKIE=" + text);
    REQUIRE(response.status == 200);
    const Response again = fetch_with_cookie(site, "INGRESSCOOKIE=" + text + "; " + real.cookie);
    REQUIRE(again.status == 200);
    for (const std::string& set_cookie : again.head.values("Set-Cookie"))
      CHECK(set_cookie.starts_with("INGRESSCOOKIE="));
  }
  CHECK(fetch_with_cookie(site, real.cookie).value("X-Pod") == real.pod);
  CHECK(fetch_with_cookie(site, "XINGRESSCOOKIE=a; " + real.cookie).value("X-Pod") == real.pod);
}

TEST_CASE("a session whose pod refuses connections moves, with a new cookie, where change-on-failure asks for it") {
  Site site({.pods = 3, .ingress = sticky({{"session-cookie-change-on-failure", "true"}})});
  const Session session = new_session(site);
  for (auto& pod : site.pods)
    if (pod->name() == session.pod) {
      pod->stop_accepting();
      pod->close_connections();
      REQUIRE(eventually([&] { return pod->open_connections() == 0; }));
    }
  const Response response = fetch_with_cookie(site, session.cookie);
  CHECK(response.status == 200);
  CHECK(response.value("X-Pod") != session.pod);
  REQUIRE(response.has("Set-Cookie"));
  for (int i = 0; i < 5; ++i)
    CHECK(fetch_with_cookie(site, cookie_of(response.value("Set-Cookie"))).value("X-Pod") == response.value("X-Pod"));
}

TEST_CASE("ClientIP affinity sends each client address to one pod, from whichever worker") {
  const Site site({.pods = 8, .narthex = {.workers = 8}, .service_extra = "  sessionAffinity: ClientIP\n"});
  std::set<std::string> pods;
  for (int address = 2; address < 40; ++address) {
    const std::string source = "127.0.0." + std::to_string(address);
    const std::string first = exchange(*connect_plain(site.http(), source), {}).value("X-Pod");
    pods.insert(first);
    for (int i = 0; i < 8; ++i) REQUIRE(exchange(*connect_plain(site.http(), source), {}).value("X-Pod") == first);
  }
  CHECK(pods.size() >= 4);
}

}  // namespace
}  // namespace narthex::test
