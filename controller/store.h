// The store: the objects that the control plane believes in now, who refers to whom, what must be translated again.
// Owned by the Compiler. THREAD: control. VALID UNTIL: the next apply(), for all pointers and references given out.
// Only Ingresses that are ours (class rules) count in the indexes; others are kept, refer to nothing. Canaries refer to
// hosts and backends alone, and stand in an index of their own.
// LIMIT: of Secrets only tls.crt and tls.key are kept (and the names of other keys); labels are dropped everywhere.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "config/objects.h"
#include "controller/change.h"
#include "controller/few.h"
#include "controller/object_table.h"
#include "controller/references.h"
#include "controller/resolved_name.h"
#include "controller/standing.h"

namespace narthex::controller {

// What changed since the last take_dirty(), as keys of what has to be translated again.
struct Dirty {
  std::set<config::ObjectKey> ingresses;    // their own findings and policy
  std::set<std::string> hosts;              // routes
  std::set<BackendKey> backends;            // endpoints
  std::set<config::ObjectKey> secrets;      // certificates to parse or forget
  std::set<std::string> certificate_hosts;  // choice of certificates
  std::set<std::string> names;              // in use, or not any more; nothing to translate, so not in empty()
  bool settings = false;                    // the ConfigMap that the flags name
  bool empty() const;
};

// A name of the DNS that backends are in need of, or are not any more.
struct NameUse {
  std::string name;
  bool wanted = false;
};

// Oldest first, then namespace and name: who claims first. No creation time is younger than any.
struct ByAge {
  bool operator()(const config::Ingress* a, const config::Ingress* b) const;
};

struct ByName {
  bool operator()(const config::EndpointSlice* a, const config::EndpointSlice* b) const {
    return a->meta.key.name < b->meta.key.name;
  }
};

using IngressesByAge = Few<config::Ingress, ByAge>;
using SlicesByName = Few<config::EndpointSlice, ByName>;  // of one Service, so of one namespace
// In no order. May be all that there are, as of a class.
using Ingresses = std::unordered_set<const config::Ingress*>;

class Store final {
 public:
  explicit Store(ClassRules rules) : rules_(std::move(rules)) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // An object that equals the stored one makes nothing dirty. Kinds that nothing depends on are dropped.
  void apply(Change change);
  void apply_name(NameChange change);
  Dirty take_dirty();
  // Since the last call. LIMIT: as many as there were Ingresses meanwhile.
  Touches take_touches() { return std::exchange(touches_, {}); }
  // The certificate of this Secret has come to another time of its life: all that depends on it is dirty.
  void touch_secret(const config::ObjectKey& key);
  // All backends are dirty: a rule for them has changed.
  void touch_backends();
  // The same for all Ingresses and hosts.
  void touch_ingresses();
  // The settings may have changed since the last call. Apart from take_dirty(), because of what follows from it.
  bool take_settings_dirty() { return std::exchange(dirty_.settings, false); }
  // Keeps a backend or a Secret in use without an Ingress: the controller's own defaults.
  void pin_backend(const BackendKey& key);
  void pin_secret(const config::ObjectKey& key);
  // The ConfigMap with the settings: of all others nothing is kept.
  void pin_settings(const config::ObjectKey& key) { settings_key_ = key; }

  const ClassRules& rules() const { return rules_; }
  const config::Ingress* ingress(const config::ObjectKey& key) const;
  Standing standing(const config::ObjectKey& key) const;  // foreign where there is none
  const config::Service* service(const config::ObjectKey& key) const;
  const config::Endpoints* endpoints(const config::ObjectKey& key) const;
  const config::Secret* secret(const config::ObjectKey& key) const;
  // Null: there is no ConfigMap with settings.
  const config::ConfigMap* settings() const { return settings_ ? &*settings_ : nullptr; }
  // By name, so that endpoints and findings come in one order whatever happened first.
  const SlicesByName& slices_of(const config::ObjectKey& service) const;
  // Null: nothing has been heard of the name yet.
  const ResolvedName* resolved(const std::string& name) const;

