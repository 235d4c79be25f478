#include "config/value_kind.h"

namespace narthex::config {

const char* name_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::boolean:
      return "boolean";
    case ValueKind::integer:
      return "integer";
    case ValueKind::number:
      return "number";
    case ValueKind::seconds:
      return "seconds";
    case ValueKind::duration:
      return "duration";
    case ValueKind::size:
      return "size";
    case ValueKind::word:
      return "word";
    case ValueKind::words:
      return "words";
    case ValueKind::text:
      return "text";
    case ValueKind::list:
      return "list";
    case ValueKind::ranges:
      return "address ranges";
    case ValueKind::codes:
      return "statuses";
    case ValueKind::hosts:
      return "hosts";
    case ValueKind::header:
      return "header name";
    case ValueKind::headers:
      return "header names";
    case ValueKind::object:
      return "namespace/name";
    case ValueKind::path:
      return "path";
    case ValueKind::url:
      return "URL";
    case ValueKind::regex:
      return "pattern";
    case ValueKind::template_text:
      return "text with $variables";
    case ValueKind::snippet:
      return "snippet";
  }
  return "";
}

}  // namespace narthex::config
