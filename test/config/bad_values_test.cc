// Every annotation and every setting with values that nobody should write: each is told about, none reaches a policy, and what
// cannot be read keeps its default, refuses its object or closes its routes.
#include <catch2/catch.hpp>

#include "config/annotations.h"
#include "config/annotations_table.h"
#include "config/names.h"
#include "config/settings.h"
#include "config/settings_table.h"

namespace narthex::config {
namespace {

struct BadValue {
  const char* what;
  std::string text;
  bool always = true;  // false: there are annotations that it is right for
};

const std::vector<BadValue>& bad_values() {
  static const std::vector<BadValue> values = {
      {"control byte", std::string("a\x01" "b")},
      {"NUL", std::string("a\0b", 3)},
      {"new line", "a\nb"},
      {"carriage return", "a\rb"},
      {"end of a directive", "x; return 200"},
      {"a block", "x { deny all; }"},
      {"a shell", "$(id)"},
      {"a variable", "$request_uri", false},
      {"a template", "{{ .Values.x }}"},
      {"quotes", "\"'`"},
      {"a line separator", "a\xe2\x80\xa8" "b"},
      {"no UTF-8", "\xff\xfe"},
      {"too large a number", "99999999999999999999999", false},
      {"a negative number", "-1", false},
      {"1 MiB", std::string(1024 * 1024, 'a')},
      {"1 MiB of a path", "/" + std::string(1024 * 1024, 'a')},
      {"1 MiB of commas", std::string(1024 * 1024, ',')},
  };
  return values;
}

// All texts that could reach a head or a log.
std::vector<std::string> texts_of(const IngressAnnotations& read) {
  std::vector<std::string> texts = {read.route.upstream_host,  read.route.upstream_connection, read.route.rewrite_target,
                                    read.route.forwarded_prefix, read.host.app_root};
  texts.insert(texts.end(), read.host.aliases.begin(), read.host.aliases.end());
  if (read.route.redirect) texts.push_back(read.route.redirect->location);
  if (const auto& cors = read.route.cors) {
    texts.insert(texts.end(), {cors->methods, cors->headers, cors->expose_headers});
    texts.insert(texts.end(), cors->origins.begin(), cors->origins.end());
  }
  if (const auto& cookie = read.affinity) texts.insert(texts.end(), {cookie->name, cookie->domain});
  return texts;
}

bool is_told(const Findings& findings, std::string_view name) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.field.find("/" + std::string(name) + "]") != std::string::npos && !has_control_byte(finding.message) &&
           finding.message.size() < 1000;
  });
}

TEST_CASE("a bad value of any annotation is told about, reaches nothing, and opens nothing") {
  for (const KnownAnnotation& known : known_annotations()) {
    for (const BadValue& bad : bad_values()) {
      CAPTURE(known.name, bad.what);
      Meta meta;
      meta.key = {"default", "shop"};
      const std::string prefix = std::string(kDefaultAnnotationsPrefix) + "/";
      // So that those that depend on others are read, too.
      meta.annotations[prefix + "affinity"] = "cookie";
      meta.annotations[prefix + "enable-cors"] = "true";
      meta.annotations[prefix + "rewrite-target"] = "/$1";
      meta.annotations[prefix + std::string(known.name)] = bad.text;
      Findings findings;
      const IngressAnnotations read = decode_annotations(meta, kDefaultAnnotationsPrefix, RouteOptions{}, findings);
      CHECK((is_told(findings, known.name) || !bad.always));
      for (const std::string& text : texts_of(read)) {
        CHECK_FALSE(has_control_byte(text));
        CHECK(text.size() <= 4096);
        CHECK(text.find_first_of(";{}\"") == std::string::npos);
      }
      if (read.affinity) CHECK((!has_control_byte(read.affinity->path) && read.affinity->path.find(';') == std::string::npos));
      // Snippets keep requests out only where they hold such words.
      const bool may_be_open = known.name == "configuration-snippet" || known.name == "server-snippet";
      if (is_guard_annotation(known.name) && !may_be_open) CHECK((read.refused || !read.unmet_guards.empty()));
      const bool is_list = known.group == AnnotationGroup::access && known.fate == AnnotationFate::carried_out;
      if (is_list) CHECK((read.refused || !read.unmet_guards.empty()));
    }
  }
}

TEST_CASE("a bad value of any setting is told about and changes nothing, and a list that guards closes everything") {
  for (const KnownSetting& known : known_settings()) {
    for (const BadValue& bad : bad_values()) {
      CAPTURE(known.name, bad.what);
      ConfigMap map;
      map.meta.key = {"default", "settings"};
      map.data[std::string(known.name)] = bad.text;
      Findings findings;
      const DecodedSettings read = decode_settings(map, findings);
      const bool told = findings.size() == 1 && findings[0].field == "data[" + std::string(known.name) + "]";
      const bool takes_words = known.kind == ValueKind::list || known.kind == ValueKind::headers || known.name == "log-format-upstream" ||
                               known.name == "forwarded-for-header" || known.name == "no-tls-redirect-locations" ||
                               known.name == "skip-access-log-urls" || known.name == "hide-headers";
      CHECK((told || (takes_words && findings.empty())));
      if (told) CHECK(read.settings == Settings());
      if (known.name == "block-cidrs" || known.name == "denylist-source-range" || known.name == "whitelist-source-range" ||
          known.name == "proxy-real-ip-cidr")
        CHECK_FALSE(read.unmet_guards.empty());
    }
  }
}

}  // namespace
}  // namespace narthex::config