  // Served Ingresses by what they refer to; hosts as in references.h.
  const IngressesByAge& ingresses_of_host(const std::string& host) const;
  const IngressesByAge& ingresses_of_certificate_host(const std::string& host) const;
  // Those that name it in an annotation.
  const IngressesByAge& ingresses_of_other_host(const std::string& host) const;
  const IngressesByAge& canaries_of_host(const std::string& host) const;
  // Is a backend or a Secret referred to (or pinned)?
  bool uses_backend(const BackendKey& key) const;
  bool uses_secret(const config::ObjectKey& key) const;
  bool uses_service(const config::ObjectKey& key) const;
  // Does a backend that is referred to need this name?
  bool uses_name(const std::string& name) const;
  size_t ingress_count() const { return ingresses_.size(); }
  // All of them, in no order: for what concerns them all, never for a single change.
  template <typename Take>  // take(const config::Ingress&, Standing)
  void for_each_ingress(Take take) const {
    ingresses_.for_each([&](const IngressEntry& entry) { take(entry.object, entry.standing); });
  }

 private:
  struct IngressEntry {
    config::Ingress object;
    Standing standing = Standing::foreign;
  };
  template <typename T>
  using ByKey = std::unordered_map<config::ObjectKey, T, KeyHash>;
  // The ports of a Service as Ingresses name them, and who does. A pinned one stays without users.
  using UsedPorts = std::map<std::string, IngressesByAge>;

  void mark_all();
  void put(config::Ingress object);
  void put(config::IngressClass object);
  void put(config::Service object);
  void put(config::EndpointSlice object);
  void put(config::Endpoints object);
  void put(config::Secret object);
  void put(config::ConfigMap object);
  void put(config::Namespace object);
  void remove(const config::ObjectRef& ref);
  void remove_slice(const config::ObjectKey& key);

  Standing judge(const config::Ingress& ingress) const;
  Standing judge_class(const config::Ingress& ingress) const;
  bool is_our_class(const config::IngressClass& ingress_class) const;
  void judge_again(const Ingresses& ingresses);
  void class_changed(const config::ObjectKey& key);
  void namespace_changed(const std::string& name);
  Touch& touch(const config::ObjectKey& key, Standing before, Standing after);
  void index_class(const config::Ingress& ingress, bool add);
  // Adds or takes away what an Ingress that is ours refers to, and marks all of it dirty.
  void index(const config::Ingress& ingress, Standing standing, bool add);
  void mark_host(const std::string& host);
  void index_backends(const config::Ingress& ingress, bool add);
  void index_certificates(const config::Ingress& ingress, bool add);
  void mark_backends(const config::ObjectKey& service);
  void index_name(const config::Service& service, bool add);
  void mark_name_of(const config::ObjectKey& service);
  // The Ingresses that have now something else to be told about a port of the Service.
  void mark_findings(const config::ObjectKey& key, const config::Service* before, const config::Service* after);

  ClassRules rules_;
  Dirty dirty_;
  Touches touches_;
  bool taken_ = false;  // before that everything is dirty, and is not written down object by object
  ObjectTable<IngressEntry> ingresses_;
  ObjectTable<config::Service> services_;
  ObjectTable<config::Endpoints> endpoints_;
  ObjectTable<config::EndpointSlice> slices_;
  ObjectTable<config::Secret> secrets_;
  std::map<std::string, config::IngressClass> classes_;  // few
  std::set<std::string> namespaces_;                     // that the selector chose

  std::unordered_map<std::string, Ingresses> ingresses_of_namespace_;  // only where namespaces are chosen
  std::unordered_map<std::string, Ingresses> ingresses_of_class_;  // "" for those that name none; all, not only ours
  std::unordered_map<std::string, IngressesByAge> ingresses_of_host_, ingresses_of_certificate_host_,
      canaries_of_host_;
  std::unordered_map<std::string, IngressesByAge> ingresses_of_other_host_;  // by alias or www twin
  ByKey<UsedPorts> used_ports_;  // by Service
  ByKey<IngressesByAge> ingresses_of_secret_;
  ByKey<SlicesByName> slices_of_service_;
  std::unordered_map<std::string, ResolvedName> resolved_;
  std::unordered_map<std::string, std::set<config::ObjectKey>> services_of_name_;  // in use or not
  std::set<BackendKey> pinned_backends_;
  std::set<config::ObjectKey> pinned_secrets_;
  std::optional<config::ObjectKey> settings_key_;
  std::optional<config::ConfigMap> settings_;
};

}  // namespace narthex::controller
