#include "proxy/h1_parser.h"

#include <boost/beast/http/basic_parser.hpp>

namespace narthex::proxy {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

// basic_parser hands over what it reads through virtual functions; only fields are of interest here. Start line and
// framing were decided before.
template <bool kRequest>
class FieldParser final : public http::basic_parser<kRequest> {
 public:
  FieldParser(std::span<const FieldId> ids, FieldList& out) : ids_(ids), out_(out) {
    // Admission is the limit: head and body are never too large for Beast, whose default is 8 KiB for a head.
    this->header_limit(limits::kHeadBytes + limits::kSmallBuffer);
    this->body_limit(boost::none);
  }
  bool saw_all() const { return out_.size() == ids_.size(); }

 private:
  using Error = beast::error_code;
  void on_request_impl(http::verb, beast::string_view, beast::string_view, int, Error&) override {}
  void on_response_impl(int, beast::string_view, int, Error&) override {}
  void on_field_impl(http::field, beast::string_view name, beast::string_view value, Error& error) override {
    const size_t index = out_.size();
    if (index == ids_.size() || !out_.add({name.data(), name.size()}, {value.data(), value.size()}, ids_[index]))
      error = http::error::bad_field;
  }
  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, Error&) override {}
  size_t on_body_impl(beast::string_view, Error&) override { return 0; }
  void on_chunk_header_impl(uint64_t, beast::string_view, Error&) override {}
  size_t on_chunk_body_impl(uint64_t, beast::string_view, Error&) override { return 0; }
  void on_finish_impl(Error&) override {}

  std::span<const FieldId> ids_;
  FieldList& out_;
};

template <bool kRequest>
bool parse(std::string_view head, std::string_view stand_in, const Admitted& notes, FieldList& out) {
  out.clear();
  FieldParser<kRequest> parser(notes.ids(), out);
  beast::error_code error;
  if (!notes.plain_start_line) {
    // A piece of its own: Beast takes it and asks for more.
    parser.put(asio::const_buffer(stand_in.data(), stand_in.size()), error);
    if (error != http::error::need_more) return false;
    head.remove_prefix(notes.start_line_bytes);
  }
  const size_t taken = parser.put(asio::const_buffer(head.data(), head.size()), error);
  return !error && taken == head.size() && parser.is_header_done() && parser.saw_all();
}

}  // namespace

bool parse_request_fields(std::string_view head, const Admitted& notes, FieldList& out) {
  return parse<true>(head, "GET / HTTP/1.1\r\n", notes, out);
}

bool parse_response_fields(std::string_view head, const Admitted& notes, FieldList& out) {
  return parse<false>(head, "HTTP/1.1 200 OK\r\n", notes, out);
}

}  // namespace narthex::proxy
