#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include "test/tls/connected_pair.h"

using namespace narthex;
using test::CertificateSpec;
using test::ClientWish;
using test::ConnectedPair;
using test::FixedSource;
using test::KeyKind;
using test::parsed;
using test::server_context;
using tls::IoStatus;

namespace {

std::shared_ptr<const tls::Certificate> certificate_for(const std::string& name, KeyKind kind = KeyKind::p256) {
  CertificateSpec spec;
  spec.names = {name};
  spec.key = kind;
  return parsed(make_certificate(spec));
}

ClientWish wish_for(std::string server_name, int version = 0) {
  ClientWish wish;
  wish.server_name = std::move(server_name);
  wish.version = version;
  return wish;
}

// A handshake, and one answer, which brings the client its ticket.
test::Session ticket_from(tls::ServerContext& context, const ClientWish& wish) {
  ConnectedPair pair(context, wish);
  REQUIRE(pair.handshake());
  REQUIRE(pair.server().write("hello").bytes == 5);
  REQUIRE(pair.client_read() == "hello");
  REQUIRE(pair.session() != nullptr);
  return pair.session();
}

}  // namespace

TEST_CASE("TLS 1.2 and 1.3 are spoken, 1.1 is refused") {
  FixedSource source;
  source.index.set_default({certificate_for("a.example.com"), certificate_for("a.example.com", KeyKind::rsa2048)});
  const auto context = server_context(source);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ConnectedPair pair(*context, wish_for("a.example.com", version));
    REQUIRE(pair.handshake());
    CHECK(SSL_version(pair.client()) == version);
    REQUIRE(pair.client_write("ping") == 4);
    const tls::IoResult got = pair.server_read();
    CHECK(got.status == IoStatus::done);
    CHECK(pair.server_bytes(got.bytes) == "ping");
    CHECK(pair.server().write("pong").bytes == 4);
    CHECK(pair.client_read() == "pong");
  }
  ConnectedPair old(*context, wish_for("a.example.com", TLS1_1_VERSION));
  CHECK_FALSE(old.handshake());
  CHECK(old.server_result().status == IoStatus::failed);
  CHECK(old.server().failure() == "unsupported protocol");
  CHECK(old.client_error() == "tlsv1 alert protocol version");
}

TEST_CASE("the first group is X25519 and the first suite is AES-128") {
  FixedSource source;
  source.index.set_default({certificate_for("a.example.com")});
  const auto context = server_context(source);
  ClientWish wish = wish_for("a.example.com");
  wish.groups = "P-384:P-256:X25519";
  ConnectedPair pair(*context, wish);
  REQUIRE(pair.handshake());
  CHECK(std::string(SSL_get_cipher_name(pair.client())) == "TLS_AES_128_GCM_SHA256");
  ConnectedPair usual(*context, wish_for("a.example.com"));
  REQUIRE(usual.handshake());
  CHECK(SSL_get_negotiated_group(usual.client()) == NID_X25519);
  ConnectedPair older(*context, wish_for("a.example.com", TLS1_2_VERSION));
  REQUIRE(older.handshake());
  CHECK(std::string(SSL_get_cipher_name(older.client())) == "ECDHE-ECDSA-AES128-GCM-SHA256");
}

TEST_CASE("the certificate is chosen by the server name") {
  const auto exact = certificate_for("a.example.com"), wildcard = certificate_for("*.example.com"),
             otherwise = certificate_for("default.example.org");
  FixedSource source;
  source.index.set("a.example.com", {exact});
  source.index.set("*.example.com", {wildcard});
  source.index.set_default({otherwise});
  const auto context = server_context(source);
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a.example.com", exact->fingerprint()},
      {"A.Example.COM", exact->fingerprint()},
      {"a.example.com.", exact->fingerprint()},
      {"b.example.com", wildcard->fingerprint()},
      {"c.b.example.com", otherwise->fingerprint()},
      {"unknown.org", otherwise->fingerprint()},
      {"", otherwise->fingerprint()},
  };
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  for (const auto& [name, expected] : cases) {
    INFO(name << " " << version);
    ConnectedPair pair(*context, wish_for(name, version));
    REQUIRE(pair.handshake());
    CHECK(pair.client_fingerprint() == expected);
    CHECK(pair.server().server_name() == name);
    CHECK_FALSE(pair.server().resumed());
  }
}

