#include "config/annotations_table.h"

#include <fmt/format.h>

#include "config/markdown.h"
#include "config/sorted_table.h"
#include "config/tables/annotations_auth.h"
#include "config/tables/annotations_rest.h"
#include "config/tables/annotations_routes.h"
#include "config/tables/annotations_traffic.h"
#include "config/tables/annotations_upstream.h"

namespace narthex::config {
namespace {

constexpr auto kRows = joined(tables::kTrafficAnnotations, tables::kRoutesAnnotations, tables::kAuthAnnotations,
                              tables::kUpstreamAnnotations, tables::kRestAnnotations);
constexpr auto kTable = sorted_by_name(kRows);
static_assert(is_sorted_by_name<KnownAnnotation>(kTable), "find_annotation() halves the table; no name stands twice");

constexpr const char* kIntroduction =
    "# Annotations\n\n"
    "What becomes of each annotation of ingress-nginx 1.15. Names are without the prefix, which is\n"
    "`nginx.ingress.kubernetes.io/` unless `--annotations-prefix` says otherwise.\n\n"
    "What is wrong or doubtful in an object is a *finding*: Narthex goes on, and tells it in its log, as an Event on\n"
    "the object and on its admin page, see [troubleshooting.md](troubleshooting.md). An annotation that is unknown,\n"
    "not carried out, or has a bad value gets a finding, and costs no other object anything.\n\n"
    "- **yes**: carried out. What is done otherwise than in ingress-nginx follows behind **Differs**.\n"
    "- **not yet**: known, has no effect in this version.\n"
    "- **closes**: keeps requests out and is not carried out in this version. Without it the routes would be open, so\n"
    "  all routes of the object answer 503 until it is removed. `configuration-snippet` and `server-snippet` close\n"
    "  only where they hold words that keep requests out, `proxy-ssl-verify` unless it is `off`.\n"
    "- **gone**: has no effect in ingress-nginx 1.15 either.\n\n"
    "The column *setting* names the key of the ConfigMap that counts where the annotation is absent, see\n"
    "[settings.md](settings.md). A boolean is `true` or `false`, or what else Go reads so (`1`, `t`, `T`, `TRUE`,\n"
    "`True`; `0`, `f`, `F`, `FALSE`, `False`). Seconds have no unit; sizes may end in k, m or g.\n";

const char* state_of(AnnotationFate fate);
std::string meaning_of(const KnownAnnotation& known);

}  // namespace

std::span<const KnownAnnotation> known_annotations() { return kTable; }

const KnownAnnotation* find_annotation(std::string_view name) { return find_by_name<KnownAnnotation>(kTable, name); }

bool is_guard_annotation(std::string_view name) {
  const KnownAnnotation* known = find_annotation(name);
  return known != nullptr && known->fate == AnnotationFate::guard;
}

const char* title_of(AnnotationGroup group) {
  switch (group) {
    case AnnotationGroup::affinity:
      return "Sticky sessions";
    case AnnotationGroup::balancing:
      return "Balancing";
    case AnnotationGroup::canary:
      return "Canary";
    case AnnotationGroup::rewriting:
      return "Paths";
    case AnnotationGroup::redirects:
      return "Redirects";
    case AnnotationGroup::hosts:
      return "Hosts";
    case AnnotationGroup::access:
      return "Client addresses";
    case AnnotationGroup::limits:
      return "Limits";
    case AnnotationGroup::basic_auth:
      return "Passwords";
    case AnnotationGroup::external_auth:
      return "External authentication";
    case AnnotationGroup::client_certificates:
      return "Client certificates";
    case AnnotationGroup::cors:
      return "CORS";
    case AnnotationGroup::headers:
      return "Response fields";
    case AnnotationGroup::error_pages:
      return "Error pages";
    case AnnotationGroup::protocol:
      return "Protocol towards pods";
    case AnnotationGroup::proxying:
      return "Times, sizes and rewriting of responses";
    case AnnotationGroup::retries:
      return "Retries";
    case AnnotationGroup::upstream_tls:
      return "TLS towards pods";
    case AnnotationGroup::tls:
      return "TLS towards clients";
    case AnnotationGroup::mirror:
      return "Mirror";
    case AnnotationGroup::waf:
      return "Firewall";
    case AnnotationGroup::snippets:
      return "Snippets";
    case AnnotationGroup::logging:
      return "Logging";
    case AnnotationGroup::tracing:
      return "Tracing";
    case AnnotationGroup::removed:
      return "Gone";
  }
  return "";
}

std::string annotations_markdown() {
  std::string out = kIntroduction;
  for (int i = 0; i < kAnnotationGroups; ++i) {
    const auto group = static_cast<AnnotationGroup>(i);
    out += fmt::format("\n## {}\n\n", title_of(group));
    out += "| annotation | values | default | setting | state | what it does |\n|---|---|---|---|---|---|\n";
    for (const KnownAnnotation& known : kRows) {
      if (known.group != group) continue;
      const bool is_gone = known.fate == AnnotationFate::removed;
      const std::string_view values = known.values.empty() && !is_gone ? name_of(known.kind) : known.values;
      out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", markdown_code(known.name), markdown_text(values),
                         markdown_text(known.standard), markdown_code(known.setting), state_of(known.fate),
                         meaning_of(known));
    }
  }
  return out;
}

namespace {

const char* state_of(AnnotationFate fate) {
  switch (fate) {
    case AnnotationFate::carried_out:
      return "yes";
    case AnnotationFate::not_yet:
      return "not yet";
    case AnnotationFate::guard:
      return "closes";
    case AnnotationFate::removed:
      return "gone";
  }
  return "";
}

std::string meaning_of(const KnownAnnotation& known) {
  std::string out = markdown_text(known.doc);
  if (!known.hint.empty()) out += fmt::format("; {}", markdown_text(known.hint));
  if (!known.alias.empty()) out += fmt::format("; older name: {}", markdown_code(known.alias));
  if (known.fate == AnnotationFate::carried_out && !known.difference.empty())
    out += fmt::format(". **Differs**: {}", markdown_text(known.difference));
  return out;
}

}  // namespace
}  // namespace narthex::config
