// Time-outs, each to the moment, on a clock that nobody has to wait for: a deadline never passes early, and at most one
// tick of the timer wheel late.
#include <catch2/catch.hpp>

#include "proxy/limits.h"
#include "test/support/simulation/talk.h"

namespace narthex::simulation {
namespace {

using namespace std::chrono_literals;
using proxy::Fault;
namespace limits = proxy::limits;

constexpr auto kTick = 100ms;
constexpr base::milliseconds kUpstreamConnect = 5s, kUpstreamReadGap = 60s, kUpstreamWriteGap = 60s;  // the defaults of routes

// True: it happens when that much time has passed, not before.
bool happens_after(Rig& rig, base::milliseconds time, const std::function<bool()>& happened) {
  rig.settle();
  if (happened()) return false;
  rig.pass(time - 1ms);
  if (happened()) return false;
  rig.pass(kTick + 1ms);
  return happened();
}

bool has_status(const Peer& client, const std::string& status) {
  return client.received().starts_with("HTTP/1.1 " + status + "\r\n") && client.received().ends_with(status + "\n");
}

// A pod that takes everything and says nothing.
void say_nothing(Peer&) {}

Outcome never(Call call) { return call == Call::connect ? Outcome{.course = ConnectCourse::never} : Outcome{}; }

// Says `text` to the first request on each connection, and nothing more.
PodHandler saying(std::string text) {
  return [text = std::move(text)](Peer& peer) {
    if (peer.parsed++ == 0) peer.send(text);
  };
}

TEST_CASE("a pod that takes no connection is given 5 seconds, then others are tried in the same way, then it is 504") {
  Rig rig(2);
  Chosen fate(never);
  rig.kernel().set_fate(&fate);
  Peer& client = rig.connect();
  client.send(post("/form/1").wire);
  CHECK(happens_after(rig, kUpstreamConnect, [&] { return rig.totals().upstream_retries == 1; }));
  CHECK(happens_after(rig, kUpstreamConnect - kTick, [&] { return rig.totals().upstream_retries == 2; }));
  CHECK(
      happens_after(rig, kUpstreamConnect - kTick, [&] { return has_status(client, "504 Gateway Timeout"); }));
  CHECK(rig.count(Fault::connect_timeout) == 1);
  CHECK_FALSE(client.closed());
  CHECK(rig.upstreams().empty());
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a request whose first pod takes no connection is answered by the second") {
  Rig rig(2);
  Pod pod;
  rig.set_handler([&](Peer& peer) { pod.on_change(peer); });
  int connects = 0;
  Chosen fate([&](Call call) { return call == Call::connect && connects++ == 0 ? never(call) : Outcome{}; });
  rig.kernel().set_fate(&fate);
  const auto client = visit(rig.connect(), {post("/form/1")});
  rig.pass(kUpstreamConnect + kTick);
  CHECK(judge(client->heard(), client->asks(), false) == "");
  CHECK(pod.forms == 1);
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a pod that gives no answer is 504 after 60 seconds, a GET is tried three times, a POST once") {
  Rig rig(2);
  rig.set_handler(say_nothing);
  const bool repeatable = GENERATE(true, false);
  Peer& client = rig.connect();
  client.send(repeatable ? get("/page/1").wire : post("/form/1").wire);
  if (repeatable) {
    CHECK(happens_after(rig, kUpstreamReadGap, [&] { return rig.totals().upstream_retries == 1; }));
    CHECK(happens_after(rig, kUpstreamReadGap - kTick, [&] { return rig.totals().upstream_retries == 2; }));
  }
  const auto rest = kUpstreamReadGap - (repeatable ? kTick : 0ms);
  CHECK(happens_after(rig, rest, [&] { return has_status(client, "504 Gateway Timeout"); }));
  CHECK(rig.upstreams().size() == (repeatable ? 3 : 1));
  CHECK(rig.count(Fault::upstream_timeout) == 1);
  CHECK(rig.totals().upstream_retries == (repeatable ? 2 : 0));
  CHECK_FALSE(client.closed());
  for (const Peer* upstream : rig.upstreams()) CHECK(upstream->closed());
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a head that a pod drips has 60 seconds from byte to byte, once begun it is asked for no second time") {
  Rig rig(2);
  rig.set_handler(say_nothing);
  Peer& client = rig.connect();
  client.send(get("/page/1").wire);
  rig.settle();
  for (const char c : std::string("HTTP/1.1 200")) {
    rig.upstreams().at(0)->send({&c, 1});
    rig.pass(kUpstreamReadGap - 1s);
    CHECK(client.received().empty());
  }
  CHECK(happens_after(rig, 1s, [&] { return has_status(client, "504 Gateway Timeout"); }));
  CHECK(rig.upstreams().size() == 1);
  CHECK(rig.leftovers() == "");
}

TEST_CASE("an answer that stops coming is cut by a reset after 60 seconds") {
  Rig rig;
  std::string answer = "HTTP/1.1 200 OK\r\n";
  SECTION("a short one") { answer += "Content-Length: 100\r\n\r\nbegun"; }
  SECTION("a spliced one") { answer += "Content-Length: 1000000\r\n\r\n" + std::string(100'000, 'x'); }
  SECTION("in a chunk") { answer += "Transfer-Encoding: chunked\r\n\r\n10\r\nbegun"; }
  SECTION("between chunks") { answer += "Transfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n"; }
  SECTION("up to the end") { answer += "\r\nbegun"; }
  rig.set_handler(saying(answer));
  Peer& client = rig.connect();
  client.send(get("/page/1").wire);
  CHECK(happens_after(rig, kUpstreamReadGap, [&] { return client.was_reset(); }));
  CHECK_FALSE(client.ended());
  CHECK(client.received().starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(rig.count(Fault::upstream_timeout) == 1);
  CHECK(rig.upstreams().at(0)->closed());
  CHECK(rig.leftovers() == "");
}

TEST_CASE("an answer that a pod drips is passed on as it comes, however long it takes") {
  Rig rig;
  rig.set_handler(saying("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"));
  Peer& client = rig.connect();
  client.send(get("/page/1").wire);
  rig.settle();
  for (int i = 1; i <= 10; ++i) {
    rig.pass(kUpstreamReadGap - 1s);
    rig.upstreams().at(0)->send("x");
    rig.settle();
    CHECK(client.received().ends_with("\r\n\r\n" + std::string(static_cast<size_t>(i), 'x')));
  }
  CHECK_FALSE(client.closed());
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a request body that stops coming is 408 after 60 seconds, and the pod sees its request cut") {
  Rig rig;
  rig.set_handler(say_nothing);
  const std::string begin = "POST / HTTP/1.1\r\nHost: example.com\r\n";
  Peer& client = rig.connect();
  SECTION("with a length") { client.send(begin + "Content-Length: 100\r\n\r\nbegun"); }
  SECTION("with a length, spliced") {
    client.send(begin + "Content-Length: 1000000\r\n\r\n" + std::string(99'999, 'x'));
  }
  SECTION("in a chunk") { client.send(begin + "Transfer-Encoding: chunked\r\n\r\n10\r\nbegun"); }
  SECTION("between chunks") { client.send(begin + "Transfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n"); }
  SECTION("in the trailers") { client.send(begin + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n"); }
  CHECK(happens_after(rig, limits::kClientBodyGap, [&] { return has_status(client, "408 Request Timeout"); }));
  CHECK(rig.count(Fault::body_timeout) == 1);
  CHECK(client.ended());
  CHECK(rig.upstreams().at(0)->closed());
  CHECK(rig.leftovers() == "");
}

TEST_CASE("an upload may take as long as it flows: the pod's time to answer begins when all was sent") {
  Rig rig;
  rig.set_handler(say_nothing);
  Peer& client = rig.connect();
  SECTION("copied") { client.send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 10\r\n\r\n"); }
  SECTION("spliced") {
    client.send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1000010\r\n\r\n" +
                std::string(1'000'000, 'x'));
  }
  rig.settle();
  for (int i = 0; i < 10; ++i) {
    rig.pass(limits::kClientBodyGap - 1s);
    client.send("x");
    rig.settle();
    CHECK(client.received().empty());
  }
  CHECK(rig.upstreams().at(0)->received().ends_with("xxxxxxxxxx"));
  CHECK(happens_after(rig, kUpstreamReadGap, [&] { return has_status(client, "504 Gateway Timeout"); }));
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a client that asks to go on and then sends nothing is 408") {
  Rig rig;
  rig.set_handler(say_nothing);
  Peer& client = rig.connect();
  client.send(post("/form/1", Form::expecting).wire);
  rig.settle();
  CHECK(client.received() == "HTTP/1.1 100 Continue\r\n\r\n");
  const auto refused = [&] { return client.received().find("HTTP/1.1 408 Request Timeout\r\n") != std::string::npos; };
  CHECK(happens_after(rig, limits::kClientBodyGap, refused));
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a head has 60 seconds in all, however it drips, then it is 408") {
  Rig rig;
  Peer& client = rig.connect();
  client.send("GET / HTTP/1.1\r\n");
  rig.settle();
  for (int i = 0; i < 5; ++i) {
    client.send("X-Drip: 1\r\n");
    rig.pass(10s);
  }
  CHECK(happens_after(rig, 10s, [&] { return has_status(client, "408 Request Timeout"); }));
  CHECK(client.received().find("Connection: close\r\n") != std::string::npos);
  CHECK(client.ended());
  CHECK(rig.count(Fault::head_timeout) == 1);
  CHECK(rig.leftovers() == "");
}

TEST_CASE(
    "a connection without a request is closed after 60 seconds, one that was used after 75, both without a word") {
  Rig rig;
  Pod pod;
  rig.set_handler([&](Peer& peer) { pod.on_change(peer); });
  Peer& client = rig.connect();
  const bool used = GENERATE(false, true);
  if (used) client.send(get("/page/1").wire);
  rig.settle();
  const size_t before = client.received().size();
  CHECK((before > 0) == used);
  CHECK(happens_after(rig, used ? limits::kClientIdle : limits::kRequestHead, [&] { return client.closed(); }));
  CHECK(client.ended());
  CHECK(client.received().size() == before);
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a TLS handshake has 10 seconds") {
  Rig rig;
  Peer& client = rig.connect_tls();
  SECTION("nothing comes") {}
  SECTION("it stops half-way") { client.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7)); }
  CHECK(happens_after(rig, limits::kTlsHandshake, [&] { return client.closed(); }));
  CHECK(rig.totals().tls_handshakes_failed == 1);
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a client that does not read its answer for 60 seconds loses its connection, and the pod's goes with it") {
  Rig rig;
  Pod pod;
  rig.set_handler([&](Peer& peer) { pod.on_change(peer); });
  const std::string path = GENERATE("/page", "/stream");  // spliced, copied
  Peer& client = rig.connect();
  client.reading = false;
  client.send(get(path + "?bytes=5000000").wire);
  CHECK(happens_after(rig, limits::kClientWriteGap, [&] { return client.was_reset(); }));
  CHECK(rig.kernel().open_connections() == 0);
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a pod that does not read a body for 60 seconds is 504") {
  Rig rig;
  rig.set_handler(say_nothing);
  const Form form = GENERATE(Form::whole, Form::chunked);  // spliced, copied
  rig.set_greeting([](Peer& pod) { pod.reading = false; });
  Peer& client = rig.connect();
  client.send(post("/form?bytes=5000000", form).wire);
  CHECK(happens_after(rig, kUpstreamWriteGap, [&] { return has_status(client, "504 Gateway Timeout"); }));
  CHECK(rig.count(Fault::upstream_timeout) == 1);
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a connection to a pod is kept for 60 seconds without a request") {
  Rig rig;
  Pod pod;
  rig.set_handler([&](Peer& peer) { pod.on_change(peer); });
  rig.connect().send(get("/page/1").wire);
  rig.settle();
  CHECK(rig.totals().upstream_idle == 1);
  CHECK(happens_after(rig, limits::kIdleUpstream, [&] { return rig.totals().upstream_idle == 0; }));
  CHECK(rig.upstreams().at(0)->closed());
  CHECK(rig.leftovers() == "");
}

TEST_CASE("a tunnel ends when nothing has passed for 60 seconds in either direction") {
  Rig rig;
  Pod pod;
  rig.set_handler([&](Peer& peer) { pod.on_change(peer); });
  Peer& client = rig.connect();
  client.send(websocket("").wire);
  rig.pass(50s);
  client.send("ping");
  rig.settle();
  CHECK(client.received().ends_with("ping"));
  rig.pass(50s);
  rig.upstreams().at(0)->send("pong");
  CHECK(happens_after(rig, kUpstreamReadGap, [&] { return client.closed(); }));
  CHECK(rig.upstreams().at(0)->closed());
  CHECK(rig.totals().tunnels_open == 0);
  CHECK(rig.leftovers() == "");
}

TEST_CASE("after the last answer a client has 5 seconds and 4 MiB to hear it before its connection goes") {
  Rig rig;
  Pod pod;
  rig.set_handler([&](Peer& peer) { pod.on_change(peer); });
  Peer& client = rig.connect();
  client.answers_end = false;
  client.send(get("/page/1", "Connection: close\r\n").wire);
  rig.settle();
  CHECK(client.ended());
  const auto gone = [&] { return rig.totals().client_connections_open == 0; };
  SECTION("time") { CHECK(happens_after(rig, limits::kLinger, gone)); }
  SECTION("bytes") {
    client.send(std::string(limits::kLingerBytes - 1000, 'x'));
    rig.settle();
    CHECK_FALSE(gone());
    client.send(std::string(1000, 'x'));
    rig.settle();
    CHECK(gone());
  }
  SECTION("its own end") {
    client.finish();
    rig.settle();
    CHECK(gone());
  }
  CHECK(rig.leftovers() == "");
}

TEST_CASE("when the server drains, idle connections have half a second, and what is under way ends with its answer") {
  Rig rig;
  rig.set_handler(say_nothing);
  Peer& idle = rig.connect();
  Peer& busy = rig.connect();
  busy.send(get("/page/1").wire);
  rig.settle();
  rig.server().drain();
  CHECK(happens_after(rig, limits::kIdleWhileDraining, [&] { return idle.closed(); }));
  CHECK_FALSE(busy.closed());
  CHECK_FALSE(rig.server().drained());
  rig.upstreams().at(0)->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  rig.settle();
  CHECK(busy.received().ends_with("\r\n\r\nok"));
  CHECK(busy.received().find("Connection: close\r\n") != std::string::npos);
  CHECK(busy.ended());
  CHECK(rig.server().drained());
  CHECK(rig.leftovers() == "");
}

}  // namespace
}  // namespace narthex::simulation
