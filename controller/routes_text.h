// The routing snapshot as text: golden files and the admin page /routes. One fact per line, sorted, so that a diff
// shows what changed. Pure; any thread (snapshots are frozen). The notation:
//
//   host *                                                       requests that no other host takes
//     prefix / -> default/web:80 (default/catch-all)             type, path, backend, (namespace/Ingress)
//   host shop.example.com
//     exact /login -> default/login:http (default/shop) affinity=cookie name=INGRESSCOOKIE mode=balanced
//     prefix /old -> nothing (default/shop)                      the reference is broken: answers 503
//     prefix /private -> default/web:80 (default/shop) closed    a guard that cannot be carried out: answers 503
//     pattern /api(/|$)(.*) -> default/api:80 (default/shop) rewrite=/$2      all paths of a host with use-regex, as they are tried
//     prefix / -> default/web:80 (default/shop)                  last: a defaultBackend, for what nothing else takes
//   default -> default/404                                       --default-backend-service
//   backend default/login:http client-ip-affinity=10800s
//     10.0.0.1:8080
//   backend default/web:80
//     no endpoints
//   certificate *                                                the default certificate
//     ecdsa until=2036-01-31T00:00:00Z sha256=0123456789abcdef names=a.example.com,*.a.example.com
//   certificate shop.example.com
//     rsa ...
#pragma once

#include <string>

#include "router/snapshot.h"

namespace narthex::controller {

std::string routes_text(const router::Snapshot& snapshot);

}  // namespace narthex::controller
