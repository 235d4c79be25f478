// From a tree to objects: the only place that knows the field names of the Kubernetes API. Pure; any thread.
// A wrong type costs the part that it stands in (the path, the rule, the tls entry, the port), with a finding that names file,
// line, object and field; the rest of the object lives on. Unknown kinds are skipped, unknown fields are ignored.
#pragma once

#include <string>
#include <string_view>

#include "config/finding.h"
#include "config/objects.h"
#include "config/tree.h"

namespace narthex::config {

struct Decoded {
  std::vector<Object> objects;
  Findings findings;
};

// All objects of one document; a List (kind List, or any kind that ends in List) gives its items.
// `default_namespace` is used where metadata.namespace is absent ("default" in standalone mode).
void decode_document(const Tree& document, const std::string& file, const std::string& default_namespace, Decoded& into);

// All objects of one manifest text: JSON where the name ends in .json, else YAML. Never fails: what cannot be read is a finding.
Decoded decode_manifest(std::string_view text, const std::string& file, const std::string& default_namespace = "default");

}  // namespace narthex::config
