// The API client: TLS, credentials that rotate, plug-ins, kept connections.
#include <fmt/format.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "controller/api/line_splitter.h"
#include "test/api/api_world.h"
#include "test/support/certificates.h"
#include "test/support/manifests.h"
#include "test/support/patience.h"

namespace narthex::test {
namespace {

using namespace std::chrono_literals;
using controller::ApiAccess;
using controller::ApiAnswer;
using controller::ApiClient;
using controller::ApiRequest;

// A client, and its answers one after another.
class Asking final {
 public:
  explicit Asking(ApiWorld& world, ApiAccess access) : world_(world), client_(world.loop, std::move(access), clock_) {}

  ApiAnswer ask(const std::string& target = "/api/v1/services", const std::string& method = "GET",
                const std::string& body = "") {
    std::optional<ApiAnswer> got;
    client_.request({.method = method, .target = target, .content_type = "application/json", .body = body, .time = 5s},
                    [&](ApiAnswer answer) { got = std::move(answer); });
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!got && std::chrono::steady_clock::now() < deadline) {
      world_.loop.restart();
      world_.loop.run_one_for(100ms);
    }
    REQUIRE(got.has_value());
    return *got;
  }
  ApiClient& client() { return client_; }

 private:
  ApiWorld& world_;
  base::SystemClock clock_;
  ApiClient client_;
};

FakeApi::Options over_tls(const std::vector<std::string>& names) {
  FakeApi::Options options;
  CertificateSpec spec;
  spec.names = names;
  options.tls = make_certificate(spec);
  return options;
}

TEST_CASE("requests go one after another over a kept connection, with what they carry") {
  FakeApi::Options server;
  server.token = "secret";
  ApiWorld world(server);
  ApiAccess access = world.access();
  access.user.token = "secret\n";
  access.path_prefix = "";
  Asking asking(world, access);
  CHECK(asking.ask().ok());
  CHECK(asking.ask("/api/v1/namespaces/a/services/b", "PATCH", "{\"x\":1}").status == 404);
  CHECK(asking.ask().ok());
  const auto& calls = world.api.calls();
  REQUIRE(calls.size() == 3);
  CHECK(calls[1].method == "PATCH");
  CHECK(calls[1].body == "{\"x\":1}");
  CHECK(calls[1].content_type == "application/json");
  CHECK(calls[2].connection == calls[0].connection);
  CHECK(asking.client().answers_by_code() == std::map<std::string, uint64_t>{{"200", 2}, {"404", 1}});
}

TEST_CASE("a kept connection that the server has closed is replaced without a failure") {
  ApiWorld world;
  Asking asking(world, world.access());
  CHECK(asking.ask().ok());
  world.api.stop();
  world.api.start();
  CHECK(asking.ask().ok());
  CHECK(world.api.calls().back().connection == 2);
}

TEST_CASE("the server's certificate must be for its name and from the authority") {
  ApiWorld world(over_tls({"kubernetes.default.svc"}));
  ApiAccess access = world.access();
  access.authorities_pem = world.api.options().tls->chain;
  access.server_name = "kubernetes.default.svc";
  CHECK(Asking(world, access).ask().ok());
  access.server_name = "other.example.com";
  CHECK(Asking(world, access).ask().trouble.find("certificate is not good for other.example.com: ") !=
        std::string::npos);
  access.server_name = "";  // the address, which the certificate does not have
  CHECK(Asking(world, access).ask().trouble.find("certificate is not good for 127.0.0.1: ") != std::string::npos);
  access.server_name = "kubernetes.default.svc";
  access.authorities_pem = make_certificate("kubernetes.default.svc").chain;
  CHECK(Asking(world, access).ask().status == 0);
  access.verify = false;
  CHECK(Asking(world, access).ask().ok());
}

TEST_CASE("certificates that cannot be read are a trouble with words") {
  ApiWorld world(over_tls({"a"}));
  ApiAccess access = world.access();
  access.authorities_file = "/nonexistent/ca.crt";
  CHECK(Asking(world, access).ask().trouble.starts_with("/nonexistent/ca.crt: "));
  access.authorities_file = "";
  access.authorities_pem = "nonsense";
  CHECK(Asking(world, access).ask().trouble.starts_with("the certificate authority of the API server: "));
}

TEST_CASE("a token file is read again when the server does not take the token") {
  FakeApi::Options server;
  server.token = "one";
  ApiWorld world(server);
  ManifestFolder folder;
  folder.write("token", "one\n");
  ApiAccess access = world.access();
  access.user.token_file = folder.file("token").string();
  Asking asking(world, access);
  CHECK(asking.ask().ok());
  world.api.options().token = "two";
  folder.write("token", "two\n");
  CHECK(asking.ask().ok());
  CHECK(world.api.calls().size() == 3);
  world.api.options().token = "three";
  CHECK(asking.ask().status == 401);
}

TEST_CASE("watches, too, get new credentials when the old ones are not taken any more") {
  FakeApi::Options server;
  server.token = "one";
  ApiWorld world(server);
  world.put_site();
  ManifestFolder folder;
  folder.write("token", "one");
  ApiAccess access = world.access();
  access.user.token_file = folder.file("token").string();
  world.start(access);
  world.run_until([&] { return world.source().complete(); });
  world.api.options().token = "two";
  folder.write("token", "two");
  world.api.end_watches("ingresses");
  world.put_ingress("later", "later.example.com");
  world.run_until([&] { return world.has("Ingress default/later"); });
  CHECK(world.lists("Ingress") == 1);
}

std::string script(ManifestFolder& folder, const std::string& text) {
  folder.write("plugin", "#!/bin/sh\n" + text);
  ::chmod(folder.file("plugin").c_str(), 0700);
  return folder.file("plugin").string();
}

TEST_CASE("a credential plug-in is run once, and again when its answer is not taken") {
  FakeApi::Options server;
  server.token = "t-1";
  ApiWorld world(server);
  ManifestFolder folder;
  ApiAccess access = world.access();
  access.user.exec = controller::ExecPlugin{"client.authentication.k8s.io/v1", "", {"x"}, {{"KEY", "v"}}, "", true};
  access.user.exec->command = script(folder, fmt::format(R"(cd {}
echo run >> runs; n=$(wc -l < runs); n=$((n))
[ "$1$KEY" = xv ] || exit 3
echo "$KUBERNETES_EXEC_INFO" > seen
echo '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"t-'$n'"}}}}'
)",
                                                         folder.path().string()));
  Asking asking(world, access);
  CHECK(asking.ask().ok());
  CHECK(asking.ask().ok());
  CHECK(world.api.calls().back().authorization == "Bearer t-1");
  world.api.options().token = "t-2";
  CHECK(asking.ask().ok());
  CHECK(world.api.calls().back().authorization == "Bearer t-2");
}

