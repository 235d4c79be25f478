#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "test/tls/connected_pair.h"

using namespace narthex;
using test::ClientWish;
using test::ConnectedPair;
using test::FixedSource;
using tls::IoResult;
using tls::IoStatus;

namespace {

struct Fixture {
  Fixture() { source.index.set_default({test::parsed(test::make_certificate("a.example.com"))}); }

  std::unique_ptr<ConnectedPair> connected(int version = 0) {
    ClientWish wish;
    wish.server_name = "a.example.com";
    if (version == TLS1_2_VERSION) wish.signature_algorithms = "ECDSA+SHA256";
    wish.version = version;
    auto pair = std::make_unique<ConnectedPair>(*context, wish);
    REQUIRE(pair->handshake());
    return pair;
  }

  FixedSource source;
  std::unique_ptr<tls::ServerContext> context = test::server_context(source);
};

std::string random_bytes(size_t size) {
  std::mt19937_64 random(4711);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace

TEST_CASE("a large transfer to the client arrives byte by byte equal through partial writes") {
  Fixture fixture;
  const auto pair = fixture.connected(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION));
  const std::string sent = random_bytes(3 * 1024 * 1024 + 17);
  std::string received;
  size_t moved = 0;
  int blocked = 0, partial = 0;
  while (moved < sent.size()) {
    // A fresh copy each time: the library must not depend on the address of what it was given.
    const std::string rest = sent.substr(moved, 300'000);
    const IoResult result = pair->server().write(rest);
    REQUIRE((result.status == IoStatus::done || result.status == IoStatus::want_write));
    moved += result.bytes;
    blocked += result.status == IoStatus::want_write;
    partial += result.status == IoStatus::done && result.bytes < rest.size();
    if (result.bytes < rest.size()) received += pair->client_read();
  }
  received += pair->client_read();
  CHECK(received == sent);
  CHECK(blocked + partial > 0);
}

TEST_CASE("a large transfer from the client arrives byte by byte equal") {
  Fixture fixture;
  const auto pair = fixture.connected(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION));
  const std::string sent = random_bytes(3 * 1024 * 1024 + 17);
  std::string received;
  size_t moved = 0;
  while (received.size() < sent.size()) {
    moved += pair->client_write(std::string_view(sent).substr(moved));
    for (;;) {
      const IoResult result = pair->server_read();
      if (result.status == IoStatus::want_read) break;
      REQUIRE(result.status == IoStatus::done);
      received += pair->server_bytes(result.bytes);
    }
  }
  CHECK(received == sent);
}

TEST_CASE("small buffers take a record piece by piece, and has_pending says that more waits") {
  Fixture fixture;
  const auto pair = fixture.connected();
  REQUIRE(pair->client_write("0123456789") == 10);
  pair->server().note_readable();
  std::array<char, 4> into{};
  std::string all;
  for (int i = 0; i < 3; ++i) {
    const IoResult result = pair->server().read(into);
    REQUIRE(result.status == IoStatus::done);
    all.append(into.data(), result.bytes);
    CHECK(pair->server().has_pending() == (i < 2));
    CHECK(pair->server().socket_drained() == (i == 2));
  }
  CHECK(all == "0123456789");
}

TEST_CASE("several records that came together are read together") {
  Fixture fixture;
  const auto pair = fixture.connected();
  for (int i = 0; i < 20; ++i) REQUIRE(pair->client_write("abc") == 3);
  const IoResult result = pair->server_read();
  CHECK(result.status == IoStatus::done);
  CHECK(result.bytes == 60);
  CHECK(pair->server().socket_drained());
  CHECK_FALSE(pair->server().has_pending());
}

TEST_CASE("a drained socket is not asked again until it is said to be readable") {
  Fixture fixture;
  const auto pair = fixture.connected();
  REQUIRE(pair->client_write("one") == 3);
  CHECK(pair->server_read().bytes == 3);
  CHECK(pair->server().socket_drained());
  REQUIRE(pair->client_write("two") == 3);  // bytes are there, but nobody has told
  std::array<char, 16> into{};
  CHECK(pair->server().read(into).status == IoStatus::want_read);
  CHECK(pair->server().read(into).status == IoStatus::want_read);
  pair->server().note_readable();
  CHECK_FALSE(pair->server().socket_drained());
  CHECK(pair->server().read(into).bytes == 3);
}

TEST_CASE("a part of a record gives want_read, without spinning, until the rest comes") {
  Fixture fixture;
  const auto pair = fixture.connected();
  const test::SocketPair other;  // the client's record passes through here
  SSL_set_fd(pair->client(), other.client);
  REQUIRE(pair->client_write("a whole record") == 14);
  std::array<char, 256> record{};
  const ssize_t size = recv(other.server, record.data(), record.size(), 0);
  REQUIRE(size > 20);
  for (ssize_t i = 0; i + 1 < size; ++i) {
    REQUIRE(send(pair->sockets().client, &record[static_cast<size_t>(i)], 1, 0) == 1);
    CHECK(pair->server_read().status == IoStatus::want_read);
    CHECK(pair->server().socket_drained());
    CHECK_FALSE(pair->server().has_pending());
  }
  REQUIRE(send(pair->sockets().client, &record[static_cast<size_t>(size - 1)], 1, 0) == 1);
  const IoResult result = pair->server_read();
  CHECK(result.status == IoStatus::done);
  CHECK(pair->server_bytes(result.bytes) == "a whole record");
}

TEST_CASE("bytes that came with the end of the handshake are waiting, not lost") {
  Fixture fixture;
  ClientWish wish;
  wish.version = TLS1_3_VERSION;
  ConnectedPair pair(*fixture.context, wish);
  SSL_do_handshake(pair.client());
  pair.server().note_readable();
  CHECK(pair.server().handshake().status == IoStatus::want_read);
  REQUIRE(SSL_do_handshake(pair.client()) == 1);   // the client's Finished ...
  REQUIRE(pair.client_write("early bird") == 10);  // ... and a request right behind
  pair.server().note_readable();
  REQUIRE(pair.server().handshake().status == IoStatus::done);
  CHECK_FALSE(pair.server().socket_drained());
  CHECK(pair.server().has_pending());
  std::array<char, 64> into{};
  const IoResult result = pair.server().read(into);  // without note_readable: no new event would come
  REQUIRE(result.status == IoStatus::done);
  CHECK(std::string(into.data(), result.bytes) == "early bird");
}

TEST_CASE("close_notify is closed, after the bytes before it") {
  Fixture fixture;
  const auto pair = fixture.connected();
  REQUIRE(pair->client_write("bye") == 3);
  SSL_shutdown(pair->client());
  CHECK(pair->server_read().bytes == 3);
  CHECK(pair->server_read().status == IoStatus::closed);
  CHECK(pair->server_read().status == IoStatus::closed);
  CHECK(pair->server().write("you too").bytes == 7);  // the other direction still stands (RFC 8446 6.1)
  CHECK(pair->server().failure().empty());
}

TEST_CASE("an end without close_notify is a failure, because anybody could have cut it") {
  Fixture fixture;
  const auto pair = fixture.connected(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION));
  pair->client_read();  // the ticket: unread bytes would turn the end into a reset
  REQUIRE(pair->client_write("half of a mess") == 14);
  pair->sockets().close_client();
  CHECK(pair->server_read().bytes == 14);
  CHECK(pair->server_read().status == IoStatus::failed);
  CHECK(pair->server().failure() == "closed by the client without close_notify");
  CHECK(pair->server_read().status == IoStatus::failed);
}

