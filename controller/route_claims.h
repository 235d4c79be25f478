// What makes two paths of a host the same, and how findings name them: for those who claim routes and those who join them. Pure; any
// thread.
#pragma once

#include <string>
#include <utility>

#include "config/objects.h"
#include "router/host_routes.h"

namespace narthex::controller {

using ClaimKey = std::pair<std::string, router::PathType>;

inline router::PathType route_type(config::PathType type) {
  return type == config::PathType::exact ? router::PathType::exact : router::PathType::prefix;
}

// Prefix /a and /a/ match the same requests, so they are one claim.
inline ClaimKey claim_key(std::string path, router::PathType type) {
  while (type == router::PathType::prefix && path.size() > 1 && path.back() == '/') path.pop_back();
  return {std::move(path), type};
}

inline std::string to_text(const ClaimKey& key) {
  return (key.second == router::PathType::exact ? "Exact " : "Prefix ") + key.first;
}

inline std::string host_name(const std::string& host) {
  return host.empty() ? "requests without a host of their own" : "host " + host;
}

}  // namespace narthex::controller
