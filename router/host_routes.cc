#include "router/host_routes.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "router/bytes.h"
#include "router/rewrite.h"

namespace narthex::router {

// Nodes lie breadth first, so that the children of one are contiguous and end where those of the next begin.
template <typename Word>
struct HostRoutes::Node {
  Word label;        // offset in the texts
  Word first_child;  // index of a node
  Word route;        // index of a record << 2 | kExact | kPrefix; an Exact comes before a Prefix
  uint16_t tag;      // of the label's first element; children are in the order of (tag, first element)
  uint16_t label_size;

  static constexpr Word kExact = 1, kPrefix = 2;
};

namespace {

static_assert(kPathBytesMax <= UINT16_MAX);

// A rule's path as the trie sees it: a sequence of elements, each with the slash before it. Prefix paths lose their
// slashes at the end; so Prefix "/" has no element at all, and Exact "/" has one that is empty.
struct Rule {
  std::string_view key;
  const RouteSpec* spec;
};

struct DraftNode {
  uint32_t first, last;         // the rules at or below this node
  uint32_t begin = 0, end = 0;  // the label in the key of any of them
  uint32_t first_child = 0;
  uint32_t own = 0;  // how many rules, from the first, end here: none, one, or an Exact and a Prefix
  uint16_t tag = 0;
};

std::vector<Rule> usable_rules(const HostSpec& spec);
std::vector<Rule> sorted_rules(const HostSpec& spec);
bool key_less(std::string_view a, std::string_view b);
size_t shared_bytes(std::string_view a, std::string_view b);
std::vector<uint32_t> shared_elements(const std::vector<Rule>& rules);
std::vector<DraftNode> draft_nodes(const std::vector<Rule>& rules);
void append_children(const std::vector<Rule>& rules, const std::vector<uint32_t>& shared, std::vector<DraftNode>& nodes,
                     size_t at);
std::vector<std::shared_ptr<const void>> kept_alive(const std::vector<Rule>& rules);

struct ByTag {
  bool operator()(const auto& node, uint16_t tag) const { return node.tag < tag; }
  bool operator()(uint16_t tag, const auto& node) const { return tag < node.tag; }
};

constexpr size_t align(size_t offset, size_t to) { return (offset + to - 1) / to * to; }

}  // namespace

struct HostRoutes::Draft {
  std::string_view host;
  bool tls = false, by_patterns = false;
  const HostPolicy* policy = nullptr;
  std::vector<Rule> rules;
  const RouteSpec* fallback = nullptr;
  std::vector<DraftNode> nodes;
  std::vector<std::shared_ptr<const void>> kept;
  size_t text_bytes = 0;

