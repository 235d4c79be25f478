#include <catch2/catch.hpp>
#include <sstream>

#include "base/clock.h"
#include "controller/check_command.h"
#include "test/support/manifests.h"

namespace narthex::test {
namespace {

struct Checked {
  int status = -1;
  std::string out, err;
};

Checked check(const std::vector<std::string>& paths) {
  config::Flags flags;
  flags.manifests = paths;
  std::ostringstream out, err;
  const int status = controller::check_command(flags, base::SystemClock(), out, err);
  return {status, out.str(), err.str()};
}

std::string last_line(const std::string& text) {
  REQUIRE(text.ends_with('\n'));
  const size_t before = text.rfind('\n', text.size() - 2);
  return text.substr(before == std::string::npos ? 0 : before + 1);
}

TEST_CASE("check prints the routes of good manifests and ends with 0") {
  ManifestFolder folder;
  folder.write("site.yaml", ingress_class_yaml() + ingress_yaml({}) + service_yaml("web"));
  const Checked checked = check({folder.path().string()});
  CHECK(checked.status == 0);
  CHECK(checked.err == "");
  CHECK(checked.out.starts_with("host example.com\n  prefix / -> default/web:80 (default/web)\n"));
  CHECK(last_line(checked.out) == "3 objects, 1 route, 0 findings, 0 refused\n");
}

TEST_CASE("check names what is refused, still shows the rest, and ends with 1") {
  ManifestFolder folder;
  folder.write("site.yaml", ingress_class_yaml() + ingress_yaml({}) + service_yaml("web"));
  folder.write("twice.yaml", service_yaml("web"));
  const Checked checked = check({folder.path().string()});
  CHECK(checked.status == 1);
  CHECK(checked.out.starts_with("refused Service default/web: DuplicateObject: "));
  CHECK(checked.out.find("\nhost example.com\n") != std::string::npos);
  CHECK(last_line(checked.out) == "3 objects, 1 route, 1 finding, 1 refused\n");
}

TEST_CASE("a note alone does not fail check") {
  ManifestFolder folder;
  const std::string ingress = ingress_yaml({.annotations = {{"no-such-thing", "1"}}});
  folder.write("site.yaml", ingress_class_yaml() + ingress + service_yaml("web"));
  const Checked checked = check({folder.path().string()});
  CHECK(checked.out.starts_with("note Ingress default/web "));
  CHECK(checked.status == 0);
  CHECK(last_line(checked.out) == "3 objects, 1 route, 1 finding, 0 refused\n");
}

TEST_CASE("check of a path that does not exist is one line and ends with 1") {
  const Checked checked = check({"/nonexistent/manifests"});
  CHECK(checked.status == 1);
  CHECK(checked.out == "");
  CHECK(checked.err ==
        "manifests at /nonexistent/manifests: does not exist; give a folder or a file that exists and can be read\n");
}

}  // namespace
}  // namespace narthex::test
