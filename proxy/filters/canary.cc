#include "proxy/filters/canary.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/text.h"
#include "proxy/filters/affinity.h"
#include "proxy/filters/cookies.h"
#include "router/regex.h"

namespace narthex::proxy::filters {
namespace {

constexpr std::string_view kAlways = "always", kNever = "never";

char field_letter(char c) { return c == '_' ? '-' : base::to_lower(c); }

// A rule may be written with '_' for '-', as nginx's names of variables are; a field only where such fields are kept.
bool is_field(const Field& field, std::string_view name, bool keeps_underscores) {
  if (field.name.size() != name.size() || (field.id == FieldId::invalid_name && !keeps_underscores)) return false;
  return std::ranges::equal(field.name, name, [](char a, char b) { return field_letter(a) == field_letter(b); });
}

// A field that came several times is one list (RFC 9110 5.3): "never, always" is neither. `list`: where that is put together.
std::optional<std::string_view> header_value(const RequestHead& request, std::string_view name, bool keeps_underscores, std::string& list) {
  std::optional<std::string_view> value;
  for (const Field& field : request.fields) {
    if (!is_field(field, name, keeps_underscores)) continue;
    if (!value) {
      value = field.value;
      continue;
    }
    if (list.empty()) list = *value;
    list += ", ";
    list += field.value;
    value = list;
  }
  return value;
}

std::optional<bool> always_or_never(std::string_view value) {
  if (value == kAlways) return true;
  if (value == kNever) return false;
  return std::nullopt;
}

std::optional<bool> ask_header(const router::CanaryPolicy& canary, const RequestHead& request, bool keeps_underscores) {
  std::string list;
  const std::optional<std::string_view> value = header_value(request, canary.header, keeps_underscores, list);
  if (!value) return std::nullopt;
  if (canary.header_leads_away) return false;
  if (canary.header_pattern) return canary.header_pattern->matches(*value) ? std::optional(true) : std::nullopt;
  if (canary.header_value.empty()) return always_or_never(*value);
  return *value == canary.header_value ? std::optional(true) : std::nullopt;
}

// The first cookie of that name counts; the case of the name does not, as in nginx.
std::optional<bool> ask_cookie(const router::CanaryPolicy& canary, const RequestHead& request) {
  std::optional<bool> answer;
  each_cookie(request, [&](std::string_view name, std::string_view value) {
    if (!base::iequals(base::trim(name), canary.cookie)) return false;
    answer = always_or_never(base::trim(value));
    return true;
  });
  return answer;
}

}  // namespace

bool rules_choose_canary(const router::CanaryPolicy& canary, const RequestHead& request, bool keeps_underscores, Random& random) {
  if (!canary.header.empty())
    if (const auto answer = ask_header(canary, request, keeps_underscores)) return *answer;
  if (!canary.cookie.empty())
    if (const auto answer = ask_cookie(canary, request)) return *answer;
  return canary.weight != 0 && random.spread_below(canary.weight_total) < canary.weight;
}

SideChoice choose_side(const router::RoutePolicy& policy, const router::Backend& main, const router::Backend& canary, const RequestHead& request,
                       bool keeps_underscores, Random& random) {
  const router::CanaryPolicy& rules = *policy.canary;
  if (policy.cookie_affinity) {
    if (is_session_of(main, *policy.cookie_affinity, request)) return {false, false};
    if (rules.sticky && is_session_of(canary, *policy.cookie_affinity, request)) return {true, false};
  }
  return {rules_choose_canary(rules, request, keeps_underscores, random), true};
}

}  // namespace narthex::proxy::filters
