// A cluster of any size as text: Ingresses, each with a Service and an EndpointSlice of its own, and Secrets, written
// as a real API server writes them (managedFields and kubectl's copy of the manifest are half of it). Objects are
// rendered when they are sent; kept is only what has changed since the start, as numbers. Owned by bench/control.cc.
// THREAD: any for reading; changes under the lock of the API server (cluster_api.h).
//
//   Ingress i    namespace team-(i mod 200), host app-i.example.com, paths /api/v0 and /static; every hundredth with
//   TLS slice i      two pods at addresses of 10.0.0.0/8 that no other slice has
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::bench {

enum class Kind : uint8_t { ingress, ingress_class, service, endpoint_slice, secret };
inline constexpr size_t kKinds = 5;

class Cluster final {
 public:
  // `certificate` and `key` are base64 of PEM, for the TLS Secrets; empty: there is no TLS.
  Cluster(size_t ingresses, uint16_t backend_port, std::string certificate, std::string key);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  size_t count(Kind kind) const;
  // The object as JSON on one line, as of now.
  std::string render(Kind kind, size_t index) const;
  uint64_t version() const { return version_; }

  // Each is a change: the object has another version afterwards.
  void move_pods(size_t slice);      // all pods of it get other addresses
  void change_path(size_t ingress);  // /api/v0 becomes /api/v1, and so on
  void change_host(size_t ingress);  // app-7.example.com becomes app-7-1.example.com, and so on
  size_t add_ingress();              // with the Service of another one; its index

  // What is to be seen from outside.
  std::string host(size_t ingress) const;
  std::string path(size_t ingress) const;
  // Does the address belong to a pod of this slice, as it is now?
  bool is_pod_of(size_t slice, const std::string& address) const;

 private:
  struct State {
    uint64_t ingress_version = 1, slice_version = 1;
    uint32_t pods = 0, path = 0, host = 0;
  };
  std::string pod(size_t slice, uint32_t which) const;
  std::string ingress(size_t index) const;
  std::string service(size_t index) const;
  std::string slice(size_t index) const;
  std::string secret(size_t index) const;

  const size_t services_;
  const uint16_t backend_port_;
  const std::string certificate_, key_;
  uint64_t version_ = 1;
  std::vector<State> states_;  // by Ingress
};

}  // namespace narthex::bench
