#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/annotation_groups.h"
#include "config/annotations_table.h"
#include "config/names.h"
#include "config/values.h"

namespace narthex::config {
namespace {

// LIMIT: ages of cookies, in seconds (about 317 years): a date in a cookie has four digits for the year.
constexpr uint64_t kMaxCookieAge = 9'999'999'999;

// RFC 6265 4.1.1 av-octets, without the comma, at which old software folds two Set-Cookie fields into one.
bool is_attribute_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f && c != ';' && c != ','; });
}

void read_mode(AnnotationReader& reader, CookieAffinity& into) {
  const auto text = reader.value("affinity-mode");
  if (!text || *text == "balanced") return;
  if (*text == "persistent") {
    into.mode = AffinityMode::persistent;
  } else {
    reader.say_bad_value("affinity-mode", *text, "balanced or persistent");
  }
}

void read_name(AnnotationReader& reader, CookieAffinity& into) {
  constexpr const char* kName = "session-cookie-name";
  constexpr size_t kLongest = 256;
  const auto text = reader.value(kName);
  if (!text) return;
  if (is_token(*text) && text->size() <= kLongest) {
    into.name = *text;
  } else {
    reader.say_bad_value(kName, *text, "the name of a cookie: letters, digits and !#$%&'*+-.^_`|~, at most 256");
  }
}

void read_attribute(AnnotationReader& reader, std::string_view name, std::string& into) {
  constexpr size_t kLongest = 1024;  // RFC 6265bis 5.6: user agents ignore longer attribute values
  const auto text = reader.value(name);
  if (!text) return;
  if (!text->empty() && is_attribute_value(*text) && text->size() <= kLongest) {
    into = *text;
  } else {
    reader.say_bad_value(name, *text, "printable ASCII without ; and , and at most 1024 bytes");
  }
}

// RFC 6265 4.1.2.3: a host name; a dot before it is ignored.
void read_domain(AnnotationReader& reader, CookieAffinity& into) {
  constexpr const char* kName = "session-cookie-domain";
  const auto text = reader.value(kName);
  if (!text) return;
  if (is_dns_subdomain(base::lower(text->starts_with('.') ? text->substr(1) : *text))) {
    into.domain = *text;
  } else {
    reader.say_bad_value(kName, *text, "a host name");
  }
}

void read_path(AnnotationReader& reader, CookieAffinity& into) {
  constexpr const char* kName = "session-cookie-path";
  read_attribute(reader, kName, into.path);
  if (into.path.empty() || into.path.starts_with('/')) return;
  reader.say(Severity::note, "DoubtfulAnnotationValue", kName,
      "does not begin with /, so that clients use the folder of the request's path instead (RFC 6265 5.2.4)");
}

void read_age(AnnotationReader& reader, std::string_view name, std::optional<std::chrono::seconds>& into) {
  const auto text = reader.value(name);
  if (!text) return;
  if (const auto seconds = base::parse_decimal(*text, kMaxCookieAge)) {
    into = std::chrono::seconds(*seconds);
  } else {
    reader.say_bad_value(name, *text, "a number of seconds, 0 or more, without unit");
  }
}

void read_same_site(AnnotationReader& reader, CookieAffinity& into) {
  const auto text = reader.value("session-cookie-samesite");
  if (!text) return;
  if (base::iequals(*text, "none")) {
    into.same_site = SameSite::none;
  } else if (base::iequals(*text, "lax")) {
    into.same_site = SameSite::lax;
  } else if (base::iequals(*text, "strict")) {
    into.same_site = SameSite::strict;
  } else {
    reader.say_bad_value("session-cookie-samesite", *text, "None, Lax or Strict");
  }
}

}  // namespace

std::optional<CookieAffinity> read_affinity(AnnotationReader& reader) {
  const auto kind = reader.value("affinity");
  if (kind != "cookie") {
    if (kind) reader.say_bad_value("affinity", *kind, "cookie");
    reader.for_each([&](std::string_view name, std::string_view) {
      if (const KnownAnnotation* known = find_annotation(name); known && known->feature == "affinity" && name != "affinity")
        reader.say(Severity::note, "AnnotationWithoutEffect", name, "has no effect without affinity: cookie on the same object");
    });
    return std::nullopt;
  }
  CookieAffinity out;
  read_mode(reader, out);
  read_name(reader, out);
  read_path(reader, out);
  read_domain(reader, out);
  read_age(reader, "session-cookie-expires", out.expires);
  read_age(reader, "session-cookie-max-age", out.max_age);
  read_same_site(reader, out);
  reader.read_bool("session-cookie-secure", out.secure);
  reader.read_bool("session-cookie-conditional-samesite-none", out.conditional_same_site_none);
  reader.read_bool("session-cookie-change-on-failure", out.change_on_failure);
  return out;
}

}  // namespace narthex::config
