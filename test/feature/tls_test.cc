// TLS at the edge: which certificate, which version, and what changes under open connections.
#include <catch2/catch.hpp>

#include "test/feature/site.h"
#include "test/support/certificates.h"

namespace narthex::test {
namespace {

std::string secret(const std::string& name, const PemPair& pair) { return tls_secret_yaml(name, pair.chain, pair.key); }

// The certificate that a handshake with this name meets, in PEM.
std::string met_with(uint16_t port, const TlsOptions& options) {
  return tls_facts(*connect_tls(port, options)).certificate_pem;
}
std::string met(uint16_t port, const std::string& name) { return met_with(port, {.server_name = name}); }

PemPair rsa_certificate(const std::string& name) {
  CertificateSpec spec;
  spec.names = {name};
  spec.key = KeyKind::rsa2048;
  return make_certificate(spec);
}

PemPair expired_certificate(const std::string& name) {
  CertificateSpec spec;
  spec.names = {name};
  spec.not_before = std::chrono::hours(-48);
  spec.not_after = std::chrono::hours(-24);
  return make_certificate(spec);
}

IngressSpec with_tls(std::vector<TlsSpec> tls) {
  return {.rules = {{.host = "example.com"}, {.host = "*.wild.org"}, {.host = "plain.org"}}, .tls = std::move(tls)};
}

TEST_CASE("a certificate is chosen by name: exact, wildcard of one label, default") {
  const PemPair exact = make_certificate("example.com");
  const PemPair wild = make_certificate("*.wild.org");
  const PemPair otherwise = make_certificate("default.org");
  const Site site({.narthex = {.more = {"--default-ssl-certificate", "default/otherwise"}},
                   .ingress = with_tls({{{"example.com"}, "exact"}, {{"*.wild.org"}, "wild"}}),
                   .more = secret("exact", exact) + secret("wild", wild) + secret("otherwise", otherwise)});
  CHECK(met(site.https(), "example.com") == exact.chain);
  CHECK(met(site.https(), "EXAMPLE.com") == exact.chain);
  CHECK(met(site.https(), "a.wild.org") == wild.chain);
  CHECK(met(site.https(), "a.b.wild.org") == otherwise.chain);
  CHECK(met(site.https(), "wild.org") == otherwise.chain);
  CHECK(met(site.https(), "plain.org") == otherwise.chain);
  CHECK(met(site.https(), "unknown.org") == otherwise.chain);
  CHECK(met(site.https(), "") == otherwise.chain);
}

TEST_CASE("without any certificate a self-made one serves") {
  const Site site;
  const auto client = connect_tls(site.https(), {.server_name = "example.com"});
  CHECK_FALSE(tls_facts(*client).certificate_pem.empty());
  CHECK(exchange(*client, {}).status == 200);
}

TEST_CASE("TLS 1.2 and 1.3 serve requests, and http/1.1 is agreed on by ALPN") {
  const Site site;
  for (const int version : {kTls12, kTls13}) {
    const auto client =
        connect_tls(site.https(), {.server_name = "example.com", .alpn = {"http/1.1"}, .version = version});
    CHECK(tls_facts(*client).version == version);
    CHECK(tls_facts(*client).alpn == "http/1.1");
    for (int i = 0; i < 10; ++i) CHECK(exchange(*client, {.method = "POST", .body = "x"}).status == 200);
  }
  CHECK(tls_facts(*connect_tls(site.https(), {.server_name = "example.com"})).alpn.empty());
  CHECK_THROWS_AS(connect_tls(site.https(), {.version = kTls11}), NetworkError);
}

TEST_CASE("ECDSA and RSA certificates side by side serve clients of either kind") {
  const PemPair ecdsa = make_certificate("example.com");
  const PemPair rsa = rsa_certificate("example.com");
  const Site site({.ingress = with_tls({{{"example.com"}, "ecdsa"}, {{"example.com"}, "rsa"}}),
                   .more = secret("ecdsa", ecdsa) + secret("rsa", rsa)});
  CHECK(met_with(site.https(), {.server_name = "example.com"}) == ecdsa.chain);
  CHECK(met_with(site.https(),
                 {.server_name = "example.com", .version = kTls12, .ciphers = "ECDHE-RSA-AES128-GCM-SHA256"}) ==
        rsa.chain);
  CHECK(met_with(site.https(),
                 {.server_name = "example.com", .version = kTls13, .signature_algorithms = "rsa_pss_rsae_sha256"}) ==
        rsa.chain);
}

TEST_CASE("a Secret that changes serves new handshakes at once, and the connection made before goes on") {
  const PemPair before = make_certificate("example.com");
  const PemPair after = make_certificate("example.com");
  Site site({.ingress = with_tls({{{"example.com"}, "site"}})});
  site.folder.write("secret.yaml", secret("site", before));
  REQUIRE(eventually([&] { return met(site.https(), "example.com") == before.chain; }));
  const auto old = connect_tls(site.https(), {.server_name = "example.com"});
  REQUIRE(exchange(*old, {}).status == 200);
  site.folder.write("secret.yaml", secret("site", after));
  REQUIRE(eventually([&] { return met(site.https(), "example.com") == after.chain; }));
  for (int i = 0; i < 10; ++i) CHECK(exchange(*old, {}).status == 200);
  CHECK(tls_facts(*old).certificate_pem == before.chain);
  site.folder.remove("secret.yaml");
  CHECK(eventually([&] { return met(site.https(), "example.com") != after.chain; }));
  CHECK(exchange(*old, {}).status == 200);
}

TEST_CASE("a Secret that is missing, broken, expired or for another host leaves the default serving, with a finding") {
  const PemPair good = make_certificate("example.com");
  const PemPair otherwise = make_certificate("default.org");
  std::string text;
  SECTION("missing") {}
  SECTION("no PEM") { text = tls_secret_yaml("site", "not a certificate", "not a key"); }
  SECTION("the key of another certificate") { text = tls_secret_yaml("site", good.chain, otherwise.key); }
  SECTION("expired") { text = secret("site", expired_certificate("example.com")); }
  SECTION("another host") { text = secret("site", make_certificate("other.org")); }
  SECTION("other keys") {
    text =
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: site, namespace: default}\nstringData: {cert: a, key: "
        "b}\n";
  }
  const Site site({.narthex = {.more = {"--default-ssl-certificate", "default/otherwise"}},
                   .ingress = with_tls({{{"example.com"}, "site"}}),
                   .more = secret("otherwise", otherwise) + text});
  CHECK(met(site.https(), "example.com") == otherwise.chain);
  const auto client = connect_tls(site.https(), {.server_name = "example.com"});
  CHECK(exchange(*client, {}).status == 200);
  CHECK(site.narthex->findings().find("site") != std::string::npos);
}

TEST_CASE("a plain request on the TLS port and noise on it harm nobody") {
  const Site site;
  for (const std::string& noise : {std::string("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), pattern(5000),
                                   std::string("\x16\x03\x01\xff\xff", 5)}) {
    const auto client = connect_plain(site.https());
    client->send(noise);
    client->shutdown_write();
    try {
      client->read_to_end();
    } catch (const NetworkError&) {
      // A reset is as good as an alert.
    }
  }
  CHECK(exchange(*connect_tls(site.https(), {}), {}).status == 200);
}

TEST_CASE("a connection over TLS is closed with close_notify") {
  const Site site;
  const auto client = connect_tls(site.https(), {});
  CHECK(exchange(*client, {.fields = {{"Connection", "close"}}}).status == 200);
  CHECK(client->read_some().empty());  // an end without close_notify would throw
}

}  // namespace
}  // namespace narthex::test
