// An API server as the source of objects: a reflector for each kind in each scope, their changes put together into
// batches for the compiler. Owned by serve.cc or check. THREAD: control.
//
//   scopes     all namespaces, or each of --watch-namespace (then only namespaced calls are made, but for
//   IngressClass);
//              a default backend or certificate outside of them is watched by its name
//   complete   every part has been listed, or cannot be (403, 404) and can be done without; Ingresses, Services and
//              EndpointSlices must have been listed in one namespace at least. Secrets come last: which of them are
//              wanted is known then.
//   ConfigMap  the one with the settings, by its name
//   Endpoints  only where the server has no EndpointSlices
//   Secrets    those of type kubernetes.io/tls, and those that are in use; one that was left out and comes into use
//   later
//              is fetched alone (want). Helm's releases are never asked for.
//
// A batch holds everything that waited in this turn of the loop, whichever connection it came over.
// LIMIT: the names of objects are kept, and a hash for each Secret that was left out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/api/api_access.h"
#include "controller/api/reflector.h"
#include "controller/source.h"

namespace narthex::controller {

struct ApiSourceOptions {
  std::vector<std::string> namespaces;  // empty: all
  std::string namespace_selector;       // label selector; empty: none. Never beside namespaces
  std::optional<config::ObjectKey> default_backend_service, default_ssl_certificate, publish_service, config_map;
  ReflectorOptions reflector;
};

class ApiSource final : public Source {
 public:
  // Both are called from the loop, never from within start(). `deliver` gets an empty batch, too, when the source has
  // become complete. `uses_secret` is asked after everything before has been delivered.
  // REQUIRES: the loop and the clock outlive this; `deliver` does not destroy it.
  ApiSource(boost::asio::io_context& loop, ApiAccess access, ApiSourceOptions options, const base::Clock& clock,
            Deliver deliver, std::function<bool(const config::ObjectKey&)> uses_secret);
  ~ApiSource() override;
  ApiSource(const ApiSource&) = delete;
  ApiSource& operator=(const ApiSource&) = delete;

  void start();
  // For whoever writes to the API server.
  ApiClient& client();

  bool complete() const override;
  std::string waiting_for() const override;
  // Why the API server does not answer, as of now; empty where it does.
  std::string trouble() const;
  // Every part has been tried, and what was forbidden or is not there keeps it from being complete.
  bool stuck() const;
  std::vector<ObjectCount> object_counts() const override;
  ApiMetrics api_metrics() const override;
  void want(const std::vector<config::ObjectKey>& secrets) override;

 private:
  class Reading;
  std::shared_ptr<Reading> reading_;
};

}  // namespace narthex::controller
