#include "config/finding.h"

#include <catch2/catch.hpp>

#include "config/objects.h"

namespace narthex::config {

TEST_CASE("a finding reads as one line with severity, object, field, reason, message and place") {
  const Finding finding{
      Severity::refused,   "InvalidPath",    {"Ingress", "default", "shop"}, "spec.rules[0].http.paths[1].path",
      "must start with /", {"shop.yaml", 14}};
  CHECK(to_text(finding) ==
        "refused Ingress default/shop spec.rules[0].http.paths[1].path: InvalidPath: must start with / (shop.yaml:14)");
}

TEST_CASE("a finding leaves out what it does not know") {
  CHECK(to_text({Severity::note, "Why", {"IngressClass", "", "nginx"}, "", "so", {}}) ==
        "note IngressClass nginx: Why: so");
  CHECK(to_text({Severity::refused, "InvalidYaml", {}, "", "so", {"a.yaml", 0}}) ==
        "refused: InvalidYaml: so (a.yaml)");
}

TEST_CASE("a finding stays one line whatever is in it") {
  CHECK(to_text({Severity::note, "Why", {"Ingress", "a", "b\nrefused"}, "x\x1b[0m", "so\r", {"f\n", 1}}) ==
        "note Ingress a/b\\nrefused x\\x1b[0m: Why: so\\x0d (f\\n:1)");
}

TEST_CASE("every object names its kind, namespace and name") {
  Ingress ingress;
  ingress.meta.key = {"shop", "web"};
  CHECK(ref_of(ingress) == ObjectRef{"Ingress", "shop", "web"});
  IngressClass ingress_class;
  ingress_class.meta.key = {"", "nginx"};
  const Object object = ingress_class;
  CHECK(ref_of(object) == ObjectRef{"IngressClass", "", "nginx"});
  CHECK(meta_of(object).key.name == "nginx");
}

}  // namespace narthex::config
