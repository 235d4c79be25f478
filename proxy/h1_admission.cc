#include "proxy/h1_admission.h"

#include <algorithm>
#include <limits>

#include "proxy/h1_bytes.h"

namespace narthex::proxy {
namespace {

// What the fields of a head say about the message, gathered in one pass and judged at the end.
struct Facts {
  unsigned hosts = 0, lengths = 0, codings = 0, upgrades = 0, expectations = 0;
  std::string_view host, length, coding, upgrade, expectation;
  bool close = false, keep_alive = false, upgrade_listed = false, trailers = false;
};

// Where the check stands in a head.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}
  bool done() const { return at_ == end_; }
  // Takes the longest run of such bytes.
  std::string_view take(uint8_t which) {
    const char* from = at_;
    while (at_ != end_ && bytes::is(*at_, which)) ++at_;
    return {from, static_cast<size_t>(at_ - from)};
  }
  bool take(std::string_view text) {
    if (static_cast<size_t>(end_ - at_) < text.size() || std::memcmp(at_, text.data(), text.size()) != 0) return false;
    at_ += text.size();
    return true;
  }
  std::string_view take_value() {
    const char* from = at_;
    at_ = bytes::skip_value(at_, end_);
    return {from, static_cast<size_t>(at_ - from)};
  }
  bool take_field(Field& out);
  size_t behind(const char* start) const { return static_cast<size_t>(at_ - start); }

 private:
  const char* at_;
  const char* end_;
};

Fault admit_fields(Cursor& cursor, Facts& facts, Admitted& notes, FieldList& out);
Fault note(const Field& line, Facts& facts, Admitted& notes);
Fault read_connection(std::string_view list, Facts& facts, Admitted& notes);
bool is_token_list(std::string_view list);
bool lists_trailers(std::string_view list);
Fault read_target(std::string_view raw, RequestHead& out);
Fault read_absolute_target(std::string_view rest, RequestHead& out);
Fault judge_host(const Facts& facts, RequestHead& out);
Fault judge_expectation(const Facts& facts, RequestHead& out);
Fault frame_request(const Facts& facts, uint8_t version, Framing& out);
Fault judge_coding(std::string_view value);
bool read_length(std::string_view digits, uint64_t& out);
bool keeps_alive(const Facts& facts, uint8_t version);
bool asks_for_websocket(const Facts& facts);
bool frame_response(const Facts& facts, const ResponseContext& context, ResponseHead& out);
bool read_status_line(Cursor& cursor, ResponseHead& out);
bool may_trail(const Field& line);

// The next element of a comma-separated list, without white space around it; empty ones too (RFC 9110 5.6.1).
std::string_view next_element(std::string_view& list) {
  const size_t comma = list.find(',');
  std::string_view element = list.substr(0, comma);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  while (!element.empty() && bytes::is_blank(element.front())) element.remove_prefix(1);
  while (!element.empty() && bytes::is_blank(element.back())) element.remove_suffix(1);
  return element;
}

// request-line = method SP request-target SP HTTP-version CRLF (RFC 9112 3), nothing more and nothing less.
Fault read_request_line(Cursor& cursor, RequestHead& out) {
  out.method = cursor.take(bytes::kToken);
  if (out.method.empty() || out.method.size() > limits::kMethodBytes || !cursor.take(" ")) return Fault::bad_request;
  const std::string_view raw = cursor.take(bytes::kTarget);
  if (raw.size() > limits::kTargetBytes) return Fault::target_too_long;
  if (raw.empty() || !cursor.take(" HTTP/")) return Fault::bad_request;
  const std::string_view version = cursor.take(bytes::kTarget);
  if (version.size() != 3 || version[1] != '.' || version[0] < '0' || version[0] > '9' || version[2] < '0' ||
      version[2] > '9')
    return Fault::bad_request;
  if (!cursor.take("\r\n")) return Fault::bad_request;
  if (version[0] != '1') return Fault::version_unsupported;
  // A higher minor version is one that we understand (RFC 9110 2.5).
  out.version = version[2] == '0' ? 10 : 11;
  // Tunnels are not what an Ingress offers (RFC 9110 9.3.6), and TRACE shows a backend's secrets to scripts (9.3.8).
  if (out.method == "CONNECT" || out.method == "TRACE") return Fault::method_refused;
  return read_target(raw, out);
}

}  // namespace

