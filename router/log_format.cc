#include "router/log_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "router/log_writer.h"

namespace narthex::router {

enum class LogValue : uint8_t {
  nothing,  // nobody knows it
  view,
  view_or_empty,  // never "-": what ingress-nginx sets itself
  number,
  status,
  port,
  time_local,
  time_iso8601,
  msec,
  request,
  request_time,
  forwarded_for,
  try_addr,
  try_status,
  try_length,
  try_connect_time,
  try_header_time,
  try_response_time,
  request_field,
  response_field,
  upstream_field,
  cookie,
  argument,
};

struct LogVariable {
  std::string_view name;
  LogValue value = LogValue::nothing;
  std::string_view LogRecord::*view = nullptr;
  uint64_t LogRecord::*number = nullptr;
};

namespace {

using R = LogRecord;
using V = LogValue;

constexpr LogVariable of(std::string_view name, V value) { return {name, value}; }
constexpr LogVariable of(std::string_view name, std::string_view R::*view, V value = V::view) {
  return {name, value, view};
}
constexpr LogVariable of(std::string_view name, uint64_t R::*number, V value = V::number) {
  return {name, value, nullptr, number};
}

// All that a template may name.
constexpr LogVariable kVariables[] = {
    of("args", &R::args),
    of("best_http_host", &R::best_http_host),
    of("body_bytes_sent", &R::body_bytes_sent),
    of("bytes_sent", &R::bytes_sent),
    of("connection", &R::connection),
    of("connection_requests", &R::connection_requests),
    of("content_length", V::request_field),
    of("content_type", V::request_field),
    of("document_uri", &R::uri),
    of("host", &R::host),
    of("hostname", &R::hostname),
    of("ingress_name", &R::ingress_name, V::view_or_empty),
    of("location_path", &R::location_path, V::view_or_empty),
    of("msec", V::msec),
    of("namespace", &R::ns, V::view_or_empty),
    of("pass_access_scheme", &R::pass_access_scheme, V::view_or_empty),
    of("pid", &R::pid),
    of("proxy_add_x_forwarded_for", V::forwarded_for),
    of("proxy_alternative_upstream_name", &R::proxy_alternative_upstream_name, V::view_or_empty),
    of("proxy_protocol_addr", &R::proxy_protocol_addr),
    of("proxy_upstream_name", &R::proxy_upstream_name, V::view_or_empty),
    of("query_string", &R::args),
    of("remote_addr", &R::remote_addr),
    of("remote_port", &R::remote_port, V::port),
    of("remote_user", &R::remote_user),
    of("req_id", &R::req_id),
    of("request", V::request),
    of("request_id", &R::req_id),  // in nginx a second number, which a client's X-Request-ID does not replace
    of("request_length", &R::request_length),
    of("request_method", &R::request_method),
    of("request_time", V::request_time),
    of("request_uri", &R::request_uri),
    of("scheme", &R::scheme),
    of("server_port", &R::server_port, V::port),
    of("server_protocol", &R::server_protocol),
    of("service_name", &R::service_name, V::view_or_empty),
    of("service_port", &R::service_port, V::view_or_empty),
    of("ssl_cipher", &R::ssl_cipher),
    of("ssl_protocol", &R::ssl_protocol),
    of("ssl_server_name", &R::ssl_server_name),
    of("status", V::status),
    of("the_real_ip", &R::remote_addr),
    of("time_iso8601", V::time_iso8601),
    of("time_local", V::time_local),
    of("upstream_addr", V::try_addr),
    of("upstream_connect_time", V::try_connect_time),
    of("upstream_header_time", V::try_header_time),
    of("upstream_response_length", V::try_length),
    of("upstream_response_time", V::try_response_time),
    of("upstream_status", V::try_status),
    of("uri", &R::uri),
};

// Families: what stands behind names one of many.
constexpr LogVariable kFamilies[] = {
    of("http_", V::request_field),
    of("sent_http_", V::response_field),
    of("upstream_http_", V::upstream_field),
    of("cookie_", V::cookie),
    of("arg_", V::argument),
};

constexpr LogVariable kUnknown{};

void write(LogWriter& value, const LogRecord& record, const LogVariable& variable, std::string_view name);

std::string read_backslashes(std::string_view text) {
  constexpr std::string_view escaped = "\"'\\trn", meant = "\"'\\\t\r\n";
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    const bool may_escape = text[at] == '\\' && at + 1 < text.size();
    const size_t which = may_escape ? escaped.find(text[at + 1]) : std::string_view::npos;
    out += which == std::string_view::npos ? text[at] : meant[which];
    if (which != std::string_view::npos) ++at;
  }
  return out;
}

// A template is one line, whatever the text that it comes from looks like. Tabs are wanted: some logs have columns.
std::string read_template(std::string_view text) {
  std::string out = read_backslashes(text);
  while (!out.empty() && (out.back() == '\n' || out.back() == '\r')) out.pop_back();
  for (char& c : out) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) c = ' ';
  }
  return out;
}