  size_t record_count() const { return rules.size() + (fallback ? 1 : 0); }
  // 16-bit words hold all offsets in the texts, indices of nodes, and indices of records with their two flags.
  bool wide() const { return text_bytes > UINT16_MAX || nodes.size() > UINT16_MAX || record_count() > UINT16_MAX >> 2; }
};

std::shared_ptr<const HostRoutes> HostRoutes::compile(const HostSpec& spec) {
  Draft draft;
  draft.host = spec.host;
  draft.tls = spec.tls;
  draft.policy = spec.policy.get();
  draft.by_patterns = spec.by_patterns;
  draft.rules = spec.by_patterns ? usable_rules(spec) : sorted_rules(spec);
  if (!spec.fallback.empty()) draft.fallback = &spec.fallback.front();
  draft.nodes = draft_nodes(spec.by_patterns ? std::vector<Rule>{} : draft.rules);
  std::vector<Rule> recorded = draft.rules;
  if (draft.fallback) recorded.push_back({{}, draft.fallback});
  if (spec.by_patterns)
    for (const Rule& rule : draft.rules) draft.kept.push_back(rule.spec->pattern);
  for (std::shared_ptr<const void>& kept : kept_alive(recorded)) draft.kept.push_back(std::move(kept));
  if (spec.policy) draft.kept.push_back(spec.policy);
  for (const Rule& rule : recorded) draft.text_bytes += std::min(rule.spec->path.size(), kPathBytesMax);

  const size_t nodes = (draft.nodes.size() + 1) * (draft.wide() ? sizeof(Node<uint32_t>) : sizeof(Node<uint16_t>));
  const size_t indexed = align(sizeof(HostRoutes) + draft.host.size(), alignof(uint32_t)) + nodes + draft.text_bytes;
  void* memory = ::operator new(align(indexed, alignof(Route)) + draft.record_count() * sizeof(Route) +
                                draft.kept.size() * sizeof(std::shared_ptr<const void>));
  return std::shared_ptr<const HostRoutes>(::new (memory) HostRoutes(draft));
}

HostRoutes::HostRoutes(const Draft& draft)
    : policy_(draft.policy),
      node_count_(static_cast<uint32_t>(draft.nodes.size())),
      text_bytes_(static_cast<uint32_t>(draft.text_bytes)),
      rule_count_(static_cast<uint32_t>(draft.rules.size())),
      kept_count_(static_cast<uint32_t>(draft.kept.size())),
      host_bytes_(static_cast<uint32_t>(draft.host.size()) & ((1u << 28) - 1)),
      tls_(draft.tls),
      wide_(draft.wide()),
      by_patterns_(draft.by_patterns),
      has_fallback_(draft.fallback != nullptr) {
  std::copy(draft.host.begin(), draft.host.end(), reinterpret_cast<char*>(block() + sizeof(HostRoutes)));
  draft.wide() ? write_nodes<uint32_t>(draft) : write_nodes<uint16_t>(draft);

  char* texts = reinterpret_cast<char*>(block() + texts_at());
  Route* record = reinterpret_cast<Route*>(block() + routes_at());
  uint32_t offset = 0;
  const auto write = [&](const RouteSpec& spec) {
    const auto size = static_cast<uint16_t>(std::min(spec.path.size(), kPathBytesMax));
    std::copy_n(spec.path.data(), size, texts + offset);
    ::new (record++) Route{spec.policy.get(), spec.owner.get(), spec.backend, offset, size, spec.type, spec.rewrites};
    offset += size;
  };
  for (const Rule& rule : draft.rules) write(*rule.spec);
  if (draft.fallback) write(*draft.fallback);
  std::uninitialized_copy(draft.kept.begin(), draft.kept.end(), const_cast<std::shared_ptr<const void>*>(kept()));
}

HostRoutes::~HostRoutes() {
  std::destroy_n(const_cast<std::shared_ptr<const void>*>(kept()), kept_count_);
}

template <typename Word>
void HostRoutes::write_nodes(const Draft& draft) {
  std::vector<uint32_t> text_of_rule;
  text_of_rule.reserve(draft.rules.size());
  uint32_t offset = 0;
  for (const Rule& rule : draft.rules) {
    text_of_rule.push_back(offset);
    offset += static_cast<uint32_t>(rule.spec->path.size());
  }
  auto* node = reinterpret_cast<Node<Word>*>(block() + nodes_at());
  for (const DraftNode& from : draft.nodes) {
    const uint32_t text = from.end == from.begin ? 0 : text_of_rule[from.first] + from.begin;
    Word flags = 0;
    for (uint32_t i = from.first; i < from.first + from.own; ++i)
      flags |= draft.rules[i].spec->type == PathType::exact ? Node<Word>::kExact : Node<Word>::kPrefix;
    ::new (node++)
        Node<Word>{static_cast<Word>(text), static_cast<Word>(from.first_child),
                   static_cast<Word>(from.first << 2 | flags), from.tag, static_cast<uint16_t>(from.end - from.begin)};
  }
  ::new (node) Node<Word>{0, static_cast<Word>(draft.nodes.size()), 0, 0, 0};
}

const Route* HostRoutes::match(std::string_view path) const {
  if (by_patterns_) [[unlikely]]
    return match_patterns(path);
  return wide_ ? walk<uint32_t>(path) : walk<uint16_t>(path);
}

template <typename Word>
const Route* HostRoutes::walk(std::string_view path) const {
  using N = Node<Word>;
  const Route* const routes = records();
  const Route* best = has_fallback_ ? routes + rule_count_ : nullptr;
  if (path.empty() || path[0] != '/') return best;
  const N* const nodes = reinterpret_cast<const N*>(block() + nodes_at());
  const char* const texts = reinterpret_cast<const char*>(block() + texts_at());
  const N* node = nodes;
  size_t at = 0;  // `node` stands for the elements before here
  for (;;) {
    const Route* own = routes + (node->route >> 2);
    if (node->route & N::kPrefix) best = own + (node->route & N::kExact);
    if (at == path.size()) return node->route & N::kExact ? own : best;
    const std::string_view rest = path.substr(at + 1);
    const size_t children = node[1].first_child - node->first_child;
    if (children == 0) return best;
    const N* child = nodes + node->first_child;
    if (children > 1) child = choose(child, children, texts, rest);
    const size_t size = child->label_size;
    if (rest.size() < size || (rest.size() > size && rest[size] != '/')) return best;
    if (!same_bytes(texts + child->label, rest.data(), size)) return best;
    node = child;
    at += 1 + size;
  }
}

// The only one of several children whose label may begin `rest`. Tags decide, without a branch that depends on them;
// only where two children have the same one, their texts do.
template <typename Word>
const HostRoutes::Node<Word>* HostRoutes::choose(const Node<Word>* child, size_t count, const char* texts,
                                                 std::string_view rest) {
  const Element element = first_element(rest);
  const Node<Word>* const first = child;
  for (size_t left = count; left > 1;) {  // ends at the last one whose tag is not greater
    const size_t half = left / 2;
    child += child[half].tag <= element.tag ? half : 0;
    left -= half;
  }
  if (child == first || child[-1].tag != child->tag) [[likely]]
    return child;
  const auto equals = std::equal_range(first, child + 1, element.tag, ByTag{});
  const auto is_before = [texts](const Node<Word>& node, std::string_view text) {
    return first_element({texts + node.label, node.label_size}).text < text;
  };
  const Node<Word>* found = std::lower_bound(equals.first, equals.second, element.text, is_before);
  return found == equals.second ? child : found;
}

const Route* HostRoutes::match_patterns(std::string_view path) const {
  std::string scratch;
  const std::string_view text = pattern_text(path, scratch);
  const std::span patterns(kept(), rule_count_);
  const auto found = std::find_if(patterns.begin(), patterns.end(), [text](const std::shared_ptr<const void>& pattern) {
    return static_cast<const Regex*>(pattern.get())->matches(text);
  });
  if (found != patterns.end()) return records() + (found - patterns.begin());
  return has_fallback_ ? records() + rule_count_ : nullptr;
}

const Regex* HostRoutes::pattern_of(const Route& route) const {
  const auto record = static_cast<size_t>(&route - records());
  return by_patterns_ && record < rule_count_ ? static_cast<const Regex*>(kept()[record].get()) : nullptr;
}

std::string_view HostRoutes::path_of(const Route& route) const {
  return {reinterpret_cast<const char*>(block() + texts_at()) + route.path_offset, route.path_size};
}

std::vector<const Route*> HostRoutes::routes() const {
  std::vector<const Route*> all(record_count());
  for (size_t i = 0; i < all.size(); ++i) all[i] = records() + i;
  if (by_patterns_) return all;
  // The records lie in the order of their keys, where Prefix "/a/" stands at "/a" and Prefix "/" before all.
  std::sort(all.begin(), all.begin() + rule_count_, [this](const Route* a, const Route* b) {
    return path_of(*a) == path_of(*b) ? a->type < b->type : key_less(path_of(*a), path_of(*b));
  });
  return all;
}

size_t HostRoutes::index_bytes() const {
  constexpr size_t kControlBlock = 24,
                   kHeapWord = 8;  // of the shared_ptr; what the allocator adds to each of the two blocks
  return texts_at() + text_bytes_ + kControlBlock + 2 * kHeapWord;
}

size_t HostRoutes::route_bytes() const {
  return record_count() * sizeof(Route) + kept_count_ * sizeof(std::shared_ptr<const void>);
}

size_t HostRoutes::nodes_at() const { return align(sizeof(HostRoutes) + host_bytes_, alignof(uint32_t)); }

size_t HostRoutes::texts_at() const {
  return nodes_at() + (size_t{node_count_} + 1) * (wide_ ? sizeof(Node<uint32_t>) : sizeof(Node<uint16_t>));
}

size_t HostRoutes::routes_at() const { return align(texts_at() + text_bytes_, alignof(Route)); }

size_t HostRoutes::kept_at() const { return routes_at() + record_count() * sizeof(Route); }

const std::shared_ptr<const void>* HostRoutes::kept() const {
  return reinterpret_cast<const std::shared_ptr<const void>*>(block() + kept_at());
}

const Route* HostRoutes::records() const { return reinterpret_cast<const Route*>(block() + routes_at()); }

namespace {

// Without what breaks the contract.
std::vector<Rule> usable_rules(const HostSpec& spec) {
  constexpr size_t kTextBytesMax =
      UINT32_MAX - 2 * kPathBytesMax;  // offsets have 32 bits; room for the fallback's path
  std::vector<Rule> rules;
  rules.reserve(spec.routes.size());
  size_t text_bytes = 0;
  for (const RouteSpec& route : spec.routes) {
    std::string_view key = route.path;
    text_bytes += key.size();
    if (text_bytes > kTextBytesMax) break;
    if (key.empty() || key[0] != '/' || key.size() > kPathBytesMax) continue;
    if (spec.by_patterns && !route.pattern) continue;
    while (route.type == PathType::prefix && key.ends_with('/')) key.remove_suffix(1);
    rules.push_back({key, &route});
  }
  return rules;
}

// In the order of their keys, an Exact before a Prefix, without duplicates.
std::vector<Rule> sorted_rules(const HostSpec& spec) {
  std::vector<Rule> rules = usable_rules(spec);
  std::stable_sort(rules.begin(), rules.end(), [](const Rule& a, const Rule& b) {
    return a.key == b.key ? a.spec->type < b.spec->type : key_less(a.key, b.key);
  });
  const auto same = [](const Rule& a, const Rule& b) { return a.spec->type == b.spec->type && a.key == b.key; };
  rules.erase(std::unique(rules.begin(), rules.end(), same), rules.end());
  return rules;
}

// Element by element, that is, as if '/' came before all other bytes: what is below a path follows it at once.
bool key_less(std::string_view a, std::string_view b) {
  const size_t at = shared_bytes(a, b);
  if (at == a.size() || at == b.size()) return at < b.size();
  if (a[at] == '/' || b[at] == '/') return a[at] == '/';
  return static_cast<uint8_t>(a[at]) < static_cast<uint8_t>(b[at]);
}

size_t shared_bytes(std::string_view a, std::string_view b) {
  constexpr size_t kStep = 64;
  const size_t size = std::min(a.size(), b.size());
  size_t at = 0;
  while (at + kStep <= size && std::memcmp(a.data() + at, b.data() + at, kStep) == 0) at += kStep;
  while (at < size && a[at] == b[at]) ++at;
  return at;
}

// For each rule, how many bytes of its key are whole elements that it shares with the rule before it.
std::vector<uint32_t> shared_elements(const std::vector<Rule>& rules) {
  std::vector<uint32_t> shared(rules.size());
  for (size_t i = 1; i < rules.size(); ++i) {
    const std::string_view a = rules[i - 1].key, b = rules[i].key;
    size_t at = shared_bytes(a, b);
    const auto ends = [at](std::string_view key) { return at == key.size() || key[at] == '/'; };
    if (!ends(a) || !ends(b)) at = a.substr(0, at).rfind('/');  // there is one: both begin with it, or are empty
    shared[i] = static_cast<uint32_t>(at);
  }
  return shared;
}

std::vector<DraftNode> draft_nodes(const std::vector<Rule>& rules) {
  const std::vector<uint32_t> shared = shared_elements(rules);
  std::vector<DraftNode> nodes;
  nodes.reserve(2 * rules.size() + 1);  // each node but the root has a rule or two children
  nodes.push_back({.first = 0, .last = static_cast<uint32_t>(rules.size())});
  for (size_t at = 0; at < nodes.size(); ++at) append_children(rules, shared, nodes, at);
  return nodes;
}

void append_children(const std::vector<Rule>& rules, const std::vector<uint32_t>& shared, std::vector<DraftNode>& nodes,
                     size_t at) {
  DraftNode& node = nodes[at];  // stays where it is: the vector has room for all
  node.first_child = static_cast<uint32_t>(nodes.size());
  while (node.first + node.own < node.last && rules[node.first + node.own].key.size() == node.end) ++node.own;
  for (uint32_t first = node.first + node.own, last; first < node.last; first = last) {
    uint32_t end = static_cast<uint32_t>(rules[first].key.size());
    for (last = first + 1; last < node.last && shared[last] > node.end; ++last) end = std::min(end, shared[last]);
    const uint32_t begin = node.end + 1;
    const uint16_t tag = first_element(rules[first].key.substr(begin)).tag;
    nodes.push_back({.first = first, .last = last, .begin = begin, .end = end, .tag = tag});
  }
  const auto element = [&rules](const DraftNode& child) {
    return first_element(rules[child.first].key.substr(child.begin)).text;
  };
  std::sort(nodes.begin() + node.first_child, nodes.end(), [&](const DraftNode& a, const DraftNode& b) {
    return a.tag == b.tag ? element(a) < element(b) : a.tag < b.tag;
  });
}

std::vector<std::shared_ptr<const void>> kept_alive(const std::vector<Rule>& rules) {
  std::vector<std::shared_ptr<const void>> kept;
  const void *policy = nullptr, *owner = nullptr;  // neighbours mostly share theirs
  for (const Rule& rule : rules) {
    if (rule.spec->policy && rule.spec->policy.get() != policy) kept.push_back(rule.spec->policy);
    if (rule.spec->owner && rule.spec->owner.get() != owner) kept.push_back(rule.spec->owner);
    policy = rule.spec->policy.get();
    owner = rule.spec->owner.get();
  }
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  return kept;
}

}  // namespace
}  // namespace narthex::router
