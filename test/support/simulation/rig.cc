#include "test/support/simulation/rig.h"

#include "base/check.h"
#include "base/hash.h"
#include "router/snapshot.h"
#include "test/support/certificates.h"
#include "tls/sni_index.h"

namespace narthex::simulation {
namespace {

constexpr uint16_t kPodPort = 8080;
// Longer than any chain of time-outs: two attempts with every upstream one, and what lingers after them.
constexpr std::chrono::minutes kLong{10};

std::string pod_address(int index) { return "10.0.0." + std::to_string(index + 1); }

std::shared_ptr<const router::HostRoutes> host_to(const std::string& host, router::BackendSlot slot) {
  router::HostSpec spec;
  spec.host = host;
  router::RouteSpec& route = spec.routes.emplace_back();
  route.path = "/";
  route.backend = slot;
  return router::HostRoutes::compile(spec);
}

// Made once: a key pair costs more than a scenario.
std::shared_ptr<const tls::Certificate> certificate() {
  static const std::shared_ptr<const tls::Certificate> made = [] {
    test::CertificateSpec spec;
    spec.names = {"example.com"};
    const test::PemPair pem = test::make_certificate(spec);
    return *tls::Certificate::parse(pem.chain, pem.key);
  }();
  return made;
}

std::shared_ptr<const router::Snapshot> snapshot(int pods) {
  const auto backend = [](const std::string& name) {
    auto made = std::make_shared<router::Backend>();
    made->name = name;
    made->identity = base::hash(name);
    return made;
  };
  auto made = std::make_shared<router::Snapshot>();
  auto site = std::make_shared<router::SitePolicy>();
  site->route.body_bytes_max = 0;
  made->site = std::move(site);
  made->generation = 1;
  made->hosts.set(host_to("example.com", 0));
  made->hosts.set(host_to("empty.example.com", 1));
  const auto web = backend("default/web:80");
  for (int i = 0; i < pods; ++i) web->endpoints.push_back(*router::make_endpoint(pod_address(i), kPodPort));
  made->backends.set(0, web);
  made->backends.set(1, backend("default/empty:80"));
  auto certificates = std::make_shared<tls::SniIndex>();
  certificates->set_default({certificate()});
  made->certificates = std::move(certificates);
  return made;
}

}  // namespace

Rig::Rig(int pods) {
  const auto greet = [this](Peer& peer) {
    upstreams_.push_back(&peer);
    if (greeting_) greeting_(peer);
    peer.on_change = [this](Peer& changed) {
      if (handler_) handler_(changed);
    };
  };
  for (int i = 0; i < pods; ++i) kernel_.serve(pod_address(i), kPodPort, greet);
  // The log goes nowhere, but its lines are made: they look at all that an exchange leaves behind.
  auto server = proxy::Server::start(
      {.bind_address = "127.0.0.1", .http_port = 0, .https_port = 0, .workers = 1, .access_log = "/dev/null"},
      kernel_.clock());
  base::check(server.has_value(), "the server starts");
  server_ = std::move(*server);
  server_->publish(snapshot(pods));
  kernel_.start();
  settle();
}

Rig::~Rig() {
  kernel_.set_fate(nullptr);
  kernel_.release();
}

std::string Rig::leftovers() {
  kernel_.finish_clients();
  pass(kLong);
  const proxy::Totals now = totals();
  std::string text;
  const auto tell = [&text](const char* what, uint64_t count) {
    if (count != 0) text += std::to_string(count) + " " + what + "; ";
  };
  tell("connections not closed", kernel_.open_connections());
  tell("clients counted as open", now.client_connections_open);
  tell("upstreams counted as idle", now.upstream_idle);
  tell("tunnels counted as open", now.tunnels_open);
  if (kernel_.spins()) text += "the worker spins; ";
  return text;
}

void Rig::forget() {
  kernel_.forget_peers();
  upstreams_.clear();
}

}  // namespace narthex::simulation
