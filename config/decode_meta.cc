#include <fmt/format.h>

#include "config/annotations_table.h"
#include "config/decode_kinds.h"
#include "config/names.h"

namespace narthex::config {
namespace {

// LIMIT: names and values of all annotations of one object, as the API server has it (apimachinery,
// TotalAnnotationSizeLimitB).
constexpr size_t kMaxAnnotationBytes = 256u << 10;

// A guard whose value is lost must not be lost itself: it stays, empty, so that its routes answer 503 and not without a
// guard.
bool must_stay(std::string_view annotation) {
  const size_t slash = annotation.find('/');
  return slash != std::string_view::npos && is_guard_annotation(annotation.substr(slash + 1));
}

std::map<std::string, std::string> read_string_map(const Node& node, const char* name) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : node.members()) {
    if (const auto* text = std::get_if<std::string>(&value.value)) {
      out[key] = *text;
    } else if (value.value.index() == 0) {
      out[key];  // null, as Kubernetes reads it: there, and empty
    } else {
      node.context().add(Severity::refused, "WrongType", fmt::format("metadata.{}[{}]", name, key),
                         fmt::format("must be a string, but is {}; put it in quotes", value.kind_name()), value.line);
      if (must_stay(key)) out[key];
    }
  }
  return out;
}

bool read_name(const Node& name, std::string& into) {
  if (!name.read(into)) return false;
  if (into.empty()) {
    name.refuse("MissingName", "an object needs a name (generateName makes one only in a cluster); give it one");
    return false;
  }
  if (is_dns_subdomain(into)) return true;
  name.refuse("InvalidName", in_quotes(into) +
                                 " must be lower case letters, digits, - and . (at most 253), and begin and end "
                                 "with a letter or digit; rename the object");
  return false;
}

bool read_namespace(const Node& node, std::string& into, const std::string& fallback) {
  if (!node.read(into)) return false;
  if (into.empty()) into = fallback;
  if (is_dns_label(into)) return true;
  node.refuse("InvalidNamespace", in_quotes(into) + " must be lower case letters, digits and - (at most 63)");
  return false;
}

size_t bytes_of(const std::map<std::string, std::string>& map) {
  size_t bytes = 0;
  for (const auto& [key, value] : map) bytes += key.size() + value.size();
  return bytes;
}

}  // namespace

std::optional<Meta> decode_meta(const Node& root, bool cluster_wide, const std::string& default_namespace) {
  ReadContext& context = root.context();
  const Node node = root.member("metadata");
  Meta meta;
  meta.origin = {context.file, root.line()};
  if (!node.expect_map()) return std::nullopt;
  if (!read_name(node.member("name"), meta.key.name)) return std::nullopt;
  context.object.name = meta.key.name;
  if (!cluster_wide) {
    if (!read_namespace(node.member("namespace"), meta.key.ns, default_namespace)) return std::nullopt;
    context.object.ns = meta.key.ns;
  }
  const Node annotations = node.member("annotations");
  meta.annotations = read_string_map(annotations, "annotations");
  if (bytes_of(meta.annotations) > kMaxAnnotationBytes) {
    annotations.refuse("AnnotationsTooBig", fmt::format("all annotations together have more than {} bytes; remove some",
                                                        kMaxAnnotationBytes));
    return std::nullopt;
  }
  meta.labels = read_string_map(node.member("labels"), "labels");
  const Node created = node.member("creationTimestamp");
  std::string time;
  if (created.read(time) && !time.empty()) {
    meta.creation_time = parse_rfc3339(time);
    if (!meta.creation_time)
      created.refuse("InvalidTime", in_quotes(time) +
                                        " must be a time such as 2024-05-01T12:00:00Z; this object counts as the "
                                        "youngest where age decides");
  }
  return meta;
}

bool read_port_number(const Node& node, uint16_t& into) {
  int64_t number = 0;
  if (!node.read(number)) return false;
  if (node.present() && (number < 1 || number > 65535)) {
    node.refuse("InvalidPort", fmt::format("{} must be within 1..65535", number));
    return false;
  }
  into = static_cast<uint16_t>(number);
  return true;
}

bool read_protocol(const Node& node, std::string& into) {
  if (!node.read(into)) return false;
  if (into == "TCP" || into == "UDP" || into == "SCTP") return true;
  node.refuse("InvalidProtocol", in_quotes(into) + " must be TCP, UDP or SCTP");
  return false;
}

}  // namespace narthex::config
