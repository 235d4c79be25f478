// The command line: what starts, what does not, and what is said about it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "base/text.h"
#include "test/feature/site.h"

namespace narthex::test {
namespace {

Finished narthex(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), binary());
  return run(arguments, input);
}

Finished serve(const ManifestFolder& folder, std::vector<std::string> more) {
  std::vector<std::string> arguments = {
      "serve", "--manifests", folder.path().string(), "--bind-address", "127.0.0.1", "--workers", "2"};
  for (const char* flag : {"--http-port", "--https-port", "--admin-port"})
    if (std::find(more.begin(), more.end(), flag) == more.end()) more.insert(more.end(), {flag, "0"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return narthex(arguments);
}

// The lines of a log that say an error.
std::vector<std::string> error_lines(const std::string& log) {
  std::vector<std::string> lines;
  for (std::string_view line : base::split(log, '\n'))
    if (base::lower(line).find("cannot start") != std::string::npos) lines.emplace_back(line);
  return lines;
}

TEST_CASE("a port that is taken ends the start with status 1 and one line that names it") {
  const Backend squatter;
  const ManifestFolder folder;
  for (const std::string flag : {"--http-port", "--https-port", "--admin-port"}) {
    CAPTURE(flag);
    const Finished finished = serve(folder, {flag, std::to_string(squatter.port())});
    CAPTURE(finished.err);
    CHECK(finished.status == 1);
    const auto lines = error_lines(finished.err);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find(std::to_string(squatter.port())) != std::string::npos);
  }
}

TEST_CASE("two of them cannot have one port, although their workers share it") {
  const Site site;
  const Finished finished = serve(site.folder, {"--http-port", std::to_string(site.http())});
  CAPTURE(finished.err);
  CHECK(finished.status == 1);
  CHECK(error_lines(finished.err).size() == 1);
  CHECK(get(site.http(), "example.com").status == 200);
}

TEST_CASE("a folder that does not exist ends the start with status 1 and one line that names it") {
  const Finished finished = narthex(
      {"serve", "--manifests", "/no/such/folder", "--http-port", "0", "--https-port", "0", "--admin-port", "0"});
  CAPTURE(finished.err);
  CHECK(finished.status == 1);
  const auto lines = error_lines(finished.err);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("/no/such/folder") != std::string::npos);
}

TEST_CASE("an address that is none or not ours ends the start with status 1 and one line that names it") {
  const ManifestFolder folder;
  for (const std::string address : {"not-an-address", "203.0.113.77"}) {
    const Finished finished = narthex({"serve", "--manifests", folder.path().string(), "--bind-address", address,
                                       "--http-port", "0", "--https-port", "0", "--admin-port", "0"});
    CAPTURE(finished.err);
    CHECK((finished.status == 1 || finished.status == 2));
    CHECK(finished.err.find(address) != std::string::npos);
  }
}

TEST_CASE("wrong usage ends with status 2 and says what is wrong") {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"serve", "--no-such-flag"},
                                             {"serve", "--http-port", "99999"},
                                             {"serve", "--http-port", "http"},
                                             {"serve"},
                                             {"dance"},
                                             {}}) {
    const Finished finished = narthex(arguments);
    CAPTURE(finished.err, finished.out);
    CHECK(finished.status == 2);
    CHECK_FALSE(finished.err.empty());
    CHECK(finished.out.empty());
  }
}

TEST_CASE("help and version end with status 0") {
  const Finished help = narthex({"--help"});
  CHECK(help.status == 0);
  CHECK(help.out.find("serve") != std::string::npos);
  const Finished serve_help = narthex({"serve", "--help"});
  CHECK(serve_help.status == 0);
  CHECK(serve_help.out.find("--manifests") != std::string::npos);
  const Finished version = narthex({"version"});
  CHECK(version.status == 0);
  CHECK(version.out.starts_with("narthex "));
}

