// Every annotation of ingress-nginx by its name without the prefix: what it is, and what becomes of it here. The rows
// stand by group in config/tables/; docs/annotations.md is printed from them. Frozen; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/value_kind.h"

namespace narthex::config {

enum class AnnotationFate {
  carried_out,
  not_yet,  // known, and served as if it were absent
  guard,    // keeps requests out: served as if it were absent it would let them in, so its routes answer 503 instead
  removed,  // had no effect in ingress-nginx 1.15 any more
};

// ingress-nginx's own rating; its setting annotations-risk-level is compared to it.
enum class AnnotationRisk { low, medium, high, critical };

// The headings of docs/annotations.md, in this order.
enum class AnnotationGroup {
  affinity, balancing, canary, rewriting, redirects, hosts, access, limits, basic_auth, external_auth,
  client_certificates, cors, headers, error_pages, protocol, proxying, retries, upstream_tls, tls, mirror, waf,
  snippets, logging, tracing, removed
};
inline constexpr int kAnnotationGroups = static_cast<int>(AnnotationGroup::removed) + 1;

// Texts are empty where there is nothing to say; all of them go on a page, see config/markdown.h.
struct KnownAnnotation {
  std::string_view name;
  AnnotationFate fate = AnnotationFate::not_yet;
  AnnotationGroup group;
  ValueKind kind = ValueKind::text;
  std::string_view values = {};    // what is accepted, where the kind does not say it
  std::string_view standard = {};  // the default
  std::string_view setting = {};   // key of the ConfigMap that counts where the annotation is absent
  AnnotationRisk risk = AnnotationRisk::low;
  std::string_view alias = {};       // an older name, read where this one is absent or empty
  std::string_view feature = {};     // what carries it out; empty while nothing does
  std::string_view doc = {};         // what it does, for removed ones: what it did; one line
  std::string_view difference = {};  // what is done otherwise than in ingress-nginx; shown once it is carried out
  std::string_view hint = {};        // for removed ones: what to use instead
};

// Sorted by name.
std::span<const KnownAnnotation> known_annotations();
// Null: unknown. VALID UNTIL: the program ends.
const KnownAnnotation* find_annotation(std::string_view name);
bool is_guard_annotation(std::string_view name);

const char* title_of(AnnotationGroup group);
// The table as Markdown, for docs/annotations.md.
std::string annotations_markdown();

}  // namespace narthex::config