Fault admit_request(std::string_view text, RequestHead& out, Admitted& notes) {
  Cursor cursor(text);
  if (const Fault fault = read_request_line(cursor, out); fault != Fault::none) return fault;
  Facts facts;
  if (const Fault fault = admit_fields(cursor, facts, notes, out.fields); fault != Fault::none) return fault;
  notes.bytes = cursor.behind(text.data());
  if (const Fault fault = frame_request(facts, out.version, out.framing); fault != Fault::none) return fault;
  if (const Fault fault = judge_host(facts, out); fault != Fault::none) return fault;
  if (const Fault fault = judge_expectation(facts, out); fault != Fault::none) return fault;
  const bool has_body = out.framing.kind == BodyKind::chunked || out.framing.length > 0;
  out.expects_continue = out.expects_continue && has_body;
  out.keep_alive = keeps_alive(facts, out.version);
  out.wants_websocket = asks_for_websocket(facts) && out.version == 11 && out.method == "GET" && !has_body;
  out.accepts_trailers = facts.trailers;
  return Fault::none;
}

Fault admit_response(std::string_view text, const ResponseContext& context, ResponseHead& out, Admitted& notes) {
  Cursor cursor(text);
  if (!read_status_line(cursor, out)) return Fault::upstream_malformed;
  Facts facts;
  if (const Fault fault = admit_fields(cursor, facts, notes, out.fields); fault != Fault::none)
    return fault == Fault::head_too_large ? Fault::upstream_head_too_large : Fault::upstream_malformed;
  notes.bytes = cursor.behind(text.data());
  out.upgraded = out.status == 101;
  if (out.upgraded && !(context.sent_upgrade && out.version == 11 && asks_for_websocket(facts)))
    return Fault::upstream_malformed;
  if (!frame_response(facts, context, out)) return Fault::upstream_malformed;
  out.keep_alive = keeps_alive(facts, out.version) && !out.upgraded && out.framing.kind != BodyKind::until_close;
  return Fault::none;
}

bool admit_trailers(std::string_view section, FieldList& out) {
  Cursor cursor(section);
  size_t count = 0;
  while (!cursor.take("\r\n")) {
    Field line;
    if (!cursor.take_field(line) || ++count > limits::kFields) return false;
    if (may_trail(line)) out.add(line);
  }
  return cursor.done();
}

