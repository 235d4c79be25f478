#include "controller/store.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "config/annotations.h"

namespace narthex::controller {
namespace {

constexpr const char* kClassAnnotation = "kubernetes.io/ingress.class";
// A copy of the whole object that kubectl leaves; nothing reads it.
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

std::string annotation(const config::Meta& meta, const std::string& name) {
  const auto found = meta.annotations.find(name);
  return found == meta.annotations.end() ? "" : found->second;
}

bool is_true(std::string_view text) {  // Go's ParseBool, as ingress-nginx reads booleans
  for (std::string_view yes : {"1", "t", "T", "true", "True", "TRUE"}) {
    if (text == yes) return true;
  }
  return false;
}

void strip(config::Meta& meta) {
  meta.labels.clear();
  meta.annotations.clear();
}

// Never a reference to a temporary: the empty answer of a look-up that found nothing.
template <typename Map, typename Key>
const typename Map::mapped_type& find_or_empty(const Map& map, const Key& key) {
  static const typename Map::mapped_type kEmpty{};
  const auto found = map.find(key);
  return found == map.end() ? kEmpty : found->second;
}

// Adds a member to the set under `key` or takes it away; no empty sets stay.
template <typename Map, typename Key, typename Member>
void change_member(Map& map, const Key& key, const Member& member, bool add) {
  if (add) {
    map[key].insert(member);
    return;
  }
  const auto found = map.find(key);
  if (found == map.end()) return;
  found->second.erase(member);
  if (found->second.empty()) map.erase(found);
}

}  // namespace

bool Dirty::empty() const {
  return ingresses.empty() && hosts.empty() && backends.empty() && secrets.empty() && certificate_hosts.empty();
}

bool ByAge::operator()(const config::Ingress* a, const config::Ingress* b) const {
  const auto time = [](const config::Ingress* ingress) {
    return ingress->meta.creation_time.value_or(std::chrono::sys_seconds::max());
  };
  return std::tuple(time(a), std::tie(a->meta.key)) < std::tuple(time(b), std::tie(b->meta.key));
}

void Store::apply(Change change) {
  if (change.object) {
    std::visit([this](auto&& object) { put(std::move(object)); }, std::move(*change.object));
  } else {
    remove(change.ref);
  }
  if (taken_) return;
  // All of it, as long as nothing has been taken: mark_all finds it in the indexes.
  dirty_.ingresses.clear();
  dirty_.hosts.clear();
  dirty_.backends.clear();
  dirty_.certificate_hosts.clear();
}

void Store::apply_name(NameChange change) {
  const ResolvedName* before = resolved(change.name);
  if (change.resolved ? before && *before == *change.resolved : !before) return;
  if (change.resolved) {
    resolved_.insert_or_assign(change.name, std::move(*change.resolved));
  } else {
    resolved_.erase(change.name);
  }
  for (const config::ObjectKey& service : find_or_empty(services_of_name_, change.name)) mark_backends(service);
}

Dirty Store::take_dirty() {
  if (!std::exchange(taken_, true)) mark_all();
  return std::exchange(dirty_, {});
}

void Store::touch_ingresses() {
  ingresses_.for_each([this](const IngressEntry& entry) { dirty_.ingresses.insert(entry.object.meta.key); });
  for (const auto& [host, users] : ingresses_of_host_) dirty_.hosts.insert(host);
  for (const auto& [host, users] : ingresses_of_other_host_) dirty_.hosts.insert(host);
  for (const auto& [host, users] : canaries_of_host_) dirty_.hosts.insert(host);
}

void Store::mark_all() {
  touch_ingresses();
  for (const auto& [host, users] : ingresses_of_certificate_host_) dirty_.certificate_hosts.insert(host);
  touch_backends();
}

void Store::touch_secret(const config::ObjectKey& key) {
  if (!uses_secret(key)) return;
  dirty_.secrets.insert(key);
  for (const config::Ingress* user : find_or_empty(ingresses_of_secret_, key)) {
    dirty_.ingresses.insert(user->meta.key);
    dirty_.certificate_hosts.merge(certificate_hosts_of(*user));
  }
}

void Store::touch_backends() {
  for (const auto& [service, ports] : used_ports_)
    for (const auto& [port, users] : ports) dirty_.backends.insert({service, port});
}

void Store::pin_backend(const BackendKey& key) {
  used_ports_[key.service][key.port];
  pinned_backends_.insert(key);
  dirty_.backends.insert(key);
}

void Store::pin_secret(const config::ObjectKey& key) {
  pinned_secrets_.insert(key);
  touch_secret(key);
}

const config::Ingress* Store::ingress(const config::ObjectKey& key) const {
  const IngressEntry* entry = ingresses_.find(key);
  return entry ? &entry->object : nullptr;
}

Standing Store::standing(const config::ObjectKey& key) const {
  const IngressEntry* entry = ingresses_.find(key);
  return entry ? entry->standing : Standing::foreign;
}

const config::Service* Store::service(const config::ObjectKey& key) const { return services_.find(key); }
const config::Endpoints* Store::endpoints(const config::ObjectKey& key) const { return endpoints_.find(key); }
const config::Secret* Store::secret(const config::ObjectKey& key) const { return secrets_.find(key); }

const SlicesByName& Store::slices_of(const config::ObjectKey& service) const {
  return find_or_empty(slices_of_service_, service);
}

const ResolvedName* Store::resolved(const std::string& name) const {
  const auto found = resolved_.find(name);
  return found == resolved_.end() ? nullptr : &found->second;
}

const IngressesByAge& Store::ingresses_of_host(const std::string& host) const {
  return find_or_empty(ingresses_of_host_, host);
}

const IngressesByAge& Store::ingresses_of_certificate_host(const std::string& host) const {
  return find_or_empty(ingresses_of_certificate_host_, host);
}

const IngressesByAge& Store::ingresses_of_other_host(const std::string& host) const {
  return find_or_empty(ingresses_of_other_host_, host);
}

const IngressesByAge& Store::canaries_of_host(const std::string& host) const {
  return find_or_empty(canaries_of_host_, host);
}

bool Store::uses_backend(const BackendKey& key) const {
  return find_or_empty(used_ports_, key.service).contains(key.port);
}

bool Store::uses_secret(const config::ObjectKey& key) const {
  return ingresses_of_secret_.contains(key) || pinned_secrets_.contains(key);
}

bool Store::uses_service(const config::ObjectKey& key) const {
  return used_ports_.contains(key);
}

bool Store::uses_name(const std::string& name) const {
  const std::set<config::ObjectKey>& services = find_or_empty(services_of_name_, name);
  return std::any_of(services.begin(), services.end(), [this](const auto& key) { return uses_service(key); });
}

void Store::put(config::Ingress object) {
  object.meta.labels.clear();
  object.meta.annotations.erase(kLastApplied);
  object.other_hosts = other_hosts_of(object, config::decode_host_options(object.meta, rules_.annotations_prefix));
  const config::ObjectKey key = object.meta.key;
  Standing before = Standing::foreign;
  if (IngressEntry* const found = ingresses_.find(key)) {
    // Its status is written by whoever leads: it is no change of what is served.
    if (found->object.addresses != object.addresses) touches_[key];
    found->object.addresses = object.addresses;
    if (found->object == object) return;
    index_class(found->object, false);
    index(found->object, found->standing, false);
    before = found->standing;
  }
  const Standing standing = judge(object);
  touch(key, before, standing).changed = true;
  const IngressEntry& entry = ingresses_.put({std::move(object), standing});
  index_class(entry.object, true);
  index(entry.object, entry.standing, true);
  dirty_.ingresses.insert(key);
}

void Store::put(config::IngressClass object) {
  strip(object.meta);
  const config::ObjectKey key = object.meta.key;
  const auto found = classes_.find(key.name);
  if (found != classes_.end() && found->second == object) return;
  classes_[key.name] = std::move(object);
  class_changed(key);
}

void Store::put(config::Namespace object) {
  if (namespaces_.insert(object.meta.key.name).second) namespace_changed(object.meta.key.name);
}

void Store::put(config::Service object) {
  strip(object.meta);
  const config::ObjectKey key = object.meta.key;
  const config::Service* before = service(key);
  if (before && *before == object) return;
  mark_findings(key, before, &object);
  if (before) index_name(*before, false);
  index_name(object, true);
  services_.put(std::move(object));
  mark_backends(key);
}

void Store::put(config::EndpointSlice object) {
  strip(object.meta);
  const config::ObjectKey key = object.meta.key;
  const config::EndpointSlice* const before = slices_.find(key);
  if (before && *before == object) return;
  remove_slice(key);
  const config::ObjectKey service{key.ns, object.service};
  slices_of_service_[service].insert(&slices_.put(std::move(object)));
  mark_backends(service);
}

void Store::put(config::Endpoints object) {
  strip(object.meta);
  const config::ObjectKey key = object.meta.key;
  const config::Endpoints* before = endpoints(key);
  if (before && *before == object) return;
  endpoints_.put(std::move(object));
  mark_backends(key);
}

void Store::put(config::Secret object) {
  strip(object.meta);
  for (auto& [name, bytes] : object.data) {
    if (name != "tls.crt" && name != "tls.key") std::string().swap(bytes);
  }
  const config::ObjectKey key = object.meta.key;
  const config::Secret* before = secret(key);
  if (before && *before == object) return;
  secrets_.put(std::move(object));
  touch_secret(key);
}

void Store::put(config::ConfigMap object) {
  strip(object.meta);
  if (object.meta.key != settings_key_ || settings_ == object) return;
  settings_ = std::move(object);
  dirty_.settings = true;
}

void Store::remove(const config::ObjectRef& ref) {
  const config::ObjectKey key{ref.ns, ref.name};
  if (ref.kind == config::Ingress::kKind) {
    const IngressEntry* const found = ingresses_.find(key);
    if (!found) return;
    index_class(found->object, false);
    index(found->object, found->standing, false);
    ingresses_.erase(key);
    touches_.erase(key);  // nothing is left to be written to
    dirty_.ingresses.insert(key);
  } else if (ref.kind == config::IngressClass::kKind) {
    if (classes_.erase(key.name) != 0) class_changed(key);
  } else if (ref.kind == config::Namespace::kKind) {
    if (namespaces_.erase(key.name) != 0) namespace_changed(key.name);
  } else if (ref.kind == config::Service::kKind) {
    const config::Service* before = service(key);
    if (!before) return;
    mark_findings(key, before, nullptr);
    index_name(*before, false);
    services_.erase(key);
    mark_backends(key);
  } else if (ref.kind == config::EndpointSlice::kKind) {
    remove_slice(key);
  } else if (ref.kind == config::Endpoints::kKind) {
    if (endpoints_.erase(key)) mark_backends(key);
  } else if (ref.kind == config::Secret::kKind) {
    if (secrets_.erase(key)) touch_secret(key);
  } else if (ref.kind == config::ConfigMap::kKind && key == settings_key_ && settings_) {
    settings_.reset();
    dirty_.settings = true;
  }
}

void Store::remove_slice(const config::ObjectKey& key) {
  const config::EndpointSlice* const found = slices_.find(key);
  if (!found) return;
  const config::ObjectKey service{key.ns, found->service};
  const auto slices = slices_of_service_.find(service);
  slices->second.erase(found);
  if (slices->second.empty()) slices_of_service_.erase(slices);
  slices_.erase(key);
  mark_backends(service);
}

Standing Store::judge(const config::Ingress& ingress) const {
  const Standing standing = judge_class(ingress);
  if (standing != Standing::served) return standing;
  const std::string canary = annotation(ingress.meta, rules_.annotations_prefix + "/canary");
  return is_true(base::trim(canary)) ? Standing::canary : Standing::served;
}

// spec.ingressClassName first, then the old annotation, then what is said for Ingresses without class.
Standing Store::judge_class(const config::Ingress& ingress) const {
  if (rules_.only_known_namespaces && !namespaces_.contains(ingress.meta.key.ns)) return Standing::foreign;
  if (ingress.class_name && !ingress.class_name->empty()) {
    const auto found = classes_.find(*ingress.class_name);
    if (found != classes_.end()) return is_our_class(found->second) ? Standing::served : Standing::foreign;
    // Manifests often come without the IngressClass object, which belongs to whoever installs the controller.
    return *ingress.class_name == rules_.ingress_class ? Standing::served : Standing::unknown_class;
  }
  const std::string old = annotation(ingress.meta, kClassAnnotation);
  if (!old.empty()) return old == rules_.ingress_class ? Standing::served : Standing::foreign;
  if (rules_.watch_ingress_without_class) return Standing::served;
  for (const auto& [name, ingress_class] : classes_) {
    if (ingress_class.is_default && is_our_class(ingress_class)) return Standing::served;
  }
  return Standing::foreign;
}

bool Store::is_our_class(const config::IngressClass& ingress_class) const {
  return ingress_class.controller == rules_.controller_class ||
         (rules_.ingress_class_by_name && ingress_class.meta.key.name == rules_.ingress_class);
}

void Store::class_changed(const config::ObjectKey& key) {
  judge_again(find_or_empty(ingresses_of_class_, key.name));
  judge_again(find_or_empty(ingresses_of_class_, std::string()));
}

void Store::namespace_changed(const std::string& name) { judge_again(find_or_empty(ingresses_of_namespace_, name)); }

void Store::judge_again(const Ingresses& ingresses) {
  for (const config::Ingress* ingress : ingresses) {
    const config::ObjectKey& key = ingress->meta.key;
    IngressEntry& entry = *ingresses_.find(key);
    const Standing standing = judge(entry.object);
    if (standing == entry.standing) continue;
    index(entry.object, entry.standing, false);
    index(entry.object, standing, true);
    touch(key, std::exchange(entry.standing, standing), standing);
    dirty_.ingresses.insert(key);
  }
}

Touch& Store::touch(const config::ObjectKey& key, Standing before, Standing after) {
  Touch& touched = touches_[key];
  touched.lost = touched.lost || (is_ours(before) && !is_ours(after));
  touched.changed = touched.changed || (!is_ours(before) && is_ours(after));
  return touched;
}

void Store::index_class(const config::Ingress& ingress, bool add) {
  if (rules_.only_known_namespaces) {
    change_member(ingresses_of_namespace_, ingress.meta.key.ns, &ingress, add);
  }
  const std::string name = ingress.class_name.value_or("");
  if (name.empty() && !annotation(ingress.meta, kClassAnnotation).empty()) return;  // depends on no class object
  change_member(ingresses_of_class_, name, &ingress, add);
}

void Store::index(const config::Ingress& ingress, Standing standing, bool add) {
  if (!is_ours(standing)) return;
  const bool canary = standing == Standing::canary;
  for (const std::string& host : hosts_of(ingress)) {
    change_member(canary ? canaries_of_host_ : ingresses_of_host_, host, &ingress, add);
    mark_host(host);
  }
  index_backends(ingress, add);
  if (canary) return;
  for (const std::string& host : ingress.other_hosts) {
    change_member(ingresses_of_other_host_, host, &ingress, add);
    dirty_.hosts.insert(host);
  }
  index_certificates(ingress, add);
}

// Its aliases have the same routes.
void Store::mark_host(const std::string& host) {
  dirty_.hosts.insert(host);
  for (const config::Ingress* user : ingresses_of_host(host)) dirty_.hosts.insert(user->other_hosts.begin(), user->other_hosts.end());
}

void Store::index_backends(const config::Ingress& ingress, bool add) {
  for (const BackendKey& key : backends_of(ingress)) {
    UsedPorts& ports = used_ports_[key.service];
    IngressesByAge& users = ports[key.port];
    const bool was_unused = users.empty();
    if (add) {
      users.insert(&ingress);
    } else {
      users.erase(&ingress);
    }
    // One user more or less changes nothing about the backend itself.
    if (was_unused || users.empty()) {
      dirty_.backends.insert(key);
      mark_name_of(key.service);
    }
    if (users.empty() && !pinned_backends_.contains(key)) ports.erase(key.port);
    if (ports.empty()) used_ports_.erase(key.service);
  }
}

void Store::index_certificates(const config::Ingress& ingress, bool add) {
  std::set<std::string> hosts = certificate_hosts_of(ingress);
  for (const std::string& host : hosts) {
    change_member(ingresses_of_certificate_host_, host, &ingress, add);
    if (ingresses_of_host_.contains(host)) mark_host(host);  // whether it has TLS counts for its redirects
  }
  dirty_.certificate_hosts.merge(hosts);
  std::set<config::ObjectKey> secrets = secrets_of(ingress);
  for (const config::ObjectKey& secret : secrets) {
    change_member(ingresses_of_secret_, secret, &ingress, add);
  }
  dirty_.secrets.merge(secrets);
}

void Store::mark_backends(const config::ObjectKey& service) {
  for (const auto& [port, users] : find_or_empty(used_ports_, service)) dirty_.backends.insert({service, port});
  if (service != api_server_service()) return;
  // No name may lead to the API server, so all of them are looked at again. That happens when a control plane is
  // rebuilt.
  for (const auto& [name, services] : services_of_name_) {
    for (const config::ObjectKey& key : services) {
      if (key != service) mark_backends(key);
    }
  }
}

void Store::index_name(const config::Service& service, bool add) {
  const std::optional<std::string> name = name_of(service);
  if (!name) return;
  change_member(services_of_name_, *name, service.meta.key, add);
  dirty_.names.insert(*name);
}

void Store::mark_name_of(const config::ObjectKey& key) {
  const config::Service* found = service(key);
  const std::optional<std::string> name = found ? name_of(*found) : std::nullopt;
  if (name) dirty_.names.insert(*name);
}

void Store::mark_findings(const config::ObjectKey& key, const config::Service* before, const config::Service* after) {
  for (const auto& [port, users] : find_or_empty(used_ports_, key)) {
    const PortMatch was = find_port(before, port).match;
    const PortMatch is = find_port(after, port).match;
    // What is said about the other two names the Service's ports, which may have changed.
    const bool says_ports = is == PortMatch::no_port || is == PortMatch::by_target || is == PortMatch::external_name;
    if (was == is && !says_ports) continue;
    for (const config::Ingress* user : users) dirty_.ingresses.insert(user->meta.key);
  }
}

}  // namespace narthex::controller
