// TLS of clients, mirrors, firewall, snippets, logs, traces; and the names that ingress-nginx gave up.
// Rows of the table of annotations, see config/annotations_table.h, which alone includes this. Frozen; any thread.
#pragma once

#include <array>

#include "config/tables/words.h"

namespace narthex::config::tables {

// A row is a few lines, not one line for each field.
// clang-format off
inline constexpr auto kRestAnnotations = std::to_array<KnownAnnotation>({
    {.name = "ssl-ciphers", .group = Group::tls, .values = "a cipher list of OpenSSL", .setting = "ssl-ciphers",
     .doc = "ciphers of the host up to TLS 1.2"},
    {.name = "ssl-prefer-server-ciphers", .group = Group::tls, .kind = Kind::boolean, .standard = "true",
     .doc = "the server's order of ciphers counts, not the client's"},
    {.name = "ssl-passthrough", .group = Group::tls, .kind = Kind::boolean, .standard = "false",
     .doc = "TLS of this host goes to the Service of path / unopened; needs --enable-ssl-passthrough",
     .difference = "without a path / it is told on the object, and TLS of the host goes on"},

    {.name = "mirror-target", .group = Group::mirror, .kind = Kind::template_text, .values = "a URL",
     .risk = Risk::high, .doc = "sends a copy of each request there; the answer is thrown away",
     .difference = "a target with a path is used as it stands, without the client's query"},
    {.name = "mirror-host", .group = Group::mirror, .standard = "the host of mirror-target", .risk = Risk::high,
     .doc = "Host of the copy"},
    {.name = "mirror-request-body", .group = Group::mirror, .kind = Kind::word, .values = "on or off", .standard = "on",
     .doc = "off: the copy has no body",
     .difference = "with off the copy has no Content-Length either, so that nobody waits for a body"},

    {.name = "enable-modsecurity", .group = Group::waf, .kind = Kind::boolean, .standard = "false",
     .setting = "enable-modsecurity", .doc = "ModSecurity on this path"},
    {.name = "enable-owasp-core-rules", .group = Group::waf, .kind = Kind::boolean, .standard = "false",
     .doc = "the OWASP core rule set on this path"},
    {.name = "modsecurity-transaction-id", .group = Group::waf, .kind = Kind::template_text, .standard = "none",
     .risk = Risk::high, .doc = "the id in ModSecurity's log"},
    {.name = "modsecurity-snippet", .group = Group::waf, .kind = Kind::snippet, .risk = Risk::critical,
     .doc = "rules of ModSecurity as text"},

    {.name = "configuration-snippet", .fate = Fate::guard, .group = Group::snippets, .kind = Kind::snippet,
     .risk = Risk::critical, .doc = "text of nginx's language for the path"},
    {.name = "server-snippet", .fate = Fate::guard, .group = Group::snippets, .kind = Kind::snippet,
     .risk = Risk::critical, .doc = "text of nginx's language for the whole host"},
    {.name = "auth-snippet", .fate = Fate::guard, .group = Group::snippets, .kind = Kind::snippet,
     .risk = Risk::critical, .doc = "text of nginx's language for the question of auth-url"},
    {.name = "stream-snippet", .group = Group::snippets, .kind = Kind::snippet, .risk = Risk::critical,
     .doc = "text of nginx's language for TCP and UDP"},

    {.name = "enable-access-log", .fate = Fate::carried_out, .group = Group::logging, .kind = Kind::boolean, .standard = "true",
     .feature = "access log",
     .doc = "false: requests of this path are not in the access log"},
    {.name = "enable-rewrite-log", .group = Group::logging, .kind = Kind::boolean, .standard = "false",
     .doc = "tells each rewrite in the error log"},

    {.name = "enable-opentelemetry", .group = Group::tracing, .kind = Kind::boolean, .standard = "false",
     .setting = "enable-opentelemetry", .doc = "a trace span for each request of this path"},
    {.name = "opentelemetry-trust-incoming-span", .group = Group::tracing, .kind = Kind::boolean, .standard = "true",
     .setting = "opentelemetry-trust-incoming-span",
     .doc = "continues the trace that the client names; only next to enable-opentelemetry"},
    {.name = "opentelemetry-operation-name", .group = Group::tracing, .setting = "opentelemetry-operation-name",
     .risk = Risk::medium, .doc = "name of the spans; only next to enable-opentelemetry"},

    {.name = "secure-backends", .fate = Fate::removed, .group = Group::removed, .doc = "TLS to the pods",
     .hint = "use backend-protocol"},
    {.name = "grpc-backend", .fate = Fate::removed, .group = Group::removed, .doc = "gRPC to the pods",
     .hint = "use backend-protocol"},
    {.name = "add-base-url", .fate = Fate::removed, .group = Group::removed, .doc = "put a base tag into HTML pages",
     .hint = "remove it"},
    {.name = "base-url-scheme", .fate = Fate::removed, .group = Group::removed, .doc = "scheme of that tag",
     .hint = "remove it"},
    {.name = "session-cookie-hash", .fate = Fate::removed, .group = Group::removed,
     .doc = "hash of the affinity cookie", .hint = "remove it"},
    {.name = "mirror-uri", .fate = Fate::removed, .group = Group::removed, .doc = "place of the mirror",
     .hint = "use mirror-target"},
    {.name = "secure-verify-ca-secret", .fate = Fate::removed, .group = Group::removed,
     .doc = "CA for the certificates of pods", .hint = "use proxy-ssl-secret"},
    {.name = "enable-influxdb", .fate = Fate::removed, .group = Group::removed, .doc = "metrics for InfluxDB",
     .hint = "remove it"},
    {.name = "influxdb-measurement", .fate = Fate::removed, .group = Group::removed, .doc = "metrics for InfluxDB",
     .hint = "remove it"},
    {.name = "influxdb-port", .fate = Fate::removed, .group = Group::removed, .doc = "metrics for InfluxDB",
     .hint = "remove it"},
    {.name = "influxdb-host", .fate = Fate::removed, .group = Group::removed, .doc = "metrics for InfluxDB",
     .hint = "remove it"},
    {.name = "influxdb-server-name", .fate = Fate::removed, .group = Group::removed, .doc = "metrics for InfluxDB",
     .hint = "remove it"},
    {.name = "global-rate-limit", .fate = Fate::removed, .group = Group::removed,
     .doc = "a request limit across all replicas", .hint = "use limit-rps or limit-rpm"},
    {.name = "global-rate-limit-window", .fate = Fate::removed, .group = Group::removed,
     .doc = "a request limit across all replicas", .hint = "use limit-rps or limit-rpm"},
    {.name = "global-rate-limit-key", .fate = Fate::removed, .group = Group::removed,
     .doc = "a request limit across all replicas", .hint = "use limit-rps or limit-rpm"},
    {.name = "global-rate-limit-ignored-cidrs", .fate = Fate::removed, .group = Group::removed,
     .doc = "a request limit across all replicas", .hint = "use limit-rps or limit-rpm"},
    {.name = "enable-opentracing", .fate = Fate::removed, .group = Group::removed, .doc = "traces",
     .hint = "use enable-opentelemetry"},
});
// clang-format on

}  // namespace narthex::config::tables
