// Where things stand in the API: paths of kinds, what they are called in messages, and the encoding of what goes into a
// path or a query. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "config/decode_api.h"

namespace narthex::controller {

// What one list and watch covers.
struct ApiScope {
  config::ApiKind kind = config::ApiKind::ingress;
  std::string ns;  // empty: all namespaces
  std::string field_selector, label_selector;
};
// "/apis/networking.k8s.io/v1/namespaces/a/ingresses"
std::string api_path(config::ApiKind kind, const std::string& ns);
// "Ingresses in namespace a", for messages.
std::string to_text(const ApiScope& scope);
// Percent-encoded, as a value of a query (RFC 3986 2.3).
std::string url_encoded(std::string_view text);

}  // namespace narthex::controller
