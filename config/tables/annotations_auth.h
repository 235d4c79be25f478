// Who may use a route, and how much: authentication, client certificates, address lists and limits.
// Rows of the table of annotations, see config/annotations_table.h, which alone includes this. Frozen; any thread.
#pragma once

#include <array>

#include "config/tables/words.h"

namespace narthex::config::tables {

// A row is a few lines, not one line for each field.
// clang-format off
inline constexpr auto kAuthAnnotations = std::to_array<KnownAnnotation>({
    {.name = "allowlist-source-range", .fate = Fate::carried_out, .group = Group::access, .kind = Kind::ranges,
     .setting = "whitelist-source-range", .risk = Risk::medium, .alias = "whitelist-source-range",
     .feature = "access",
     .doc = "only these client addresses may use the route, all others get 403; replaces the list of the setting"},
    {.name = "whitelist-source-range", .fate = Fate::carried_out, .group = Group::access, .kind = Kind::ranges,
     .setting = "whitelist-source-range", .risk = Risk::medium,
     .feature = "access",
     .doc = "old name of allowlist-source-range, read where that is absent or empty"},
    {.name = "denylist-source-range", .fate = Fate::carried_out, .group = Group::access, .kind = Kind::ranges,
     .setting = "denylist-source-range", .risk = Risk::medium,
     .feature = "access",
     .doc = "these client addresses get 403; goes before the allow list"},
    {.name = "satisfy", .fate = Fate::guard, .group = Group::access, .kind = Kind::word, .values = "any or all",
     .standard = "all",
     .doc = "whether one of address lists, basic and external authentication is enough, or all must agree"},

    {.name = "limit-connections", .fate = Fate::guard, .group = Group::limits, .kind = Kind::integer, .standard = "0",
     .doc = "how many requests of one client address may be open at once; more get 503; 0: any number"},
    {.name = "limit-rps", .fate = Fate::guard, .group = Group::limits, .kind = Kind::integer, .standard = "0",
     .doc = "how many requests a second one client address may send, counted for each Ingress and replica; 0: any "
            "number"},
    {.name = "limit-rpm", .fate = Fate::guard, .group = Group::limits, .kind = Kind::integer, .standard = "0",
     .doc = "how many requests a minute, counted in the same way; both may be set"},
    {.name = "limit-burst-multiplier", .fate = Fate::guard, .group = Group::limits, .kind = Kind::integer,
     .values = "1 or more", .standard = "5", .doc = "how many times the limit may come at once",
     .difference = "0 or less is told on the object and costs nobody else anything"},
    {.name = "limit-allowlist", .fate = Fate::guard, .group = Group::limits, .kind = Kind::ranges,
     .alias = "limit-whitelist", .doc = "client addresses that are not counted"},
    {.name = "limit-whitelist", .fate = Fate::guard, .group = Group::limits, .kind = Kind::ranges,
     .doc = "old name of limit-allowlist, read where that is absent or empty"},
    {.name = "limit-rate", .fate = Fate::guard, .group = Group::limits, .kind = Kind::integer, .values = "kB a second",
     .standard = "0", .setting = "limit-rate",
     .doc = "how fast one response is sent; 0: as fast as it goes; needs proxy-buffering"},
    {.name = "limit-rate-after", .fate = Fate::guard, .group = Group::limits, .kind = Kind::integer, .values = "kB",
     .standard = "0", .setting = "limit-rate-after", .doc = "how much of a response is sent before limit-rate begins"},

    {.name = "auth-type", .fate = Fate::guard, .group = Group::basic_auth, .kind = Kind::word,
     .values = "basic or digest", .standard = "none",
     .doc = "asks for a user name and a password; without it the annotations below have no effect"},
    {.name = "auth-secret", .fate = Fate::guard, .group = Group::basic_auth, .kind = Kind::object,
     .values = "name or namespace/name", .risk = Risk::medium,
     .doc = "Secret with the users; in the object's own namespace, unless the setting allow-cross-namespace-resources "
            "allows others"},
    {.name = "auth-secret-type", .fate = Fate::guard, .group = Group::basic_auth, .kind = Kind::word,
     .values = "auth-file or auth-map", .standard = "auth-file",
     .doc = "auth-file: the Secret's key auth holds htpasswd lines; auth-map: each key is a user and its value the "
            "hash"},
    {.name = "auth-realm", .fate = Fate::guard, .group = Group::basic_auth, .risk = Risk::medium,
     .doc = "what the client's question for the password shows"},

    {.name = "auth-url", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::url,
     .setting = "global-auth-url", .risk = Risk::high,
     .doc = "asks this URL about each request first: 2xx lets it pass, 401 and 403 go to the client, everything else "
            "gives 500"},
    {.name = "auth-method", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::word,
     .values = "an HTTP method", .standard = "GET", .doc = "method of that question"},
    {.name = "auth-signin", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::url, .risk = Risk::high,
     .doc = "where a client is sent to with 302 when the answer was 401"},
    {.name = "auth-signin-redirect-param", .fate = Fate::guard, .group = Group::external_auth, .standard = "rd",
     .risk = Risk::medium,
     .doc = "name of the query parameter of auth-signin that carries where the client wanted to go"},
    {.name = "auth-response-headers", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::headers,
     .risk = Risk::medium,
     .doc = "fields of the answer that are set on the request to the pod, in place of the client's own"},
    {.name = "auth-proxy-set-headers", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::object,
     .risk = Risk::medium, .doc = "ConfigMap whose entries are sent along as fields of the question"},
    {.name = "auth-request-redirect", .fate = Fate::guard, .group = Group::external_auth,
     .standard = "the request's target", .risk = Risk::medium,
     .doc = "value of X-Auth-Request-Redirect in the question"},
    {.name = "auth-cache-key", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::template_text,
     .standard = "none", .risk = Risk::medium, .doc = "keeps answers under this text, apart for each host and path"},
    {.name = "auth-cache-duration", .fate = Fate::guard, .group = Group::external_auth, .values = "statuses and times",
     .standard = "200 202 401 5m", .risk = Risk::medium, .doc = "how long answers are kept, by status",
     .difference = "a bad value never switches authentication off: the route is closed"},
    {.name = "auth-keepalive", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::integer,
     .standard = "0", .doc = "how many idle connections to the asked service are kept"},
    {.name = "auth-keepalive-share-vars", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::boolean,
     .standard = "false", .doc = "the question carries the same request id as the request"},
    {.name = "auth-keepalive-requests", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::integer,
     .standard = "1000", .doc = "how many questions one kept connection takes"},
    {.name = "auth-keepalive-timeout", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::seconds,
     .standard = "60", .doc = "how long an idle connection is kept"},
    {.name = "auth-always-set-cookie", .fate = Fate::guard, .group = Group::external_auth, .kind = Kind::boolean,
     .standard = "false", .doc = "cookies of the answer go to the client whatever the status of the response"},
    {.name = "enable-global-auth", .group = Group::external_auth, .kind = Kind::boolean, .standard = "true",
     .doc = "false: the setting global-auth-url does not apply to this Ingress"},

    {.name = "auth-tls-secret", .fate = Fate::guard, .group = Group::client_certificates, .kind = Kind::object,
     .risk = Risk::medium,
     .doc = "asks clients of the whole host for a certificate that the Secret's ca.crt vouches for; ca.crl may revoke "
            "some",
     .difference = "ssl-client-* fields that a client sends never reach a pod, on hosts without a CA neither"},
    {.name = "auth-tls-verify-client", .fate = Fate::guard, .group = Group::client_certificates, .kind = Kind::word,
     .values = "on, off, optional or optional_no_ca", .standard = "on", .risk = Risk::medium,
     .doc = "whether a certificate must be there, may be there, or may be of an unknown CA"},
    {.name = "auth-tls-verify-depth", .fate = Fate::guard, .group = Group::client_certificates, .kind = Kind::integer,
     .standard = "1", .doc = "how long the chain of a client's certificate may be"},
    {.name = "auth-tls-error-page", .fate = Fate::guard, .group = Group::client_certificates, .kind = Kind::url,
     .values = "a URL, a path or @name", .risk = Risk::high,
     .doc = "where clients with a bad certificate are sent to instead of getting 400"},
    {.name = "auth-tls-pass-certificate-to-upstream", .fate = Fate::guard, .group = Group::client_certificates,
     .kind = Kind::boolean, .standard = "false", .doc = "sends the certificate on, in the field ssl-client-cert",
     .difference = "on hosts without a CA the client's own ssl-client-cert is taken out"},
    {.name = "auth-tls-match-cn", .fate = Fate::guard, .group = Group::client_certificates, .kind = Kind::regex,
     .values = "CN= and a pattern", .risk = Risk::high,
     .doc = "clients whose certificate's subject does not match get 403"},
});
// clang-format on

}  // namespace narthex::config::tables
