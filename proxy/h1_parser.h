// The door to Boost.Beast's parser: an admitted head in, its fields out. Beast reads the bytes a second time and by
// itself; where the two readings differ in any way the message is refused. Pure functions that do not allocate; any
// thread.
#pragma once

#include <string_view>

#include "proxy/h1_admission.h"
#include "proxy/head.h"

namespace narthex::proxy {

// REQUIRES: `head` was admitted with these notes. False: Beast would not take it, or sees other fields.
// VALID UNTIL: `out` views `head`.
bool parse_request_fields(std::string_view head, const Admitted& notes, FieldList& out);
bool parse_response_fields(std::string_view head, const Admitted& notes, FieldList& out);

}  // namespace narthex::proxy