TEST_CASE("a plug-in that fails, is not there or prints nonsense is a trouble with words") {
  ApiWorld world;
  ManifestFolder folder;
  ApiAccess access = world.access();
  access.user.exec = controller::ExecPlugin{"client.authentication.k8s.io/v1", "", {}, {}, "get it there", false};
  const auto trouble = [&](const std::string& command) {
    access.user.exec->command = command;
    return Asking(world, access).ask().trouble;
  };
  CHECK(trouble("/nonexistent/plugin").find("No such file or directory; get it there") != std::string::npos);
  CHECK(trouble(script(folder, "exit 7\n")).ends_with("it ended with status 7"));
  CHECK(trouble(script(folder, "echo '{}'\n")).find("kind must be ExecCredential") != std::string::npos);
  CHECK(trouble(script(folder, "yes\n")).ends_with("it printed more than 1 MiB"));
  CHECK(world.api.calls().empty());
}

TEST_CASE("a plug-in that does not end is killed") {
  ManifestFolder folder;
  boost::asio::io_context loop;
  controller::ExecPlugin plugin{"client.authentication.k8s.io/v1", script(folder, "sleep 1000\n"), {}, {}, "", false};
  std::string trouble;
  const controller::ExecRun run(
      loop, plugin, ApiAccess{}, [&](const auto& answer) { trouble = answer.error().message(); }, 50ms);
  loop.run();
  CHECK(trouble.ends_with("it does not end; it was killed"));
}

TEST_CASE("an exec answer is read with its expiry, and refused where it says nothing") {
  const std::string api = "client.authentication.k8s.io/v1";
  const auto answer = [&](const std::string& status) {
    return controller::parse_exec_answer(
        fmt::format("{{\"apiVersion\":\"{}\",\"kind\":\"ExecCredential\",\"status\":{{{}}}}}", api, status), api);
  };
  const auto good = answer("\"token\":\"t\",\"expirationTimestamp\":\"2024-05-01T12:00:00Z\"");
  REQUIRE(good.has_value());
  CHECK(good->token == "t");
  CHECK(good->expires == std::chrono::sys_seconds(std::chrono::seconds(1714564800)));
  for (const char* bad :
       {"", "\"clientKeyData\":\"k\"", "\"token\":\"t\",\"expirationTimestamp\":\"soon\"", "\"token\":7"})
    CHECK(answer(bad).has_error());
  CHECK(controller::parse_exec_answer("", api).has_error());
  CHECK(controller::parse_exec_answer("[]", api).has_error());
}

TEST_CASE("lines are found wherever the pieces of a stream end") {
  const std::string text = "one\ntwo\r\n\nthree\nrest";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    controller::LineSplitter lines(100);
    std::string got;
    for (size_t at = 0; at < text.size(); at += piece)
      CHECK(lines.push(std::string_view(text).substr(at, piece), [&](std::string_view line) {
        got += "[" + std::string(line) + "]";
        return true;
      }));
    CHECK(got == "[one][two][three]");
    CHECK(lines.in_line());
  }
  controller::LineSplitter narrow(4);
  const auto none = [](std::string_view) { return true; };
  CHECK(narrow.push("abcd\nabc", none));
  CHECK_FALSE(narrow.push("de", none));
}

TEST_CASE("an answer that is larger than allowed is no answer") {
  ApiWorld world;
  for (int i = 0; i < 100; ++i) world.api.cluster().put("services", "a", fmt::format("s{}", i), service_json("a", "s"));
  base::SystemClock clock;
  ApiClient client(world.loop, world.access(), clock);
  std::optional<ApiAnswer> got;
  client.request({.target = "/api/v1/services", .answer_bytes_max = 1000}, [&](ApiAnswer answer) { got = answer; });
  while (!got) world.loop.run_one();
  CHECK(got->too_large);
  CHECK_FALSE(got->ok());
}

}  // namespace
}  // namespace narthex::test
