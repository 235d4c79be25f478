#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "proxy/fault.h"
#include "proxy/h1_codec.h"

namespace narthex::proxy::test {
namespace {

struct Reading {
  std::unique_ptr<RequestHead> head = std::make_unique<RequestHead>();
  size_t scanned = 0;
  HeadResult result;
  explicit Reading(std::string_view bytes) { result = read_request_head(bytes, scanned, *head); }
};

const std::string kRequest =
    "GET /a?b HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nUser-Agent: curl/8\r\nX-Empty:\r\nAccept-Encoding: "
    "gzip\r\nX_Y: 1\r\n"
    "Cookie: a=b\r\n\r\n";

TEST_CASE("the head's fields come in their order, with their ids, as views into the input") {
  const Reading reading(kRequest);
  REQUIRE(reading.result.state == HeadState::complete);
  CHECK(reading.result.bytes == kRequest.size());
  const RequestHead& head = *reading.head;
  CHECK(head.target == "/a?b");
  CHECK(head.authority == "a.test");
  REQUIRE(head.fields.size() == 7);
  const Field* fields = head.fields.begin();
  CHECK((fields[0].name == "Host" && fields[0].value == "a.test" && fields[0].id == FieldId::host));
  CHECK((fields[1].name == "Accept" && fields[1].value == "*/*" && fields[1].id == FieldId::other));
  CHECK(fields[2].id == FieldId::user_agent);
  CHECK((fields[3].name == "X-Empty" && fields[3].value.empty()));
  CHECK((fields[5].name == "X_Y" && fields[5].id == FieldId::invalid_name));
  CHECK(head.fields.find(FieldId::cookie)->value == "a=b");
  CHECK(head.fields.find(FieldId::expect) == nullptr);
  for (const Field& field : head.fields) {
    CHECK((field.name.data() > kRequest.data() &&
           field.name.data() + field.name.size() < kRequest.data() + kRequest.size()));
    CHECK((field.value.data() > kRequest.data() &&
           field.value.data() + field.value.size() < kRequest.data() + kRequest.size()));
  }
}

TEST_CASE("what follows a head is not looked at") {
  for (const char* rest : {"GET", "\r\n", "\n", "\x01", "body"}) {
    const Reading reading(kRequest + rest);
    CHECK(reading.result.state == HeadState::complete);
    CHECK(reading.result.bytes == kRequest.size());
  }
}

TEST_CASE("empty lines in front of a head are consumed with it") {
  const Reading reading("\r\n\r\n" + kRequest);
  CHECK(reading.result.state == HeadState::complete);
  CHECK(reading.result.bytes == kRequest.size() + 4);
}

TEST_CASE("every proper beginning of a head is incomplete") {
  for (size_t size = 0; size < kRequest.size(); ++size) {
    const Reading reading(std::string_view(kRequest).substr(0, size));
    CHECK(reading.result.state == HeadState::incomplete);
    CHECK(reading.result.bytes == 0);
    CHECK(reading.scanned == size);
  }
}

TEST_CASE("a head is complete with the second look, wherever the first one ended") {
  for (size_t size = 0; size < kRequest.size(); ++size) {
    RequestHead head;
    size_t scanned = 0;
    read_request_head(std::string_view(kRequest).substr(0, size), scanned, head);
    const HeadResult result = read_request_head(kRequest, scanned, head);
    CHECK(result.state == HeadState::complete);
    CHECK(head.fields.size() == 7);
  }
}

TEST_CASE("a refused head leaves nothing of an earlier one behind") {
  Reading reading(kRequest);
  reading.scanned = 0;
  const HeadResult result = read_request_head("\x01", reading.scanned, *reading.head);
  CHECK(result.state == HeadState::refused);
  CHECK(reading.head->target.empty());
  CHECK(reading.head->method.empty());
  CHECK(reading.head->authority.empty());
  CHECK(reading.head->fields.size() == 0);
}

TEST_CASE("a head of one request leaves no fact of an earlier one behind") {
  Reading reading("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nTE: trailers\r\n\r\n");
  REQUIRE(reading.result.state == HeadState::complete);
  reading.scanned = 0;
  read_request_head("GET http://b/ HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n",
                    reading.scanned, *reading.head);
  CHECK(reading.head->wants_websocket);
  reading.scanned = 0;
  read_request_head("GET / HTTP/1.1\r\nHost: a\r\n\r\n", reading.scanned, *reading.head);
  const RequestHead& head = *reading.head;
  CHECK((head.framing.kind == BodyKind::none && head.framing.length == 0));
  CHECK((head.version == 11 && head.keep_alive && !head.accepts_trailers && !head.wants_websocket &&
         !head.expects_continue));
  CHECK(head.authority == "a");
}

TEST_CASE("a head in single bytes costs little more than one in a piece") {
  // 64 KiB, byte by byte: with a search from the front each time this would look at 2^31 bytes and run into the time
  // limit.
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX-A: " + std::string(60000, 'v') + "\r\n\r\n";
  RequestHead head;
  size_t scanned = 0, looks = 0;
  HeadResult result;
  for (size_t size = 1; size <= text.size() && result.state == HeadState::incomplete; ++size, ++looks)
    result = read_request_head(std::string_view(text).substr(0, size), scanned, head);
  CHECK(result.state == HeadState::complete);
  CHECK(looks == text.size());
}

TEST_CASE("field names are known in any case") {
  const std::pair<const char*, FieldId> known[] = {{"connection", FieldId::connection},
                                                   {"content-length", FieldId::content_length},
                                                   {"transfer-encoding", FieldId::transfer_encoding},
                                                   {"te", FieldId::te},
                                                   {"trailer", FieldId::trailer},
                                                   {"upgrade", FieldId::upgrade},
                                                   {"keep-alive", FieldId::keep_alive},
                                                   {"proxy-connection", FieldId::proxy_connection},
                                                   {"proxy-authenticate", FieldId::proxy_authenticate},
                                                   {"proxy-authorization", FieldId::proxy_authorization},
                                                   {"expect", FieldId::expect},
                                                   {"http2-settings", FieldId::http2_settings},
                                                   {"host", FieldId::host},
                                                   {"cookie", FieldId::cookie},
                                                   {"set-cookie", FieldId::set_cookie},
                                                   {"user-agent", FieldId::user_agent},
                                                   {"referer", FieldId::referer},
                                                   {"date", FieldId::date},
                                                   {"server", FieldId::server},
                                                   {"x-request-id", FieldId::x_request_id},
                                                   {"x-narthex-hops", FieldId::narthex_hops},
                                                   {"forwarded", FieldId::forwarded},
                                                   {"x-forwarded-for", FieldId::x_forwarded_for},
                                                   {"x-forwarded-host", FieldId::x_forwarded_host},
                                                   {"x-forwarded-port", FieldId::x_forwarded_port},
                                                   {"x-forwarded-proto", FieldId::x_forwarded_proto},
                                                   {"x-forwarded-scheme", FieldId::x_forwarded_scheme},
                                                   {"x-forwarded-prefix", FieldId::x_forwarded_prefix},
                                                   {"x-forwarded-user", FieldId::x_forwarded_other},
                                                   {"x-forwarded-", FieldId::x_forwarded_other},
                                                   {"x-forwarded-for2", FieldId::x_forwarded_other},
                                                   {"x-scheme", FieldId::x_scheme},
                                                   {"x-real-ip", FieldId::x_real_ip},
                                                   {"x-original-forwarded-for", FieldId::x_original},
                                                   {"x-original-url", FieldId::x_original},
                                                   {"x-rewrite-url", FieldId::x_original},
                                                   {"ssl-client-cert", FieldId::ssl_client},
                                                   {"ssl-client-subject-dn", FieldId::ssl_client},
                                                   {"proxy", FieldId::proxy},
                                                   {"x-accel-redirect", FieldId::x_accel},
                                                   {"x-pad", FieldId::x_accel}};
  for (const auto& [name, id] : known) {
    INFO(name);
    std::string upper = name;
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    CHECK(identify_field(name) == id);
    CHECK(identify_field(upper) == id);
    // One byte changed anywhere makes another name, or one of a family.
    for (size_t i = 0; i < upper.size(); ++i) {
      std::string other = upper;
      other[i] = other[i] == 'Q' ? 'Z' : 'Q';
      const FieldId found = identify_field(other);
      CHECK((found == FieldId::other || (found == id && i > 5) || found == FieldId::x_forwarded_other));
    }
  }
}

TEST_CASE("names that look alike are invalid, and unknown ones are other") {
  for (const char* name :
       {"X_Forwarded_For", "X-Forwarded.For", "Content_Length", "Host ", "", "a b", "x~", "h\xc3\xb6st", "\r"})
    CHECK(identify_field(name) == FieldId::invalid_name);
  CHECK(identify_field(std::string_view("host\0", 5)) == FieldId::invalid_name);
  for (const char* name : {"a", "accept", "x", "x-", "x-a", "hostx", "hos", "ssl-client", "x-forwarded", "x-accel",
                           "authorization", "content-lengthx", "0", "-", "content-type", "traceparent"})
    CHECK(identify_field(name) == FieldId::other);
}

TEST_CASE("every fault has one row with the status of its kind") {
  for (size_t i = 1; i < static_cast<size_t>(Fault::kCount); ++i) {
    const FaultRow& row = row_of(static_cast<Fault>(i));
    INFO(row.name);
    CHECK(row.fault == static_cast<Fault>(i));
    if (row.party == Party::client)
      CHECK((row.status == 0 || row.status / 100 == 4 || row.status == 501 || row.status == 505));
    if (row.party == Party::upstream) CHECK((row.status == 0 || row.status == 502 || row.status == 504));
    // Only what an upstream did may be tried elsewhere.
    if (row.party != Party::upstream) CHECK(row.retry == Retry::never);
    for (size_t other = 0; other < i; ++other) CHECK(row_of(static_cast<Fault>(other)).name != row.name);
  }
  CHECK(row_of(Fault::target_too_long).status == 414);
  CHECK(row_of(Fault::connect_failed).retry == Retry::unsent);
  CHECK(row_of(Fault::upstream_reset).retry == Retry::repeatable);
}

}  // namespace
}  // namespace narthex::proxy::test
