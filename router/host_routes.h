// The routes of one host: a trie over path elements, flat in one block of memory, with the routes it leads to; or, where the
// paths of a host are patterns (regex.h), a list of them, of which the first that matches wins.
// Compiled on the control thread, immutable afterwards, read by all workers, freed with the last snapshot that shares
// it.
//
// A node stands for one or more path elements: chains without a branch and without a route are one node. Labels are
// views into the texts of the rules, which are kept anyway; nodes are 10 bytes, 16 where a host outgrows 16-bit
// indices.
//
// LIMIT: matching costs O(path bytes + log(children) per node passed), whatever the rules are; no recursion, no
// allocation. Of patterns, O(path bytes) for each whose literal beginning the path has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "router/backend.h"
#include "router/policy.h"
#include "router/regex.h"

namespace narthex::router {

enum class PathType : uint8_t { exact, prefix, pattern };

// What a matched request gets. VALID UNTIL: the HostRoutes it belongs to is freed.
struct Route {
  const RoutePolicy* policy = nullptr;  // null: nothing asked for
  const RouteOwner* owner = nullptr;    // null: the controller's own default backend
  BackendSlot backend = kNoBackend;     // kNoBackend: nothing to forward to, 503; or kUnrouted
  uint32_t path_offset = 0;             // the rule's own path text, see HostRoutes::path_of
  uint16_t path_size = 0;
  PathType type = PathType::prefix;
  bool rewrites = false;  // as its policy's rewrite says
};

// One rule as the control plane hands it over. `path` starts with '/' and holds at most kPathBytesMax bytes.
struct RouteSpec {
  std::string path;
  PathType type = PathType::prefix;
  BackendSlot backend = kNoBackend;
  std::shared_ptr<const RoutePolicy> policy;
  std::shared_ptr<const RouteOwner> owner;
  bool rewrites = false;
  std::shared_ptr<const Regex> pattern = nullptr;  // not null where the type is pattern
};

struct HostSpec {
  std::string host;                 // lower case; "" for no host; "*.example.com" for one label before it
  // No two with the same path and type; Prefix "/a" and "/a/" are the same path.
  std::vector<RouteSpec> routes;
  bool by_patterns = false;         // all routes are of type pattern, none otherwise; their order decides
  std::vector<RouteSpec> fallback;  // none or one: where an unmatched path of this host goes
  bool tls = false;                 // it has an entry in some spec.tls, whatever came of it
  std::shared_ptr<const HostPolicy> policy;  // null: nothing asked for
};

// LIMIT: also what label sizes of 16 bits and paths in Route::path_size rest on.
inline constexpr size_t kPathBytesMax = 4096;

class HostRoutes final {
 public:
  // Keeps the policies and owners of `spec` alive. Of rules with the same path and type the first wins; a rule whose
  // path does not start with '/' or is too long is left out, as are rules after 4 GiB of path text. THREAD: control.
  static std::shared_ptr<const HostRoutes> compile(const HostSpec& spec);
  ~HostRoutes();
  HostRoutes(const HostRoutes&) = delete;
  HostRoutes& operator=(const HostRoutes&) = delete;
  static void operator delete(void* block) { ::operator delete(block); }  // the block is longer than the class

  bool tls() const { return tls_; }
  const HostPolicy* policy() const { return policy_; }
  std::string_view host() const { return {reinterpret_cast<const char*>(block() + sizeof(HostRoutes)), host_bytes_}; }
  bool by_patterns() const { return by_patterns_; }
  // Calls the block into the cache while the caller still compares the host: most blocks are under kPrefetched bytes.
  [[gnu::always_inline]] void prefetch() const {
    for (size_t at = kCacheLine; at < kPrefetched; at += kCacheLine) __builtin_prefetch(block() + at);
  }
  // `path` is canonical (normalise.h), without query. Exact before Prefix, the longest Prefix, element by element:
  // Prefix /aaa/bbb matches /aaa/bbb, /aaa/bbb/ and /aaa/bbb/c; Prefix /a/ matches /a. Else the fallback; else null.
  // Patterns are compared with pattern_text(path), see rewrite.h.
  const Route* match(std::string_view path) const;
  std::string_view path_of(const Route& route) const;
  // Null: a fallback, or no pattern.
  const Regex* pattern_of(const Route& route) const;
  // All routes in the order of the text form (paths element by element, so /a/b before /a-b; Exact before Prefix; of
  // patterns, as they are tried), for /routes and tests; the fallback last.
  std::vector<const Route*> routes() const;
  size_t record_count() const { return rule_count_ + has_fallback_; }  // the length of that list
  // Of those, the ones that lead somewhere.
  size_t route_count() const { return rule_count_ + (has_fallback_ && records()[rule_count_].backend != kUnrouted); }
  // Bytes of index (trie, labels, host, bookkeeping) and of route records with what keeps their policies alive, for the
  // bench.
  size_t index_bytes() const;
  size_t route_bytes() const;

 private:
  static constexpr size_t kCacheLine = 64, kPrefetched = 512;
  template <typename Word>
  struct Node;
  struct Draft;
  explicit HostRoutes(const Draft& draft);
  template <typename Word>
  void write_nodes(const Draft& draft);
  const Route* match_patterns(std::string_view path) const;
  template <typename Word>
  const Route* walk(std::string_view path) const;
  template <typename Word>
  static const Node<Word>* choose(const Node<Word>* child, size_t count, const char* texts, std::string_view rest);

  // The one block: this head, host bytes, nodes, rule texts, Route records, shared_ptrs that keep policies and owners. Those of the
  // patterns come first, in the order of the records.
  std::byte* block() const { return reinterpret_cast<std::byte*>(const_cast<HostRoutes*>(this)); }
  size_t nodes_at() const;
  size_t texts_at() const;
  size_t routes_at() const;
  size_t kept_at() const;
  const Route* records() const;
  const std::shared_ptr<const void>* kept() const;
  const HostPolicy* policy_;
  uint32_t node_count_;
  uint32_t text_bytes_;
  uint32_t rule_count_;
  uint32_t kept_count_;
  uint32_t host_bytes_ : 28;
  uint32_t tls_ : 1;
  uint32_t wide_ : 1;
  uint32_t by_patterns_ : 1;
  uint32_t has_fallback_ : 1;  // its record follows those of the rules
};

}  // namespace narthex::router
