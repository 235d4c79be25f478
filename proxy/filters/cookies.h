// The cookies of a request, in the order they came in (RFC 6265 5.4: clients send the most specific one first). THREAD: the worker's.
// VALID UNTIL: the buffer of the head changes, for all views.
#pragma once

#include <string_view>

#include "base/text.h"
#include "proxy/head.h"

namespace narthex::proxy::filters {

// Calls take(name, value) for each pair of each Cookie field until it returns true. Pairs without '=' are passed over.
template <typename Take>
void each_cookie(const RequestHead& request, Take take) {
  for (const Field& field : request.fields) {
    if (field.id != FieldId::cookie) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const size_t end = rest.find(';');
      const std::string_view pair = base::trim(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
      const size_t equals = pair.find('=');
      if (equals != std::string_view::npos && take(pair.substr(0, equals), pair.substr(equals + 1))) return;
    }
  }
}

}  // namespace narthex::proxy::filters
