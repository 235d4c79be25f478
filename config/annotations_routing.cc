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
