// The door to Boost.JSON for manifests. Its SAX parser is fed line by line, so that every node knows its line; strings
// of RFC 8259 hold no raw line feed, so that a line is never cut in the middle of one.
#include "config/tree.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>

#include "config/tree_builder.h"

namespace narthex::config {
namespace {

namespace json = boost::json;
using json::error_code;

// The events of boost::json::basic_parser; names and signatures are its own.
struct Handler {
  static constexpr size_t max_object_size = SIZE_MAX;  // TreeLimits bound nodes and bytes instead
  static constexpr size_t max_array_size = SIZE_MAX;
  static constexpr size_t max_key_size = SIZE_MAX;
  static constexpr size_t max_string_size = SIZE_MAX;

  TreeBuilder builder;
  std::string_view left_out;
  uint32_t line = 1;
  std::string text;
  bool skipping = false;  // the value of a member that is left out
  uint32_t skipped_depth = 0;

  Handler(const TreeLimits& limits, std::string_view name) : builder(limits), left_out(name) {}

  bool skip_begin() {
    if (skipping) ++skipped_depth;
    return skipping;
  }
  // True: this was still part of what is left out.
  bool skip_end() {
    if (!skipping) return false;
    if (--skipped_depth == 0) skipping = false;
    return true;
  }
  bool skip_scalar() {
    if (!skipping) return false;
    if (skipped_depth == 0) skipping = false;
    return true;
  }

  bool stop_unless(bool went_well, error_code& ec) {
    if (!went_well) ec = json::error::exception;  // any: the reason is in the builder
    return went_well;
  }
  bool put(Tree&& node, error_code& ec) {
    if (skip_scalar()) return true;
    node.line = line;
    return stop_unless(builder.scalar(std::move(node)) != nullptr, ec);
  }
  bool take_part(json::string_view part) {
    text.append(part.data(), part.size());
    return true;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) { return skip_begin() || stop_unless(builder.begin(true, line), ec); }
  bool on_object_end(size_t, error_code& ec) { return skip_end() || stop_unless(builder.end() != nullptr, ec); }
  bool on_array_begin(error_code& ec) { return skip_begin() || stop_unless(builder.begin(false, line), ec); }
  bool on_array_end(size_t, error_code& ec) { return skip_end() || stop_unless(builder.end() != nullptr, ec); }
  bool on_key_part(json::string_view part, size_t, error_code&) { return take_part(part); }
  bool on_key(json::string_view part, size_t, error_code& ec) {
    take_part(part);
    if (!skipping && !left_out.empty() && text == left_out) skipping = true;
    std::string name = std::exchange(text, {});
    return skipping || stop_unless(builder.key(std::move(name), line), ec);
  }
  bool on_string_part(json::string_view part, size_t, error_code&) { return take_part(part); }
  bool on_string(json::string_view part, size_t, error_code& ec) {
    take_part(part);
    return put(Tree{std::exchange(text, {})}, ec);
  }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(int64_t value, json::string_view, error_code& ec) { return put(Tree{value}, ec); }
  bool on_uint64(uint64_t value, json::string_view, error_code& ec) {
    return put(Tree{static_cast<double>(value)}, ec);
  }
  bool on_double(double value, json::string_view, error_code& ec) { return put(Tree{value}, ec); }
  bool on_bool(bool value, error_code& ec) { return put(Tree{value}, ec); }
  bool on_null(error_code& ec) { return put(Tree{std::monostate{}}, ec); }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

std::string explain(const error_code& ec) {
  if (ec == json::error::incomplete)
    return "not JSON: the text ends too early; a bracket, a brace or a quote is not closed";
  return fmt::format("not JSON: {}; check the commas, quotes and brackets near this line", ec.message());
}

std::optional<TreeError> parse(std::string_view text, const TreeLimits& limits, std::string_view left_out, Tree& root) {
  json::parse_options options;
  options.max_depth = limits.depth + 1;  // the builder's limit comes first, with the better words
  json::basic_parser<Handler> parser(options, limits, left_out);
  Handler& handler = parser.handler();
  error_code ec;
  for (size_t at = 0; at < text.size() && !ec; ++handler.line) {
    const size_t newline = text.find('\n', at);
    const size_t next = newline == std::string_view::npos ? text.size() : newline + 1;
    const size_t taken = parser.write_some(true, text.data() + at, next - at, ec);
    if (!ec && taken < next - at) ec = json::error::extra_data;
    if (ec || next == text.size()) break;
    at = next;
  }
  if (!ec) parser.write_some(false, text.data() + text.size(), 0, ec);
  if (handler.builder.failed()) return handler.builder.error();
  if (ec) return TreeError{explain(ec), handler.line};
  root = handler.builder.take_root();
  return std::nullopt;
}

}  // namespace

TreeDocuments parse_json(std::string_view text, const TreeLimits& limits, std::string_view left_out) {
  TreeDocuments out;
  if (text.size() > limits.bytes) {
    out.errors.push_back({fmt::format("larger than {} bytes; split the file", limits.bytes), 1});
    return out;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return out;
  Tree root;
  auto error = parse(text, limits, left_out, root);
  if (error) {
    out.errors.push_back(std::move(*error));
  } else {
    out.documents.push_back(std::move(root));
  }
  return out;
}

}  // namespace narthex::config
