#include "config/reader.h"

#include <fmt/format.h>

namespace narthex::config {

void ReadContext::add(Severity severity, std::string reason, std::string field, std::string message, uint32_t line) {
  if (made > kMaxFindings) return;
  if (++made > kMaxFindings) {
    // Refused, because what is left out may be.
    severity = Severity::refused;
    reason = "TooManyFindings";
    field.clear();
    message = fmt::format("more than {} findings; put these right first, the others are shown then", kMaxFindings);
  }
  findings.push_back({severity, std::move(reason), object, std::move(field), std::move(message), {file, line}});
}

std::string Node::field() const {
  if (parent_ == nullptr) return {};
  std::string way = parent_->field();
  if (name_.empty()) return way + fmt::format("[{}]", index_);
  if (!way.empty()) way += '.';
  return way.append(name_);
}

Node Node::member(std::string_view name) const {
  return {*this, tree_ == nullptr ? nullptr : tree_->find(name), name, 0};
}

Node Node::entry(const Tree::Member& member) const { return {*this, &member.second, member.first, 0}; }

Node Node::item(size_t index) const {
  const auto* list = tree_ == nullptr ? nullptr : std::get_if<Tree::List>(&tree_->value);
  return {*this, list != nullptr && index < list->size() ? &(*list)[index] : nullptr, {}, index};
}

bool Node::read(std::string& into) const {
  if (!present()) return true;
  const auto* text = std::get_if<std::string>(&tree_->value);
  if (text != nullptr) {
    into = *text;
  } else {
    wrong_type("a string");
  }
  return text != nullptr;
}

bool Node::read(std::optional<std::string>& into) const {
  std::string text;
  if (!present()) return true;
  if (!read(text)) return false;
  into = std::move(text);
  return true;
}

bool Node::read(bool& into) const {
  if (!present()) return true;
  const auto* word = std::get_if<bool>(&tree_->value);
  if (word != nullptr) {
    into = *word;
  } else {
    wrong_type("true or false without quotes");
  }
  return word != nullptr;
}

bool Node::read(std::optional<bool>& into) const {
  bool word = false;
  if (!present()) return true;
  if (!read(word)) return false;
  into = word;
  return true;
}

bool Node::read(int64_t& into) const {
  if (!present()) return true;
  const auto* number = std::get_if<int64_t>(&tree_->value);
  if (number != nullptr) {
    into = *number;
  } else {
    wrong_type("an integer without quotes");
  }
  return number != nullptr;
}

size_t Node::list_size() const {
  if (!present()) return 0;
  const auto* list = std::get_if<Tree::List>(&tree_->value);
  if (list == nullptr) wrong_type("a list");
  return list == nullptr ? 0 : list->size();
}

const Tree::Map& Node::members() const {
  static const Tree::Map kNone;
  if (!present()) return kNone;
  const auto* map = std::get_if<Tree::Map>(&tree_->value);
  if (map == nullptr) wrong_type("a map");
  return map == nullptr ? kNone : *map;
}

bool Node::expect_map() const {
  const bool is_map = tree_ != nullptr && std::holds_alternative<Tree::Map>(tree_->value);
  if (!is_map) wrong_type("a map");
  return is_map;
}

void Node::wrong_type(const char* expected) const {
  const char* found = tree_ == nullptr ? "nothing" : tree_->kind_name();
  const bool scalar = tree_ != nullptr && tree_->value.index() >= 1 && tree_->value.index() <= 3;
  const bool wants_text = std::string_view(expected) == "a string";
  refuse("WrongType",
         fmt::format("must be {}, but is {}{}", expected, found, scalar && wants_text ? "; put it in quotes" : ""));
}

void Node::say(Severity severity, std::string reason, std::string message) const {
  context_->add(severity, std::move(reason), field(), std::move(message), line_);
}

}  // namespace narthex::config
