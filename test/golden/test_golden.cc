// Golden cases: NAME.yaml or NAME.json -> NAME.routes (what /routes prints) and NAME.findings. A new case needs no C++:
// write the manifest, run with NARTHEX_UPDATE_GOLDEN=1, read what came out. A first line "# options: ..." sets flags.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "config/decode.h"
#include "controller/compiler.h"
#include "controller/routes_text.h"

namespace narthex {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(NARTHEX_SOURCE_DIR) / "test" / "golden";

// The certificates of the cases were made for the hundred years from 2020 on; "expired" and "early" lie on either side.
class FixedClock final : public base::Clock {
 public:
  base::SteadyTime steady_now() const override { return {}; }
  base::WallTime wall_now() const override {
    using namespace std::chrono;
    return sys_days(year(2026) / 1 / 1);
  }
};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> cases() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".yaml" || path.extension() == ".json") paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

config::ObjectKey key_of(const std::string& text) {
  const size_t slash = text.find('/');
  REQUIRE(slash != std::string::npos);
  return {text.substr(0, slash), text.substr(slash + 1)};
}

controller::CompilerOptions options_of(const std::string& manifest) {
  controller::CompilerOptions options;
  const auto parsed = tls::Certificate::parse(read(kFolder / "default.crt"), read(kFolder / "default.key"));
  REQUIRE(parsed.has_value());
  options.default_certificate = parsed.value();
  const std::string mark = "# options:";
  if (!manifest.starts_with(mark)) return options;
  std::istringstream words(manifest.substr(mark.size(), manifest.find('\n') - mark.size()));
  for (std::string word; words >> word;) {
    const std::string name = word.substr(0, word.find('='));
    const std::string value = word.substr(std::min(word.size(), name.size() + 1));
    if (name == "watch-ingress-without-class") {
      options.classes.watch_ingress_without_class = true;
    } else if (name == "ingress-class-by-name") {
      options.classes.ingress_class_by_name = true;
    } else if (name == "refuse-loopback") {
      options.backends.refuse_loopback_endpoints = true;
    } else if (name == "default-backend-service") {
      options.default_backend_service = key_of(value);
    } else if (name == "default-ssl-certificate") {
      options.default_ssl_certificate = key_of(value);
    } else {
      FAIL("no such option in a golden case: " << word);
    }
  }
  return options;
}

void compare(const fs::path& expectation, const std::string& actual) {
  if (std::getenv("NARTHEX_UPDATE_GOLDEN")) std::ofstream(expectation, std::ios::binary) << actual;
  INFO(expectation.filename().string());
  REQUIRE(fs::exists(expectation));
  CHECK(read(expectation) == actual);
}

TEST_CASE("every golden manifest gives its routes and its findings") {
  const std::vector<fs::path> manifests = cases();
  REQUIRE(manifests.size() >= 20);
  for (const fs::path& path : manifests) {
    DYNAMIC_SECTION(path.stem().string()) {
      const std::string manifest = read(path);
      const FixedClock clock;
      controller::Compiler compiler(options_of(manifest), clock);
      config::Decoded decoded = config::decode_manifest(manifest, path.filename().string());
      controller::Changes changes;
      for (config::Object& object : decoded.objects) changes.push_back(controller::upserted(std::move(object)));
      compiler.apply(std::move(changes));
      compiler.set_source_findings(path.filename().string(), std::move(decoded.findings));
      const std::string routes = controller::routes_text(*compiler.compile());
      std::string findings;
      for (const auto& [finding, times] : compiler.findings()) findings += to_text(finding) + "\n";
      compare(fs::path(path).replace_extension(".routes"), routes);
      compare(fs::path(path).replace_extension(".findings"), findings);
    }
  }
}

TEST_CASE("every golden expectation has its manifest") {
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".routes" && path.extension() != ".findings") continue;
    INFO(path.filename().string());
    const bool yaml = fs::exists(fs::path(path).replace_extension(".yaml"));
    CHECK((yaml || fs::exists(fs::path(path).replace_extension(".json"))));
  }
}

}  // namespace
}  // namespace narthex
