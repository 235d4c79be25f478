#include "proxy/h1_codec.h"

#include <algorithm>
#include <cstring>

#include "proxy/h1_admission.h"
#include "proxy/h1_bytes.h"

namespace narthex::proxy {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

// The earliest byte that nothing behind it can make good. A refusal depends on the bytes alone and never on how they
// were cut into pieces: so whatever can be seen in an incomplete head comes first in a complete one, too.
struct Hopeless {
  size_t at = kNowhere;
  Fault fault = Fault::none;
  void note(size_t where, Fault why) {
    if (where < at) *this = {where, why};
  }
};

size_t skip_empty_lines(std::string_view bytes);
size_t find_head_end(std::string_view bytes, size_t start, size_t from);
size_t find_bad_byte(std::string_view bytes, size_t from);
Hopeless hopeless_request(std::string_view bytes, size_t start, size_t from);
Hopeless hopeless_response(std::string_view bytes, size_t from);
void mark_nominated(const Admitted& notes, FieldList& fields);

HeadResult refused(Fault fault) { return {HeadState::refused, 0, fault}; }

}  // namespace

// Usually the whole head is there at the first look, and admission finds its end on the way. After that the search for
// the end goes first, so that a head in many small pieces costs no more than one in a few.
HeadResult read_request_head(std::string_view bytes, size_t& scanned, RequestHead& out) {
  // Nothing of an earlier head may be left where this one is refused.
  out.method = out.target = out.authority = {};
  out.fields.clear();
  bytes = bytes.substr(0, limits::kHeadBytes);
  const size_t start = skip_empty_lines(bytes);
  Fault fault = Fault::bad_request;
  Admitted notes;
  if (scanned == 0 || find_head_end(bytes, start, scanned) != kNowhere)
    fault = admit_request(bytes.substr(start), out, notes);
  if (fault == Fault::none) {
    if (notes.nominated() > 0) mark_nominated(notes, out.fields);
    return {HeadState::complete, start + notes.bytes, Fault::none};
  }
  const size_t end = find_head_end(bytes, start, scanned);
  const bool whole = end != kNowhere;
  const Hopeless hopeless = hopeless_request(whole ? bytes.substr(0, end - 1) : bytes, start, whole ? 0 : scanned);
  scanned = bytes.size();
  if (hopeless.at != kNowhere) return refused(hopeless.fault);
  return whole ? refused(fault) : HeadResult{};
}

HeadResult read_response_head(std::string_view bytes, size_t& scanned, const ResponseContext& context,
                              ResponseHead& out) {
  out.status = 0;
  out.fields.clear();
  bytes = bytes.substr(0, limits::kHeadBytes);
  Fault fault = Fault::upstream_malformed;
  Admitted notes;
  if (scanned == 0 || find_head_end(bytes, 0, scanned) != kNowhere) fault = admit_response(bytes, context, out, notes);
  if (fault == Fault::none) {
    if (notes.nominated() > 0) mark_nominated(notes, out.fields);
    return {HeadState::complete, notes.bytes, Fault::none};
  }
  const size_t end = find_head_end(bytes, 0, scanned);
  const bool whole = end != kNowhere;
  const Hopeless hopeless = hopeless_response(whole ? bytes.substr(0, end - 1) : bytes, whole ? 0 : scanned);
  scanned = bytes.size();
  if (hopeless.at != kNowhere) return refused(hopeless.fault);
  return whole ? refused(fault) : HeadResult{};
}

namespace {

size_t skip_empty_lines(std::string_view bytes) {
  size_t at = 0;
  for (size_t i = 0; i < limits::kLeadingEmptyLines && bytes.substr(at, 2) == "\r\n"; ++i) at += 2;
  return at;
}

// Behind the first empty line, or nowhere. The start line itself is never taken for the empty one, since a request's
// are skipped before and a response may not begin with one.
size_t find_head_end(std::string_view bytes, size_t start, size_t from) {
  const char* const first = bytes.data() + start;
  const char* const last = bytes.data() + bytes.size();
  // The end may lie across the border of what was searched before.
  const char* at = std::max(first + std::min<size_t>(3, bytes.size() - start), bytes.data() + from);
  while (at < last) {
    const char* line_feed = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(last - at)));
    if (!line_feed) return kNowhere;
    if (std::memcmp(line_feed - 3, "\r\n\r", 3) == 0) return static_cast<size_t>(line_feed + 1 - bytes.data());
    at = line_feed + 1;
  }
  return kNowhere;
}

