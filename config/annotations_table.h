// Every annotation of ingress-nginx by its name without the prefix, and what becomes of it here. Frozen; any thread.
#pragma once

#include <span>
#include <string_view>

namespace narthex::config {

enum class AnnotationFate {
  carried_out,
  not_yet,  // known, and served as if it were absent
  guard,    // keeps requests out: served as if it were absent it would let them in, so its routes answer 503 instead
  removed,  // had no effect in ingress-nginx 1.15 any more
};

struct KnownAnnotation {
  std::string_view name;
  AnnotationFate fate;
  std::string_view hint;  // for removed ones: what to use instead; may be empty
};

// Sorted by name.
std::span<const KnownAnnotation> known_annotations();
// Null: unknown. VALID UNTIL: the program ends.
const KnownAnnotation* find_annotation(std::string_view name);
bool is_guard_annotation(std::string_view name);

}  // namespace narthex::config