bool is_name_byte(char c) {
  const char lower = base::to_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

struct Reference {
  std::string_view name;
  size_t size;  // with all that stands around the name
};

// The variable that is named where `text` begins with a '$', if any.
std::optional<Reference> read_reference(std::string_view text) {
  const size_t begin = text.size() > 1 && text[1] == '{' ? 2 : 1;
  size_t end = begin;
  while (end < text.size() && is_name_byte(text[end])) ++end;
  if (end == begin) return std::nullopt;
  const std::string_view name = text.substr(begin, end - begin);
  if (begin == 1) return Reference{name, end};
  if (end == text.size() || text[end] != '}') return std::nullopt;
  return Reference{name, end + 1};
}

}  // namespace

base::Result<LogFormat> LogFormat::parse(std::string_view text, LogEscape escape) {
  if (text.size() > kLogTemplateBytes)
    return base::Error(fmt::format("a log format of {} bytes; {} are the most", text.size(), kLogTemplateBytes));
  LogFormat format;
  format.escape_ = escape;
  const std::string line = read_template(text);
  size_t literal = 0;
  for (size_t at = line.find('$'); at != std::string::npos; at = line.find('$', at)) {
    const std::optional<Reference> reference = read_reference(std::string_view(line).substr(at));
    if (!reference) {
      ++at;
      continue;
    }
    format.add_literal(std::string_view(line).substr(literal, at - literal));
    format.add_variable(base::lower(reference->name));
    literal = at += reference->size;
  }
  format.add_literal(std::string_view(line).substr(literal));
  if (format.variables_ > kLogVariables)
    return base::Error(fmt::format("a log format of {} variables; {} are the most", format.variables_, kLogVariables));
  return format;
}

void LogFormat::render(const LogRecord& record, std::string& out) const {
  // What is left to all values beyond their shares.
  size_t room = kLogLineBytes - literal_bytes_ - variables_ * kLogShareBytes;
  for (const Part& part : parts_) {
    if (!part.variable) {
      out += part.text;
      continue;
    }
    LogWriter value(out, escape_, std::min(kLogValueBytes, kLogShareBytes + room));
    write(value, record, *part.variable, part.text);
    const size_t size = value.size();
    room -= size > kLogShareBytes ? size - kLogShareBytes : 0;
    if (size == 0 && escape_ == LogEscape::standard && part.variable->value != LogValue::view_or_empty) out += '-';
  }
}

void LogFormat::add_literal(std::string_view text) {
  if (text.empty()) return;
  literal_bytes_ += text.size();
  parts_.push_back({nullptr, std::string(text)});
}

