#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "controller/dns_client.h"
#include "test/support/dns_server.h"
#include "test/support/manifests.h"
#include "test/support/patience.h"

namespace narthex::test {
namespace {

using controller::DnsClient;
using controller::DnsOptions;
using controller::NameAnswer;
using Kind = NameAnswer::Kind;
using Addresses = std::vector<std::string>;

// A client of one server, on a loop that runs only while somebody waits for an answer.
class Asking final {
 public:
  explicit Asking(DnsOptions options) {
    if (!options.has_route) options.has_route = [](const std::string&) { return true; };
    auto started = DnsClient::start(loop, std::move(options));
    REQUIRE(started.has_value());
    client = std::move(*started);
  }
  explicit Asking(const DnsServer& server) : Asking(DnsOptions{.servers = server.address()}) {}

  NameAnswer ask(const std::string& name) {
    std::optional<NameAnswer> answer;
    client->ask(name, [&](NameAnswer given) { answer = std::move(given); });
    CHECK_FALSE(answer);  // never before ask() returns
    const auto until = std::chrono::steady_clock::now() + kPatience;
    loop.restart();
    while (!answer && std::chrono::steady_clock::now() < until) loop.run_one_for(std::chrono::milliseconds(100));
    REQUIRE(answer);
    return *answer;
  }

