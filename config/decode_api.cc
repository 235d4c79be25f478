#include "config/decode_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "config/decode_kinds.h"

namespace narthex::config {
namespace {

constexpr size_t kMessageBytes = 300;
constexpr TreeLimits kObjectLimits{.depth = 100, .nodes = 1'000'000, .bytes = kApiObjectBytesMax};
constexpr TreeLimits kMetadataLimits{.depth = 10, .nodes = 1000, .bytes = 64u << 10};
// Who wrote which field: often half of an object's text, and nothing reads it.
constexpr std::string_view kManagedFields = "managedFields";
// The same, as an API server writes it, and the copy of the manifest that kubectl leaves.
constexpr std::array<std::string_view, 2> kUnreadKeys = {"\"managedFields\":",
                                                         "\"kubectl.kubernetes.io/last-applied-configuration\":"};

std::optional<Object> decode_namespace(const Node&, Meta meta) { return Namespace{std::move(meta)}; }

struct KindRow {
  const char* name;
  bool cluster_wide;
  std::optional<Object> (*decode)(const Node& root, Meta meta);
};
// By ApiKind.
constexpr std::array<KindRow, 8> kRows = {{
    {Ingress::kKind, false, decode_ingress_v1},
    {IngressClass::kKind, true, decode_ingress_class},
    {Service::kKind, false, decode_service},
    {EndpointSlice::kKind, false, decode_endpoint_slice},
    {Endpoints::kKind, false, decode_endpoints},
    {Secret::kKind, false, decode_secret},
    {ConfigMap::kKind, false, decode_config_map},
    {Namespace::kKind, true, decode_namespace},
}};
const KindRow& row_of(ApiKind kind) { return kRows[static_cast<size_t>(kind)]; }

constexpr auto kStructural = [] {
  std::array<bool, 256> table{};
  for (const char c : {'"', '{', '}', '[', ']'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// Walks over JSON text by its brackets and quotes alone, to find where the parts begin and end. What it takes for a part
// is parsed properly afterwards, so that it may be generous about everything else.
class Skimmer final {
 public:
  explicit Skimmer(std::string_view text) : text_(text) {}

  // The next byte that is no white space is this one, and is taken.
  bool take(char wanted) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  // The raw text of a value, quotes and brackets included; empty: there is none.
  std::string_view value(size_t from = 0) {
    at_ = std::max(at_, from);
    skip_space();
    const size_t begin = at_;
    if (!skip_value()) return {};
    return text_.substr(begin, at_ - begin);
  }

 private:
  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool skip_value();
  bool skip_string();

  std::string_view text_;
  size_t at_ = 0;
};

bool Skimmer::skip_string() {
  const size_t begin = ++at_;
  for (size_t quote = text_.find('"', at_); quote != std::string_view::npos; quote = text_.find('"', at_)) {
    at_ = quote + 1;
    size_t escapes = 0;  // an even number of backslashes before it are backslashes of the text
    while (quote - escapes > begin && text_[quote - escapes - 1] == '\\') ++escapes;
    if (escapes % 2 == 0) return true;
  }
  at_ = text_.size();
  return false;
}

bool Skimmer::skip_value() {
  if (at_ >= text_.size()) return false;
  if (text_[at_] == '"') return skip_string();
  if (text_[at_] != '{' && text_[at_] != '[') {
    const size_t end = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
    const bool some = end > at_;
    at_ = end;
    return some;
  }
  for (size_t depth = 0; at_ < text_.size();) {
    const char c = text_[at_];
    if (!kStructural[static_cast<unsigned char>(c)]) {
      ++at_;
      continue;
    }
    if (c == '"') {
      if (!skip_string()) return false;
      continue;
    }
    ++at_;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return true;
  }
  return false;
}

// The text with null for the values of what nobody reads, or the text itself; cutting costs a tenth of parsing. A name
// with a quote before and behind it and a colon is a key, wherever it stands, unless that first quote is an escaped one.
std::string_view without_unread(std::string_view text, std::string& room) {
  if (text.empty()) return text;  // memmem takes no null pointer
  for (const std::string_view key : kUnreadKeys) {
    const char* found = static_cast<const char*>(::memmem(text.data(), text.size(), key.data(), key.size()));
    if (found == nullptr) continue;
    const size_t begin = static_cast<size_t>(found - text.data());
    if (begin > 0 && text[begin - 1] == '\\') continue;
    const size_t value_at = begin + key.size();
    const std::string_view value = Skimmer(text).value(value_at);
    if (value.empty()) continue;
    const size_t value_end = static_cast<size_t>(value.data() + value.size() - text.data());
    std::string cut;
    cut.reserve(text.size() - value.size() + 4);
    cut.append(text.substr(0, value_at)).append("null").append(text.substr(value_end));
    room = std::move(cut);
    text = room;
  }
  return text;
}

// Calls take(raw name, raw value) for each member of the object that the text is. False: it is none.
template <typename Take>
bool for_each_member(std::string_view text, Take take) {
  Skimmer skimmer(text);
  if (!skimmer.take('{')) return false;
  if (skimmer.take('}')) return true;
  do {
    const std::string_view name = skimmer.value();
    if (!name.starts_with('"') || !skimmer.take(':')) return false;
    const std::string_view value = skimmer.value();
    if (value.empty()) return false;
    take(name, value);
  } while (skimmer.take(','));
  return skimmer.take('}');
}

// {"type":"ADDED","object":{...}}, as API servers write it: what is left is the object, so that nobody looks for its end.
// Were there another member behind it, the object would be no JSON, and be told as such.
bool split_usual_event(std::string_view line, std::string_view& type, std::string_view& object) {
  constexpr std::string_view kType = "{\"type\":\"", kObject = "\",\"object\":{";
  if (!line.starts_with(kType) || !line.ends_with("}}")) return false;
  const size_t quote = line.find('"', kType.size());
  if (quote == std::string_view::npos || quote == kType.size() || line.substr(quote, kObject.size()) != kObject) return false;
  type = line.substr(kType.size(), quote - kType.size());
  object = line.substr(quote + kObject.size() - 1);
  object.remove_suffix(1);
  return true;
}

// "abc" without its quotes; only for words without escapes.
std::string_view word(std::string_view raw) {
  return raw.size() >= 2 && raw.front() == '"' ? raw.substr(1, raw.size() - 2) : std::string_view();
}

std::string text_at(const Tree* map, std::string_view name) {
  const Tree* member = map == nullptr ? nullptr : map->find(name);
  const std::string* text = member == nullptr ? nullptr : std::get_if<std::string>(&member->value);
  return text == nullptr ? std::string() : *text;
}

int64_t number_at(const Tree* map, std::string_view name) {
  const Tree* member = map == nullptr ? nullptr : map->find(name);
  const int64_t* number = member == nullptr ? nullptr : std::get_if<int64_t>(&member->value);
  return number == nullptr ? 0 : *number;
}

std::optional<Tree> parse(std::string_view text, const TreeLimits& limits, std::string& why) {
  TreeDocuments parsed = parse_json(text, limits, kManagedFields);
  if (!parsed.errors.empty()) why = parsed.errors.front().message;
  if (parsed.documents.empty()) return std::nullopt;
  return std::move(parsed.documents.front());
}

void decode_whole(const Tree& tree, const KindRow& row, ApiObject& into) {
  static const std::string kNoFile;
  ReadContext context{kNoFile, into.findings, ObjectRef{row.name, {}, {}}};
  const Node root(context, tree);
  if (auto meta = decode_meta(root, row.cluster_wide, {})) {
    meta->origin = {};
    into.object = row.decode(root, std::move(*meta));
  }
  for (Finding& finding : into.findings) finding.origin = {};
}

ObjectKey key_in(const Tree* metadata, const KindRow& row) {
  return {row.cluster_wide ? std::string() : text_at(metadata, "namespace"), text_at(metadata, "name")};
}

// Of an object that is no good as a whole, where its metadata is.
ObjectKey key_of_broken(std::string_view text, const KindRow& row) {
  std::string_view metadata;
  for_each_member(text, [&](std::string_view name, std::string_view value) {
    if (name == "\"metadata\"") metadata = value;
  });
  std::string why;
  const auto tree = parse(metadata, kMetadataLimits, why);
  return tree ? key_in(&*tree, row) : ObjectKey{};
}

// Members in any order, and others beside them.
bool split_any_event(std::string_view line, std::string_view& type, std::string_view& object) {
  const bool is_object = for_each_member(line, [&](std::string_view name, std::string_view value) {
    if (name == "\"type\"") type = word(value);
    if (name == "\"object\"") object = value;
  });
  return is_object && !type.empty() && !object.empty();
}

}  // namespace

ApiObject decode_api_object(std::string_view text, ApiKind kind, ApiPart part) {
  const KindRow& row = row_of(kind);
  ApiObject out;
  std::string why;
  std::string room;
  const auto tree = parse(without_unread(text, room), kObjectLimits, why);
  if (!tree) {
    out.key = key_of_broken(text, row);
    out.findings.push_back(
        {Severity::refused, "InvalidJson", {row.name, out.key.ns, out.key.name}, "", std::move(why), {}});
    return out;
  }
  const Tree* metadata = tree->find("metadata");
  out.key = key_in(metadata, row);
  out.resource_version = text_at(metadata, "resourceVersion");
  out.uid = text_at(metadata, "uid");
  if (part == ApiPart::metadata) {
    const Tree* annotations = metadata == nullptr ? nullptr : metadata->find("annotations");
    out.ends_initial_events = text_at(annotations, "k8s.io/initial-events-end") == "true";
    return out;
  }
  decode_whole(*tree, row, out);
  return out;
}

base::Result<ApiPage> split_api_page(std::string_view text) {
  ApiPage page;
  std::string_view metadata, items;
  const bool is_object = for_each_member(text, [&](std::string_view name, std::string_view value) {
    if (name == "\"metadata\"") metadata = value;
    if (name == "\"items\"") items = value;
  });
  if (!is_object || metadata.empty() || items.empty())
    return base::Error("the answer is no list of objects (no metadata or no items)");
  std::string why;
  const auto tree = parse(metadata, kMetadataLimits, why);
  if (!tree) return base::Error("the metadata of the list: " + why);
  page.resource_version = text_at(&*tree, "resourceVersion");
  page.continue_token = text_at(&*tree, "continue");
  if (items == "null") return page;
  Skimmer skimmer(items);
  if (!skimmer.take('[')) return base::Error("items of the list: no array");
  if (skimmer.take(']')) return page;
  do {
    const std::string_view item = skimmer.value();
    if (item.empty()) return base::Error("items of the list: an item is missing");
    page.items.push_back(item);
  } while (skimmer.take(','));
  return page;
}

base::Result<ApiEvent> split_api_event(std::string_view line) {
  ApiEvent event;
  std::string_view type;
  if (!split_usual_event(line, type, event.object) && !split_any_event(line, type, event.object))
    return base::Error("a line of the watch is no event (no type or no object)");
  using Type = ApiEvent::Type;
  constexpr auto kTypes = std::to_array<std::pair<std::string_view, Type>>({{"ADDED", Type::added},
                                                                            {"MODIFIED", Type::modified},
                                                                            {"DELETED", Type::deleted},
                                                                            {"BOOKMARK", Type::bookmark},
                                                                            {"ERROR", Type::error}});
  for (const auto& [name, known] : kTypes)
    if (name == type) event.type = known;
  return event;
}

ApiStatus decode_api_status(std::string_view text) {
  ApiStatus status;
  std::string why;
  const auto tree = parse(text, kObjectLimits, why);
  if (!tree || text_at(&*tree, "kind") != "Status") return status;
  status.code = number_at(&*tree, "code");
  status.reason = text_at(&*tree, "reason").substr(0, kMessageBytes);
  status.message = text_at(&*tree, "message").substr(0, kMessageBytes);
  status.retry_after_seconds = number_at(tree->find("details"), "retryAfterSeconds");
  return status;
}

const char* name_of(ApiKind kind) { return row_of(kind).name; }

}  // namespace narthex::config
