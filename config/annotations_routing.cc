// Annotations that answer instead of a backend, or change what it is asked for: redirects, rewriting, further names of a host.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/annotation_groups.h"
#include "config/names.h"
#include "config/values.h"

namespace narthex::config {
namespace {

constexpr uint16_t kMultipleChoices = 300, kMovedPermanently = 301, kFound = 302, kTemporaryRedirect = 307, kPermanentRedirect = 308;

// A code outside of the range is the default, as in ingress-nginx.
uint16_t read_code(AnnotationReader& reader, const char* name, uint16_t last, uint16_t otherwise) {
  const auto text = reader.value(name);
  if (!text) return otherwise;
  const auto code = base::parse_decimal(*text, 999);
  const std::string expected = fmt::format("a status from 300 to {}", last);
  if (!code) {
    reader.say_bad_value(name, *text, expected, Otherwise::object_refused);
    return otherwise;
  }
  if (*code >= kMultipleChoices && *code <= last) return static_cast<uint16_t>(*code);
  reader.say_bad_value(name, *text, expected);
  return otherwise;
}

constexpr size_t kTargetBytesMax = 4096;

bool is_http_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

void read_redirect(AnnotationReader& reader, const char* name, uint16_t code, bool only_http, RouteOptions& into) {
  const auto text = reader.value(name);
  if (!text) return;
  if (!is_uri_reference(*text)) {
    reader.say_bad_value(name, *text, "a URL without spaces and without variables such as $request_uri", Otherwise::object_refused);
  } else if (only_http && !is_http_url(*text)) {
    reader.say_bad_value(name, *text, "a URL that begins with http:// or https://");
  } else {
    into.redirect = {code, std::string(*text), false};
  }
}

// ingress-nginx takes patterns (~...), too, and reads "*.x" as any number of labels: names that nobody could check for conflicts.
void read_aliases(AnnotationReader& reader, std::string_view text, std::vector<std::string>& into) {
  constexpr const char* kName = "server-alias";
  constexpr const char* kExpected = "host names with commas, such as www.example.com,*.example.org";
  for (const std::string& part : parse_list(text, ',')) {
    const std::string alias = base::lower(part);
    if (is_dns_subdomain(alias.starts_with("*.") ? alias.substr(2) : alias)) {
      into.push_back(alias);
    } else if (alias.starts_with('~') && !has_control_byte(alias) && alias.find_first_of(" ;{}") == std::string::npos) {
      reader.say(Severity::refused, "InvalidAnnotationValue", kName, in_quotes(part) + " is a pattern, which is not supported; it is left out");
    } else {
      reader.say_bad_value(kName, part, kExpected, Otherwise::object_refused);
    }
  }
}

// ingress-nginx's own check: letters, digits, -._~:/ and $.
bool is_path_with_variables(std::string_view text) {
  static constexpr std::string_view kOther = "-._~:/$";
  return !text.empty() && text.size() <= kTargetBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
    const char lower = base::to_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || kOther.find(c) != std::string_view::npos;
  });
}

// Each $ begins one of $1 to $9: variables of nginx ($scheme, $host) are not carried out.
bool has_groups_only(std::string_view text) {
  for (size_t at = 0; (at = text.find('$', at)) != std::string_view::npos; ++at)
    if (at + 1 == text.size() || text[at + 1] < '1' || text[at + 1] > '9') return false;
  return true;
}

bool has_dot_segment(std::string_view path) {
  const std::vector<std::string_view> segments = base::split(path, '/');
  return std::any_of(segments.begin(), segments.end(), [](std::string_view segment) { return segment == "." || segment == ".."; });
}

// A host that is written out: requests shall not choose where clients are sent.
bool names_its_host(std::string_view url) {
  const std::string_view rest = url.substr(url.find("//") + 2);
  return is_host_and_port(rest.substr(0, rest.find_first_of("/$")));
}

void read_rewrite_target(AnnotationReader& reader, RouteOptions& into) {
  constexpr const char* kName = "rewrite-target";
  const auto text = reader.value(kName);
  if (!text) return;
  if (!is_path_with_variables(*text) || has_dot_segment(*text)) {
    reader.say_bad_value(kName, *text, "a path of letters, digits and -._~:/, with $1 to $9, and without query or dot segments");
  } else if (!has_groups_only(*text)) {
    reader.say_bad_value(kName, *text, "a path with $1 to $9 and no other variables");
  } else if (is_http_url(*text) && !names_its_host(*text)) {
    reader.say_bad_value(kName, *text, "a path, or a URL whose host is written out");
  } else {
    into.rewrite_target = *text;
  }
}

void read_forwarded_prefix(AnnotationReader& reader, RouteOptions& into) {
  constexpr const char* kName = "x-forwarded-prefix";
  const auto text = reader.value(kName);
  if (!text) return;
  if (!is_path_with_variables(*text)) {
    reader.say_bad_value(kName, *text, "a path of letters, digits and -._~:/, with $1 to $9", Otherwise::object_refused);
  } else if (!has_groups_only(*text) || has_dot_segment(*text)) {
    reader.say_bad_value(kName, *text, "a path with $1 to $9 and no other variables, and without dot segments");
  } else {
    into.forwarded_prefix = *text;
    if (into.rewrite_target.empty())
      reader.say(Severity::note, "AnnotationWithoutEffect", kName, "has no effect without rewrite-target; add it, or remove this one");
  }
}

}  // namespace

void read_redirects(AnnotationReader& reader, RouteOptions& into) {
  reader.read_bool("ssl-redirect", into.https.where_tls);
  reader.read_bool("force-ssl-redirect", into.https.always);
  reader.read_bool("preserve-trailing-slash", into.https.keeps_trailing_slash);
  reader.read_bool("use-port-in-redirects", into.https.names_port);
  const uint16_t permanent = read_code(reader, "permanent-redirect-code", kPermanentRedirect, kMovedPermanently);
  const uint16_t temporal = read_code(reader, "temporal-redirect-code", kTemporaryRedirect, kFound);
  read_redirect(reader, "permanent-redirect", permanent, false, into);
  read_redirect(reader, "temporal-redirect", temporal, true, into);  // the later one wins, as in ingress-nginx
  bool relative = into.redirect && into.redirect->stays_relative;
  reader.read_bool("relative-redirects", relative, Otherwise::object_refused);
  if (into.redirect) into.redirect->stays_relative = relative;
}

void read_rewriting(AnnotationReader& reader, RouteOptions& into) {
  reader.read_bool("use-regex", into.use_regex);
  read_rewrite_target(reader, into);
  read_forwarded_prefix(reader, into);
}

void read_host(AnnotationReader& reader, HostOptions& into) {
  if (const auto text = reader.value("app-root")) {
    if (text->starts_with('/') && is_uri_reference(*text)) {
      into.app_root = *text;
    } else {
      reader.say_bad_value("app-root", *text, "a path that begins with /");
    }
  }
  reader.read_bool("from-to-www-redirect", into.www_redirect, Otherwise::object_refused);
  if (const auto text = reader.value("server-alias")) read_aliases(reader, *text, into.aliases);
}

}  // namespace narthex::config
