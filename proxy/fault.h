// Why an exchange cannot be served: whose doing it is, what to answer, whether another attempt may help, and its name in logs.
// One table (fault.cc) holds all of it. Values; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace narthex::proxy {

enum class Fault : uint8_t {
  none,
  // the client's doing
  bad_request,          // not HTTP, or ambiguous: 400
  bad_target,           // a path without canonical form: 400
  bad_host,             // Host missing, twice, or no host: 400
  target_too_long,      // 414
  head_too_large,       // 431
  version_unsupported,  // 505
  coding_unsupported,   // a Transfer-Encoding other than chunked: 501
  expectation_failed,   // 417
  method_refused,       // CONNECT, TRACE: 405
  head_timeout,         // 408
  body_timeout,         // 408
  body_malformed,       // bad chunk: 400
  body_too_large,       // above what the route allows: 413
  client_gone,          // nobody left to answer
  // ours
  no_route,      // 404
  no_endpoints,  // 503
  guard_closed,  // 503
  access_denied, // 403: not for this client
  loop_detected, // the request came through here too often, or its backend is this very program: 508
  overloaded,    // 503
  shutting_down, // 503
  // the upstream's doing
  connect_failed,      // 502
  connect_timeout,     // 504
  upstream_reset,      // closed before an answer: 502
  upstream_malformed,  // 502
  upstream_head_too_large,  // 502
  upstream_timeout,    // 504
  upstream_status,     // an answer that the route wants to have from another endpoint instead: 502
  upstream_truncated,  // in the middle of a body: the answer is cut
  kCount,
};

enum class Party : uint8_t { client, self, upstream };
// When another attempt may be made, as far as the route allows it: never; if nothing reached the upstream; also if the request may be
// repeated (RFC 9110 9.2.2) and no byte of an answer came; or even after an answer that the route does not want.
enum class Retry : uint8_t { never, unsent, repeatable, wanted };

struct FaultRow {
  Fault fault;
  Party party;
  uint16_t status;  // 0: close without an answer
  Retry retry;
  std::string_view name;  // for logs and metrics
};

const FaultRow& row_of(Fault fault);

}  // namespace narthex::proxy