  boost::asio::io_context loop;
  std::unique_ptr<DnsClient> client;
};

TEST_CASE("a name has its A and its AAAA addresses, good for as long as the shorter-lived of them") {
  DnsServer server;
  server.set("a.test", {a_record("192.0.2.2", 300), a_record("192.0.2.1", 300), aaaa_record("2001:db8::1", 7)});
  Asking asking(server);
  const NameAnswer answer = asking.ask("a.test.");
  CHECK(answer.kind == Kind::found);
  CHECK(answer.addresses == Addresses{"192.0.2.1", "192.0.2.2", "2001:db8::1"});
  CHECK(answer.ttl == std::chrono::seconds(7));
  CHECK_FALSE(answer.cut);
  server.set("only6.test", {aaaa_record("2001:db8::2")});
  CHECK(asking.ask("only6.test.").addresses == Addresses{"2001:db8::2"});
}

TEST_CASE("a name that is not there and one without addresses are absent, which is not a failure") {
  DnsServer server;
  server.set("empty.test", {});
  Asking asking(server);
  CHECK(asking.ask("nowhere.test.").kind == Kind::absent);
  CHECK(asking.ask("empty.test.").kind == Kind::absent);
}

TEST_CASE("a server that cannot, will not, says nothing or says nonsense has failed") {
  using Manner = DnsServer::Manner;
  DnsServer server;
  server.set("a.test", {a_record("192.0.2.1")});
  DnsOptions options{.servers = server.address()};
  options.first_try = std::chrono::milliseconds(20);
  Asking asking(options);
  for (const Manner manner : {Manner::failing, Manner::refusing, Manner::silent, Manner::garbage}) {
    CAPTURE(static_cast<int>(manner));
    server.set_manner(manner);
    CHECK(asking.ask("a.test.").kind == Kind::failed);
  }
  server.set_manner(Manner::proper);
  CHECK(asking.ask("a.test.").kind == Kind::found);
}

TEST_CASE("a server that is not there has failed, and nothing waits for it for ever") {
  std::string address;
  {
    const DnsServer gone;
    address = gone.address();
  }
  DnsOptions options{.servers = address};
  options.first_try = std::chrono::milliseconds(20);
  Asking asking(options);
  CHECK(asking.ask("a.test.").kind == Kind::failed);
}

TEST_CASE("an answer that is cut is asked for again over TCP") {
  DnsServer server;
  server.set("a.test", {a_record("192.0.2.1"), a_record("192.0.2.2")});
  server.set_manner(DnsServer::Manner::truncating);
  Asking asking(server);
  CHECK(asking.ask("a.test.").addresses == Addresses{"192.0.2.1", "192.0.2.2"});
  CHECK(server.tcp_queries() >= 1);
}

TEST_CASE("of a huge answer as many addresses are taken as are ever kept") {
  DnsServer server;
  std::vector<DnsRecord> records;
  for (int i = 0; i < 1000; ++i)
    records.push_back(a_record("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
  server.set("many.test", records);
  Asking asking(server);
  const NameAnswer answer = asking.ask("many.test.");
  CHECK(answer.addresses.size() == controller::kNameAddressesMax);
  CHECK(answer.cut);
}

TEST_CASE("aliases are followed and their time counts, and a ring of them ends") {
  DnsServer server;
  server.set("one.test", {cname_record("two.test", 5)});
  server.set("two.test", {cname_record("three.test", 50)});
  server.set("three.test", {a_record("192.0.2.3", 500)});
  server.set("ring.test", {cname_record("gnir.test")});
  server.set("gnir.test", {cname_record("ring.test")});
  Asking asking(server);
  const NameAnswer answer = asking.ask("one.test.");
  CHECK(answer.addresses == Addresses{"192.0.2.3"});
  CHECK(answer.ttl == std::chrono::seconds(5));
  CHECK(asking.ask("ring.test.").kind != Kind::found);
}

TEST_CASE("a family that this machine has no route to is left out beside one that it has") {
  DnsServer server;
  server.set("both.test", {a_record("192.0.2.1"), aaaa_record("2001:db8::1")});
  server.set("only6.test", {aaaa_record("2001:db8::1")});
  DnsOptions options{.servers = server.address()};
  options.has_route = [](const std::string& address) { return address.find(':') == std::string::npos; };
  Asking asking(options);
  CHECK(asking.ask("both.test.").addresses == Addresses{"192.0.2.1"});
  CHECK(asking.ask("only6.test.").addresses == Addresses{"2001:db8::1"});
}

TEST_CASE("search domains and ndots are those of resolv.conf, which is read again when it changes") {
  DnsServer server;
  server.set("web.one.test", {a_record("192.0.2.1")});
  server.set("web.two.test", {a_record("192.0.2.2")});
  const ManifestFolder folder;
  folder.write("resolv.conf", "search nowhere.test one.test\noptions ndots:2\n");
  Asking asking(DnsOptions{.servers = server.address(), .resolv_conf = folder.file("resolv.conf").string()});
  CHECK(asking.ask("web").addresses == Addresses{"192.0.2.1"});
  CHECK(server.queries("web.nowhere.test") > 0);
  CHECK(asking.ask("web.").kind == Kind::absent);  // a dot at the end: no search
  folder.write("resolv.conf", "search two.test another.test\n");
  CHECK(asking.ask("web").addresses == Addresses{"192.0.2.2"});
}

TEST_CASE("who goes away while a question is under way is not answered") {
  DnsServer server;
  server.set_manner(DnsServer::Manner::silent);
  Asking asking(server);
  bool answered = false;
  asking.client->ask("a.test.", [&](NameAnswer) { answered = true; });
  asking.loop.poll();
  asking.client.reset();
  asking.loop.restart();
  asking.loop.run();
  CHECK_FALSE(answered);
}

TEST_CASE("many questions at once are all answered, each with its own") {
  DnsServer server;
  for (int i = 0; i < 200; ++i)
    server.set("n" + std::to_string(i) + ".test", {a_record("10.1.0." + std::to_string(i))});
  Asking asking(server);
  std::map<int, Addresses> answers;
  for (int i = 0; i < 200; ++i)
    asking.client->ask("n" + std::to_string(i) + ".test.",
                       [&answers, i](NameAnswer given) { answers[i] = given.addresses; });
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (answers.size() < 200 && std::chrono::steady_clock::now() < until)
    asking.loop.run_one_for(std::chrono::milliseconds(100));
  REQUIRE(answers.size() == 200);
  for (const auto& [i, addresses] : answers) CHECK(addresses == Addresses{"10.1.0." + std::to_string(i)});
}

}  // namespace
}  // namespace narthex::test
