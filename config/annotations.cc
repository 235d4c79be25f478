#include "config/annotations.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/annotations_table.h"
#include "config/names.h"

namespace narthex::config {
namespace {

// LIMIT: ages of cookies, in seconds (about 317 years): a date in a cookie has four digits for the year.
constexpr uint64_t kMaxCookieAge = 9'999'999'999;

// One Ingress' annotations of the prefix, and where to say what is wrong with them.
class AnnotationReader final {
 public:
  AnnotationReader(const Meta& meta, const std::string& prefix, Findings& findings)
      : meta_(meta), prefix_(prefix + "/"), findings_(findings) {}

  IngressAnnotations read();

 private:
  // The trimmed value, or nothing when the annotation is absent.
  std::optional<std::string_view> value(std::string_view name) const;
  void say(Severity severity, const char* reason, std::string_view name, std::string message);
  // An empty value is what templates leave behind: absent to ingress-nginx, and a note here.
  void say_bad_value(std::string_view name, std::string_view value, std::string_view expected);

  void judge(std::string_view name, std::string_view value, IngressAnnotations& into);
  std::optional<CookieAffinity> read_affinity();
  void read_mode(CookieAffinity& into);
  void read_name(CookieAffinity& into);
  void read_attribute(std::string_view name, std::string& into);
  void read_path(CookieAffinity& into);
  void read_age(std::string_view name, std::optional<std::chrono::seconds>& into);
  void read_same_site(CookieAffinity& into);
  void read_bool(std::string_view name, bool& into);

  const Meta& meta_;
  const std::string prefix_;
  Findings& findings_;
};

// RFC 9110 5.6.2, which RFC 6265 4.1.1 takes for cookie names.
bool is_token(std::string_view text) {
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z') ||
           kTokenMarks.find(c) != std::string_view::npos;
  });
}

// RFC 6265 4.1.1 av-octets, without the comma, at which old software folds two Set-Cookie fields into one.
bool is_attribute_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f && c != ';' && c != ','; });
}

// Directives of nginx that turn requests away; most snippets in the wild only set header fields.
bool keeps_requests_out(std::string_view snippet) {
  for (const std::string_view word : {"deny", "return", "auth_", "limit_", "satisfy", "internal", "valid_referers",
                                      "secure_link", "ssl_verify", "modsecurity", "_by_lua"})
    if (snippet.find(word) != std::string_view::npos) return true;
  return false;
}

AnnotationFate fate_of(const KnownAnnotation& known, std::string_view value) {
  if (known.fate != AnnotationFate::guard) return known.fate;
  const bool open_snippet =
      (known.name == "configuration-snippet" || known.name == "server-snippet") && !keeps_requests_out(value);
  const bool switched_off = known.name == "proxy-ssl-verify" && value == "off";
  return open_snippet || switched_off ? AnnotationFate::not_yet : AnnotationFate::guard;
}

IngressAnnotations AnnotationReader::read() {
  IngressAnnotations out;
  const auto first = meta_.annotations.lower_bound(prefix_);
  auto it = first;
  for (; it != meta_.annotations.end() && it->first.starts_with(prefix_); ++it)
    judge(std::string_view(it->first).substr(prefix_.size()), it->second, out);
  if (it != first) out.affinity = read_affinity();
  return out;
}

std::optional<std::string_view> AnnotationReader::value(std::string_view name) const {
  const auto found = meta_.annotations.find(prefix_ + std::string(name));
  if (found == meta_.annotations.end()) return std::nullopt;
  return base::trim(found->second);
}

void AnnotationReader::say(Severity severity, const char* reason, std::string_view name, std::string message) {
  findings_.push_back({severity,
                       reason,
                       {Ingress::kKind, meta_.key.ns, meta_.key.name},
                       fmt::format("metadata.annotations[{}{}]", prefix_, name),
                       std::move(message),
                       meta_.origin});
}

void AnnotationReader::say_bad_value(std::string_view name, std::string_view value, std::string_view expected) {
  if (value.empty()) {
    say(Severity::note, "EmptyAnnotation", name,
        fmt::format("is empty and has no effect; it must be {}, or be removed", expected));
  } else {
    say(Severity::refused, "InvalidAnnotationValue", name,
        fmt::format("{} must be {}; the default is used instead", in_quotes(value), expected));
  }
}

