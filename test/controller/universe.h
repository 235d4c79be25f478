// Random objects of a small world, where few names make conflicts and broken references likely. A resource of one test.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "controller/change.h"
#include "controller/resolved_name.h"

namespace narthex::test {

class Universe final {
 public:
  explicit Universe(uint64_t seed) : random_(seed) {}
  Universe(const Universe&) = delete;
  Universe& operator=(const Universe&) = delete;

  // An object comes, changes or goes; remembered in current().
  controller::Change next();
  // An answer of the DNS; remembered in names().
  controller::NameChange next_name();
  controller::NameChanges names() const;
  // The objects that there are now, in random order.
  controller::Changes shuffled();
  size_t below(size_t bound) { return random_() % bound; }

 private:
  bool one_in(size_t chances) { return below(chances) == 0; }
  const std::string& pick(const std::vector<std::string>& words) { return words[below(words.size())]; }
  config::ObjectKey key(const std::vector<std::string>& names);
  config::Object object();
  config::Ingress ingress();
  void add_canary(config::Ingress& ingress);
  void add_rules(config::Ingress& ingress);
  void add_tls(config::Ingress& ingress);
  config::IngressBackend backend();
  config::IngressClass ingress_class();
  config::Service service();
  config::EndpointSlice slice();
  config::Endpoints endpoints();
  config::Secret secret();
  std::vector<config::EndpointAddress> addresses();

  std::mt19937_64 random_;
  std::map<config::ObjectRef, config::Object> current_;
  std::map<std::string, controller::ResolvedName> resolved_;
};

}  // namespace narthex::test
