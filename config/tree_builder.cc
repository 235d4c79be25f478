#include "config/tree_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace narthex::config {
namespace {

constexpr size_t kMembers = 8;      // a map has room for so many at first: few have more
constexpr size_t kFewMembers = 16;  // comparing each with each costs less than sorting

std::string shortened(std::string_view text) {
  constexpr size_t kShown = 60;
  return base::escape_line(text.substr(0, kShown), false) + (text.size() > kShown ? "..." : "");
}

void add(TreeSize& sum, const TreeSize& part) {
  sum.nodes += part.nodes;
  sum.bytes += part.bytes;
  sum.height = std::max(sum.height, part.height + 1);
}

bool all_differ(const Tree::Map& map) {
  for (size_t i = 1; i < map.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (map[i].first == map[j].first) return false;
  return true;
}

}  // namespace

TreeSize measure(const Tree& tree) {
  TreeSize size{.nodes = 1};
  if (const auto* text = std::get_if<std::string>(&tree.value)) {
    size.bytes = text->size();
  } else if (const auto* list = std::get_if<Tree::List>(&tree.value)) {
    size.height = 1;
    for (const Tree& item : *list) add(size, measure(item));
  } else if (const auto* map = std::get_if<Tree::Map>(&tree.value)) {
    size.height = 1;
    for (const auto& [name, member] : *map) {
      size.bytes += name.size();
      add(size, measure(member));
    }
  }
  return size;
}

bool TreeBuilder::fail(std::string message, uint32_t line) {
  if (!error_) error_ = TreeError{std::move(message), line};
  return false;
}

bool TreeBuilder::fail_depth(uint32_t line) {
  return fail(fmt::format("nested deeper than {} levels (Kubernetes objects need about 15); look for brackets that are "
                          "never closed, or split the document",
                          limits_.depth),
              line);
}

bool TreeBuilder::charge(const TreeSize& size) {
  nodes_ += size.nodes;
  bytes_ += size.bytes;
  if (nodes_ > limits_.nodes)
    return fail(
        fmt::format("more than {} values (aliases count as what they stand for); split the document", limits_.nodes),
        line_);
  if (bytes_ > limits_.bytes)
    return fail(fmt::format("more than {} bytes of text (aliases count as what they stand for); split the document",
                            limits_.bytes),
                line_);
  return true;
}

bool TreeBuilder::key(std::string name, uint32_t line) {
  line_ = line;
  if (!charge({.bytes = name.size()})) return false;
  Frame& frame = frames_.back();
  frame.key = std::move(name);
  frame.key_line = line;
  frame.wants_key = false;
  return true;
}

bool TreeBuilder::begin(bool is_map, uint32_t line) {
  line_ = line;
  if (frames_.size() >= limits_.depth) return fail_depth(line);
  if (!charge({.nodes = 1})) return false;
  Frame frame;
  frame.node.line = line;
  frame.wants_key = is_map;
  if (is_map) {
    frame.node.value.emplace<Tree::Map>().reserve(kMembers);
  } else {
    frame.node.value = Tree::List{};
  }
  frames_.push_back(std::move(frame));
  return true;
}

Tree* TreeBuilder::scalar(Tree&& node) {
  line_ = node.line;
  const auto* text = std::get_if<std::string>(&node.value);
  if (!charge({.nodes = 1, .bytes = text == nullptr ? 0 : text->size()})) return nullptr;
  return attach(std::move(node));
}

Tree* TreeBuilder::copy(const Tree& node, const TreeSize& size, uint32_t line) {
  line_ = line;
  if (frames_.size() + size.height > limits_.depth) {
    fail_depth(line);
    return nullptr;
  }
  if (!charge(size)) return nullptr;
  Tree twin = node;
  twin.line = line;
  return attach(std::move(twin));
}

Tree* TreeBuilder::end() {
  Tree node = std::move(frames_.back().node);
  frames_.pop_back();
  if (const auto* map = std::get_if<Tree::Map>(&node.value); map != nullptr && !keys_are_unique(*map)) return nullptr;
  return attach(std::move(node));
}

Tree* TreeBuilder::attach(Tree&& node) {
  if (frames_.empty()) {
    root_ = std::move(node);
    return &*root_;
  }
  Frame& frame = frames_.back();
  if (auto* list = std::get_if<Tree::List>(&frame.node.value)) {
    list->push_back(std::move(node));
    return &list->back();
  }
  auto& map = std::get<Tree::Map>(frame.node.value);
  map.push_back({std::move(frame.key), std::move(node)});
  frame.key.clear();
  frame.wants_key = true;
  return &map.back().second;
}

// Sorting instead of looking back for each key: a map of a million keys must not cost its square.
bool TreeBuilder::keys_are_unique(const Tree::Map& map) {
  if (map.size() <= kFewMembers && all_differ(map)) return true;
  std::vector<const Tree::Member*> members;
  members.reserve(map.size());
  for (const auto& member : map) members.push_back(&member);
  std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) {
    const int order = a->first.compare(b->first);
    return order != 0 ? order < 0 : a < b;
  });
  const auto twin = std::adjacent_find(members.begin(), members.end(),
                                       [](const auto* a, const auto* b) { return a->first == b->first; });
  if (twin == members.end()) return true;
  const auto* second = *(twin + 1);
  return fail(fmt::format("the key {} is given twice in one map (first in line {}); remove one of the two",
                          shortened(second->first), (*twin)->second.line),
              second->second.line);
}

}  // namespace narthex::config
