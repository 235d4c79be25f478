#include "proxy/fault.h"

#include <array>
#include <cstddef>

namespace narthex::proxy {
namespace {

// A request whose bytes reached nobody may always go elsewhere (unsent). One that was sent may only if its method may
// be repeated (RFC 9110 9.2.2). An answer that came, however bad, is asked for again only where the route wants that: the
// work behind it was done.
constexpr std::array<FaultRow, static_cast<size_t>(Fault::kCount)> kRows{{
    {Fault::none, Party::self, 0, Retry::never, "none"},
    {Fault::bad_request, Party::client, 400, Retry::never, "bad_request"},
    {Fault::bad_target, Party::client, 400, Retry::never, "bad_target"},
    {Fault::bad_host, Party::client, 400, Retry::never, "bad_host"},
    {Fault::target_too_long, Party::client, 414, Retry::never, "target_too_long"},
    {Fault::head_too_large, Party::client, 431, Retry::never, "head_too_large"},
    {Fault::version_unsupported, Party::client, 505, Retry::never, "version_unsupported"},
    {Fault::coding_unsupported, Party::client, 501, Retry::never, "coding_unsupported"},
    {Fault::expectation_failed, Party::client, 417, Retry::never, "expectation_failed"},
    {Fault::method_refused, Party::client, 405, Retry::never, "method_refused"},
    {Fault::head_timeout, Party::client, 408, Retry::never, "head_timeout"},
    {Fault::body_timeout, Party::client, 408, Retry::never, "body_timeout"},
    {Fault::body_malformed, Party::client, 400, Retry::never, "body_malformed"},
    {Fault::body_too_large, Party::client, 413, Retry::never, "body_too_large"},
    {Fault::client_gone, Party::client, 0, Retry::never, "client_gone"},
    {Fault::no_route, Party::self, 404, Retry::never, "no_route"},
    {Fault::no_endpoints, Party::self, 503, Retry::never, "no_endpoints"},
    {Fault::guard_closed, Party::self, 503, Retry::never, "guard_closed"},
    {Fault::access_denied, Party::self, 403, Retry::never, "access_denied"},
    {Fault::loop_detected, Party::self, 508, Retry::never, "loop_detected"},
    {Fault::overloaded, Party::self, 503, Retry::never, "overloaded"},
    {Fault::shutting_down, Party::self, 503, Retry::never, "shutting_down"},
    {Fault::connect_failed, Party::upstream, 502, Retry::unsent, "connect_failed"},
    {Fault::connect_timeout, Party::upstream, 504, Retry::unsent, "connect_timeout"},
    {Fault::upstream_reset, Party::upstream, 502, Retry::repeatable, "upstream_reset"},
    {Fault::upstream_malformed, Party::upstream, 502, Retry::wanted, "upstream_malformed"},
    {Fault::upstream_head_too_large, Party::upstream, 502, Retry::wanted, "upstream_head_too_large"},
    {Fault::upstream_timeout, Party::upstream, 504, Retry::repeatable, "upstream_timeout"},
    {Fault::upstream_status, Party::upstream, 502, Retry::wanted, "upstream_status"},
    {Fault::upstream_truncated, Party::upstream, 0, Retry::never, "upstream_truncated"},
}};

constexpr bool in_order() {
  for (size_t i = 0; i < kRows.size(); ++i)
    if (kRows[i].fault != static_cast<Fault>(i) || kRows[i].name.empty()) return false;
  return true;
}
static_assert(in_order(), "row_of() finds a row by its place");

}  // namespace

const FaultRow& row_of(Fault fault) { return kRows[static_cast<size_t>(fault)]; }

}  // namespace narthex::proxy
