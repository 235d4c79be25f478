// The two sides of an exchange, whatever protocol they speak: the exchange (exchange.h) is written against these alone.
// Interfaces without fields. THREAD: the worker's. Views given out are VALID UNTIL the next call on the same side.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "proxy/fault.h"
#include "proxy/head.h"
#include "proxy/task.h"
#include "proxy/transport.h"

namespace narthex::proxy {

// Fields on their way out: those received that may pass, and our own. LIMIT: kFields received plus what we add (under 24).
class OutgoingFields {
 public:
  void clear() { size_ = 0; }
  void add(FieldName name, std::string_view value) {
    if (size_ < fields_.size()) fields_[size_++] = {name, value, false};
  }
  // One that was received.
  void add(const Field& field) {
    if (size_ < fields_.size()) fields_[size_++] = {FieldName::admitted(field.name), field.value, field.plain_line};
  }
  struct Entry {
    FieldName name = "-";
    std::string_view value;
    bool plain_line = false;  // as in Field
  };
  const Entry* begin() const { return fields_.data(); }
  const Entry* end() const { return fields_.data() + size_; }

 private:
  std::array<Entry, limits::kFields + 24> fields_;
  size_t size_ = 0;
};

struct OutgoingRequest {
  std::string_view method, path, query;
  Framing framing;
  bool websocket = false;
  const OutgoingFields* fields = nullptr;
};

struct OutgoingResponse {
  uint16_t status = 0;
  // How the length is told. The body itself may still be absent (HEAD, 304).
  Framing framing;
  bool has_body = false;
  const OutgoingFields* fields = nullptr;
};

struct BodyPiece {
  enum class State : uint8_t { bytes, end, failed, later };
  State state = State::end;
  std::string_view bytes;
  bool last = false;          // with bytes: it is already known that nothing follows, not even trailers
  Fault fault = Fault::none;  // with failed
};

class ClientSide {
 public:
  // The whole request body where it came together with the head: then it can be sent again in a second attempt.
  virtual std::optional<std::string_view> buffered_body() const = 0;
  // The next piece; sends "100 Continue" first where the client waits for it.
  virtual Task<BodyPiece> read_body() = 0;
  // Of the request, after its end.
  virtual const FieldList* request_trailers() const = 0;
  // Bytes of a body of known length that are still to come, all of them unread; and that so many went past (splice).
  virtual uint64_t plain_remaining() const = 0;
  virtual void skipped(uint64_t bytes) = 0;

  // 1xx.
  virtual Task<bool> send_interim(const OutgoingResponse& response) = 0;
  // The head together with the first piece of the body. The head is used only before this returns, the piece until the
  // task is done. False: the client is gone.
  virtual Task<bool> send_head(const OutgoingResponse& response, std::string_view first, bool last) = 0;
  virtual Task<bool> send_body(std::string_view piece, bool last) = 0;
  // Ends the body with trailer fields, where the client's protocol can carry them.
  virtual Task<bool> send_trailers(const FieldList& trailers) = 0;
  // The response cannot be completed: make that visible to the client.
  virtual void abort_response() = 0;
  // Bytes that were read behind a request that asked for a tunnel.
  virtual std::string_view take_surplus() = 0;
  // Whether a body of unknown length needs no end of connection.
  virtual bool can_chunk() const = 0;
  // The bytes themselves, for splicing and tunnels; null where they are shared with other exchanges.
  virtual Transport* raw() = 0;

 protected:
  ~ClientSide() = default;
};

class UpstreamSide {
 public:
  // The head together with the first piece of the body; none when it was written. What is used how long: as send_head.
  virtual Task<Fault> send_request(const OutgoingRequest& request, std::string_view first, bool last) = 0;
  virtual Task<Fault> send_body(std::string_view piece, bool last) = 0;
  virtual Task<Fault> send_trailers(const FieldList& trailers) = 0;
  // A body that was sent in pieces is over, for good or ill: only from now on does the answer keep us waiting.
  virtual void request_over() = 0;
  // The next head, 1xx included.
  virtual Task<Fault> read_head(ResponseHead& head) = 0;
  virtual Task<BodyPiece> read_body() = 0;
  // The next piece without waiting; State::later where it has not arrived yet.
  virtual BodyPiece buffered_body() = 0;
  virtual const FieldList* response_trailers() const = 0;
  virtual uint64_t plain_remaining() const = 0;
  virtual void skipped(uint64_t bytes) = 0;
  // Nothing of a response has arrived: the request may not have been seen at all.
  virtual bool silent() const = 0;
  virtual Transport* raw() = 0;
  // Bytes that were read behind a 101.
  virtual std::string_view take_surplus() = 0;

 protected:
  ~UpstreamSide() = default;
};

}  // namespace narthex::proxy
