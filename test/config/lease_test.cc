#include "config/lease.h"

#include <catch2/catch.hpp>

#include "config/decode_api.h"

namespace narthex::config {
namespace {

TEST_CASE("a Lease is read, and written back with all that others put into it") {
  const auto lease = decode_lease(
      R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l","namespace":"n","resourceVersion":"42",)"
      R"("uid":"u","labels":{"a":"b \"c\""},"managedFields":[{}]},"spec":{"holderIdentity":"pod","leaseDurationSeconds":15,)"
      R"("acquireTime":"2024-05-01T12:00:00.000001Z","renewTime":"2024-05-01T12:00:01.000000Z","leaseTransitions":3,"strategy":"x"}})");
  REQUIRE(lease.has_value());
  CHECK(lease->holder == "pod");
  CHECK(lease->duration_seconds == 15);
  CHECK(lease->transitions == 3);
  CHECK(lease->acquire_time == "2024-05-01T12:00:00.000001Z");
  CHECK(lease->resource_version == "42");
  Lease next = *lease;
  next.holder = "other";
  CHECK_FALSE(next.same_record(*lease));
  const auto again = decode_lease(encode_lease(next, {"n", "l"}));
  REQUIRE(again.has_value());
  CHECK(again->same_record(next));
  CHECK(again->resource_version == "42");
  const std::string text = encode_lease(next, {"n", "l"});
  for (const char* kept : {R"("labels":{"a":"b \"c\""})", R"("strategy":"x")", R"("uid":"u")"})
    CHECK(text.find(kept) != std::string::npos);
}

TEST_CASE("a new Lease has no version, and a released one names nobody") {
  Lease lease;
  lease.duration_seconds = 15;
  CHECK(encode_lease(lease, {"n", "l"}) ==
        R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l","namespace":"n"},"spec":)"
        R"({"holderIdentity":"","leaseDurationSeconds":15,"leaseTransitions":0,"acquireTime":null,"renewTime":null}})");
}

TEST_CASE("what is no Lease is an error, and fields of a wrong type are absent") {
  for (const char* text : {"", "[", "[]", "{}", R"({"kind":"Pod"})"}) CHECK(decode_lease(text).has_error());
  const auto odd = decode_lease(R"({"kind":"Lease","metadata":5,"spec":{"holderIdentity":7,"leaseTransitions":"x"}})");
  REQUIRE(odd.has_value());
  CHECK(odd->holder.empty());
  CHECK(decode_lease(encode_lease(*odd, {"n", "l"})).has_value());
}

TEST_CASE("times are written as the API server writes them") {
  const base::WallTime time{std::chrono::microseconds(1714564800000042)};
  CHECK(micro_time(time) == "2024-05-01T12:00:00.000042Z");
  CHECK(second_time(time) == "2024-05-01T12:00:00Z");
}

TEST_CASE("the addresses that an Ingress and a Service show are read, whatever else is in their status") {
  const auto ingress = decode_api_object(
      R"({"metadata":{"name":"a","namespace":"n","uid":"u-1"},"spec":{"defaultBackend":{"service":{"name":"w","port":)"
      R"({"number":80}}}},"status":{"loadBalancer":{"ingress":[{"hostname":"lb.example.com","ports":[{}]},{"ip":"203.0.113.7"},)"
      R"({},7,{"ip":3}]}}})",
      ApiKind::ingress);
  CHECK(ingress.uid == "u-1");
  CHECK(ingress.findings.empty());
  REQUIRE(ingress.object);
  CHECK(std::get<Ingress>(*ingress.object).addresses == "203.0.113.7,lb.example.com");
  for (const char* status : {"7", "null", R"({"loadBalancer":[]})", R"({"loadBalancer":{"ingress":{}}})"}) {
    const auto odd = decode_api_object(std::string(R"({"metadata":{"name":"a","namespace":"n"},"spec":{"externalIPs":)"
                                                   R"(["203.0.113.9",4]},"status":)") + status + "}",
                                       ApiKind::service);
    REQUIRE(odd.object);
    CHECK(std::get<Service>(*odd.object).external_addresses == "203.0.113.9");
  }
}

}  // namespace
}  // namespace narthex::config
