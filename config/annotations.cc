#include "config/annotations.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/annotation_groups.h"
#include "config/annotations_table.h"
#include "config/values.h"

namespace narthex::config {
namespace {

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

}  // namespace

HostOptions decode_host_options(const Meta& meta, const std::string& prefix) {
  HostOptions host;
  Findings unsaid;
  AnnotationReader reader(meta, prefix, unsaid);
  if (reader.any()) read_host(reader, host);
  return host;
}

IngressAnnotations decode_annotations(const Meta& meta, const std::string& prefix, const RouteOptions& settings, Findings& findings) {
  IngressAnnotations out;
  out.route = settings;
  AnnotationReader reader(meta, prefix, findings);
  if (!reader.any()) return out;
  reader.for_each([&](std::string_view name, std::string_view value) {
    if (value.size() > kValueBytesMax) return reader.say_bad_value(name, value, "at most 256 KiB long", Otherwise::object_refused);
    judge_annotation(reader, name, value);
  });
  if (reader.refused()) {
    out.refused = true;
    return out;
  }
  out.affinity = read_affinity(reader);
  read_redirects(reader, out.route);
  read_access(reader, out.route);
  read_proxying(reader, out.route);
  read_cors(reader, out.route);
  read_rewriting(reader, out.route);
  read_host(reader, out.host);
  check_no_canary(reader);
  out.refused = reader.refused();
  out.unmet_guards = reader.unmet_guards();
  return out;
}

void judge_annotation(AnnotationReader& reader, std::string_view name, std::string_view value) {
  const KnownAnnotation* known = find_annotation(name);
  if (known == nullptr) {
    std::string dashed(name);
    std::replace(dashed.begin(), dashed.end(), '_', '-');
    const bool near = find_annotation(dashed) != nullptr;
    reader.say(Severity::note, "UnknownAnnotation", name,
        near ? fmt::format("is no annotation of ingress-nginx and has no effect; write {}", dashed)
             : std::string("is no annotation of ingress-nginx and has no effect; remove it or correct its name"));
    return;
  }
  switch (fate_of(*known, value)) {
    case AnnotationFate::carried_out:
      return;
    case AnnotationFate::not_yet:
      reader.say(Severity::note, "AnnotationNotSupported", name, "is not supported by this version and has no effect");
      return;
    case AnnotationFate::removed:
      reader.say(Severity::note, "AnnotationRemoved", name,
          fmt::format("has no effect in ingress-nginx any more; {}", known->hint));
      return;
    case AnnotationFate::guard:
      reader.close_routes(name);
      reader.say(Severity::refused, "GuardNotSupported", name,
          "restricts access and is not supported by this version, so that all routes of this object answer 503; remove "
          "it if "
          "the routes may be open to everybody");
      return;
  }
}

}  // namespace narthex::config
