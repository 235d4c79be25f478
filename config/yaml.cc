// The door to yaml-cpp: its exceptions end here. Its event interface is used, not its nodes: those have no limits,
// expand aliases by reference and take the last of two equal keys.
#include "config/tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <set>
#include <streambuf>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "config/tree_builder.h"
#include "config/yaml_scalar.h"
#include "config/yaml_text.h"

namespace narthex::config {
namespace {

// LIMIT: errors kept of one text; after that many broken documents the rest is not read.
constexpr size_t kMaxErrors = 100;
// LIMIT: text that yaml-cpp may swallow without giving an event. A flow collection ("{...}") may turn out to be a key,
// so that its tokens (about 120 bytes each, up to three for each opening bracket or comma) wait until it is closed: 400
// MB at worst. A scalar of an object that fits into etcd has at most 1.5 MB.
constexpr size_t kMaxSilentBytes = 4u << 20;
constexpr size_t kMaxSilentFlow = 1'000'000;

constexpr const char* kKeyMustBeText =
    "a list or a map stands where a key must be, or a bracket is never closed; only text can be a key (a template in "
    "{{ }} "
    "must be rendered first)";

// Leaves yaml-cpp's parser; the reason is in the builder.
struct Stop {};

// The text as a stream; counts what is read between two events. A document end marker is put behind the text: without
// it yaml-cpp takes a quote that is never closed (a half-written file) for complete.
class PieceBuffer final : public std::streambuf {
 public:
  explicit PieceBuffer(std::string_view text) : rest_(text), tail_(text.ends_with('\n') ? "...\n" : "\n...\n") {}
  void event_came() { bytes_ = flow_ = 0; }
  bool too_silent() const { return bytes_ > kMaxSilentBytes || flow_ > kMaxSilentFlow; }

 protected:
  // The next block of the text becomes the get area; nothing is ever written to it.
  int_type underflow() override {
    constexpr size_t kBlock = 4096;
    if (rest_.empty()) rest_ = std::exchange(tail_, {});
    const std::string_view block = rest_.substr(0, kBlock);
    if (block.empty()) return traits_type::eof();
    rest_.remove_prefix(block.size());
    bytes_ += block.size();
    flow_ += static_cast<size_t>(std::count_if(block.begin(), block.end(), opens_flow));
    if (too_silent()) throw Stop{};
    char* first = const_cast<char*>(block.data());
    setg(first, first, first + block.size());
    return traits_type::to_int_type(block[0]);
  }

 private:
  static bool opens_flow(char c) { return c == '[' || c == '{' || c == ','; }

  std::string_view rest_, tail_;
  size_t bytes_ = 0, flow_ = 0;
};

// Turns events into a tree, with the meaning that Kubernetes' reader gives them.
class Handler final : public YAML::EventHandler {
 public:
  Handler(TreeBuilder& builder, PieceBuffer& buffer, uint32_t first_line)
      : builder_(builder), buffer_(buffer), first_line_(first_line) {}
  uint32_t documents() const { return documents_; }
  uint32_t line() const { return line_; }

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    begin(mark, false, anchor, style);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    begin(mark, true, anchor, style);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Anchored {
    Tree tree;
    TreeSize size;
  };
  struct Open {
    YAML::anchor_t anchor = 0;
    bool in_brackets = false;
    bool merges = false;  // a plain "<<" is among its keys
  };

  void note(const YAML::Mark& mark);
  [[noreturn]] void fail(std::string message);
  void begin(const YAML::Mark& mark, bool is_map, YAML::anchor_t anchor, YAML::EmitterStyle::value style);
  void end();
  void add(Tree node, YAML::anchor_t anchor, bool plain);
  void add_key(const Tree& node, bool plain);
  void remember(const Tree* node, YAML::anchor_t anchor);
  void merge();
  void merge_from(const Tree& source, std::set<std::string>& names);
  Tree tagged(const std::string& tag, const std::string& value);

