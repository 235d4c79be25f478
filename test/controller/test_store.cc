#include <catch2/catch.hpp>

#include "controller/store.h"
#include "test/support/manifests.h"
#include "test/support/world.h"

namespace narthex::test {
namespace {

using config::ObjectKey;
using controller::BackendKey;
using controller::Dirty;
using controller::Standing;
using controller::Store;

const ObjectKey kWeb{"default", "web"};
const BackendKey kBackend{kWeb, "80"};

Dirty put(Store& store, const std::string& yaml) {
  for (controller::Change& change : changes_of(yaml)) store.apply(std::move(change));
  return store.take_dirty();
}

Dirty remove(Store& store, const std::string& kind, const ObjectKey& key) {
  store.apply(controller::removed({kind, key.ns, key.name}));
  return store.take_dirty();
}

std::string of_class(const std::string& name, const std::string& class_name) {
  IngressSpec spec;
  spec.name = name;
  spec.class_name = class_name;
  return ingress_yaml(spec);
}

std::string class_yaml(const std::string& name, const std::string& controller, bool is_default = false) {
  return "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata:\n  name: " + name +
         (is_default ? "\n  annotations: {ingressclass.kubernetes.io/is-default-class: \"true\"}" : "") +
         "\nspec: {controller: " + controller + "}\n";
}

TEST_CASE("an Ingress makes its hosts, its backends and itself dirty, once") {
  Store store({});
  IngressSpec spec;
  const Dirty dirty = put(store, ingress_yaml(spec));
  CHECK(dirty.ingresses == std::set<ObjectKey>{kWeb});
  CHECK(dirty.hosts == std::set<std::string>{"example.com"});
  CHECK(dirty.backends == std::set<BackendKey>{kBackend});
  CHECK(dirty.secrets.empty());
  CHECK(store.take_dirty().empty());
  CHECK(put(store, ingress_yaml(spec)).empty());
}

TEST_CASE("where namespaces are chosen, Ingresses of the others are foreign, and come and go with their namespace") {
  Store store({.only_known_namespaces = true});
  put(store, ingress_yaml({}));
  CHECK(store.standing(kWeb) == Standing::foreign);
  const config::Namespace chosen{{.key = {"", "default"}}};
  store.apply(controller::upserted(chosen));
  Dirty dirty = store.take_dirty();
  CHECK(store.standing(kWeb) == Standing::served);
  CHECK(dirty.hosts == std::set<std::string>{"example.com"});
  store.apply(controller::upserted(chosen));
  CHECK(store.take_dirty().empty());
  dirty = remove(store, "Namespace", {"", "default"});
  CHECK(store.standing(kWeb) == Standing::foreign);
  CHECK(dirty.hosts == std::set<std::string>{"example.com"});
  CHECK(remove(store, "Namespace", {"", "default"}).empty());
}

TEST_CASE("a canary makes its hosts and its backends dirty, and has no certificates") {
  Store store({});
  IngressSpec spec{.annotations = {{"canary", "true"}}, .tls = {{{"example.com"}, "cert"}}};
  const Dirty dirty = put(store, ingress_yaml(spec));
  CHECK(store.standing(kWeb) == Standing::canary);
  CHECK(dirty.ingresses == std::set<ObjectKey>{kWeb});
  CHECK(dirty.hosts == std::set<std::string>{"example.com"});
  CHECK(dirty.backends == std::set<BackendKey>{kBackend});
  CHECK(dirty.certificate_hosts.empty());
  CHECK(dirty.secrets.empty());
  CHECK(store.uses_backend(kBackend));
  CHECK(store.canaries_of_host("example.com").size() == 1);
  CHECK(store.ingresses_of_host("example.com").empty());
  // It becomes an ordinary Ingress, and goes.
  spec.annotations.clear();
  put(store, ingress_yaml(spec));
  CHECK(store.canaries_of_host("example.com").empty());
  CHECK(store.ingresses_of_host("example.com").size() == 1);
  spec.annotations = {{"canary", "true"}};
  put(store, ingress_yaml(spec));
  CHECK(remove(store, "Ingress", kWeb).hosts == std::set<std::string>{"example.com"});
  CHECK(store.canaries_of_host("example.com").empty());
  CHECK_FALSE(store.uses_backend(kBackend));
}

TEST_CASE("an Ingress that moves to another host makes both hosts dirty") {
  Store store({});
  IngressSpec spec;
  put(store, ingress_yaml(spec));
  spec.rules[0].host = "new.example.com";
  CHECK(put(store, ingress_yaml(spec)).hosts == std::set<std::string>{"example.com", "new.example.com"});
  CHECK(store.ingresses_of_host("example.com").empty());
  CHECK(store.ingresses_of_host("new.example.com").size() == 1);
}

TEST_CASE("a slice makes the backends of its Service dirty and nothing else") {
  Store store({});
  put(store, ingress_yaml({}) + app_yaml("web", {"10.0.0.1"}) + app_yaml("other", {"10.0.0.2"}));
  const Dirty dirty = put(store, slice_yaml("web", {"10.0.0.3"}));
  CHECK(dirty.backends == std::set<BackendKey>{kBackend});
  CHECK(dirty.ingresses.empty());
  CHECK(dirty.hosts.empty());
  CHECK(put(store, slice_yaml("other", {"10.0.0.4"})).empty());
}

TEST_CASE("a slice that changes its Service leaves the old one") {
  Store store({});
  put(store, ingress_yaml({}) + slice_yaml("web", {"10.0.0.1"}, "default", "roaming"));
  REQUIRE(store.slices_of(kWeb).size() == 1);
  CHECK(put(store, slice_yaml("other", {"10.0.0.1"}, "default", "roaming")).backends.contains(kBackend));
  CHECK(store.slices_of(kWeb).empty());
  CHECK(store.slices_of({"default", "other"}).size() == 1);
  remove(store, "EndpointSlice", {"default", "roaming"});
  CHECK(store.slices_of({"default", "other"}).empty());
}

TEST_CASE("a Service that comes or goes tells the Ingresses that name it, a Service of other endpoints does not") {
  Store store({});
  put(store, ingress_yaml({}));
  CHECK(put(store, service_yaml("web")).ingresses == std::set<ObjectKey>{kWeb});
  const Dirty dirty = put(store, service_yaml("web", "  sessionAffinity: ClientIP\n"));
  CHECK(dirty.ingresses.empty());
  CHECK(dirty.backends == std::set<BackendKey>{kBackend});
  CHECK(remove(store, "Service", kWeb).ingresses == std::set<ObjectKey>{kWeb});
}

TEST_CASE("a class object decides about Ingresses that came before it") {
  Store store({});
  put(store, of_class("a", "special") + of_class("b", "nginx"));
  CHECK(store.standing({"default", "a"}) == Standing::unknown_class);
  CHECK(store.standing({"default", "b"}) == Standing::served);
  const Dirty dirty = put(store, class_yaml("special", "k8s.io/ingress-nginx"));
  CHECK(dirty.ingresses == std::set<ObjectKey>{{"default", "a"}});
  CHECK(dirty.hosts == std::set<std::string>{"example.com"});
  CHECK(store.standing({"default", "a"}) == Standing::served);
  CHECK(store.ingresses_of_host("example.com").size() == 2);
  put(store, class_yaml("special", "example.com/other") + class_yaml("nginx", "example.com/other"));
  CHECK(store.standing({"default", "a"}) == Standing::foreign);
  CHECK(store.standing({"default", "b"}) == Standing::foreign);
  CHECK(store.ingresses_of_host("example.com").empty());
  CHECK_FALSE(store.uses_backend(kBackend));
  remove(store, "IngressClass", {"", "nginx"});
  CHECK(store.standing({"default", "b"}) == Standing::served);
}

TEST_CASE("a default class of ours takes the Ingresses without class, and gives them back") {
  Store store({});
  IngressSpec spec;
  spec.class_name = "";
  put(store, ingress_yaml(spec));
  CHECK(store.standing(kWeb) == Standing::foreign);
  put(store, class_yaml("theirs", "example.com/other", true));
  CHECK(store.standing(kWeb) == Standing::foreign);
  put(store, class_yaml("any", "k8s.io/ingress-nginx", true));
  CHECK(store.standing(kWeb) == Standing::served);
  put(store, class_yaml("any", "k8s.io/ingress-nginx", false));
  CHECK(store.standing(kWeb) == Standing::foreign);
}

TEST_CASE("a Secret matters only while somebody refers to it") {
  Store store({});
  const ObjectKey cert{"default", "cert"};
  CHECK(put(store, tls_secret_yaml("cert", "chain", "key")).empty());
  IngressSpec spec;
  spec.tls = {{{"example.com"}, "cert"}};
  CHECK(put(store, ingress_yaml(spec)).secrets == std::set<ObjectKey>{cert});
  const Dirty dirty = put(store, tls_secret_yaml("cert", "chain", "other key"));
  CHECK(dirty.secrets == std::set<ObjectKey>{cert});
  CHECK(dirty.certificate_hosts == std::set<std::string>{"example.com"});
  CHECK(dirty.ingresses == std::set<ObjectKey>{kWeb});
  CHECK(dirty.hosts.empty());
  CHECK(remove(store, "Ingress", kWeb).secrets == std::set<ObjectKey>{cert});
  CHECK_FALSE(store.uses_secret(cert));
  CHECK(remove(store, "Secret", cert).empty());
}

TEST_CASE("what a Secret holds beside its certificate is not kept") {
  Store store({});
  config::Secret secret;
  secret.meta.key = {"default", "mixed"};
  secret.data = {{"tls.crt", "chain"}, {"password", "hunter2"}};
  store.apply(controller::upserted(secret));
  const config::Secret* kept = store.secret(secret.meta.key);
  REQUIRE(kept != nullptr);
  CHECK(kept->data.at("tls.crt") == "chain");
  CHECK(kept->data.at("password").empty());
}

TEST_CASE("the oldest Ingress of a host comes first, then by name, those without time last") {
  Store store({});
  const auto add = [&](const std::string& name, std::optional<int> time) {
    config::Ingress ingress;
    ingress.meta.key = {"default", name};
    if (time) ingress.meta.creation_time = std::chrono::sys_seconds(std::chrono::seconds(*time));
    ingress.class_name = "nginx";
    ingress.rules.push_back({"example.com", false, {}, 0});
    store.apply(controller::upserted(ingress));
  };
  add("d", std::nullopt);
  add("a", std::nullopt);
  add("c", 5);
  add("b", 5);
  add("z", 1);
  std::string order;
  for (const config::Ingress* ingress : store.ingresses_of_host("example.com")) order += ingress->meta.key.name;
  CHECK(order == "zbcad");
  add("z", 9);
  order.clear();
  for (const config::Ingress* ingress : store.ingresses_of_host("example.com")) order += ingress->meta.key.name;
  CHECK(order == "bczad");
}

TEST_CASE("removing what is not there changes nothing") {
  Store store({});
  for (const char* kind : {"Ingress", "IngressClass", "Service", "EndpointSlice", "Endpoints", "Secret", "Pod"}) {
    CHECK(remove(store, kind, kWeb).empty());
  }
}

}  // namespace
}  // namespace narthex::test
