// Every bound of the data plane, with the reason for its number. Nothing in proxy/ waits, buffers, loops or retries without one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace narthex::proxy::limits {

using namespace std::chrono_literals;

// Heads. nginx takes a line of 8 KiB and 32 KiB in all by default; Apache 8 KiB a line and 100 fields.
inline constexpr size_t kTargetBytes = 8 * 1024 + 192;   // about 8000 octets must be taken (RFC 9112 3); more is 414
inline constexpr size_t kHeadBytes = 64 * 1024;          // request or response head; more is 431 or 502
inline constexpr size_t kFields = 128;                   // fields in a head or trailer section; more is 431 or 502
inline constexpr size_t kTrailerBytes = 8 * 1024;
inline constexpr size_t kMethodBytes = 32;               // the longest registered method has 17 (UPDATEREDIRECTREF)
inline constexpr size_t kLeadingEmptyLines = 4;          // in front of a request (RFC 9112 2.2)
inline constexpr size_t kNominations = 32;               // fields named by Connection, real ones name one or two; more is 431 or 502
inline constexpr int kInterimResponses = 8;              // 1xx per exchange; a flood is 502

// Chunked bodies (RFC 9112 7.1): a chunk header longer than this is an attack, real ones have under 20 bytes.
inline constexpr size_t kChunkLineBytes = 256;
inline constexpr size_t kChunkOverheadBytes = 16 * 1024;  // extensions may exceed the data by this much in all

// The PROXY protocol header in front of a connection. A line of version 1 has at most 107 bytes with its end
// (proxy-protocol.txt 2.1). Version 2 is meant to fit into 536 bytes, but the extensions of some load balancers (TLS
// subject names, cloud endpoints) do not; nginx takes 4096, and who came from there has senders that rely on it.
inline constexpr size_t kProxyLineBytes = 107;
inline constexpr size_t kProxyHeaderBytes = 4096;

// Buffers come from the worker's free list in two sizes: one for heads (most have under 2 KiB) and one for bodies.
inline constexpr size_t kSmallBuffer = 16 * 1024;
inline constexpr size_t kLargeBuffer = 64 * 1024;
inline constexpr size_t kFreeBuffers = 256;              // kept per size and worker, 20 MiB at the most
// Above this, bytes between two plain sockets go through a pipe (measured break-even: about 16 KiB).
inline constexpr size_t kSpliceFrom = 32 * 1024;
inline constexpr size_t kPipeBytes = 1024 * 1024;
inline constexpr size_t kFreePipes = 64;

// Connections.
inline constexpr uint32_t kClientConnections = 100'000;   // per worker; above it new ones are closed at once
inline constexpr size_t kIdleUpstreamsPerWorker = 320;    // upstream-keepalive-connections of ingress-nginx
inline constexpr uint32_t kRequestsPerUpstream = 10'000;  // upstream-keepalive-requests
inline constexpr auto kIdleUpstream = 60s;                // upstream-keepalive-timeout
inline constexpr int kListenBacklog = 4096;
inline constexpr int kAcceptsPerTurn = 64;                // so that a flood of connections does not starve requests
inline constexpr int kEventsPerTurn = 512;

// A body that flows freely lets the others have their turn after this much.
inline constexpr uint64_t kBytesPerTurn = 1024 * 1024;
inline constexpr int kRequestsPerTurn = 64;  // pipelined on one connection

// Time. Deadlines, not gaps, where an attacker could drip.
inline constexpr auto kTlsHandshake = 10s;
inline constexpr auto kRequestHead = 60s;       // client-header-timeout
inline constexpr auto kClientIdle = 75s;        // keep-alive
inline constexpr auto kClientBodyGap = 60s;     // client-body-timeout
inline constexpr auto kClientWriteGap = 60s;    // send_timeout
inline constexpr auto kLinger = 5s;             // reading on after the last answer, so that a reset does not eat it
inline constexpr size_t kLingerBytes = 4 * 1024 * 1024;  // and not more than this
inline constexpr size_t kDrainBytes = 256 * 1024;  // of an unread request body, before the connection is closed instead
// A connection that stays idle this long after a shut-down began is closed; a busy one gets its answer with "close".
inline constexpr auto kIdleWhileDraining = 500ms;

// Turns of one request through Narthex, by whatever way it came back (filters/hops.h). Chains of proxies that somebody
// means have two or three; a loop ends at the eleventh turn and has cost ten connections. More is 508.
inline constexpr uint32_t kHops = 10;

// Attempts per exchange, where the route sets no bound (proxy-next-upstream-tries: 0). A refused connection has cost a fraction of a
// millisecond and nobody any work: it does not count while there are endpoints that were not tried, of which no more than so
// many are.
inline constexpr uint32_t kAttemptsMax = 100;
inline constexpr size_t kTriedEndpoints = 12;

// An endpoint that refused a connection gets none for that long while there are others; one that did not even answer, longer, as
// each attempt there holds a request up for kUpstreamConnect.
inline constexpr auto kRestAfterRefusal = 1s;
inline constexpr auto kRestAfterConnectTimeout = 10s;
inline constexpr size_t kRefusals = 1024;  // endpoints a worker remembers that of
inline constexpr int kDraws = 64;          // in search of an endpoint that is wanted

}  // namespace narthex::proxy::limits
