#include "config/annotations.h"

#include <fmt/format.h>

#include "config/annotations_table.h"
#include "test/config/decoding.h"

namespace narthex::config {
namespace {

struct Read {
  IngressAnnotations annotations;
  Findings findings;
};

// Names without the prefix.
Read read(const std::map<std::string, std::string>& values, const std::string& prefix = kDefaultAnnotationsPrefix) {
  Meta meta;
  meta.key = {"default", "shop"};
  meta.origin = {"f.yaml", 3};
  for (const auto& [name, value] : values) meta.annotations["nginx.ingress.kubernetes.io/" + name] = value;
  meta.annotations["kubernetes.io/ingress.class"] = "nginx";
  Read out;
  out.annotations = decode_annotations(meta, prefix, RouteOptions{}, out.findings);
  return out;
}

// The findings without the long field names.
std::string told(const Read& done) {
  std::string out;
  for (const Finding& one : done.findings) {
    CHECK(one.object == ObjectRef{"Ingress", "default", "shop"});
    CHECK(one.origin == Origin{"f.yaml", 3});
    const std::string_view head = "metadata.annotations[nginx.ingress.kubernetes.io/";
    REQUIRE(one.field.starts_with(head));
    REQUIRE(one.field.ends_with("]"));
    const std::string name = one.field.substr(head.size(), one.field.size() - head.size() - 1);
    out += fmt::format("{}{} {} {}", out.empty() ? "" : "; ", one.severity == Severity::refused ? "refused" : "note",
                       one.reason, name);
  }
  return out;
}

CookieAffinity cookie(std::map<std::string, std::string> values) {
  values["affinity"] = "cookie";
  const Read done = read(values);
  CHECK(told(done) == "");
  REQUIRE(done.annotations.affinity);
  return *done.annotations.affinity;
}

}  // namespace

TEST_CASE("an Ingress without annotations of the prefix asks for nothing") {
  const Read done = read({});
  CHECK(done.annotations == IngressAnnotations{});
  CHECK(told(done) == "");
  CHECK(read({{"affinity", "cookie"}}, "other.example.com").annotations == IngressAnnotations{});
}

TEST_CASE("cookie affinity has the defaults of ingress-nginx") {
  const CookieAffinity affinity = cookie({});
  CHECK(affinity == CookieAffinity{});
  CHECK(affinity.name == "INGRESSCOOKIE");
  CHECK(affinity.mode == AffinityMode::balanced);
}

TEST_CASE("cookie affinity takes every setting of ingress-nginx") {
  const CookieAffinity affinity = cookie({{"affinity-mode", "persistent"},
                                          {"session-cookie-name", "route"},
                                          {"session-cookie-path", " /shop "},
                                          {"session-cookie-domain", "example.com"},
                                          {"session-cookie-expires", "172800"},
                                          {"session-cookie-max-age", "0"},
                                          {"session-cookie-secure", "True"},
                                          {"session-cookie-samesite", "nOnE"},
                                          {"session-cookie-conditional-samesite-none", "t"},
                                          {"session-cookie-change-on-failure", "1"}});
  CHECK(affinity.mode == AffinityMode::persistent);
  CHECK(affinity.name == "route");
  CHECK(affinity.path == "/shop");
  CHECK(affinity.domain == "example.com");
  CHECK(affinity.expires == std::chrono::seconds(172800));
  CHECK(affinity.max_age == std::chrono::seconds(0));
  CHECK(affinity.secure);
  CHECK(affinity.same_site == SameSite::none);
  CHECK(affinity.conditional_same_site_none);
  CHECK(affinity.change_on_failure);
  CHECK(cookie({{"session-cookie-samesite", "Lax"}}).same_site == SameSite::lax);
  CHECK(cookie({{"session-cookie-samesite", "STRICT"}}).same_site == SameSite::strict);
  CHECK_FALSE(cookie({{"session-cookie-secure", "F"}}).secure);
}

TEST_CASE("a bad value is told and the default is used") {
  const std::pair<const char*, std::string> cases[] = {
      {"affinity-mode", "Balanced"},
      {"session-cookie-name", "a b"},
      {"session-cookie-name", "a;b"},
      {"session-cookie-name", "a=b"},
      {"session-cookie-name", "caf\xc3\xa9"},
      {"session-cookie-name", std::string(300, 'a')},
      {"session-cookie-path", "/a;b"},
      {"session-cookie-path", "/a,b"},
      {"session-cookie-path", "/a\r\nSet-Cookie: x=y"},
      {"session-cookie-path", std::string("/a\0b", 4)},
      {"session-cookie-path", "/" + std::string(1024, 'a')},
      {"session-cookie-domain", "a;b"},
      {"session-cookie-domain", "a\nb"},
      {"session-cookie-expires", "10s"},
      {"session-cookie-expires", "-1"},
      {"session-cookie-max-age", "-5"},
      {"session-cookie-max-age", "1.5"},
      {"session-cookie-max-age", "10000000000"},
      {"session-cookie-max-age", "99999999999999999999999"},
      {"session-cookie-samesite", "any"},
      {"session-cookie-secure", "yes"},
      {"session-cookie-conditional-samesite-none", "on"},
      {"session-cookie-change-on-failure", "tRUE"},
  };
  for (const auto& [name, value] : cases) {
    INFO(name << ": " << value);
    const Read done = read({{"affinity", "cookie"}, {name, value}});
    CHECK(told(done) == std::string("refused InvalidAnnotationValue ") + name);
    CHECK(done.annotations.affinity == CookieAffinity{});
  }
}

TEST_CASE("an empty value counts as absent, with a note") {
  for (const char* name : {"affinity-mode", "session-cookie-name", "session-cookie-path", "session-cookie-max-age",
                           "session-cookie-samesite", "session-cookie-secure"}) {
    const Read done = read({{"affinity", "cookie"}, {name, " "}});
    CHECK(told(done) == std::string("note EmptyAnnotation ") + name);
    CHECK(done.annotations.affinity == CookieAffinity{});
  }
  CHECK(told(read({{"affinity", ""}})) == "note EmptyAnnotation affinity");
}

TEST_CASE("a cookie path that clients will not take is told") {
  const Read done = read({{"affinity", "cookie"}, {"session-cookie-path", "shop"}});
  CHECK(told(done) == "note DoubtfulAnnotationValue session-cookie-path");
  CHECK(done.annotations.affinity->path == "shop");
}

TEST_CASE("another affinity than cookie is none") {
  const Read done = read({{"affinity", "ip"}, {"session-cookie-name", "route"}});
  CHECK(told(done) == "refused InvalidAnnotationValue affinity; note AnnotationWithoutEffect session-cookie-name");
  CHECK_FALSE(done.annotations.affinity);
  CHECK(told(read({{"session-cookie-max-age", "x"}})) == "note AnnotationWithoutEffect session-cookie-max-age");
}

TEST_CASE("a rewrite target is a path or a URL with a host of its own, and $1 to $9") {
  for (const char* target : {"/", "/$2", "$1", "foo/$1", "/a-b_c.d~e:f/$1$9", "https://x.test/$2", "http://x.test:81", "https://x.test$1"}) {
    INFO(target);
    const Read done = read({{"rewrite-target", target}});
    CHECK(told(done) == "");
    CHECK(done.annotations.route.rewrite_target == target);
  }
  for (const std::string target : {"/a b", "/a?b", "/$", "/$0", "/$x", "$scheme://x", "/${1}", "/%41", "/../$1", "/a/.", "https://$1", "http://",
                                   "/\xc3\xa9"}) {
    INFO(target);
    const Read done = read({{"rewrite-target", target}});
    CHECK(told(done) == "refused InvalidAnnotationValue rewrite-target");
    CHECK(done.annotations == IngressAnnotations{});
  }
  CHECK(told(read({{"rewrite-target", "/" + std::string(4096, 'a')}})) == "refused InvalidAnnotationValue rewrite-target");
  CHECK(told(read({{"rewrite-target", ""}})) == "note EmptyAnnotation rewrite-target");
  CHECK(told(read({{"x-forwarded-prefix", "/x"}})) == "note AnnotationWithoutEffect x-forwarded-prefix");
  CHECK(read({{"rewrite-target", "/"}, {"x-forwarded-prefix", "/a b"}}).annotations.refused);
  const Read variable = read({{"rewrite-target", "/"}, {"x-forwarded-prefix", "/$host"}});
  CHECK(told(variable) == "refused InvalidAnnotationValue x-forwarded-prefix");
  CHECK_FALSE(variable.annotations.refused);
  CHECK(variable.annotations.route.forwarded_prefix.empty());
}

TEST_CASE("annotations that are unknown, not carried out or removed get a note each") {
  CHECK(told(read({{"rate-limit", "1"}})) == "note UnknownAnnotation rate-limit");
  CHECK(told(read({{"enable-rewrite-log", "true"}})) == "note AnnotationNotSupported enable-rewrite-log");
  CHECK(told(read({{"session-cookie-hash", "sha1"}})) == "note AnnotationRemoved session-cookie-hash");
  CHECK(told(read({{"enable-modsecurity", "true"}, {"modsecurity-snippet", "x"}})) ==
        "note AnnotationNotSupported enable-modsecurity; note AnnotationNotSupported modsecurity-snippet");
  CHECK(told(read({{"enable-global-auth", "false"}})) == "note AnnotationNotSupported enable-global-auth");
  const Read near = read({{"proxy_read_timeout", "1"}});
  CHECK(near.findings.at(0).message.find("proxy-read-timeout") != std::string::npos);
  CHECK(told(read({{"", "x"}})) == "note UnknownAnnotation ");
}

TEST_CASE("a guard that cannot be carried out closes the routes, whatever its value") {
  for (const char* name : {"auth-type", "auth-secret", "auth-url", "auth-tls-secret", "auth-snippet", "satisfy",
                           "limit-rps",
                           "limit-rpm", "limit-connections", "limit-whitelist"}) {
    for (const char* value : {"x", ""}) {
      const Read done = read({{name, value}});
      CHECK(told(done) == std::string("refused GuardNotSupported ") + name);
      CHECK(done.annotations.unmet_guards == std::vector<std::string>{name});
    }
  }
  CHECK(read({{"limit-rps", "1"}, {"auth-type", "basic"}}).annotations.unmet_guards ==
        std::vector<std::string>{"auth-type", "limit-rps"});
}

TEST_CASE("a snippet is a guard when its directives turn requests away") {
  for (const char* name : {"configuration-snippet", "server-snippet"}) {
    CHECK(read({{name, "more_set_headers \"X-Frame-Options: DENY\";"}}).annotations.unmet_guards.empty());
    CHECK(told(read({{name, "add_header X y;"}})) == std::string("note AnnotationNotSupported ") + name);
    for (const char* guard :
         {"deny all;", "if ($x) { return 403; }", "auth_basic on;", "limit_except GET { deny all; }"})
      CHECK(told(read({{name, guard}})) == std::string("refused GuardNotSupported ") + name);
  }
}

TEST_CASE("a backend whose certificate must be verified is not reached without") {
  CHECK(told(read({{"proxy-ssl-verify", "on"}})) == "refused GuardNotSupported proxy-ssl-verify");
  CHECK(told(read({{"proxy-ssl-verify", "off"}})) == "note AnnotationNotSupported proxy-ssl-verify");
}

TEST_CASE("the table of annotations names all of ingress-nginx 1.15 once") {
  std::map<AnnotationFate, int> counts;
  for (const KnownAnnotation& known : known_annotations()) {
    ++counts[known.fate];
    CHECK(find_annotation(known.name) == &known);
    CHECK((known.fate == AnnotationFate::removed) == !known.hint.empty());
  }
  CHECK(counts[AnnotationFate::removed] == 17);
  CHECK(counts[AnnotationFate::carried_out] == 55);
  CHECK(known_annotations().size() == 138 + 17);
}

}  // namespace narthex::config
