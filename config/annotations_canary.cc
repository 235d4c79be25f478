// Canaries: the annotations of an Ingress that is the second backend of other Ingresses' routes.
#include <fmt/format.h>

#include "base/text.h"
#include "config/annotation_groups.h"
#include "config/annotations_table.h"
#include "config/values.h"

namespace narthex::config {
namespace {

constexpr const char *kHeader = "canary-by-header", *kValue = "canary-by-header-value", *kPattern = "canary-by-header-pattern";
constexpr const char *kCookie = "canary-by-cookie", *kWeight = "canary-weight", *kTotal = "canary-weight-total";
constexpr const char* kBehaviour = "affinity-canary-behavior";
// LIMIT: weights and totals; a finer share than one in a billion cannot be told from none.
constexpr uint32_t kWeightMax = 1'000'000'000;
// LIMIT: names of fields and cookies, and what a field is compared with.
constexpr size_t kTextBytesMax = 1024;

void read_name(AnnotationReader& reader, const char* name, const char* expected, std::string& into) {
  const auto text = reader.value(name);
  if (!text) return;
  if (is_token(*text) && text->size() <= kTextBytesMax) {
    into = *text;
  } else {
    reader.say_bad_value(name, *text, expected);
  }
}

void read_text(AnnotationReader& reader, const char* name, std::string& into) {
  const auto text = reader.value(name);
  if (!text) return;
  if (!text->empty() && is_field_text(*text) && text->size() <= kTextBytesMax) {
    into = *text;
  } else {
    reader.say_bad_value(name, *text, fmt::format("printable ASCII of at most {} bytes", kTextBytesMax));
  }
}

void read_header(AnnotationReader& reader, Canary& into) {
  read_name(reader, kHeader, "the name of a header, such as X-Canary", into.header);
  read_text(reader, kValue, into.header_value);
  read_text(reader, kPattern, into.header_pattern);
  if (into.header.empty()) {
    for (const char* name : {kValue, kPattern})
      if (reader.value(name)) reader.say(Severity::note, "AnnotationWithoutEffect", name, "has no effect without canary-by-header on the same object");
    into.header_value.clear();
    into.header_pattern.clear();
  } else if (!into.header_value.empty() && !into.header_pattern.empty()) {
    reader.say(Severity::note, "AnnotationWithoutEffect", kPattern, "has no effect next to canary-by-header-value; remove one of the two");
    into.header_pattern.clear();
  }
}

void read_weight(AnnotationReader& reader, Canary& into) {
  reader.read_count(kWeight, kWeightMax, into.weight);
  const auto text = reader.value(kTotal);
  if (!text) return;
  const auto total = base::parse_decimal(*text, kWeightMax);
  if (total && *total != 0) {
    into.weight_total = static_cast<uint32_t>(*total);
  } else {
    reader.say_bad_value(kTotal, *text, fmt::format("a number from 1 to {}", kWeightMax));
  }
}

}  // namespace

Canary decode_canary(const Meta& meta, const std::string& prefix, Findings& findings) {
  AnnotationReader reader(meta, prefix, findings);
  // How the pods of its backend are balanced is a canary's own affair.
  reader.for_each([&](std::string_view name, std::string_view value) {
    const KnownAnnotation* known = find_annotation(name);
    if (!known || known->group == AnnotationGroup::balancing) judge_annotation(reader, name, value);
  });
  Canary out;
  read_header(reader, out);
  read_name(reader, kCookie, "the name of a cookie: letters, digits and !#$%&'*+-.^_`|~", out.cookie);
  read_weight(reader, out);
  if (const auto text = reader.value(kBehaviour); text == "legacy") {
    out.sticky = false;
  } else if (text && *text != "sticky") {
    reader.say_bad_value(kBehaviour, *text, "sticky or legacy");
  }
  return out;
}

void check_no_canary(AnnotationReader& reader) {
  bool unused = false;  // were it true, this would be a canary
  reader.read_bool("canary", unused);
  for (const char* name : {kBehaviour, kCookie, kHeader, kPattern, kValue, kWeight, kTotal})
    if (reader.value(name)) reader.say(Severity::note, "AnnotationWithoutEffect", name, "has no effect without canary: \"true\" on the same object");
}

}  // namespace narthex::config
