#include "router/regex.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/text.h"

namespace narthex::router {
namespace {

constexpr std::string_view kSpecial = "\\^$.|?*+()[]{}";

bool begins_with(std::string_view text, std::string_view prefix) { return base::iequals(text.substr(0, prefix.size()), prefix); }

// "a|b" outside of all groups: the pattern need not begin as it is written. Taken for one where brackets are in doubt.
bool has_outer_alternative(std::string_view pattern) {
  int depth = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') ++i;
    else if (pattern[i] == '(') ++depth;
    else if (pattern[i] == ')') --depth;
    else if (pattern[i] == '|' && depth <= 0) return true;
  }
  return false;
}

re2::RE2::Options options() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(false);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_max_mem(Regex::kMemoryMax);
  return options;
}

}  // namespace

Regex::Regex(std::string_view prefix) : prefix_(prefix) {}
Regex::~Regex() = default;

base::Result<std::shared_ptr<const Regex>> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kBytesMax) return base::Error("it is too long");
  const std::string_view prefix = literal_prefix(pattern);
  std::shared_ptr<Regex> regex(new Regex(prefix));
  if (prefix.size() == pattern.size()) return std::shared_ptr<const Regex>(std::move(regex));
  auto program = std::make_unique<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options());
  if (!program->ok()) return base::Error(program->error());
  if (program->ProgramSize() > kProgramMax) return base::Error("pattern too large - it takes too many steps");
  regex->program_ = std::move(program);
  return std::shared_ptr<const Regex>(std::move(regex));
}

bool Regex::matches(std::string_view text) const {
  if (!begins_with(text, prefix_)) return false;
  return !program_ || program_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::ANCHOR_START, nullptr, 0);
}

bool Regex::matches(std::string_view text, Groups& groups) const {
  groups.fill({});
  if (!begins_with(text, prefix_)) return false;
  groups[0] = text.substr(0, prefix_.size());
  if (!program_) return true;
  std::array<re2::StringPiece, std::tuple_size_v<Groups>> found;
  const int count = std::min<int>(static_cast<int>(found.size()), program_->NumberOfCapturingGroups() + 1);
  if (!program_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::ANCHOR_START, found.data(), count)) return false;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i)
    groups[i] = found[i].data() == nullptr ? std::string_view{} : std::string_view(found[i].data(), found[i].size());
  return true;
}

std::string_view literal_prefix(std::string_view pattern) {
  const size_t first = pattern.find_first_of(kSpecial);
  if (first == std::string_view::npos) return pattern;
  if (has_outer_alternative(pattern.substr(first))) return {};
  const bool repeats = std::string_view("?*+{").find(pattern[first]) != std::string_view::npos;  // the character before it
  return pattern.substr(0, repeats && first > 0 ? first - 1 : first);
}

}  // namespace narthex::router
