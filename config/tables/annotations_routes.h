// What a route does before or after its pod: paths, redirects, headers and error pages.
// Rows of the table of annotations, see config/annotations_table.h, which alone includes this. Frozen; any thread.
#pragma once

#include <array>

#include "config/tables/words.h"

namespace narthex::config::tables {

// A row is a few lines, not one line for each field.
// clang-format off
inline constexpr auto kRoutesAnnotations = std::to_array<KnownAnnotation>({
    {.name = "rewrite-target", .fate = Fate::carried_out, .group = Group::rewriting, .kind = Kind::template_text,
     .values = "a path or a URL, with $1 to $9", .risk = Risk::medium, .feature = "rewriting",
     .doc = "sends this path to the pod instead, with the query of the request; $1 to $9 stand for the groups of the rule's pattern; "
            "a URL is answered with 302; turns patterns on as use-regex does",
     .difference = "the result gets one canonical form, in which slashes are merged; 400 where it has dot segments; the host of a URL "
                   "is written out; no variables such as $scheme"},
    {.name = "use-regex", .fate = Fate::carried_out, .group = Group::rewriting, .kind = Kind::boolean, .standard = "false",
     .feature = "rewriting",
     .doc = "reads the paths of the whole host as patterns, longest first, whatever the case of letters ([paths.md](paths.md#patterns))",
     .difference = "RE2's syntax, without lookaround and backreferences; a pattern that does not compile is told on its object and "
                   "closes only its own route; all of a|b begins at the start of the path; an encoded slash is none; without "
                   "session-cookie-path the cookie's Path is what of the pattern is literal"},
    {.name = "app-root", .fate = Fate::carried_out, .group = Group::rewriting, .kind = Kind::path, .risk = Risk::medium,
     .feature = "redirects",
     .doc = "a request for / of the host is sent to this path with 302"},
    {.name = "x-forwarded-prefix", .fate = Fate::carried_out, .group = Group::rewriting, .kind = Kind::template_text,
     .values = "a path, with $1 to $9", .risk = Risk::medium, .feature = "rewriting",
     .doc = "X-Forwarded-Prefix for the pod, where rewrite-target changes the path",
     .difference = "the client's own X-Forwarded-Prefix never reaches the pod; what is sent is in canonical form"},

    {.name = "ssl-redirect", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::boolean, .standard = "true",
     .setting = "ssl-redirect", .feature = "redirects",
     .doc = "plain HTTP is sent to https with 308 where the host has a certificate"},
    {.name = "force-ssl-redirect", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::boolean, .standard = "false",
     .setting = "force-ssl-redirect", .risk = Risk::medium,
     .feature = "redirects",
     .doc = "plain HTTP is sent to https even where the host has no certificate, because TLS ends in front"},
    {.name = "preserve-trailing-slash", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::boolean, .standard = "false",
     .setting = "preserve-trailing-slash", .risk = Risk::medium,
     .feature = "redirects",
     .doc = "keeps the last / in the redirect to https, which is cut otherwise"},
    {.name = "permanent-redirect", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::url, .risk = Risk::medium,
     .feature = "redirects",
     .doc = "answers every request of the path with 301 and this Location; path and query of the request are not "
            "added"},
    {.name = "permanent-redirect-code", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::integer, .values = "300 to 308",
     .standard = "301", .feature = "redirects",
     .doc = "status of permanent-redirect", .difference = "300 carries a Location, too"},
    {.name = "temporal-redirect", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::url, .risk = Risk::medium,
     .feature = "redirects",
     .doc = "answers with 302 and this Location; goes before permanent-redirect"},
    {.name = "temporal-redirect-code", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::integer, .values = "300 to 307",
     .standard = "302", .feature = "redirects",
     .doc = "status of temporal-redirect"},
    {.name = "relative-redirects", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::boolean, .standard = "false",
     .setting = "relative-redirects", .feature = "redirects",
     .doc = "redirects keep a relative Location, without scheme and host"},
    {.name = "from-to-www-redirect", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::boolean, .standard = "false",
     .feature = "hosts",
     .doc = "sends www.host to host, or the other way round, with 308; not where an Ingress has that other name"},
    {.name = "use-port-in-redirects", .fate = Fate::carried_out, .group = Group::redirects, .kind = Kind::boolean, .standard = "false",
     .setting = "use-port-in-redirects", .feature = "redirects",
     .doc = "redirects name the port"},

    {.name = "server-alias", .fate = Fate::carried_out, .group = Group::hosts, .kind = Kind::hosts, .risk = Risk::high,
     .feature = "hosts",
     .doc = "further names for the hosts of this Ingress, unless another object has them as hosts",
     .difference = "*.x is one label, as in rules; patterns (~...) are left out with a finding, as nobody could tell which hosts they take"},

    {.name = "enable-cors", .fate = Fate::carried_out, .group = Group::cors, .kind = Kind::boolean, .standard = "false",
     .feature = "cors",
     .doc = "sets the Access-Control-* fields on responses and answers preflight requests with 204"},
    {.name = "cors-allow-origin", .fate = Fate::carried_out, .group = Group::cors, .kind = Kind::list,
     .values = "origins such as https://*.example.com", .standard = "*", .risk = Risk::medium,
     .feature = "cors",
     .doc = "origins that may read responses; one label for each star; a listed origin is sent back as it came"},
    {.name = "cors-allow-methods", .fate = Fate::carried_out, .group = Group::cors, .kind = Kind::list, .values = "methods",
     .standard = "GET, PUT, POST, DELETE, PATCH, OPTIONS", .risk = Risk::medium, .feature = "cors",
     .doc = "Access-Control-Allow-Methods"},
    {.name = "cors-allow-headers", .fate = Fate::carried_out, .group = Group::cors, .kind = Kind::headers,
     .standard = "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,"
                 "Authorization", .risk = Risk::medium, .feature = "cors",
     .doc = "Access-Control-Allow-Headers"},
    {.name = "cors-expose-headers", .fate = Fate::carried_out, .group = Group::cors, .kind = Kind::headers, .standard = "none",
     .risk = Risk::medium, .feature = "cors",
     .doc = "Access-Control-Expose-Headers"},
    {.name = "cors-allow-credentials", .fate = Fate::carried_out, .group = Group::cors, .kind = Kind::boolean, .standard = "true",
     .feature = "cors",
     .doc = "Access-Control-Allow-Credentials: true"},
    {.name = "cors-max-age", .fate = Fate::carried_out, .group = Group::cors, .kind = Kind::seconds, .standard = "1728000",
     .feature = "cors",
     .doc = "Access-Control-Max-Age"},

    {.name = "custom-headers", .group = Group::headers, .kind = Kind::object, .risk = Risk::medium,
     .doc = "ConfigMap whose entries are set on every response; the setting global-allowed-response-headers must name "
            "each"},

    {.name = "custom-http-errors", .group = Group::error_pages, .kind = Kind::codes, .standard = "none",
     .setting = "custom-http-errors",
     .doc = "responses with these statuses are replaced by what the default backend answers; replaces the list of the "
            "setting", .difference = "413 is replaced as reliably as the others"},
    {.name = "disable-proxy-intercept-errors", .group = Group::error_pages, .kind = Kind::boolean, .standard = "false",
     .doc = "replaces only errors that the proxy itself made, not those of pods"},
    {.name = "default-backend", .group = Group::error_pages, .kind = Kind::object, .values = "the name of a Service",
     .standard = "the default backend",
     .doc = "answers where the route's Service has no ready pod, and for custom-http-errors"},
});
// clang-format on

}  // namespace narthex::config::tables
