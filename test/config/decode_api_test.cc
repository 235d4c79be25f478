#include "config/decode_api.h"

#include <catch2/catch.hpp>

namespace narthex::config {
namespace {

TEST_CASE("a page of a list comes apart into its objects, whatever is in them") {
  const std::string text = R"( {"kind":"IngressList","metadata":{"resourceVersion":"12","continue":"abc"},
    "items":[{"a":"]}\"[{"}, {"b":[{},[]]} ,{}], "more": null}
)";
  const auto page = split_api_page(text);
  REQUIRE(page.has_value());
  CHECK(page->resource_version == "12");
  CHECK(page->continue_token == "abc");
  CHECK(page->items == std::vector<std::string_view>{R"({"a":"]}\"[{"})", R"({"b":[{},[]]})", "{}"});
}

TEST_CASE("a page without objects is a page") {
  for (const char* items : {"[]", "null", " [ ] "}) {
    const std::string text = std::string(R"({"metadata":{"resourceVersion":"1"},"items":)") + items + "}";
    const auto page = split_api_page(text);
    REQUIRE(page.has_value());
    CHECK(page->items.empty());
    CHECK(page->continue_token == "");
  }
}

TEST_CASE("what is no list is refused, wherever it ends") {
  const std::string whole = R"({"metadata":{"resourceVersion":"1"},"items":[{"a":"\\"},{"b":1}]})";
  REQUIRE(split_api_page(whole).has_value());
  for (size_t size = 0; size < whole.size(); ++size) CHECK(split_api_page(whole.substr(0, size)).has_error());
  for (const char* text :
       {"[]", "3", "{}", R"({"items":[]})", R"({"metadata":{},"items":{}})", R"({"metadata":3,"items":[1,]})"})
    CHECK(split_api_page(text).has_error());
}

TEST_CASE("an event is its type and its object") {
  const auto event = split_api_event(R"({"type":"MODIFIED","object":{"kind":"X"}})");
  REQUIRE(event.has_value());
  CHECK(event->type == ApiEvent::Type::modified);
  CHECK(event->object == R"({"kind":"X"})");
  CHECK(split_api_event(R"({"object":{},"type":"BOOKMARK"})")->type == ApiEvent::Type::bookmark);
  CHECK(split_api_event(R"({"type":"NEWS","object":{}})")->type == ApiEvent::Type::unknown);
  for (const char* line : {"", "{}", "x", R"({"type":"ADDED"})", R"({"object":{}})", R"({"type":7,"object":{}})",
                           R"({"type":"ADDED","object":{)", R"({"type":"ADDED","object":})"})
    CHECK(split_api_event(line).has_error());
}

TEST_CASE("an object is decoded with its version, without lines and without managed fields") {
  const ApiObject object = decode_api_object(
      R"({"metadata":{"name":"web","namespace":"a","resourceVersion":"7","managedFields":[{"x":{"x":1,"x":2}}]},
         "spec":{"ports":[{"port":80}]}})",
      ApiKind::service);
  CHECK(object.key == ObjectKey{"a", "web"});
  CHECK(object.resource_version == "7");
  REQUIRE(object.object);
  CHECK(std::get<Service>(*object.object).ports.at(0).port == 80);
  CHECK(meta_of(*object.object).origin == Origin{});
  CHECK(object.findings.empty());
}

TEST_CASE("of the metadata alone the key, the version and the end of the initial events are known") {
  const ApiObject object = decode_api_object(
      R"({"kind":"Service","metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}})",
      ApiKind::service, ApiPart::metadata);
  CHECK(object.resource_version == "9");
  CHECK(object.ends_initial_events);
  CHECK_FALSE(object.object);
  CHECK(object.findings.empty());
}