  TreeBuilder& builder_;
  PieceBuffer& buffer_;
  const uint32_t first_line_;
  uint32_t line_ = 0, documents_ = 0;
  int position_ = 0, key_position_ = -1;  // of the newest event, and of the newest key
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
};

// `first_line` is that of the piece; yaml-cpp counts from 0.
std::optional<TreeError> parse_piece(const YamlPiece& piece, const TreeLimits& limits, std::vector<Tree>& documents);
// yaml-cpp's words for the common mistakes, said so that a user knows what to do.
std::string explain(const std::string& reason);

}  // namespace

TreeDocuments parse_yaml(std::string_view text, const TreeLimits& limits) {
  TreeDocuments out;
  if (text.size() > limits.bytes) {
    out.errors.push_back({fmt::format("larger than {} bytes; split the file", limits.bytes), 1});
    return out;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (const YamlPiece& piece : split_documents(text)) {
    auto error = bad_byte(piece);
    if (!error) error = parse_piece(piece, limits, out.documents);
    if (!error) continue;
    out.errors.push_back(std::move(*error));
    if (out.errors.size() < kMaxErrors) continue;
    out.errors.push_back({"too many broken documents; the rest of the text is not read", piece.first_line});
    break;
  }
  return out;
}

namespace {

std::optional<TreeError> parse_piece(const YamlPiece& piece, const TreeLimits& limits, std::vector<Tree>& documents) {
  TreeBuilder builder(limits);
  PieceBuffer buffer(piece.text);
  Handler handler(builder, buffer, piece.first_line);
  try {
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler)) continue;
  } catch (const Stop&) {
    if (!builder.failed() && buffer.too_silent())
      builder.fail(
          "a collection in brackets or a text that is too big to be read as YAML: use JSON (a file name that ends in "
          ".json) or split it",
          std::max(handler.line(), piece.first_line));
  } catch (const YAML::Exception& e) {
    const uint32_t line = e.mark.is_null() ? piece.first_line : piece.first_line + static_cast<uint32_t>(e.mark.line);
    builder.fail(explain(e.msg), line);
  } catch (const std::exception& e) {
    builder.fail(fmt::format("cannot be read: {}", e.what()), piece.first_line);
  }
  if (builder.failed()) return builder.error();
  if (handler.documents() == 0) return std::nullopt;
  if (!builder.finished()) return TreeError{"the text ends in the middle of a document", piece.first_line};
  documents.push_back(builder.take_root());
  return std::nullopt;
}

std::string explain(const std::string& reason) {
  std::string hint = "check the indentation and the quotes near this line";
  if (reason.find("tab") != std::string::npos) hint = "indent with spaces, not tabs";
  if (reason.find("unknown token") != std::string::npos) hint = "put a value that begins with @, ` or % in quotes";
  if (reason.find("document indicator") != std::string::npos)
    hint = "a quote is opened in or above this line and never closed";
  if (reason.find("illegal map value") != std::string::npos) hint = "put a value that holds \": \" in quotes";
  if (reason.find("anchor is not defined") != std::string::npos)
    hint = "an alias needs its anchor in front of it, in the same document";
  return fmt::format("not YAML: {}; {}", reason, hint);
}

void Handler::note(const YAML::Mark& mark) {
  buffer_.event_came();
  if (mark.is_null()) return;
  line_ = first_line_ + static_cast<uint32_t>(mark.line);
  position_ = mark.pos;
}

void Handler::fail(std::string message) {
  builder_.fail(std::move(message), line_);
  throw Stop{};
}

void Handler::OnDocumentStart(const YAML::Mark& mark) {
  note(mark);
  if (++documents_ > 1) fail("there is more text behind the end of the document; begin a new document with a line ---");
}

void Handler::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  note(mark);
  // "name" on a line of its own in a map: yaml-cpp makes "name: null" of it, marked where the key stands.
  if (!builder_.wants_key() && builder_.key_line() > 0 && !open_.back().in_brackets && mark.pos == key_position_)
    fail("a key without a colon; write \"key: value\"");
  // An absent value is marked where the next token stands, which may be lines below.
  const uint32_t line = builder_.key_line() > 0 && !builder_.wants_key() ? builder_.key_line() : line_;
  add(Tree{std::monostate{}, line}, anchor, true);
}

