// Invariant: whatever the bytes, the parts of a page and of an event lie within the text, and no object, whole or by
// its metadata, does more than say what is wrong with it; findings are without a place.
#include <cstdint>

#include "base/check.h"
#include "config/decode_api.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace narthex::config;
  using narthex::base::check;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto within = [&](std::string_view part) {
    check(part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size(), "within the text");
  };
  const auto decode = [](std::string_view part) {
    for (int kind = 0; kind <= static_cast<int>(ApiKind::name_space); ++kind) {
      const ApiObject object = decode_api_object(part, static_cast<ApiKind>(kind));
      check(object.object.has_value() || !object.findings.empty(), "an object, or why there is none");
      for (const Finding& finding : object.findings) check(finding.origin == Origin{}, "no place");
      decode_api_object(part, static_cast<ApiKind>(kind), ApiPart::metadata);
    }
  };
  if (const auto page = split_api_page(text); page) {
    for (const std::string_view item : page->items) {
      within(item);
      decode(item);
    }
  }
  if (const auto event = split_api_event(text); event) {
    within(event->object);
    decode(event->object);
    decode_api_status(event->object);
  }
  decode(text);
  return 0;
}