TEST_CASE("a host with an ECDSA and an RSA certificate gives each client the one that it can check") {
  const auto ecdsa = certificate_for("a.example.com"), rsa = certificate_for("a.example.com", KeyKind::rsa2048);
  FixedSource source;
  source.index.set_default({certificate_for("default.example.org")});
  const bool rsa_first = GENERATE(false, true);
  source.index.set("a.example.com", rsa_first ? tls::CertificateSet{rsa, ecdsa} : tls::CertificateSet{ecdsa, rsa});
  const auto context = server_context(source);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  ClientWish wish = wish_for("a.example.com", version);
  wish.signature_algorithms = "RSA-PSS+SHA256:RSA+SHA256";
  ConnectedPair old(*context, wish);
  REQUIRE(old.handshake());
  CHECK(old.client_fingerprint() == rsa->fingerprint());
  wish.signature_algorithms = "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256";
  ConnectedPair modern(*context, wish);
  REQUIRE(modern.handshake());
  CHECK(modern.client_fingerprint() == ecdsa->fingerprint());
}

TEST_CASE("certificates of all key types serve handshakes") {
  const KeyKind kind = GENERATE(KeyKind::p256, KeyKind::p384, KeyKind::rsa2048, KeyKind::ed25519);
  const auto certificate = certificate_for("a.example.com", kind);
  FixedSource source;
  source.index.set_default({certificate});
  const auto context = server_context(source);
  ConnectedPair pair(*context, wish_for("a.example.com"));
  REQUIRE(pair.handshake());
  CHECK(pair.client_fingerprint() == certificate->fingerprint());
}

TEST_CASE("the intermediates of a chain are sent in their order") {
  CertificateSpec above;
  above.authority = true;
  above.common_name = "root";
  const test::PemPair root = make_certificate(above);
  above.common_name = "intermediate";
  const test::PemPair intermediate = make_certificate(above, &root);
  CertificateSpec spec;
  spec.names = {"a.example.com"};
  test::PemPair leaf = make_certificate(spec, &intermediate);
  leaf.chain += intermediate.chain;
  FixedSource source;
  source.index.set_default({parsed(leaf)});
  const auto context = server_context(source);
  ConnectedPair pair(*context, wish_for("a.example.com"));
  REQUIRE(pair.handshake());
  CHECK(pair.peer_chain_size() == 2);
}

TEST_CASE("a handshake without any certificate fails with its reason and harms nobody else") {
  FixedSource source;
  const auto context = server_context(source);
  ConnectedPair pair(*context, wish_for("a.example.com"));
  CHECK_FALSE(pair.handshake());
  CHECK(pair.server_result().status == IoStatus::failed);
  CHECK(pair.server().failure() == "no certificate for this server name, and no default certificate");
  source.index.set_default({certificate_for("a.example.com")});
  ConnectedPair next(*context, wish_for("a.example.com"));
  CHECK(next.handshake());
}

TEST_CASE("the application protocol is the first of ours that the client offers") {
  FixedSource source;
  source.index.set_default({certificate_for("a.example.com")});
  const auto context = server_context(source);
  using Names = std::vector<std::string>;
  const auto [offered, chosen] = GENERATE(table<Names, std::string>({
      {Names{"http/1.1", "h2"}, "h2"},
      {Names{"h2"}, "h2"},
      {Names{"spdy/3", "http/1.1"}, "http/1.1"},
      {Names{"h", "h22", "http/1.1"}, "http/1.1"},
      {Names{}, ""},
  }));
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  ClientWish wish = wish_for("a.example.com", version);
  wish.alpn = offered;
  ConnectedPair pair(*context, wish);
  REQUIRE(pair.handshake());
  CHECK(pair.server().alpn() == chosen);
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(pair.client(), &name, &size);
  CHECK(std::string(reinterpret_cast<const char*>(name), size) == chosen);
}

TEST_CASE("a client that offers only unknown application protocols gets the alert for it") {
  FixedSource source;
  source.index.set_default({certificate_for("a.example.com")});
  const auto context = server_context(source);
  ClientWish wish = wish_for("a.example.com");
  wish.alpn = {"spdy/3", "h3"};
  ConnectedPair pair(*context, wish);
  CHECK_FALSE(pair.handshake());
  CHECK(pair.client_error() == "tlsv1 alert no application protocol");
  CHECK(pair.server().failure() == "none of the offered application protocols is served");
}

