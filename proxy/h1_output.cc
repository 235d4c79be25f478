#include "proxy/h1_output.h"

#include <algorithm>
#include <array>

namespace narthex::proxy {
namespace {

constexpr std::string_view kLastChunk = "0\r\n\r\n";
// A chunk header of up to 18 bytes, its CRLF, and the last chunk.
constexpr size_t kChunkRoom = 18 + 2 + kLastChunk.size();

// Where the line of a field that was received as a plain line ends.
const char* line_end(const OutgoingFields::Entry& field) { return field.value.data() + field.value.size() + 2; }

// Fields that were received one behind the other as they are to be sent go in one piece.
void write_fields(HeadWriter& head, const OutgoingFields* fields) {
  if (!fields) return;
  for (const OutgoingFields::Entry* field = fields->begin(); field != fields->end();) {
    if (!field->plain_line) {
      head.field(field->name, field->value);
      ++field;
      continue;
    }
    const char *const begin = field->name.text().data(), *end = line_end(*field);
    for (++field; field != fields->end() && field->plain_line && field->name.text().data() == end; ++field) end = line_end(*field);
    head.lines({begin, static_cast<size_t>(end - begin)});
  }
}

// The memory of what is being written, until it is.
Task<IoState> keep(Buffer memory, Task<IoState> writing) {
  if (writing.done()) return writing;
  return [](Buffer, Task<IoState> pending) -> Task<IoState> { co_return co_await pending; }(std::move(memory), std::move(writing));
}

}  // namespace

Task<IoState> H1Output::request(const OutgoingRequest& request, std::string_view first, bool last) {
  Buffer memory = buffers_.large();
  HeadWriter head(memory.span());
  head.request_line(request.method, request.path, request.query);
  write_fields(head, request.fields);
  if (request.websocket) {
    head.field("Connection", "upgrade");
    head.field("Upgrade", "websocket");
  }
  head.framing(request.framing);
  head.end();
  chunked_ = request.framing.kind == BodyKind::chunked;
  return send_started(std::move(memory), head, first, last);
}

Task<IoState> H1Output::response(const OutgoingResponse& response, std::string_view first, bool last) {
  Buffer memory = buffers_.large();
  HeadWriter head(memory.span());
  head.status_line(response.status);
  write_fields(head, response.fields);
  head.framing(response.framing);
  head.end();
  chunked_ = response.has_body && response.framing.kind == BodyKind::chunked;
  return send_started(std::move(memory), head, first, last);
}

Task<IoState> H1Output::send_started(Buffer memory, HeadWriter head, std::string_view first, bool last) {
  if (!head.ok()) return IoState::failed;
  if (!frame_into(head, first, last)) return send_apart(std::move(memory), head.written(), first, last);
  return keep(std::move(memory), transport_.write(head.written(), gap_));
}

Task<IoState> H1Output::send_apart(Buffer memory, std::string_view head, std::string_view first, bool last) {
  const IoState state = co_await transport_.write(head, gap_);
  if (state != IoState::ok) co_return state;
  memory.release();
  co_return co_await piece(first, last);
}

// Puts a framed piece behind what is already in `out`; false where it does not fit (then nothing is put).
bool H1Output::frame_into(HeadWriter& out, std::string_view bytes, bool last) const {
  if (bytes.size() + (chunked_ ? kChunkRoom : 0) > out.room()) return false;
  // Copying more than this costs more than the second write that it saves (3.3 us).
  if (!chunked_) return bytes.size() <= limits::kSmallBuffer && out.append(bytes);
  if (!bytes.empty()) {
    std::array<char, 18> size;
    out.append({size.data(), write_chunk_size(bytes.size(), size.data())});
    out.append(bytes);
    out.append("\r\n");
  }
  if (last) out.append(kLastChunk);
  return true;
}

Task<IoState> H1Output::piece(std::string_view bytes, bool last) {
  if (!chunked_) {
    if (bytes.empty()) co_return IoState::ok;
    co_return co_await transport_.write(bytes, gap_);
  }
  Buffer memory = buffers_.large();
  do {
    const std::string_view part = bytes.substr(0, memory.span().size() - kChunkRoom);
    bytes.remove_prefix(part.size());
    HeadWriter out(memory.span());
    frame_into(out, part, last && bytes.empty());
    if (out.written().empty()) co_return IoState::ok;
    const IoState state = co_await transport_.write(out.written(), gap_);
    if (state != IoState::ok) co_return state;
  } while (!bytes.empty());
  co_return IoState::ok;
}

Task<IoState> H1Output::trailers(const FieldList& fields) {
  if (!chunked_) co_return IoState::ok;
  Buffer memory = buffers_.large();
  HeadWriter out(memory.span());
  out.append("0\r\n");
  for (const Field& field : fields) out.field(FieldName::admitted(field.name), field.value);
  out.end();
  co_return co_await transport_.write(out.written(), gap_);
}

}  // namespace narthex::proxy
