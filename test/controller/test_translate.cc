#include <catch2/catch.hpp>

#include "controller/translate.h"
#include "controller/translate_policy.h"

namespace narthex::test {
namespace {

using config::ServicePort;
using controller::canonical_path;
using controller::find_port;
using controller::PortMatch;

TEST_CASE("a rule's path takes the form that request paths have") {
  CHECK(canonical_path("") == "/");
  CHECK(canonical_path("/a/b/") == "/a/b/");
  CHECK(canonical_path("/a//b/../c") == "/a/c");
  CHECK(canonical_path("/%7euser") == "/~user");
  CHECK(canonical_path("/a b") == "/a%20b");
  CHECK(canonical_path("/a?b#c") == "/a%3Fb%23c");
  CHECK(canonical_path("/caf\xc3\xa9") == "/caf%C3%A9");
  CHECK(canonical_path("/100%") == "/100%25");
  CHECK(canonical_path("/a%2fb") == "/a%2Fb");
  CHECK(canonical_path("/back\\slash") == "/back%5Cslash");
}

TEST_CASE("what no request can have is no path") {
  CHECK_FALSE(canonical_path("a/b").has_value());
  CHECK_FALSE(canonical_path("*").has_value());
  CHECK_FALSE(canonical_path("/a\nb").has_value());
  CHECK_FALSE(canonical_path("/a%00b").has_value());
  CHECK(canonical_path("/" + std::string(router::kPathBytesMax - 1, 'a')).has_value());
  CHECK_FALSE(canonical_path("/" + std::string(router::kPathBytesMax, 'a')).has_value());
}

TEST_CASE("a port is found by number, then by name, then by target") {
  config::Service service;
  service.ports = {ServicePort{"dns", 53, 0, "", "UDP", ""}, ServicePort{"eighty", 8080, 80, "", "TCP", ""},
                   ServicePort{"http", 80, 0, "web", "TCP", ""}, ServicePort{"web", 81, 0, "", "TCP", ""}};
  const auto number = [&](const std::string& text) {
    const controller::FoundPort found = find_port(&service, text);
    return found.port ? found.port->port : 0;
  };
  CHECK(number("80") == 80);
  CHECK(number("http") == 80);
  CHECK(number("web") == 81);
  CHECK(number("") == 8080);
  CHECK(find_port(&service, "53").match == PortMatch::no_port);
  CHECK(find_port(&service, "dns").match == PortMatch::no_port);
  CHECK(find_port(nullptr, "80").match == PortMatch::no_service);
  service.ports.pop_back();
  CHECK(find_port(&service, "web").match == PortMatch::by_target);
  CHECK(number("web") == 80);
  service.type = config::ServiceType::external_name;
  CHECK(find_port(&service, "80").match == PortMatch::external_name);
}

TEST_CASE("a port of number zero is nothing that a reference can meet") {
  config::Service service;
  service.ports = {ServicePort{"", 80, 0, "", "TCP", ""}};
  CHECK(find_port(&service, "0").match == PortMatch::no_port);
}

TEST_CASE("all of an affinity annotation reaches the policy") {
  config::IngressAnnotations annotations;
  CHECK(controller::make_policy(annotations, {}) == nullptr);
  annotations.affinity = config::CookieAffinity{config::AffinityMode::persistent,
                                                "route",
                                                "/shop",
                                                "example.com",
                                                std::chrono::seconds(60),
                                                std::chrono::seconds(120),
                                                true,
                                                config::SameSite::lax,
                                                true,
                                                true};
  const auto policy = controller::make_policy(annotations, {});
  REQUIRE(policy != nullptr);
  CHECK_FALSE(policy->closed);
  REQUIRE(policy->cookie_affinity.has_value());
  const router::CookieAffinityPolicy& cookie = *policy->cookie_affinity;
  CHECK(cookie.persistent);
  CHECK(cookie.name == "route");
  CHECK(cookie.path == "/shop");
  CHECK(cookie.domain == "example.com");
  CHECK(cookie.expires == std::chrono::seconds(60));
  CHECK(cookie.max_age == std::chrono::seconds(120));
  CHECK(cookie.secure);
  CHECK(cookie.same_site == "Lax");
  CHECK(cookie.conditional_same_site_none);
  CHECK(cookie.change_on_failure);
}

TEST_CASE("a guard that cannot be carried out closes the route, with or without affinity") {
  config::IngressAnnotations annotations;
  annotations.unmet_guards = {"auth-url"};
  REQUIRE(controller::make_policy(annotations, {}) != nullptr);
  CHECK(controller::make_policy(annotations, {})->closed);
  annotations.affinity.emplace();
  CHECK(controller::make_policy(annotations, {})->closed);
  CHECK(controller::make_policy(annotations, {})->cookie_affinity.has_value());
}

}  // namespace
}  // namespace narthex::test