void LogFormat::add_variable(std::string name) {
  ++variables_;
  for (const LogVariable& variable : kVariables) {
    if (variable.name != name) continue;
    parts_.push_back({&variable, std::move(name)});
    return;
  }
  for (const LogVariable& family : kFamilies) {
    if (!name.starts_with(family.name) || name.size() == family.name.size()) continue;
    parts_.push_back({&family, name.substr(family.name.size())});
    return;
  }
  parts_.push_back({&kUnknown, {}});
  if (std::find(unknown_.begin(), unknown_.end(), name) == unknown_.end()) unknown_.push_back(std::move(name));
}

namespace {

// 2026-03-19 22:20:31, of which each form takes what it wants.
struct Calendar {
  explicit Calendar(base::WallTime time)
      : day(std::chrono::floor<std::chrono::days>(time)),
        of_day(std::chrono::floor<std::chrono::seconds>(time - std::chrono::floor<std::chrono::days>(time))) {}
  std::chrono::year_month_day day;
  std::chrono::hh_mm_ss<std::chrono::seconds> of_day;
};

// A short text of ours, put together without a formatter: this is on the way of every request that is logged.
class Short {
 public:
  Short& add(std::string_view text) {
    for (const char c : text) text_[size_++] = c;
    return *this;
  }
  // `digits` of a number, with leading zeros.
  Short& add(uint64_t number, size_t digits) {
    for (size_t i = digits; i > 0; --i, number /= 10) text_[size_ + i - 1] = static_cast<char>('0' + number % 10);
    size_ += digits;
    return *this;
  }
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  size_t size_ = 0;
  std::array<char, kLogShareBytes> text_;
};

void add_time_of_day(Short& out, const Calendar& at) {
  out.add(static_cast<uint64_t>(at.of_day.hours().count()), 2).add(":");
  out.add(static_cast<uint64_t>(at.of_day.minutes().count()), 2).add(":");
  out.add(static_cast<uint64_t>(at.of_day.seconds().count()), 2);
}

// The years that a clock of nanoseconds knows have four digits.
uint64_t year_of(const Calendar& at) { return static_cast<uint64_t>(static_cast<int>(at.day.year())); }

void put_time_local(LogWriter& value, base::WallTime time) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const Calendar at(time);
  Short out;
  out.add(static_cast<unsigned>(at.day.day()), 2).add("/");
  out.add(months.substr(3 * static_cast<unsigned>(at.day.month()) - 3, 3)).add("/").add(year_of(at), 4).add(":");
  add_time_of_day(out, at);
  value.plain(out.add(" +0000").text());
}

void put_time_iso8601(LogWriter& value, base::WallTime time) {
  const Calendar at(time);
  Short out;
  out.add(year_of(at), 4).add("-").add(static_cast<unsigned>(at.day.month()), 2);
  out.add("-").add(static_cast<unsigned>(at.day.day()), 2).add("T");
  add_time_of_day(out, at);
  value.plain(out.add("+00:00").text());
}

// With milliseconds, cut and not rounded.
void put_seconds(LogWriter& value, std::chrono::microseconds time) {
  const auto ms = static_cast<uint64_t>(std::max<int64_t>(0, time.count() / 1000));
  const fmt::format_int seconds(ms / 1000);
  value.plain(Short().add({seconds.data(), seconds.size()}).add(".").add(ms % 1000, 3).text());
}

void write_request(LogWriter& value, const LogRecord& record) {
  if (record.request_method.empty()) return value.text(record.request);
  value.text(record.request_method);
  value.plain(" ");
  value.text(record.request_uri);
  value.plain(" ");
  value.text(record.server_protocol);
}

void write_try(LogWriter& value, const LogTry& attempt, LogValue what) {
  const auto time = [&](std::chrono::microseconds span) {
    span.count() < 0 ? value.plain("-") : put_seconds(value, span);
  };
  switch (what) {
    case V::try_addr:
      return attempt.addr.empty() ? value.plain("-") : value.text(attempt.addr);
    case V::try_status:
      return attempt.status == 0 ? value.plain("-") : value.number(attempt.status);
    case V::try_length:
      return value.number(attempt.response_bytes);
    case V::try_connect_time:
      return time(attempt.connect_time);
    case V::try_header_time:
      return time(attempt.header_time);
    default:
      return time(attempt.response_time);
  }
}