TEST_CASE("a changed index serves the next handshake, and the connection before goes on") {
  const auto first = certificate_for("a.example.com"), second = certificate_for("a.example.com");
  FixedSource source;
  source.index.set("a.example.com", {first});
  const auto context = server_context(source);
  ConnectedPair before(*context, wish_for("a.example.com"));
  REQUIRE(before.handshake());
  source.index.set("a.example.com", {second});
  ConnectedPair after(*context, wish_for("a.example.com"));
  REQUIRE(after.handshake());
  CHECK(before.client_fingerprint() == first->fingerprint());
  CHECK(after.client_fingerprint() == second->fingerprint());
  REQUIRE(before.client_write("still here") == 10);
  const tls::IoResult got = before.server_read();
  CHECK(before.server_bytes(got.bytes) == "still here");
}

TEST_CASE("certificates that come and go at one address are never mixed up") {
  FixedSource source;
  const auto context = server_context(source);
  for (int round = 0; round < 20; ++round) {
    source.index.set_default({});  // frees the one before, so that its memory serves the next
    const auto certificate = certificate_for("a.example.com");
    source.index.set_default({certificate});
    ConnectedPair pair(*context, wish_for("a.example.com"));
    REQUIRE(pair.handshake());
    CHECK(pair.client_fingerprint() == certificate->fingerprint());
  }
}

TEST_CASE("more certificates than are kept open all serve their hosts, again and again") {
  FixedSource source;
  std::vector<std::shared_ptr<const tls::Certificate>> certificates;
  constexpr int kHosts = 1100;  // above the bound on opened certificates
  for (int i = 0; i < kHosts; ++i) {
    certificates.push_back(certificate_for("h.example.com"));
    source.index.set("h" + std::to_string(i) + ".example.com", {certificates.back()});
  }
  const auto context = server_context(source);
  for (const int i : {0, 1, 2}) certificates.push_back(certificates[static_cast<size_t>(i)]);
  for (size_t i = 0; i < certificates.size(); ++i) {
    ConnectedPair pair(*context, wish_for("h" + std::to_string(i % kHosts) + ".example.com"));
    REQUIRE(pair.handshake());
    REQUIRE(pair.client_fingerprint() == certificates[i]->fingerprint());
  }
}

TEST_CASE("a session is resumed by any context with the same ticket keys, and shows its own name and protocol") {
  FixedSource source;
  source.index.set_default({certificate_for("a.example.com"), certificate_for("a.example.com", KeyKind::rsa2048)});
  const tls::TicketKeys keys = test::ticket_keys();
  const auto one = server_context(source, keys), two = server_context(source, keys);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  ClientWish wish = wish_for("a.example.com", version);
  wish.alpn = {"http/1.1"};
  wish.session = ticket_from(*one, wish);
  wish.server_name = "A.example.com";
  wish.alpn = {"h2", "http/1.1"};
  ConnectedPair pair(*two, wish);
  REQUIRE(pair.handshake());
  CHECK(pair.server().resumed());
  CHECK(SSL_session_reused(pair.client()) == 1);
  CHECK(pair.server().server_name() == "A.example.com");
  CHECK(pair.server().alpn() == "h2");
}

TEST_CASE("a session is not resumed with other ticket keys") {
  FixedSource source;
  source.index.set_default({certificate_for("a.example.com")});
  const auto one = server_context(source), two = server_context(source);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  ClientWish wish = wish_for("a.example.com", version);
  wish.session = ticket_from(*one, wish);
  ConnectedPair pair(*two, wish);
  REQUIRE(pair.handshake());
  CHECK_FALSE(pair.server().resumed());
}

TEST_CASE("a session is not resumed for another server name") {
  FixedSource source;
  source.index.set_default({certificate_for("a.example.com")});
  const auto context = server_context(source);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  ClientWish wish = wish_for("a.example.com", version);
  wish.session = ticket_from(*context, wish);
  wish.server_name = GENERATE("b.example.com", "");
  ConnectedPair pair(*context, wish);
  REQUIRE(pair.handshake());
  CHECK_FALSE(pair.server().resumed());
  CHECK(pair.server().server_name() == wish.server_name);
}

