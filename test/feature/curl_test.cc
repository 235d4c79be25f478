// A real client, curl, in place of the tests' own: what it takes for granted must hold.
#include <catch2/catch.hpp>
#include <fstream>

#include "test/feature/site.h"
#include "test/support/certificates.h"

namespace narthex::test {
namespace {

bool no_curl() {
  if (has_program("curl")) return false;
  WARN("curl is not installed: nothing was checked with it");
  return true;
}

Finished curl(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), {"curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20"});
  return run(arguments, input);
}

TEST_CASE("curl gets a page, posts a form and uploads in chunks") {
  if (no_curl()) return;
  const Site site;
  const std::string url = "http://127.0.0.1:" + std::to_string(site.http());
  const Finished page = curl({"--fail", "--header", "Host: example.com", url + "/page"});
  CAPTURE(page.err);
  CHECK(page.status == 0);
  CHECK(page.out.starts_with("GET /page HTTP/1.1\r\n"));
  CHECK(curl({"--fail", "--header", "Host: example.com", "--data", "a=b", url}).out.ends_with("\r\n\r\na=b"));
  const std::string body = pattern(300'000);
  CHECK((curl({"--fail", "--header", "Host: example.com", "--header", "Transfer-Encoding: chunked", "--upload-file",
               "-", url},
              body)
             .out.ends_with(body)));
  CHECK(curl({"--http1.0", "--fail", "--header", "Host: example.com", url + "/old"})
            .out.starts_with("GET /old HTTP/1.1\r\n"));
  CHECK(curl({"--head", "--header", "Host: example.com", url}).out.starts_with("HTTP/1.1 200"));
  CHECK(curl({"--output", "/dev/null", "--write-out", "%{http_code}", "--header", "Host: unknown.org", url}).out ==
        "404");
}

TEST_CASE("curl verifies the certificate of a host over TLS 1.2 and 1.3") {
  if (no_curl()) return;
  CertificateSpec spec;
  spec.names = {"example.com"};
  spec.common_name = "tests";  // a trust anchor needs a name
  spec.authority = true;
  const PemPair certificate = make_certificate(spec);
  const Site site({.ingress = {.tls = {{{"example.com"}, "site"}}},
                   .more = tls_secret_yaml("site", certificate.chain, certificate.key)});
  const ManifestFolder trust;
  trust.write("ca.pem", certificate.chain);
  const std::string port = std::to_string(site.https());
  for (const std::string version : {"1.2", "1.3"}) {
    const Finished page =
        curl({"--fail", "--cacert", trust.file("ca.pem").string(), "--tlsv" + version, "--tls-max", version,
              "--resolve", "example.com:" + port + ":127.0.0.1", "https://example.com:" + port + "/tls"});
    CAPTURE(page.err, page.out);
    CHECK(page.status == 0);
    CHECK(page.out.starts_with("GET /tls HTTP/1.1\r\nHost: example.com:" + port + "\r\n"));
    CHECK(page.out.find("X-Forwarded-Proto: https\r\n") != std::string::npos);
  }
}

TEST_CASE("curl keeps its session with a cookie jar, and its connection over many pages") {
  if (no_curl()) return;
  const Site site({.pods = 5, .ingress = {.annotations = {{"affinity", "cookie"}}}});
  const ManifestFolder jar;
  const std::string url = "http://127.0.0.1:" + std::to_string(site.http()) + "/";
  std::vector<std::string> arguments = {"--header",      "Host: example.com",
                                        "--cookie-jar",  jar.file("jar").string(),
                                        "--cookie",      jar.file("jar").string(),
                                        "--dump-header", "-",
                                        "--output",      "/dev/null"};
  for (int i = 0; i < 10; ++i) arguments.insert(arguments.end(), {"--output", "/dev/null", url});
  const Finished pages = curl(arguments);
  CAPTURE(pages.err);
  REQUIRE(pages.status == 0);
  std::string pod;
  size_t answers = 0;
  for (size_t at = pages.out.find("X-Pod: "); at != std::string::npos;
       at = pages.out.find("X-Pod: ", at + 1), ++answers) {
    const std::string seen = pages.out.substr(at + 7, pages.out.find('\r', at) - at - 7);
    if (pod.empty()) pod = seen;
    CHECK(seen == pod);
  }
  CHECK(answers == 10);
  CHECK(site.narthex->metric("narthex_client_connections_total") == 1);
}

}  // namespace
}  // namespace narthex::test
