// Golden cases: NAME.yaml or NAME.json -> NAME.routes (what /routes prints) and NAME.findings. A new case needs no C++:
// write the manifest, run with NARTHEX_UPDATE_GOLDEN=1, read what came out. A first line "# options: ..." sets flags.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>

#include "base/text.h"
#include "config/decode.h"
#include "controller/compiler.h"
#include "controller/routes_text.h"
#include "test/support/certificates.h"

namespace narthex {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(NARTHEX_SOURCE_DIR) / "test" / "golden";

// Cases stand in a time of their own, which is when the program started: certificates are made then.
class FixedClock final : public base::Clock {
 public:
  base::SteadyTime steady_now() const override { return {}; }
  base::WallTime wall_now() const override { return now_; }

 private:
  const base::WallTime now_ = std::chrono::system_clock::now();
};

// Certificates that manifests name: "@chain(a)" and "@key(a)" inside double quotes stand for their PEM texts.
const std::map<std::string, test::PemPair>& certificates() {
  using namespace std::chrono;
  using test::CertificateSpec;
  static const std::map<std::string, CertificateSpec> specs = {
      {"default", {.names = {"default.example.com"}}},
      {"wild", {.names = {"*.example.com"}}},
      {"a", {.names = {"a.example.com"}}},
      {"a2", {.names = {"a.example.com"}}},
      {"a-rsa", {.names = {"a.example.com"}, .key = test::KeyKind::rsa2048}},
      {"c", {.names = {"c.example.com", "www.c.example.com"}}},
      {"old", {.names = {"old.example.com"}, .not_before = -hours(48), .not_after = -hours(24)}},
      {"early", {.names = {"early.example.com"}, .not_before = hours(24), .not_after = hours(48)}},
  };
  static const std::map<std::string, test::PemPair> pairs = [] {
    std::map<std::string, test::PemPair> made;
    for (const auto& [name, spec] : specs) made.emplace(name, test::make_certificate(spec));
    return made;
  }();
  return pairs;
}

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
}

std::string with_certificates(std::string manifest) {
  for (const auto& [name, pair] : certificates()) {
    for (auto [mark, pem] : {std::pair{"@chain(", pair.chain}, std::pair{"@key(", pair.key}}) {
      replace_all(pem, "\n", "\\n");  // as a double-quoted scalar has it
      replace_all(manifest, mark + name + ")", pem);
    }
  }
  return manifest;
}

// What differs from run to run gets a name: fingerprints that of their certificate, times none at all.
std::string without_chance(std::string text) {
  for (const auto& [name, pair] : certificates()) {
    const auto parsed = tls::Certificate::parse(pair.chain, pair.key);
    REQUIRE(parsed.has_value());
    replace_all(text, parsed.value()->fingerprint().substr(0, 16), "@" + name);
  }
  static const std::regex time("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z");
  return std::regex_replace(text, time, "@time");
}

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

// "resolved.NAME=IP,IP", and for a DNS that has not answered well since the year 2001 "failing.NAME=" and
// "absent.NAME=".
std::optional<controller::ResolvedName> resolved_of(const std::string& option, const std::string& value) {
  using controller::NameTrouble;
  const std::map<std::string, NameTrouble> troubles = {
      {"resolved", NameTrouble::none}, {"failing", NameTrouble::failing}, {"absent", NameTrouble::absent}};
  const size_t dot = option.find('.');
  const auto trouble = troubles.find(option.substr(0, dot));
  if (dot == std::string::npos || trouble == troubles.end()) return std::nullopt;
  controller::ResolvedName resolved{option.substr(dot + 1), {}, false, trouble->second, {}};
  if (resolved.trouble != NameTrouble::none) resolved.since = std::chrono::sys_seconds(std::chrono::seconds(1'000'000'000));
  for (const std::string_view ip : base::split(value, ','))
    if (!ip.empty()) resolved.addresses.emplace_back(ip);
  return resolved;
}

config::ObjectKey key_of(const std::string& text) {
  const size_t slash = text.find('/');
  REQUIRE(slash != std::string::npos);
  return {text.substr(0, slash), text.substr(slash + 1)};
}

controller::CompilerOptions options_of(const std::string& manifest, controller::NameChanges& names) {
  controller::CompilerOptions options;
  const auto parsed = tls::Certificate::parse(certificates().at("default").chain, certificates().at("default").key);
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
    } else if (name == "disable-svc-external-name") {
      options.backends.external_names = controller::NameRule::off;
    } else if (name == "own") {  // an address of ours, on port 80
      options.backends.own = {{base::parse_ip_range(value).value()}, {80}};
    } else if (const auto resolved = resolved_of(name, value)) {
      names.push_back({resolved->name, resolved});
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
      const std::string manifest = with_certificates(read(path));
      const FixedClock clock;
      controller::NameChanges names;
      controller::Compiler compiler(options_of(manifest, names), clock);
      compiler.apply_names(std::move(names));
      config::Decoded decoded = config::decode_manifest(manifest, path.filename().string());
      controller::Changes changes;
      for (config::Object& object : decoded.objects) changes.push_back(controller::upserted(std::move(object)));
      compiler.apply(std::move(changes));
      compiler.set_source_findings(path.filename().string(), std::move(decoded.findings));
      const std::string routes = controller::routes_text(*compiler.compile());
      std::string findings;
      for (const auto& [finding, times] : compiler.findings()) findings += to_text(finding) + "\n";
      compare(fs::path(path).replace_extension(".routes"), without_chance(routes));
      compare(fs::path(path).replace_extension(".findings"), without_chance(findings));
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
