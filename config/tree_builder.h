// Puts one Tree together from the events of a parser, within TreeLimits: what yaml.cc and json.cc share. Lives for one
// document; used by one thread. LIMIT: depth, nodes and bytes of TreeLimits, whatever the parser sends.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/tree.h"

namespace narthex::config {

// How big a finished subtree is; an alias costs as much again.
struct TreeSize {
  uint64_t nodes = 0, bytes = 0;
  uint32_t height = 0;  // 0 for a scalar
};

TreeSize measure(const Tree& tree);

class TreeBuilder final {
 public:
  explicit TreeBuilder(const TreeLimits& limits) : limits_(limits) { frames_.reserve(kUsualDepth); }
  TreeBuilder(const TreeBuilder&) = delete;
  TreeBuilder& operator=(const TreeBuilder&) = delete;

  // The next thing in the innermost map must be a key.
  bool wants_key() const { return !frames_.empty() && frames_.back().wants_key; }
  // The line of the newest key in the innermost map, or 0.
  uint32_t key_line() const { return frames_.empty() ? 0 : frames_.back().key_line; }

  // REQUIRES of the next six: no error so far. They answer false or null when a limit is passed or a key is given
  // twice. REQUIRES: wants_key().
  bool key(std::string name, uint32_t line);
  bool begin(bool is_map, uint32_t line);
  // Both give the node in its place. VALID UNTIL: the next call.
  Tree* scalar(Tree&& node);
  Tree* end();
  // A copy of a finished subtree (an alias).
  Tree* copy(const Tree& node, const TreeSize& size, uint32_t line);
  // Counts a subtree that is kept elsewhere (an anchor).
  bool charge(const TreeSize& size);

  // The innermost open map. REQUIRES: there is one.
  Tree::Map& open_map() { return std::get<Tree::Map>(frames_.back().node.value); }
  // Nothing is open and the root is there.
  bool finished() const { return frames_.empty() && root_.has_value(); }
  Tree take_root() { return std::move(*root_); }

  bool failed() const { return error_.has_value(); }
  const TreeError& error() const { return *error_; }
  bool fail(std::string message, uint32_t line);
  bool fail_depth(uint32_t line);

 private:
  static constexpr size_t kUsualDepth = 16;
  struct Frame {
    Tree node;
    bool wants_key = false;
    std::string key;
    uint32_t key_line = 0;
  };

  Tree* attach(Tree&& node);
  bool keys_are_unique(const Tree::Map& map);

  TreeLimits limits_;
  std::vector<Frame> frames_;
  std::optional<Tree> root_;
  std::optional<TreeError> error_;
  uint64_t nodes_ = 0, bytes_ = 0;
  uint32_t line_ = 0;
};

}  // namespace narthex::config