void write_tries(LogWriter& value, std::span<const LogTry> tries, LogValue what) {
  for (const LogTry& attempt : tries) {
    if (value.size() > 0) value.plain(", ");
    write_try(value, attempt, what);
  }
}

// `name` is a variable's: in lower case, with '_' where a field has '-'.
bool names(std::string_view name, std::string_view field) {
  if (name.size() != field.size()) return false;
  for (size_t i = 0; i < name.size(); ++i)
    if (name[i] != (field[i] == '-' ? '_' : base::to_lower(field[i]))) return false;
  return true;
}

// All of that name, as one list.
void write_fields(LogWriter& value, const LogFields& fields, std::string_view name) {
  bool found = false;
  for (size_t i = 0; i < fields.count; ++i) {
    const LogField field = fields.at(fields.head, i);
    if (!names(name, field.name)) continue;
    if (found) value.plain(name == "cookie" ? "; " : ", ");
    value.text(field.value);
    found = true;
  }
}

// The value of the first `name=value` in a list, the name without regard to case.
std::optional<std::string_view> find_pair(std::string_view list, char separator, std::string_view name) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(separator), list.size());
    std::string_view pair = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair[name.size()] == '=' && base::iequals(pair.substr(0, name.size()), name))
      return pair.substr(name.size() + 1);
  }
  return std::nullopt;
}

void write_cookie(LogWriter& value, const LogFields& fields, std::string_view name) {
  for (size_t i = 0; i < fields.count; ++i) {
    const LogField field = fields.at(fields.head, i);
    if (!names("cookie", field.name)) continue;
    if (const auto found = find_pair(field.value, ';', name)) return value.text(*found);
  }
}

void write_forwarded_for(LogWriter& value, const LogRecord& record) {
  write_fields(value, record.request_fields, "x_forwarded_for");
  if (value.size() > 0) value.plain(", ");
  value.text(record.remote_addr);
}

void write(LogWriter& value, const LogRecord& record, const LogVariable& variable, std::string_view name) {
  switch (variable.value) {
    case V::nothing:
      return;
    case V::view:
    case V::view_or_empty:
      return value.text(record.*variable.view);
    case V::number:
      return value.number(record.*variable.number);
    case V::status:
      // Three digits as nginx has them, for want of a status too.
      return record.status > 99 ? value.number(record.status) : value.plain(Short().add(record.status, 3).text());
    case V::port:
      if (record.*variable.number != 0) value.number(record.*variable.number);
      return;
    case V::time_local:
      return put_time_local(value, record.time);
    case V::time_iso8601:
      return put_time_iso8601(value, record.time);
    case V::msec:
      return put_seconds(value, std::chrono::floor<std::chrono::microseconds>(record.time.time_since_epoch()));
    case V::request:
      return write_request(value, record);
    case V::request_time:
      return put_seconds(value, record.request_time);
    case V::forwarded_for:
      return write_forwarded_for(value, record);
    case V::try_addr:
    case V::try_status:
    case V::try_length:
    case V::try_connect_time:
    case V::try_header_time:
    case V::try_response_time:
      return write_tries(value, record.tries, variable.value);
    case V::request_field:
      return write_fields(value, record.request_fields, name);
    case V::response_field:
      return write_fields(value, record.response_fields, name);
    case V::upstream_field:
      return write_fields(value, record.upstream_fields, name);
    case V::cookie:
      return write_cookie(value, record.request_fields, name);
    case V::argument:
      return value.text(find_pair(record.args, '&', name).value_or(std::string_view()));
  }
}

}  // namespace
}  // namespace narthex::router