TEST_CASE("an object that is broken has findings without a place, and its name where there is one") {
  const ApiObject nonsense = decode_api_object("{\"metadata\":{,}", ApiKind::ingress);
  CHECK_FALSE(nonsense.object);
  REQUIRE(nonsense.findings.size() == 1);
  CHECK(nonsense.findings[0].reason == "InvalidJson");
  const ApiObject half =
      decode_api_object(R"({"metadata":{"name":"x","namespace":"a"},"spec":{"rules":3}})", ApiKind::ingress);
  CHECK(half.key == ObjectKey{"a", "x"});
  REQUIRE_FALSE(half.findings.empty());
  CHECK(half.findings[0].origin == Origin{});
  CHECK(half.findings[0].object == ObjectRef{"Ingress", "a", "x"});
}

TEST_CASE("a Namespace is its name") {
  const ApiObject object = decode_api_object(R"({"metadata":{"name":"a","labels":{"x":"y"}}})", ApiKind::name_space);
  REQUIRE(object.object);
  CHECK(meta_of(*object.object).key == ObjectKey{"", "a"});
}

TEST_CASE("a Status says its code, and anything else says nothing") {
  const ApiStatus status = decode_api_status(
      R"({"kind":"Status","code":410,"reason":"Expired","message":"too old","details":{"retryAfterSeconds":3}})");
  CHECK(status.code == 410);
  CHECK(status.reason == "Expired");
  CHECK(status.message == "too old");
  CHECK(status.retry_after_seconds == 3);
  for (const char* text : {"", "404 page not found", "{}", "[]", R"({"kind":"Pod","code":3})"})
    CHECK(decode_api_status(text).code == 0);
}

std::string ingress_with(const std::string& metadata) {
  return R"({"kind":"Ingress","metadata":{"name":"web","namespace":"team",)" + metadata +
         R"("resourceVersion":"7"},"spec":{"rules":[{"host":"example.com"}]}})";
}

const Ingress& ingress_of(const ApiObject& object) {
  REQUIRE(object.object);
  CHECK(object.findings.empty());
  CHECK(object.key == ObjectKey{"team", "web"});
  CHECK(object.resource_version == "7");
  const auto& ingress = std::get<Ingress>(*object.object);
  REQUIRE(ingress.rules.size() == 1);
  CHECK(ingress.rules[0].host == "example.com");
  return ingress;
}

TEST_CASE("who wrote which field and kubectl's copy of the manifest are read over") {
  const std::string text = ingress_with(
      R"("managedFields":[{"manager":"kubectl","fieldsV1":{"f:spec":{"f:rules":{"\"}]":{}}}}}],"annotations":)"
      R"({"kubectl.kubernetes.io/last-applied-configuration":"{\"metadata\":{\"name\":\"other\"},\"x\":\"\\\\\"}\n",)"
      R"("a":"b"},)");
  const ApiObject object = decode_api_object(text, ApiKind::ingress);
  const Ingress& ingress = ingress_of(object);
  CHECK(ingress.meta.annotations.at("a") == "b");
  CHECK(ingress.meta.annotations.at("kubectl.kubernetes.io/last-applied-configuration").empty());
}

TEST_CASE("an annotation that only speaks of managedFields stays as it is") {
  const std::string text = ingress_with(
      R"("annotations":{"note":"\"managedFields\": [ and \"managedFields\":[{","x\"managedFields":"kept"},)");
  const ApiObject object = decode_api_object(text, ApiKind::ingress);
  const Ingress& ingress = ingress_of(object);
  CHECK(ingress.meta.annotations.at("note") == R"("managedFields": [ and "managedFields":[{)");
  CHECK(ingress.meta.annotations.at("x\"managedFields") == "kept");
}

TEST_CASE("an object that ends within managedFields is no JSON") {
  const ApiObject object =
      decode_api_object(R"({"metadata":{"name":"web","managedFields":[{"a":"b)", ApiKind::ingress);
  CHECK_FALSE(object.object);
  REQUIRE(object.findings.size() == 1);
  CHECK(object.findings[0].reason == "InvalidJson");
}

}  // namespace
}  // namespace narthex::config
