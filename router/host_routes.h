// The routes of one host: a trie over path elements, flat in one block of memory, with the routes it leads to.
// Compiled on the control thread, immutable afterwards, read by all workers, freed with the last snapshot that shares it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "router/backend.h"
#include "router/policy.h"

namespace narthex::router {

enum class PathType : uint8_t { exact, prefix };

// What a matched request gets. VALID UNTIL: the HostRoutes it belongs to is freed.
struct Route {
  const RoutePolicy* policy = nullptr;  // null: nothing asked for
  const RouteOwner* owner = nullptr;    // null: the controller's own default backend
  BackendSlot backend = kNoBackend;     // kNoBackend: nothing to forward to, 503
  uint32_t path_offset = 0;             // the rule's own path text, see HostRoutes::path_of
  uint16_t path_size = 0;
  PathType type = PathType::prefix;
};

// One rule as the control plane hands it over. `path` starts with '/' and holds at most kPathBytesMax bytes.
struct RouteSpec {
  std::string path;
  PathType type = PathType::prefix;
  BackendSlot backend = kNoBackend;
  std::shared_ptr<const RoutePolicy> policy;
  std::shared_ptr<const RouteOwner> owner;
};

struct HostSpec {
  std::string host;               // lower case; "" for no host; "*.example.com" for one label before it
  std::vector<RouteSpec> routes;  // no two with the same path and type; Prefix "/a" and "/a/" are the same path
  std::vector<RouteSpec> fallback;  // none or one: where an unmatched path of this host goes
};

inline constexpr size_t kPathBytesMax = 4096;

class HostRoutes final {
 public:
  static std::shared_ptr<const HostRoutes> compile(const HostSpec& spec);
  ~HostRoutes();
  HostRoutes(const HostRoutes&) = delete;
  HostRoutes& operator=(const HostRoutes&) = delete;

  std::string_view host() const;
  // `path` is canonical (normalise.h), without query. Exact before Prefix, the longest Prefix, element by element:
  // Prefix /aaa/bbb matches /aaa/bbb, /aaa/bbb/ and /aaa/bbb/c; Prefix /a/ matches /a. Else the fallback; else null.
  const Route* match(std::string_view path) const;
  std::string_view path_of(const Route& route) const;
  // All routes in the order of the text form, for /routes and tests; the fallback last.
  std::vector<const Route*> routes() const;
  // Bytes of index (trie and host) and of route records, for the bench.
  size_t index_bytes() const;
  size_t route_bytes() const;

 private:
  struct Block;
  explicit HostRoutes(std::unique_ptr<Block> block);
  std::unique_ptr<Block> block_;
};

}  // namespace narthex::router