TEST_CASE(
    "check prints the routes and ends with 0 where all is well, and with 1 and a finding where something is refused") {
  const Backend pod;
  const ManifestFolder folder;
  folder.write("site.yaml", simple_site({&pod}));
  const Finished good = narthex({"check", folder.path().string()});
  CAPTURE(good.out, good.err);
  CHECK(good.status == 0);
  CHECK(good.out.find("host example.com") != std::string::npos);
  folder.write("bad.yaml", ingress_yaml({.name = "bad", .rules = {{"bad.org", {{.path = "no-slash"}}}}}));
  const Finished bad = narthex({"check", folder.path().string()});
  CAPTURE(bad.out, bad.err);
  CHECK(bad.status == 1);
  CHECK((bad.out + bad.err).find("default/bad") != std::string::npos);
  CHECK(bad.out.find("host example.com") != std::string::npos);
  const Finished missing = narthex({"check", "/no/such/folder"});
  CHECK(missing.status == 1);
  CHECK(missing.err.find("/no/such/folder") != std::string::npos);
}

TEST_CASE("manifests come from several folders, from files and from standard input") {
  const Backend pod;
  const ManifestFolder one, two;
  one.write("site.yaml", simple_site({&pod}));
  two.write("other.yaml", ingress_yaml({.name = "other", .rules = {{.host = "other.org"}}}));
  Process process({binary(), "serve", "--manifests", one.path().string(), "--manifests",
                   two.file("other.yaml").string(), "--manifests", "-", "--bind-address", "127.0.0.1", "--http-port",
                   "0", "--https-port", "0", "--admin-port", "0", "--workers", "1"},
                  ingress_yaml({.name = "piped", .rules = {{.host = "piped.org"}}}));
  const auto line = process.wait_for_line("ready:");
  REQUIRE(line);
  const size_t at = line->find("http=127.0.0.1:");
  REQUIRE(at != std::string::npos);
  const auto port = static_cast<uint16_t>(std::stoi(line->substr(at + 15)));
  for (const char* host : {"example.com", "other.org", "piped.org"}) CHECK(get(port, host).status == 200);
}

TEST_CASE("a folder full of nonsense is served as far as it makes sense, one finding for each mistake") {
  const Backend pod;
  const ManifestFolder folder;
  folder.write("site.yaml", simple_site({&pod}));
  folder.write("not-yaml.yaml", "\t{]: :\n");
  folder.write("deep.yaml", std::string(100'000, '['));
  folder.write("deep.json", std::string(100'000, '{'));
  folder.write("binary.yaml", pattern(10'000));
  folder.write("empty.yaml", "");
  folder.write("unknown.yaml", "---\napiVersion: v1\nkind: Unicorn\nmetadata: {name: u}\n");
  folder.write("types.yaml", "---\napiVersion: v1\nkind: Service\nmetadata: {name: strange}\nspec: {ports: five}\n");
  folder.write("taken.yaml", ingress_yaml({.name = "zz-later"}));
  const Narthex running(binary(), folder);
  CHECK(get(running.http_port(), "example.com").status == 200);
  const std::string findings = running.findings();
  CAPTURE(findings);
  for (const char* part : {"not-yaml.yaml", "deep.yaml", "deep.json", "binary.yaml", "strange", "zz-later"})
    CHECK(findings.find(part) != std::string::npos);
  for (const char* part : {"Unicorn", "empty.yaml"}) CHECK(findings.find(part) == std::string::npos);
}

TEST_CASE("the access log has one line for each request, with no control byte in it") {
  const ManifestFolder logs;
  const Site site({.narthex = {.more = {"--access-log", logs.file("access.log").string()}}});
  const auto client = connect_plain(site.http());
  exchange(*client, {.target = "/first"});
  exchange(*client, {.target = "/second", .fields = {{"User-Agent", "evil\"\\ \x80"}}});
  exchange(*client, {.target = "/third", .host = "unknown.org"});
  const auto lines = [&] {
    std::ifstream file(logs.file("access.log"));
    std::vector<std::string> out;
    for (std::string line; std::getline(file, line);) out.push_back(line);
    return out;
  };
  REQUIRE(eventually([&] { return lines().size() >= 3; }));
  const std::vector<std::string> seen = lines();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].find("/first") != std::string::npos);
  CHECK(seen[0].find("200") != std::string::npos);
  CHECK(seen[1].find("/second") != std::string::npos);
  CHECK(seen[2].find("404") != std::string::npos);
}

}  // namespace
}  // namespace narthex::test
