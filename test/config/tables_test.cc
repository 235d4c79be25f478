#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "config/annotations_table.h"
#include "config/markdown.h"
#include "config/settings.h"
#include "config/settings_table.h"

namespace narthex::config {
namespace {

bool is_one_line(std::string_view text) { return text.find('\n') == std::string_view::npos && !text.starts_with(' '); }

}  // namespace

TEST_CASE("annotations and settings are sorted by name, and found by it") {
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  CHECK(std::is_sorted(known_annotations().begin(), known_annotations().end(), by_name));
  CHECK(std::is_sorted(known_settings().begin(), known_settings().end(), by_name));
  for (const KnownSetting& known : known_settings()) CHECK(find_setting(known.name) == &known);
  for (const char* name :
       {"affinity", "allowlist-source-range", "auth-url", "backend-protocol", "canary-weight", "enable-cors",
        "limit-rps", "proxy-body-size", "rewrite-target", "ssl-redirect", "use-regex"})
    CHECK(find_annotation(name) != nullptr);
  for (const char* name : {"Resolver", "enable-real-ip", "hsts", "keep-alive", "log-format-upstream", "proxy-body-size",
                           "server-tokens", "ssl-protocols", "use-forwarded-headers", "use-gzip", "worker-processes"})
    CHECK(find_setting(name) != nullptr);
  for (const char* name : {"", "a", "zzz", "proxy-body", "proxy-body-sizes", "Affinity"}) {
    CHECK(find_annotation(name) == nullptr);
    CHECK(find_setting(name) == nullptr);
  }
}

TEST_CASE("an annotation names only annotations and settings that exist") {
  std::map<std::string, std::string> aliases;
  for (const KnownAnnotation& known : known_annotations()) {
    INFO(known.name);
    if (!known.setting.empty()) CHECK(find_setting(known.setting) != nullptr);
    if (known.alias.empty()) continue;
    const KnownAnnotation* old = find_annotation(known.alias);
    REQUIRE(old != nullptr);
    CHECK(old->kind == known.kind);
    CHECK(old->group == known.group);
    CHECK(old->setting == known.setting);
    aliases.emplace(known.name, known.alias);
  }
  CHECK(aliases == std::map<std::string, std::string>{{"allowlist-source-range", "whitelist-source-range"},
                                                      {"limit-allowlist", "limit-whitelist"}});
}

TEST_CASE("every annotation says what it does, and by what it is carried out") {
  for (const KnownAnnotation& known : known_annotations()) {
    INFO(known.name);
    CHECK_FALSE(known.doc.empty());
    for (const std::string_view text : {known.doc, known.difference, known.values, known.standard, known.hint})
      CHECK(is_one_line(text));
    CHECK((known.fate == AnnotationFate::carried_out) == !known.feature.empty());
    CHECK((known.fate == AnnotationFate::removed) == (known.group == AnnotationGroup::removed));
    if (known.group == AnnotationGroup::snippets) CHECK(known.risk == AnnotationRisk::critical);
  }
}

TEST_CASE("the table of settings names every key of ingress-nginx 1.15 once, and says why one has no meaning") {
  std::map<SettingFate, int> counts;
  for (const KnownSetting& known : known_settings()) {
    INFO(known.name);
    ++counts[known.fate];
    CHECK_FALSE(known.doc.empty());
    for (const std::string_view text : {known.doc, known.standard, known.because}) CHECK(is_one_line(text));
    CHECK((known.fate == SettingFate::no_meaning) == !known.because.empty());
    if (known.group == SettingClass::dead) CHECK(known.fate == SettingFate::no_meaning);
  }
  CHECK(known_settings().size() == 212);
  CHECK(counts[SettingFate::no_meaning] == 31 + 22);
}

TEST_CASE("the pages name every row, and differences of what is carried out only") {
  const std::string annotations = annotations_markdown(), settings = settings_markdown();
  for (const KnownAnnotation& known : known_annotations()) {
    INFO(known.name);
    CHECK(annotations.find("\n| `" + std::string(known.name) + "` |") != std::string::npos);
    if (known.difference.empty()) continue;
    const bool is_told = annotations.find(markdown_text(known.difference)) != std::string::npos;
    CHECK(is_told == (known.fate == AnnotationFate::carried_out));
  }
  for (const KnownSetting& known : known_settings()) {
    INFO(known.name);
    CHECK(settings.find("\n| `" + std::string(known.name) + "` |") != std::string::npos);
  }
}

TEST_CASE("marks of Markdown in a cell stand for themselves") {
  CHECK(markdown_text("a|b *c* <d> [e](e.md)") == "a\\|b \\*c\\* \\<d\\> [e](e.md)");
  CHECK(markdown_code("a|b *") == "`a\\|b *`");
  CHECK(markdown_code("") == "");
}

TEST_CASE("the settings that are read are those that the table says are carried out") {
  std::set<std::string_view> read, told;
  for (const std::string_view name : settings_carried_out()) read.insert(name);
  for (const KnownSetting& known : known_settings())
    if (known.fate == SettingFate::carried_out) told.insert(known.name);
  CHECK(read == told);
}

}  // namespace narthex::config
