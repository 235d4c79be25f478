// The objects of a made-up API server: a set with versions, lists in pages, and the events since. No I/O and no HTTP,
// so that it can stand behind anything. Owned by the test. THREAD: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace narthex::test {

struct FakeEvent {
  std::string type;  // "ADDED"
  uint64_t version = 0;
  std::string ns, object;  // its JSON
};

// What a client asks about.
struct FakeScope {
  std::string plural, ns;                      // "ingresses"; no namespace: all
  std::string field_selector, label_selector;  // metadata.name=x, type!=x; key=value
};

struct FakeListing {
  std::vector<const std::string*> items;  // VALID UNTIL: the next change
  uint64_t version = 0;
  std::string next;   // the token of the next page; empty: the last one
  bool gone = false;  // the token is of a version that was compacted away
};

class FakeCluster final {
 public:
  // `json` is the object with "$V" where its version belongs. An object of that name is replaced.
  void put(const std::string& plural, const std::string& ns, const std::string& name, std::string json);
  void erase(const std::string& plural, const std::string& ns, const std::string& name);
  // No objects, and no events of their end: a server that came back with an empty store.
  void lose_everything();
  // Versions before now are forgotten.
  void compact() { oldest_ = version_; }
  // Events are no longer kept, so that the memory of a test is not theirs.
  void forget_events();
  // Something else in the cluster was changed.
  void age(uint64_t versions) { version_ += versions; }

  uint64_t version() const { return version_; }
  uint64_t oldest() const { return oldest_; }
  size_t count(const std::string& plural) const;
  FakeListing list(const FakeScope& scope, size_t limit, const std::string& token) const;
  // After that version.
  std::vector<FakeEvent> events_since(const FakeScope& scope, uint64_t version) const;
  // Called with the plural of whatever changes.
  std::function<void(const std::string& plural)> on_change = [](const std::string&) {};

 private:
  struct Kind {
    std::map<std::pair<std::string, std::string>, std::string> objects;  // by namespace and name
    std::deque<FakeEvent> events;
  };

  void note(Kind& kind, const char* type, const std::string& ns, std::string object);

  std::map<std::string, Kind> kinds_;
  uint64_t version_ = 100, oldest_ = 0;
};

// JSON objects with "$V" for the cluster above.
std::string ingress_json(const std::string& ns, const std::string& name, const std::string& host,
                         const std::string& secret = "");
std::string ingress_class_json(const std::string& name, const std::string& controller = "k8s.io/ingress-nginx");
std::string service_json(const std::string& ns, const std::string& name);
std::string slice_json(const std::string& ns, const std::string& service, const std::string& address, uint16_t port);
std::string endpoints_json(const std::string& ns, const std::string& service, const std::string& address,
                           uint16_t port);
// `files`: name to bytes.
std::string secret_json(const std::string& ns, const std::string& name, const std::string& type,
                        const std::map<std::string, std::string>& files = {});
// With the label of its own name.
std::string namespace_json(const std::string& name, const std::string& label);
// {"kind":"Status",...}
std::string status_json(int code, const std::string& reason, const std::string& message);

}  // namespace narthex::test