TEST_CASE("our close_notify is sent once, and the client sees an orderly end") {
  Fixture fixture;
  const auto pair = fixture.connected();
  REQUIRE(pair->server().write("last").bytes == 4);
  pair->server().close_notify();
  pair->server().close_notify();
  CHECK(pair->client_read() == "last");
  CHECK((SSL_get_shutdown(pair->client()) & SSL_RECEIVED_SHUTDOWN) != 0);
  CHECK(pair->client_error().empty());
}

TEST_CASE("a forged record is a failure") {
  Fixture fixture;
  const auto pair = fixture.connected();
  const std::string forged = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
  REQUIRE(send(pair->sockets().client, forged.data(), forged.size(), 0) == 37);
  CHECK(pair->server_read().status == IoStatus::failed);
  CHECK(pair->server().failure() == "decryption failed or bad record mac");
}

TEST_CASE("writing to a client that has gone is a failure, not a signal") {
  Fixture fixture;
  const auto pair = fixture.connected();
  pair->sockets().close_client();
  CHECK(pair->server().write("hello").status == IoStatus::failed);
  CHECK(pair->server().failure() == "Broken pipe");
}

TEST_CASE("a flood of key updates without content ends the connection") {
  Fixture fixture;
  const auto pair = fixture.connected(TLS1_3_VERSION);
  IoResult result;
  for (int i = 0; i < 2000 && result.status != IoStatus::failed; ++i) {
    REQUIRE(SSL_key_update(pair->client(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(pair->client()) == 1);
    if (i % 50 == 49) result = pair->server_read();
  }
  CHECK(result.status == IoStatus::failed);
  CHECK(pair->server().failure() == "too many records without content");
  CHECK(pair->server().write("x").status == IoStatus::failed);
}

TEST_CASE("key updates among content are served") {
  Fixture fixture;
  const auto pair = fixture.connected(TLS1_3_VERSION);
  for (int i = 0; i < 200; ++i) {
    REQUIRE(SSL_key_update(pair->client(), SSL_KEY_UPDATE_REQUESTED) == 1);
    REQUIRE(pair->client_write("content") == 7);
    REQUIRE(pair->server_read().bytes == 7);
    REQUIRE(pair->server().write("answer").bytes == 6);
    REQUIRE(pair->client_read() == "answer");
  }
}

TEST_CASE("renegotiation is refused and the connection stays usable") {
  Fixture fixture;
  const auto pair = fixture.connected(TLS1_2_VERSION);
  REQUIRE(SSL_renegotiate(pair->client()) == 1);
  SSL_do_handshake(pair->client());
  CHECK(pair->server_read().status == IoStatus::want_read);
  CHECK(pair->client_read().empty());
  CHECK(pair->client_error() == "no renegotiation");
}

TEST_CASE("reading into nothing and writing nothing do nothing") {
  Fixture fixture;
  const auto pair = fixture.connected();
  CHECK(pair->server().read({}).bytes == 0);
  CHECK(pair->server().read({}).status == IoStatus::done);
  CHECK(pair->server().write({}).status == IoStatus::done);
}
