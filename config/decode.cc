#include "config/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/decode_kinds.h"
#include "config/names.h"

namespace narthex::config {
namespace {

struct KnownKind {
  std::string_view api_version, kind;
  bool cluster_wide;
  std::optional<Object> (*decode)(const Node& root, Meta meta);
};

constexpr std::array<KnownKind, 11> kKinds = {{
    {"networking.k8s.io/v1", "Ingress", false, decode_ingress_v1},
    {"networking.k8s.io/v1beta1", "Ingress", false, decode_ingress_beta},
    {"extensions/v1beta1", "Ingress", false, decode_ingress_beta},
    {"networking.k8s.io/v1", "IngressClass", true, decode_ingress_class},
    {"networking.k8s.io/v1beta1", "IngressClass", true, decode_ingress_class},
    {"v1", "Service", false, decode_service},
    {"discovery.k8s.io/v1", "EndpointSlice", false, decode_endpoint_slice},
    {"discovery.k8s.io/v1beta1", "EndpointSlice", false, decode_endpoint_slice},
    {"v1", "Endpoints", false, decode_endpoints},
    {"v1", "Secret", false, decode_secret},
    {"v1", "ConfigMap", false, decode_config_map},
}};

// What the items of a typed list (IngressList) may leave out.
struct Inherited {
  std::string api_version, kind;
};

class DocumentReader final {
 public:
  DocumentReader(const std::string& file, const std::string& default_namespace, Decoded& into)
      : file_(file), default_namespace_(default_namespace), into_(into) {}

  void read(const Tree& document, const Inherited& inherited);

 private:
  void read_list(const Tree& document, const std::string& api_version, const std::string& kind);
  void read_object(const Tree& document, const std::string& api_version, const std::string& kind);

  const std::string& file_;
  const std::string& default_namespace_;
  Decoded& into_;
};

bool is_known_kind(std::string_view kind) {
  return std::any_of(kKinds.begin(), kKinds.end(), [&](const KnownKind& known) { return known.kind == kind; });
}

std::string_view group_of(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view{} : api_version.substr(0, slash);
}

// A known kind in a group where Kubernetes itself has its objects: a slip of the pen, not somebody else's kind of that
// name.
const KnownKind* meant(std::string_view api_version, std::string_view kind) {
  const auto same_group = [&](const KnownKind& known) { return group_of(known.api_version) == group_of(api_version); };
  if (std::none_of(kKinds.begin(), kKinds.end(), same_group)) return nullptr;
  const auto found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const KnownKind& known) { return known.kind == kind; });
  return found == kKinds.end() ? nullptr : &*found;
}

bool read_word(const Node& node, const std::string& inherited, std::string& into) {
  into = inherited;
  if (!node.read(into)) return false;
  if (!into.empty()) return true;
  node.refuse("NotAnObject", fmt::format("every document needs apiVersion and kind; {} is missing", node.field()));
  return false;
}

void DocumentReader::read(const Tree& document, const Inherited& inherited) {
  if (document.value.index() == 0) return;  // an empty document
  ReadContext context{file_, into_.findings, {}};
  const Node root(context, document);
  if (!std::holds_alternative<Tree::Map>(document.value)) {
    root.refuse("NotAnObject",
                fmt::format("must be a map with apiVersion, kind and metadata, but is {}", document.kind_name()));
    return;
  }
  std::string api_version, kind;
  if (!read_word(root.member("kind"), inherited.kind, kind)) return;
  context.object.kind = kind;
  if (!read_word(root.member("apiVersion"), inherited.api_version, api_version)) return;
  if (kind.ends_with("List")) return read_list(document, api_version, kind);
  read_object(document, api_version, kind);
}

void DocumentReader::read_list(const Tree& document, const std::string& api_version, const std::string& kind) {
  const Tree* items = document.find("items");
  const Tree::List* list = items == nullptr ? nullptr : std::get_if<Tree::List>(&items->value);
  Inherited inherited;
  if (kind != "List") inherited = {api_version, kind.substr(0, kind.size() - 4)};
  // Somebody's own kind may end in List and have anything under items.
  const bool ours = kind == "List" || is_known_kind(inherited.kind);
  ReadContext context{file_, into_.findings, ObjectRef{kind, {}, {}}};
  if (ours && items != nullptr && items->value.index() != 0 && list == nullptr)
    context.add(Severity::refused, "WrongType", "items", fmt::format("must be a list, but is {}", items->kind_name()),
                items->line);
  if (list == nullptr) return;
  for (size_t i = 0; i < list->size(); ++i) {
    const Tree& item = (*list)[i];
    if (std::holds_alternative<Tree::Map>(item.value)) {
      read(item, inherited);
    } else if (ours) {
      context.add(Severity::refused, "NotAnObject", fmt::format("items[{}]", i),
                  fmt::format("must be an object, but is {}", item.kind_name()), item.line);
    }
  }
}

void DocumentReader::read_object(const Tree& document, const std::string& api_version, const std::string& kind) {
  ReadContext context{file_, into_.findings, ObjectRef{kind, {}, {}}};
  const Node root(context, document);
  const auto known = std::find_if(kKinds.begin(), kKinds.end(), [&](const KnownKind& one) {
    return one.api_version == api_version && one.kind == kind;
  });
  if (known == kKinds.end()) {
    if (const KnownKind* right = meant(api_version, kind))
      root.member("apiVersion")
          .refuse("UnknownApiVersion",
                  fmt::format("{} has no {}; write {}", in_quotes(api_version), kind, right->api_version));
    return;
  }
  auto meta = decode_meta(root, known->cluster_wide, default_namespace_);
  if (!meta) return;
  if (auto object = known->decode(root, std::move(*meta))) into_.objects.push_back(std::move(*object));
}

// A list of objects written in braces is JSON to kubectl too, whatever its name; yaml-cpp would need far more memory
// for it.
bool looks_like_json(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

}  // namespace

void decode_document(const Tree& document, const std::string& file, const std::string& default_namespace,
                     Decoded& into) {
  DocumentReader(file, default_namespace, into).read(document, {});
}

Decoded decode_manifest(std::string_view text, const std::string& file, const std::string& default_namespace) {
  Decoded out;
  const bool named_json = file.ends_with(".json");
  bool json = named_json || looks_like_json(text);
  TreeDocuments parsed;
  if (json) parsed = parse_json(text);
  if (json && !named_json && !parsed.errors.empty()) json = false;  // braces are YAML too
  if (!json) parsed = parse_yaml(text);
  for (const Tree& document : parsed.documents) decode_document(document, file, default_namespace, out);
  for (TreeError& error : parsed.errors)
    out.findings.push_back({Severity::refused,
                            json ? "InvalidJson" : "InvalidYaml",
                            {},
                            "",
                            std::move(error.message),
                            {file, error.line}});
  return out;
}

}  // namespace narthex::config
