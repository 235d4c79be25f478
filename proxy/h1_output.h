// Sends HTTP/1 messages: a head and the first piece of the body in one write, later pieces framed as the head promised.
// THREAD: the worker's.
#pragma once

#include <chrono>
#include <string_view>

#include "proxy/buffer.h"
#include "proxy/h1_writer.h"
#include "proxy/sides.h"

namespace narthex::proxy {

class H1Output {
 public:
  H1Output(Transport& transport, BufferPool& buffers, std::chrono::milliseconds gap)
      : transport_(transport), buffers_(buffers), gap_(gap) {}

  void set_gap(std::chrono::milliseconds gap) { gap_ = gap; }
  // The head says how the pieces are framed from now on: chunked, or as they are. What the head is made of is used only
  // before these return; `first` until the task is done.
  Task<IoState> request(const OutgoingRequest& request, std::string_view first, bool last);
  Task<IoState> response(const OutgoingResponse& response, std::string_view first, bool last);
  Task<IoState> piece(std::string_view bytes, bool last);
  Task<IoState> trailers(const FieldList& fields);

 private:
  Task<IoState> send_started(Buffer memory, HeadWriter head, std::string_view first, bool last);
  Task<IoState> send_apart(Buffer memory, std::string_view head, std::string_view first, bool last);
  bool frame_into(HeadWriter& out, std::string_view bytes, bool last) const;

  Transport& transport_;
  BufferPool& buffers_;
  std::chrono::milliseconds gap_;
  bool chunked_ = false;
};

}  // namespace narthex::proxy