void Handler::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  note(mark);
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) fail("an alias inside the value that it stands for; write the value out");
  const Anchored& target = found->second;
  if (builder_.wants_key()) return add_key(target.tree, true);
  if (builder_.copy(target.tree, target.size, line_) == nullptr) throw Stop{};
}

void Handler::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       const std::string& value) {
  note(mark);
  add(tagged(tag, value), anchor, tag == "?");
}

// "?" is yaml-cpp's mark of a plain scalar, "!" of a quoted one.
Tree Handler::tagged(const std::string& tag, const std::string& value) {
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  if (tag == "?") return resolve_plain(value, line_);
  if (!tag.starts_with(kCore)) return Tree{value, line_};
  const std::string_view type = std::string_view(tag).substr(kCore.size());
  if (type == "binary") {
    auto bytes = base::decode_base64(value);
    if (!bytes) fail("a value tagged !!binary that is not base64");
    return Tree{std::move(*bytes), line_};
  }
  Tree node = resolve_plain(value, line_);
  const bool fits = (type == "null" && node.value.index() == 0) || (type == "bool" && node.value.index() == 1) ||
                    (type == "int" && node.value.index() == 2) ||
                    (type == "float" && (node.value.index() == 2 || node.value.index() == 3));
  if (fits) return node;
  if (type == "null" || type == "bool" || type == "int" || type == "float")
    fail(fmt::format("a value tagged !!{} that is none", type));
  return Tree{value, line_};
}

void Handler::begin(const YAML::Mark& mark, bool is_map, YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
  note(mark);
  if (builder_.wants_key()) fail(kKeyMustBeText);
  if (!builder_.begin(is_map, line_)) throw Stop{};
  open_.push_back({anchor, style == YAML::EmitterStyle::Flow});
}

void Handler::end() {
  buffer_.event_came();
  const Open closed = open_.back();
  if (closed.merges) merge();
  open_.pop_back();
  const Tree* node = builder_.end();
  if (node == nullptr) throw Stop{};
  remember(node, closed.anchor);
}

void Handler::add(Tree node, YAML::anchor_t anchor, bool plain) {
  if (builder_.wants_key()) {
    remember(&node, anchor);
    return add_key(node, plain);
  }
  const Tree* placed = builder_.scalar(std::move(node));
  if (placed == nullptr) throw Stop{};
  remember(placed, anchor);
}

void Handler::add_key(const Tree& node, bool plain) {
  const size_t kind = node.value.index();
  if (kind == 0) fail("a key is missing in front of the colon");
  if (kind > 4) fail(kKeyMustBeText);
  key_position_ = position_;
  std::string name = key_text(node);
  if (plain && name == "<<") open_.back().merges = true;
  if (!builder_.key(std::move(name), line_)) throw Stop{};
}

void Handler::remember(const Tree* node, YAML::anchor_t anchor) {
  if (anchor == 0) return;
  const TreeSize size = measure(*node);
  if (!builder_.charge(size)) throw Stop{};
  anchors_[anchor] = {*node, size};
}

// `<<: *defaults` and `<<: [*a, *b]` (yaml.org/type/merge.html): keys that the map does not have itself; the earlier
// source wins.
void Handler::merge() {
  Tree::Map& map = builder_.open_map();
  Tree::Map sources;
  const auto first =
      std::stable_partition(map.begin(), map.end(), [](const auto& member) { return member.first != "<<"; });
  std::move(first, map.end(), std::back_inserter(sources));
  map.erase(first, map.end());
  std::set<std::string> names;
  for (const auto& member : map) names.insert(member.first);
  for (const auto& [key, source] : sources) {
    if (const auto* list = std::get_if<Tree::List>(&source.value)) {
      for (const Tree& one : *list) merge_from(one, names);
    } else {
      merge_from(source, names);
    }
  }
}

void Handler::merge_from(const Tree& source, std::set<std::string>& names) {
  const auto* members = std::get_if<Tree::Map>(&source.value);
  if (members == nullptr) fail("<< needs a map, or a list of maps, to merge");
  for (const auto& member : *members)
    if (names.insert(member.first).second) builder_.open_map().push_back(member);
}

}  // namespace
}  // namespace narthex::config
