// What the API server sends, taken apart: pages of a list, lines of a watch, single objects, Status answers. Each
// object is parsed by itself, so that a broken one costs only itself and no page ever becomes a tree as a whole. Pure;
// any thread. LIMIT: an object is at most kApiObjectBytesMax of text and 1,000,000 values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/finding.h"
#include "config/objects.h"

namespace narthex::config {

enum class ApiKind : uint8_t {
  ingress,
  ingress_class,
  service,
  endpoint_slice,
  endpoints,
  secret,
  config_map,
  name_space,
};

// etcd takes 1.5 MiB of an object, 10 MiB where somebody raised it.
inline constexpr size_t kApiObjectBytesMax = 16u << 20;

struct ApiObject {
  ObjectKey key;  // an empty name: not even that could be read
  std::string resource_version;
  std::optional<Object> object;      // none: not asked for, or the findings say why
  Findings findings;                 // without origin
  bool ends_initial_events = false;  // a bookmark: the list that began the stream is complete
};

enum class ApiPart { whole, metadata };  // metadata: the key and the version alone, no object

ApiObject decode_api_object(std::string_view text, ApiKind kind, ApiPart part = ApiPart::whole);

struct ApiPage {
  std::string resource_version, continue_token;  // no token: the last page
  std::vector<std::string_view> items;           // VALID UNTIL: the text goes
};
// Errors: no list at all; one line.
base::Result<ApiPage> split_api_page(std::string_view text);

struct ApiEvent {
  enum class Type : uint8_t { added, modified, deleted, bookmark, error, unknown } type = Type::unknown;
  std::string_view object;  // its text. VALID UNTIL: the line goes
};
// One line of a watch. Errors: no event at all; one line.
base::Result<ApiEvent> split_api_event(std::string_view line);

// metav1.Status, the body of an answer that is no success.
struct ApiStatus {
  int64_t code = 0;
  std::string reason, message;  // cut at 300 bytes
  int64_t retry_after_seconds = 0;
};
// All empty where the text is none.
ApiStatus decode_api_status(std::string_view text);

// "Ingress"
const char* name_of(ApiKind kind);

}  // namespace narthex::config