// Controls, and CR and LF that are no pair. A CR at the end waits for its LF.
size_t find_bad_byte(std::string_view bytes, size_t from) {
  for (size_t i = from; i < bytes.size(); ++i) {
    const bool after_return = i > 0 && bytes[i - 1] == '\r';
    if (after_return != (bytes[i] == '\n')) return i;
    if (!after_return && bytes[i] != '\r' && !bytes::is(bytes[i], bytes::kValue)) return i;
  }
  return kNowhere;
}

Hopeless hopeless_request(std::string_view bytes, size_t start, size_t from) {
  Hopeless found;
  if (bytes.size() >= limits::kHeadBytes) found.note(limits::kHeadBytes - 1, Fault::head_too_large);
  found.note(find_bad_byte(bytes, from), Fault::bad_request);
  // A lone CR may become another empty line to skip.
  if (bytes.substr(start) == "\r" && start < 2 * limits::kLeadingEmptyLines) return found;
  size_t at = start;
  while (at < bytes.size() && bytes::is(bytes[at], bytes::kToken) && at - start < limits::kMethodBytes) ++at;
  if (at == bytes.size()) return found;
  if (at == start || bytes[at] != ' ') found.note(at, Fault::bad_request);
  const size_t too_long = at + 1 + limits::kTargetBytes;
  // Looked at once, when there is enough to see it.
  if (from <= too_long && bytes.size() > too_long && bytes.substr(at + 1, limits::kTargetBytes + 1).find_first_of(" \r") == kNowhere)
    found.note(too_long, Fault::target_too_long);
  return found;
}

Hopeless hopeless_response(std::string_view bytes, size_t from) {
  constexpr std::string_view begin = "HTTP/1.";
  Hopeless found;
  if (bytes.size() >= limits::kHeadBytes) found.note(limits::kHeadBytes - 1, Fault::upstream_head_too_large);
  found.note(find_bad_byte(bytes, from), Fault::upstream_malformed);
  const auto [differs, ignored] =
      std::mismatch(bytes.begin(), bytes.begin() + std::min(bytes.size(), begin.size()), begin.begin());
  const size_t same = static_cast<size_t>(differs - bytes.begin());
  if (same < std::min(bytes.size(), begin.size())) found.note(same, Fault::upstream_malformed);
  return found;
}

// Fields that Connection names are for us alone (RFC 9110 7.6.1), except where a client could take away what the
// backend must see: framing, Host, credentials and all that says where a request came from.
bool may_be_nominated(const Field& field) {
  switch (field.id) {
    case FieldId::user_agent:
    case FieldId::referer:
    case FieldId::date:
    case FieldId::server:
    case FieldId::x_request_id:
    case FieldId::x_accel:
      return true;
    case FieldId::other:
      return !bytes::same(field.name, "authorization");
    default:
      return false;
  }
}

bool equal_without_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return x == y || ((x | 0x20) == (y | 0x20) && (x | 0x20) >= 'a' && (x | 0x20) <= 'z');
         });
}

// kNominations names at the most, so linear in the fields.
void mark_nominated(const Admitted& notes, FieldList& fields) {
  size_t index = 0;
  for (const Field& field : fields) {
    if (may_be_nominated(field))
      for (size_t i = 0; i < notes.nominated(); ++i)
        if (equal_without_case(notes.nominated(i), field.name)) {
          fields.set_id(index, FieldId::nominated);
          break;
        }
    ++index;
  }
}

}  // namespace
}  // namespace narthex::proxy
