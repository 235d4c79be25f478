#include "config/annotation_reader.h"

#include <fmt/format.h>

#include "base/text.h"
#include "config/names.h"
#include "config/values.h"

namespace narthex::config {
namespace {

const char* consequence_of(Otherwise otherwise) {
  switch (otherwise) {
    case Otherwise::kept_default: return "the default is used instead";
    case Otherwise::object_refused: return "this Ingress is not served until then";
    case Otherwise::routes_closed: break;
  }
  return "its routes answer 503 until then";
}

}  // namespace

AnnotationReader::AnnotationReader(const Meta& meta, const std::string& prefix, Findings& findings)
    : meta_(meta), prefix_(prefix + "/"), findings_(findings) {}

bool AnnotationReader::any() const {
  const auto first = meta_.annotations.lower_bound(prefix_);
  return first != meta_.annotations.end() && first->first.starts_with(prefix_);
}

std::optional<std::string_view> AnnotationReader::value(std::string_view name) const {
  const auto found = meta_.annotations.find(prefix_ + std::string(name));
  if (found == meta_.annotations.end()) return std::nullopt;
  return base::trim(found->second);
}

void AnnotationReader::read_bool(std::string_view name, bool& into, Otherwise otherwise) {
  const auto text = value(name);
  if (!text) return;
  if (const auto word = parse_go_bool(*text)) {
    into = *word;
  } else {
    say_bad_value(name, *text, "true or false", otherwise);
  }
}

void AnnotationReader::read_timeout(std::string_view name, std::chrono::seconds& into) {
  const auto text = value(name);
  if (!text) return;
  if (const auto seconds = parse_timeout(*text)) {
    into = *seconds;
  } else {
    say_bad_value(name, *text, "a number of seconds from 1 on, without unit");
  }
}

void AnnotationReader::read_size(std::string_view name, uint64_t& into) {
  const auto text = value(name);
  if (!text) return;
  if (const auto size = parse_size(*text)) {
    into = *size;
  } else {
    say_bad_value(name, *text, "a number of bytes with k, m, g or no unit, such as 8m");
  }
}

void AnnotationReader::read_count(std::string_view name, uint64_t max, uint32_t& into) {
  const auto text = value(name);
  if (!text) return;
  if (const auto number = base::parse_decimal(*text, max)) {
    into = static_cast<uint32_t>(*number);
  } else {
    say_bad_value(name, *text, fmt::format("a number from 0 to {}", max));
  }
}

void AnnotationReader::say(Severity severity, const char* reason, std::string_view name, std::string message) {
  findings_.push_back({severity,
                       reason,
                       {Ingress::kKind, meta_.key.ns, meta_.key.name},
                       fmt::format("metadata.annotations[{}{}]", prefix_, name),
                       std::move(message),
                       meta_.origin});
}

void AnnotationReader::say_bad_value(std::string_view name, std::string_view value, std::string_view expected,
                                     Otherwise otherwise) {
  if (value.empty() && otherwise != Otherwise::routes_closed) {
    say(Severity::note, "EmptyAnnotation", name,
        fmt::format("is empty and has no effect; it must be {}, or be removed", expected));
    return;
  }
  say(Severity::refused, "InvalidAnnotationValue", name,
      fmt::format("{} must be {}; {}", in_quotes(value), expected, consequence_of(otherwise)));
  if (otherwise == Otherwise::object_refused) refused_ = true;
  if (otherwise == Otherwise::routes_closed) close_routes(name);
}

}  // namespace narthex::config