void AnnotationReader::judge(std::string_view name, std::string_view value, IngressAnnotations& into) {
  const KnownAnnotation* known = find_annotation(name);
  if (known == nullptr) {
    std::string dashed(name);
    std::replace(dashed.begin(), dashed.end(), '_', '-');
    const bool near = find_annotation(dashed) != nullptr;
    say(Severity::note, "UnknownAnnotation", name,
        near ? fmt::format("is no annotation of ingress-nginx and has no effect; write {}", dashed)
             : std::string("is no annotation of ingress-nginx and has no effect; remove it or correct its name"));
    return;
  }
  switch (fate_of(*known, value)) {
    case AnnotationFate::carried_out:
      return;
    case AnnotationFate::not_yet:
      say(Severity::note, "AnnotationNotSupported", name, "is not supported by this version and has no effect");
      return;
    case AnnotationFate::removed:
      say(Severity::note, "AnnotationRemoved", name,
          fmt::format("has no effect in ingress-nginx any more; {}", known->hint));
      return;
    case AnnotationFate::guard:
      into.unmet_guards.emplace_back(name);
      say(Severity::refused, "GuardNotSupported", name,
          "restricts access and is not supported by this version, so that all routes of this object answer 503; remove "
          "it if "
          "the routes may be open to everybody");
      return;
  }
}

std::optional<CookieAffinity> AnnotationReader::read_affinity() {
  const auto kind = value("affinity");
  if (kind != "cookie") {
    if (kind) say_bad_value("affinity", *kind, "cookie");
    for (const KnownAnnotation& known : known_annotations())
      if (known.feature == "affinity" && known.name != "affinity" && value(known.name))
        say(Severity::note, "AnnotationWithoutEffect", known.name,
            "has no effect without affinity: cookie on the same object");
    return std::nullopt;
  }
  CookieAffinity out;
  read_mode(out);
  read_name(out);
  read_path(out);
  read_attribute("session-cookie-domain", out.domain);
  read_age("session-cookie-expires", out.expires);
  read_age("session-cookie-max-age", out.max_age);
  read_same_site(out);
  read_bool("session-cookie-secure", out.secure);
  read_bool("session-cookie-conditional-samesite-none", out.conditional_same_site_none);
  read_bool("session-cookie-change-on-failure", out.change_on_failure);
  return out;
}

void AnnotationReader::read_mode(CookieAffinity& into) {
  const auto text = value("affinity-mode");
  if (!text || *text == "balanced") return;
  if (*text == "persistent") {
    into.mode = AffinityMode::persistent;
  } else {
    say_bad_value("affinity-mode", *text, "balanced or persistent");
  }
}

void AnnotationReader::read_name(CookieAffinity& into) {
  constexpr const char* kName = "session-cookie-name";
  constexpr size_t kLongest = 256;
  const auto text = value(kName);
  if (!text) return;
  if (is_token(*text) && text->size() <= kLongest) {
    into.name = *text;
  } else {
    say_bad_value(kName, *text, "the name of a cookie: letters, digits and !#$%&'*+-.^_`|~, at most 256");
  }
}

void AnnotationReader::read_attribute(std::string_view name, std::string& into) {
  constexpr size_t kLongest = 1024;  // RFC 6265bis 5.6: user agents ignore longer attribute values
  const auto text = value(name);
  if (!text) return;
  if (!text->empty() && is_attribute_value(*text) && text->size() <= kLongest) {
    into = *text;
  } else {
    say_bad_value(name, *text, "printable ASCII without ; and , and at most 1024 bytes");
  }
}

void AnnotationReader::read_path(CookieAffinity& into) {
  constexpr const char* kName = "session-cookie-path";
  read_attribute(kName, into.path);
  if (into.path.empty() || into.path.starts_with('/')) return;
  say(Severity::note, "DoubtfulAnnotationValue", kName,
      "does not begin with /, so that clients use the folder of the request's path instead (RFC 6265 5.2.4)");
}

void AnnotationReader::read_age(std::string_view name, std::optional<std::chrono::seconds>& into) {
  const auto text = value(name);
  if (!text) return;
  if (const auto seconds = base::parse_decimal(*text, kMaxCookieAge)) {
    into = std::chrono::seconds(*seconds);
  } else {
    say_bad_value(name, *text, "a number of seconds, 0 or more, without unit");
  }
}

void AnnotationReader::read_same_site(CookieAffinity& into) {
  const auto text = value("session-cookie-samesite");
  if (!text) return;
  if (base::iequals(*text, "none")) {
    into.same_site = SameSite::none;
  } else if (base::iequals(*text, "lax")) {
    into.same_site = SameSite::lax;
  } else if (base::iequals(*text, "strict")) {
    into.same_site = SameSite::strict;
  } else {
    say_bad_value("session-cookie-samesite", *text, "None, Lax or Strict");
  }
}

void AnnotationReader::read_bool(std::string_view name, bool& into) {
  const auto text = value(name);
  if (!text) return;
  if (const auto word = parse_go_bool(*text)) {
    into = *word;
  } else {
    say_bad_value(name, *text, "true or false");
  }
}

}  // namespace

IngressAnnotations decode_annotations(const Meta& meta, const std::string& prefix, Findings& findings) {
  return AnnotationReader(meta, prefix, findings).read();
}

}  // namespace narthex::config
