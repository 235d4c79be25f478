#include "config/annotations.h"

#include <fmt/format.h>

#include "test/config/decoding.h"

namespace narthex::config {
namespace {

using Values = std::map<std::string, std::string>;

Meta meta_with(const Values& values) {
  Meta meta;
  meta.key = {"default", "shop"};
  for (const auto& [name, value] : values) meta.annotations["nginx.ingress.kubernetes.io/" + name] = value;
  return meta;
}

std::string told(const Findings& findings) {
  std::string out;
  for (const Finding& one : findings)
    out += fmt::format("{}{} {}", out.empty() ? "" : "; ", one.reason, one.field.substr(one.field.find('/') + 1, one.field.size() - one.field.find('/') - 2));
  return out;
}

struct Read {
  Canary canary;
  std::string told;
};

Read read(Values values) {
  values.emplace("canary", "true");
  Findings findings;
  Read out{decode_canary(meta_with(values), kDefaultAnnotationsPrefix, findings), {}};
  out.told = told(findings);
  return out;
}

}  // namespace

TEST_CASE("a canary without rules has the defaults of ingress-nginx") {
  const Read done = read({});
  CHECK(done.told == "");
  CHECK(done.canary == Canary{});
  CHECK(done.canary.weight == 0);
  CHECK(done.canary.weight_total == 100);
  CHECK(done.canary.sticky);
}

TEST_CASE("a canary takes every rule of ingress-nginx") {
  const Read done = read({{"canary-by-header", " X-Canary "}, {"canary-by-header-value", "eu west"}, {"canary-by-cookie", "can"},
                          {"canary-weight", "25"}, {"canary-weight-total", "50"}, {"affinity-canary-behavior", "legacy"}});
  CHECK(done.told == "");
  CHECK(done.canary == Canary{"X-Canary", "eu west", "", "can", 25, 50, false});
  CHECK(read({{"canary-by-header", "x"}, {"canary-by-header-pattern", "^a(b|c)$"}}).canary.header_pattern == "^a(b|c)$");
  CHECK(read({{"affinity-canary-behavior", "sticky"}}).told == "");
}

TEST_CASE("a bad value of a canary is told, and its default is used") {
  const std::pair<const char*, std::string> cases[] = {
      {"canary-by-header", "X Canary"},       {"canary-by-header", "X:Canary"},     {"canary-by-header", std::string(2000, 'a')},
      {"canary-by-cookie", "a=b"},            {"canary-by-cookie", "a;b"},          {"canary-weight", "-1"},
      {"canary-weight", "10%"},               {"canary-weight", "99999999999"},     {"canary-weight-total", "0"},
      {"canary-weight-total", "-5"},          {"canary-weight-total", "many"},      {"affinity-canary-behavior", "Sticky"},
  };
  for (const auto& [name, value] : cases) {
    INFO(name << ": " << value);
    const Read done = read({{name, value}});
    CHECK(done.told == std::string("InvalidAnnotationValue ") + name);
    CHECK(done.canary == Canary{});
  }
  CHECK(read({{"canary-by-header", "x"}, {"canary-by-header-value", "a\nb"}}).told == "InvalidAnnotationValue canary-by-header-value");
  CHECK(read({{"canary-by-header", "x"}, {"canary-by-header-value", ""}}).told == "EmptyAnnotation canary-by-header-value");
  CHECK(read({{"canary-by-header", ""}}).told == "EmptyAnnotation canary-by-header");
}

TEST_CASE("a value and a pattern need the header, and the value goes before the pattern") {
  const Read alone = read({{"canary-by-header-value", "a"}, {"canary-by-header-pattern", "b"}});
  CHECK(alone.told == "AnnotationWithoutEffect canary-by-header-value; AnnotationWithoutEffect canary-by-header-pattern");
  CHECK(alone.canary == Canary{});
  const Read both = read({{"canary-by-header", "x"}, {"canary-by-header-value", "a"}, {"canary-by-header-pattern", "b"}});
  CHECK(both.told == "AnnotationWithoutEffect canary-by-header-pattern");
  CHECK(both.canary == Canary{"x", "a", "", "", 0, 100, true});
}

TEST_CASE("of a canary's other annotations only those are told that nobody knows, or that balance its own backend") {
  CHECK(read({{"auth-type", "basic"}, {"rewrite-target", "/x"}, {"affinity", "ip"}, {"session-cookie-hash", "sha1"}}).told == "");
  CHECK(read({{"canary-by-heder", "x"}}).told == "UnknownAnnotation canary-by-heder");
}

TEST_CASE("rules of a canary on an Ingress that is none have no effect") {
  for (const Values& values : {Values{}, {{"canary", "false"}}}) {
    Values all = values;
    all.insert({{"canary-weight", "10"}, {"affinity-canary-behavior", "legacy"}});
    Findings findings;
    const IngressAnnotations annotations = decode_annotations(meta_with(all), kDefaultAnnotationsPrefix, RouteOptions{}, findings);
    CHECK(annotations == IngressAnnotations{});
    CHECK(told(findings) == "AnnotationWithoutEffect affinity-canary-behavior; AnnotationWithoutEffect canary-weight");
  }
  Findings findings;
  decode_annotations(meta_with({{"canary", "yes"}}), kDefaultAnnotationsPrefix, RouteOptions{}, findings);
  CHECK(told(findings) == "InvalidAnnotationValue canary");
}

}  // namespace narthex::config
