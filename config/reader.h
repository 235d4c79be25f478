// Reading a tree with expectations: a Node is a place in a document that knows its way from the top, so that "expect a
// string here" becomes a value or a finding that names file, line, object and field. Made on the stack by the decoders,
// used by one thread, gone with the call. LIMIT: kMaxFindings for one object; one more says that there were more.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/finding.h"
#include "config/tree.h"

namespace narthex::config {

// What all Nodes of one object share. The object becomes known while it is read.
struct ReadContext {
  static constexpr uint32_t kMaxFindings = 100;

  const std::string& file;
  Findings& findings;
  ObjectRef object;
  uint32_t made = 0;

  void add(Severity severity, std::string reason, std::string field, std::string message, uint32_t line);
};

class Node {
 public:
  Node(ReadContext& context, const Tree& root) : context_(&context), tree_(&root), line_(root.line) {}

  // There, and not null: Kubernetes reads null as absent.
  bool present() const { return tree_ != nullptr && tree_->value.index() != 0; }
  const Tree* tree() const { return tree_; }
  uint32_t line() const { return line_; }
  ReadContext& context() const { return *context_; }
  // "spec.rules[0].host"
  std::string field() const;

  // REQUIRES of these three: *this and `name` outlive the result.
  Node member(std::string_view name) const;
  Node entry(const Tree::Member& member) const;
  Node item(size_t index) const;

  // Absent: true, and `into` stays. Another type: false, and a finding.
  bool read(std::string& into) const;
  bool read(std::optional<std::string>& into) const;
  bool read(bool& into) const;
  bool read(std::optional<bool>& into) const;
  bool read(int64_t& into) const;
  // The number of items; 0 when absent, and 0 with a finding when this is no list.
  size_t list_size() const;
  // The members; none when absent, and none with a finding when this is no map.
  const Tree::Map& members() const;
  // A map is here; else a finding.
  bool expect_map() const;

  void refuse(std::string reason, std::string message) const {
    say(Severity::refused, std::move(reason), std::move(message));
  }
  void note(std::string reason, std::string message) const {
    say(Severity::note, std::move(reason), std::move(message));
  }

 private:
  Node(const Node& parent, const Tree* tree, std::string_view name, size_t index)
      : context_(parent.context_),
        parent_(&parent),
        tree_(tree),
        name_(name),
        index_(index),
        line_(tree != nullptr ? tree->line : parent.line_) {}
  void say(Severity severity, std::string reason, std::string message) const;
  void wrong_type(const char* expected) const;

  ReadContext* context_;
  const Node* parent_ = nullptr;
  const Tree* tree_;
  std::string_view name_;  // empty: an item
  size_t index_ = 0;
  uint32_t line_;
};

}  // namespace narthex::config