namespace {

// field-line CRLF (RFC 9112 5). No space in front of the colon, no empty name, and no obs-fold: a line that begins with
// a blank has no name.
bool Cursor::take_field(Field& out) {
  const char* at = bytes::skip_plain(at_, end_);
  const char* const plain_end = at;
  while (at != end_ && bytes::is(*at, bytes::kToken)) ++at;
  out.name = {at_, static_cast<size_t>(at - at_)};
  if (out.name.empty() || at == end_ || *at != ':') return false;
  out.id = at == plain_end ? identify_plain_field(out.name) : FieldId::invalid_name;
  const char* const colon = at;
  do ++at;
  while (at != end_ && bytes::is_blank(*at));
  const char* value_end = bytes::skip_value(at, end_);
  if (end_ - value_end < 2 || value_end[0] != '\r' || value_end[1] != '\n') return false;
  at_ = value_end + 2;
  while (value_end != at && bytes::is_blank(value_end[-1])) --value_end;
  out.value = {at, static_cast<size_t>(value_end - at)};
  // Framing is written from what was decided, and never passed on as a line.
  const bool frames = out.id == FieldId::content_length || out.id == FieldId::transfer_encoding;
  out.plain_line = at == colon + 2 && colon[1] == ' ' && at_ == value_end + 2 && !frames;
  return true;
}

Fault admit_fields(Cursor& cursor, Facts& facts, Admitted& notes, FieldList& out) {
  while (!cursor.take("\r\n")) {
    Field line;
    if (!cursor.take_field(line)) return Fault::bad_request;
    if (!out.add(line)) return Fault::head_too_large;
    if (const Fault fault = note(line, facts, notes); fault != Fault::none) return fault;
  }
  return Fault::none;
}

Fault note(const Field& line, Facts& facts, Admitted& notes) {
  switch (line.id) {
    case FieldId::host:
      ++facts.hosts;
      facts.host = line.value;
      return Fault::none;
    case FieldId::content_length:
      ++facts.lengths;
      facts.length = line.value;
      return Fault::none;
    case FieldId::transfer_encoding:
      ++facts.codings;
      facts.coding = line.value;
      return Fault::none;
    case FieldId::upgrade:
      ++facts.upgrades;
      facts.upgrade = line.value;
      return Fault::none;
    case FieldId::expect:
      ++facts.expectations;
      facts.expectation = line.value;
      return Fault::none;
    case FieldId::te:
      facts.trailers = facts.trailers || lists_trailers(line.value);
      return Fault::none;
    case FieldId::connection:
      return read_connection(line.value, facts, notes);
    // Without meaning (RFC 9112 C.2.2), but Beast, for one, reads it as it reads Connection.
    case FieldId::proxy_connection:
      return is_token_list(line.value) ? Fault::none : Fault::bad_request;
    default:
      return Fault::none;
  }
}

Fault read_connection(std::string_view list, Facts& facts, Admitted& notes) {
  while (!list.empty()) {
    const std::string_view option = next_element(list);
    if (option.empty()) continue;
    if (!bytes::all(option, bytes::kToken)) return Fault::bad_request;
    if (bytes::same(option, "close"))
      facts.close = true;
    else if (bytes::same(option, "keep-alive"))
      facts.keep_alive = true;
    else if (bytes::same(option, "upgrade"))
      facts.upgrade_listed = true;
    else if (!notes.add_nominated(option))
      return Fault::head_too_large;
  }
  return Fault::none;
}

bool is_token_list(std::string_view list) {
  while (!list.empty())
    if (!bytes::all(next_element(list), bytes::kToken)) return false;
  return true;
}

bool lists_trailers(std::string_view list) {
  while (!list.empty())
    if (bytes::same(next_element(list), "trailers")) return true;
  return false;
}

// RFC 9112 3.2: origin-form, absolute-form, and asterisk-form for OPTIONS.
Fault read_target(std::string_view raw, RequestHead& out) {
  out.target = raw;
  if (raw.front() == '/') return Fault::none;
  if (raw == "*") return out.method == "OPTIONS" ? Fault::none : Fault::bad_request;
  if (raw.size() > 7 && bytes::same(raw.substr(0, 4), "http") && raw.substr(4, 3) == "://")
    return read_absolute_target(raw.substr(7), out);
  // The scheme says nothing about this connection; who asked for https in clear text gets the same as for http.
  if (raw.size() > 8 && bytes::same(raw.substr(0, 5), "https") && raw.substr(5, 3) == "://")
    return read_absolute_target(raw.substr(8), out);
  return Fault::bad_request;
}

// `rest`: authority and path. The authority takes the place of Host (RFC 9112 3.2.2).
Fault read_absolute_target(std::string_view rest, RequestHead& out) {
  const size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  out.authority = rest.substr(0, slash);
  if (out.authority.empty() || !bytes::all(out.authority, bytes::kHost)) return Fault::bad_host;
  out.target = rest.substr(slash);
  // No path: "/" is meant, for OPTIONS the server as a whole (RFC 9112 3.2.4).
  if (out.target.empty()) out.target = out.method == "OPTIONS" ? "*" : "/";
  // An empty path in front of a query would have to be repaired.
  return out.target.front() == '?' ? Fault::bad_request : Fault::none;
}

Fault judge_host(const Facts& facts, RequestHead& out) {
  if (facts.hosts > 1 || (facts.hosts == 0 && out.version >= 11)) return Fault::bad_host;
  if (facts.hosts == 1 && (facts.host.empty() || !bytes::all(facts.host, bytes::kHost))) return Fault::bad_host;
  if (out.authority.empty()) out.authority = facts.host;  // else the target had one
  return Fault::none;
}

// RFC 9110 10.1.1: 100-continue is all there is, and from HTTP/1.0 it is ignored.
Fault judge_expectation(const Facts& facts, RequestHead& out) {
  out.expects_continue = facts.expectations > 0 && out.version >= 11;
  if (!out.expects_continue) return Fault::none;
  return facts.expectations == 1 && bytes::same(facts.expectation, "100-continue") ? Fault::none
                                                                                   : Fault::expectation_failed;
}

// RFC 9112 6.3 for requests, without any of its repairs: one length, or exactly `chunked`, or no body.
Fault frame_request(const Facts& facts, uint8_t version, Framing& out) {
  out = {};
  if (facts.codings == 0 && facts.lengths == 0) return Fault::none;
  if (facts.codings + facts.lengths > 1) return Fault::bad_request;
  if (facts.lengths == 1) {
    out.kind = BodyKind::length;
    return read_length(facts.length, out.length) ? Fault::none : Fault::bad_request;
  }
  if (version < 11) return Fault::bad_request;  // RFC 9112 6.1: faulty framing
  out.kind = BodyKind::chunked;
  return judge_coding(facts.coding);
}

// A coding that could be meant is unsupported; `chunked` anywhere but alone and last is an attack.
Fault judge_coding(std::string_view value) {
  if (bytes::same(value, "chunked")) return Fault::none;
  while (!value.empty()) {
    const bool last = value.find(',') == std::string_view::npos;
    const std::string_view coding = next_element(value);
    if (coding.empty() || !bytes::all(coding, bytes::kToken)) return Fault::bad_request;
    if (bytes::same(coding, "chunked") && !last) return Fault::bad_request;
    if (last) return Fault::coding_unsupported;
  }
  return Fault::bad_request;
}

// 1 to 19 digits, up to 2^63 - 1: 19 nines are below 2^64, so nothing wraps on the way.
bool read_length(std::string_view digits, uint64_t& out) {
  if (digits.empty() || digits.size() > 19) return false;
  uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  out = value;
  return value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
}

bool keeps_alive(const Facts& facts, uint8_t version) { return !facts.close && (version >= 11 || facts.keep_alive); }

bool asks_for_websocket(const Facts& facts) {
  return facts.upgrade_listed && facts.upgrades == 1 && bytes::same(facts.upgrade, "websocket");
}

// status-line = HTTP-version SP status-code SP [ reason-phrase ] CRLF (RFC 9112 4); the second SP is often forgotten.
bool read_status_line(Cursor& cursor, ResponseHead& out) {
  if (cursor.take("HTTP/1.1 "))
    out.version = 11;
  else if (cursor.take("HTTP/1.0 "))
    out.version = 10;
  else
    return false;
  const std::string_view code = cursor.take(bytes::kTarget);
  if (code.size() != 3 || code[0] < '1' || code[0] > '5' || code[1] < '0' || code[1] > '9' || code[2] < '0' ||
      code[2] > '9')
    return false;
  out.status = static_cast<uint16_t>((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
  if (cursor.take(" ")) cursor.take_value();
  return cursor.take("\r\n");
}

// RFC 9112 6.3 for responses. What cannot be framed with certainty is malformed, even where there is no body to frame:
// the next reader may see one.
bool frame_response(const Facts& facts, const ResponseContext& context, ResponseHead& out) {
  out.framing = {};
  if (facts.codings + facts.lengths > 1) return false;
  uint64_t length = 0;
  if (facts.lengths == 1 && !read_length(facts.length, length)) return false;
  if (facts.codings == 1 && (out.version < 11 || !bytes::same(facts.coding, "chunked"))) return false;
  const bool interim_or_empty = out.status < 200 || out.status == 204;
  if (interim_or_empty && facts.codings > 0) return false;  // RFC 9112 6.1
  if (interim_or_empty || out.status == 304 || context.to_head) return true;
  if (facts.codings == 1)
    out.framing.kind = BodyKind::chunked;
  else if (facts.lengths == 1)
    out.framing = {BodyKind::length, length};
  else
    out.framing.kind = BodyKind::until_close;
  return true;
}

// Nothing that frames, routes, identifies, or says how to read the content may come after it (RFC 9110 6.5.1).
// Everything that the proxy itself knows is of that sort.
bool may_trail(const Field& line) {
  static constexpr std::string_view refused[] = {"authorization",
                                                 "www-authenticate",
                                                 "content-encoding",
                                                 "content-type",
                                                 "content-range",
                                                 "cache-control",
                                                 "max-forwards",
                                                 "range",
                                                 "if-match",
                                                 "if-none-match",
                                                 "if-modified-since",
                                                 "if-unmodified-since",
                                                 "if-range",
                                                 "age",
                                                 "expires",
                                                 "location",
                                                 "retry-after",
                                                 "vary",
                                                 "pragma"};
  return line.id == FieldId::other &&
         std::none_of(std::begin(refused), std::end(refused), [&](auto name) { return bytes::same(line.name, name); });
}

}  // namespace
}  // namespace narthex::proxy
