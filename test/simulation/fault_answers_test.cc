// What a client is told when its request cannot be served, how often that is tried first, and that its connection goes
// on: the fault table, from outside.
#include <catch2/catch.hpp>

#include "proxy/limits.h"
#include "test/support/simulation/talk.h"

namespace narthex::simulation {
namespace {

using proxy::Fault;

struct Trouble {
  const char* name;
  PodHandler handler;  // what every pod does
  Outcome connecting = {};
  Fault fault;
  const char* status;
  size_t pods_asked;
};

PodHandler saying(std::string text, bool finishes = true) {
  return [text = std::move(text), finishes](Peer& pod) {
    if (pod.parsed++ != 0) return;
    pod.send(text);
    if (finishes) pod.finish();
  };
}

std::string interim_flood() {
  std::string text;
  for (int i = 0; i <= proxy::limits::kInterimResponses; ++i) text += "HTTP/1.1 103 Early Hints\r\n\r\n";
  return text;
}

const std::vector<Trouble>& troubles() {
  const Outcome refused{.error = ECONNREFUSED};
  const Outcome refused_later{.course = ConnectCourse::refused_later};
  const auto reset = [](Peer& pod) { pod.reset(); };
  static const std::vector<Trouble> table = {
      {"refused at once", {}, refused, Fault::connect_failed, "502 Bad Gateway", 0},
      {"refused later", {}, refused_later, Fault::connect_failed, "502 Bad Gateway", 0},
      {"closed without an answer", saying(""), {}, Fault::upstream_reset, "502 Bad Gateway", 3},
      {"reset without an answer", reset, {}, Fault::upstream_reset, "502 Bad Gateway", 3},
      {"closed in the head", saying("HTTP/1.1 200 OK\r\nX"), {}, Fault::upstream_reset, "502 Bad Gateway", 1},
      {"no HTTP", saying("SSH-2.0-x\r\n\r\n"), {}, Fault::upstream_malformed, "502 Bad Gateway", 1},
      {"an endless head",
       saying("HTTP/1.1 200 OK\r\nX: " + std::string(proxy::limits::kHeadBytes, 'x'), false),
       {},
       Fault::upstream_head_too_large,
       "502 Bad Gateway",
       1},
      {"interim answers without end",
       saying(interim_flood(), false),
       {},
       Fault::upstream_malformed,
       "502 Bad Gateway",
       1},
      {"an upgrade unasked",
       saying("HTTP/1.1 101 Switching Protocols\r\n\r\n", false),
       {},
       Fault::upstream_malformed,
       "502 Bad Gateway",
       1},
  };
  return table;
}

TEST_CASE("each trouble with a pod has its answer, and the client's connection goes on") {
  for (const Trouble& trouble : troubles()) {
    CAPTURE(trouble.name);
    Rig rig(2);
    rig.set_handler(trouble.handler);
    Chosen fate([&](Call call) { return call == Call::connect ? trouble.connecting : Outcome{}; });
    rig.kernel().set_fate(&fate);
    Peer& client = rig.connect();
    client.send(get("/page/1").wire);
    rig.settle();
    const std::string& heard = client.received();
    const size_t final_head = heard.rfind("HTTP/1.1 ");
    REQUIRE(final_head != std::string::npos);
    CHECK(heard.substr(final_head + 9, std::string(trouble.status).size()) == trouble.status);
    CHECK(heard.ends_with(std::string("</title>\n") + trouble.status + "\n"));
    CHECK(rig.count(trouble.fault) == 1);
    CHECK(rig.upstreams().size() == trouble.pods_asked);
    CHECK_FALSE(client.closed());

    Pod well;
    rig.set_handler([&](Peer& pod) { well.on_change(pod); });
    rig.kernel().set_fate(nullptr);
    const size_t before = heard.size();
    client.send(get("/page/2").wire);
    rig.settle();
    CHECK(judge({heard.substr(before)}, {get("/page/2")}, false) == "");
    CHECK(rig.leftovers() == "");
  }
}

TEST_CASE("a host without route is 404, one without pods 503, and no descriptor for a pod 503") {
  Rig rig;
  Pod pod;
  rig.set_handler([&](Peer& peer) { pod.on_change(peer); });
  Peer& client = rig.connect();
  const auto answer = [&](const std::string& host) {
    const size_t before = client.received().size();
    client.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    rig.settle();
    return client.received().substr(before, 12);
  };
  CHECK(answer("unknown.org") == "HTTP/1.1 404");
  CHECK(answer("empty.example.com") == "HTTP/1.1 503");
  CHECK(rig.count(Fault::no_route) == 1);
  CHECK(rig.count(Fault::no_endpoints) == 1);
  Chosen fate([](Call call) { return call == Call::socket ? Outcome{.error = EMFILE} : Outcome{}; });
  rig.kernel().set_fate(&fate);
  CHECK(answer("example.com") == "HTTP/1.1 503");
  CHECK(rig.count(Fault::overloaded) == 1);
  rig.kernel().set_fate(nullptr);
  CHECK(answer("example.com") == "HTTP/1.1 200");
  CHECK(rig.leftovers() == "");
}

}  // namespace
}  // namespace narthex::simulation
