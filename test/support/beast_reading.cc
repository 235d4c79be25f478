#include "test/support/beast_reading.h"

#include <boost/beast/http/parser.hpp>

namespace narthex::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

// What Beast's parser reports, kept. (Its own containers put fields of one name together.)
template <bool kRequest>
class Recorder final : public http::basic_parser<kRequest> {
 public:
  Recorder() {
    this->header_limit(1 << 20);
    this->body_limit(boost::none);
    this->eager(true);
  }
  Reading reading;

 private:
  using Error = beast::error_code;
  void on_request_impl(http::verb, beast::string_view, beast::string_view, int, Error&) override {}
  void on_response_impl(int, beast::string_view, int, Error&) override {}
  void on_field_impl(http::field, beast::string_view name, beast::string_view value, Error&) override {
    // Trailers come here as well.
    if (!this->is_header_done()) reading.fields.emplace_back(name, value);
  }
  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, Error&) override {}
  size_t on_body_impl(beast::string_view bytes, Error&) override { return keep(bytes); }
  void on_chunk_header_impl(uint64_t, beast::string_view, Error&) override {}
  size_t on_chunk_body_impl(uint64_t, beast::string_view bytes, Error&) override { return keep(bytes); }
  void on_finish_impl(Error&) override {}
  size_t keep(beast::string_view bytes) {
    reading.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
};

template <bool kRequest>
std::optional<Reading> read(std::string_view text, bool skip_body) {
  Recorder<kRequest> parser;
  parser.skip(skip_body);
  beast::error_code error;
  parser.reading.bytes = parser.put(asio::const_buffer(text.data(), text.size()), error);
  if (error && error != http::error::need_more) return std::nullopt;
  if (!parser.is_header_done()) return std::nullopt;
  parser.reading.whole = parser.is_done();
  return parser.reading;
}

}  // namespace

std::optional<Reading> read_request_by_beast(std::string_view text) { return read<true>(text, false); }

std::optional<Reading> read_response_by_beast(std::string_view text, bool skip_body) {
  return read<false>(text, skip_body);
}

bool beast_knows_start_line(std::string_view text) {
  const std::string_view line = text.substr(0, text.find("\r\n"));
  if (line.starts_with("HTTP/")) return line.find(' ', 9) != std::string_view::npos;
  return line.ends_with(" HTTP/1.0") || line.ends_with(" HTTP/1.1");
}

}  // namespace narthex::test