TEST_CASE("ticket keys are random, and zero keys are refused") {
  const tls::TicketKeys one = test::ticket_keys(), two = test::ticket_keys();
  CHECK(one.bytes != two.bytes);
  const auto distinct = [](auto bytes) {
    std::sort(bytes.begin(), bytes.end());
    return std::unique(bytes.begin(), bytes.end()) - bytes.begin();
  };
  CHECK(distinct(one.bytes) > 40);  // of 80 random bytes about 69 differ; 40 has odds below 10^-20
  const FixedSource source;
  const auto context = tls::ServerContext::make(source, tls::TicketKeys{}, {});
  REQUIRE_FALSE(context.has_value());
  CHECK(context.error().message() == "the session ticket keys are all zero: they must come from TicketKeys::make()");
}

TEST_CASE("a handshake of garbage fails cleanly") {
  FixedSource source;
  source.index.set_default({certificate_for("a.example.com")});
  const auto context = server_context(source);
  const std::string garbage =
      GENERATE(std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string(5000, '\0'), std::string(5000, '\xff'),
               std::string("\x16\x03\x01\x40\x01", 5) + std::string(20000, 'x'));
  const test::SocketPair sockets;
  tls::ServerStream stream(*context, sockets.server);
  REQUIRE(send(sockets.client, garbage.data(), garbage.size(), 0) == static_cast<ssize_t>(garbage.size()));
  const tls::IoResult result = stream.handshake();
  CHECK(result.status == IoStatus::failed);
  CHECK_FALSE(stream.failure().empty());
  CHECK(stream.handshake().status == IoStatus::failed);
  CHECK(stream.write("x").status == IoStatus::failed);
  std::array<char, 16> into{};
  CHECK(stream.read(into).status == IoStatus::failed);
}

TEST_CASE("a client that leaves in the middle of the handshake is a failure, not an endless wait") {
  FixedSource source;
  source.index.set_default({certificate_for("a.example.com")});
  const auto context = server_context(source);
  ConnectedPair pair(*context, wish_for("a.example.com"));
  CHECK(pair.server().handshake().status == IoStatus::want_read);
  SSL_do_handshake(pair.client());
  pair.server().note_readable();
  CHECK(pair.server().handshake().status == IoStatus::want_read);
  pair.sockets().close_client();
  pair.server().note_readable();
  CHECK(pair.server().handshake().status == IoStatus::failed);
  CHECK_FALSE(pair.server().failure().empty());
}

TEST_CASE("a ClientHello that comes byte by byte makes the same handshake") {
  const auto certificate = certificate_for("a.example.com");
  FixedSource source;
  source.index.set("a.example.com", {certificate});
  const auto context = server_context(source);
  ConnectedPair pair(*context, wish_for("a.example.com"));
  const test::SocketPair other;  // the client's bytes pass through here
  SSL_set_fd(pair.client(), other.client);
  SSL_do_handshake(pair.client());
  std::array<char, 4096> hello{};
  const ssize_t size = recv(other.server, hello.data(), hello.size(), 0);
  REQUIRE(size > 100);
  for (ssize_t i = 0; i < size; ++i) {
    CHECK(pair.server().handshake().status == IoStatus::want_read);
    REQUIRE(send(pair.sockets().client, &hello[static_cast<size_t>(i)], 1, 0) == 1);
    pair.server().note_readable();
  }
  SSL_set_fd(pair.client(), pair.sockets().client);
  REQUIRE(pair.handshake());
  CHECK(pair.client_fingerprint() == certificate->fingerprint());
}

TEST_CASE("a server name with a NUL inside is refused") {
  const auto secret = certificate_for("a.example.com");
  FixedSource source;
  source.index.set_default({certificate_for("default.example.org")});
  source.index.set("a.example.com", {secret});
  const auto context = server_context(source);
  ConnectedPair pair(*context, wish_for("a.example.com-evil"));
  const test::SocketPair other;
  SSL_set_fd(pair.client(), other.client);
  SSL_do_handshake(pair.client());
  std::array<char, 4096> hello{};
  const ssize_t size = recv(other.server, hello.data(), hello.size(), 0);
  REQUIRE(size > 100);
  const std::string name = "a.example.com-evil";
  const auto at = std::search(hello.begin(), hello.end(), name.begin(), name.end());
  REQUIRE(at != hello.end());
  at[13] = '\0';
  REQUIRE(send(pair.sockets().client, hello.data(), static_cast<size_t>(size), 0) == size);
  CHECK(pair.server().handshake().status == IoStatus::failed);
  CHECK(pair.server().failure() == "bad extension");
}
