// Which pod answers: canary, affinity and balancing.
// Rows of the table of annotations, see config/annotations_table.h, which alone includes this. Frozen; any thread.
#pragma once

#include <array>

#include "config/tables/words.h"

namespace narthex::config::tables {

// A row is a few lines, not one line for each field.
// clang-format off
inline constexpr auto kTrafficAnnotations = std::to_array<KnownAnnotation>({
    {.name = "canary", .fate = Fate::carried_out, .group = Group::canary, .kind = Kind::boolean, .standard = "false",
     .feature = "canary",
     .doc = "makes this Ingress the second backend of the routes with the same host, path and pathType; it has no "
            "routes of its own, see [canary.md](canary.md)",
     .difference = "its rules are for its own routes, not for the whole Service; an older canary takes no path away "
                   "from others; one without such a route, or beside an older canary, is told so"},
    {.name = "canary-by-header", .fate = Fate::carried_out, .group = Group::canary, .kind = Kind::header,
     .risk = Risk::medium, .feature = "canary",
     .doc = "a request with this header goes to the canary at always and to the main backend at never; other values "
            "ask the next rule"},
    {.name = "canary-by-header-value", .fate = Fate::carried_out, .group = Group::canary, .risk = Risk::medium,
     .feature = "canary", .doc = "the value of that header that leads to the canary, instead of always and never",
     .difference = "any printable text may be compared with"},
    {.name = "canary-by-header-pattern", .fate = Fate::carried_out, .group = Group::canary, .kind = Kind::regex,
     .risk = Risk::medium, .feature = "canary",
     .doc = "pattern that the value of that header is searched for; without effect next to canary-by-header-value",
     .difference = "the syntax is RE2's; a pattern that cannot be compiled is told on the object"},
    {.name = "canary-by-cookie", .fate = Fate::carried_out, .group = Group::canary, .values = "the name of a cookie",
     .risk = Risk::medium, .feature = "canary",
     .doc = "asked after the header: the value always leads to the canary, never to the main backend"},
    {.name = "canary-weight", .fate = Fate::carried_out, .group = Group::canary, .kind = Kind::integer,
     .values = "0 up to the total", .standard = "0", .feature = "canary",
     .doc = "asked last: how many requests of the total go to the canary, drawn for each request"},
    {.name = "canary-weight-total", .fate = Fate::carried_out, .group = Group::canary, .kind = Kind::integer,
     .standard = "100", .feature = "canary", .doc = "what canary-weight is a part of",
     .difference = "totals below 100 count as written"},

    {.name = "affinity", .fate = Fate::carried_out, .group = Group::affinity, .kind = Kind::word, .values = "cookie",
     .standard = "none", .feature = "affinity",
     .doc = "keeps a client at one pod by a cookie, see [affinity.md](affinity.md)",
     .difference = "other objects of the same Service do not matter: each route has the affinity that its own object "
                   "asks for"},
    {.name = "affinity-mode", .fate = Fate::carried_out, .group = Group::affinity, .kind = Kind::word,
     .values = "balanced or persistent", .standard = "balanced", .risk = Risk::medium, .feature = "affinity",
     .doc = "balanced: the cookie's key is hashed onto the pods; persistent: the cookie stands for one pod for as long "
            "as that is ready",
     .difference = "keys that ingress-nginx gave out may lead to another pod; its persistent cookies are replaced"},
    {.name = "affinity-canary-behavior", .fate = Fate::carried_out, .group = Group::affinity, .kind = Kind::word,
     .values = "sticky or legacy", .standard = "sticky", .feature = "canary",
     .doc = "of the canary. sticky: a client that has the cookie stays on its side of the canary; legacy: the canary "
            "gives no cookie out",
     .difference = "a cookie of neither side is replaced, so that its client stays on one side, too"},
    {.name = "session-cookie-name", .fate = Fate::carried_out, .group = Group::affinity,
     .values = "the name of a cookie", .standard = "INGRESSCOOKIE", .risk = Risk::medium, .feature = "affinity",
     .doc = "name of the cookie; it is always HttpOnly",
     .difference = "a name that RFC 6265 does not allow is not used, but told on the object"},
    {.name = "session-cookie-path", .fate = Fate::carried_out, .group = Group::affinity, .kind = Kind::path,
     .standard = "the path of the matched rule", .risk = Risk::medium, .feature = "affinity",
     .doc = "Path attribute of the cookie",
     .difference = "a path that does not begin with / is sent, and told on the object"},
    {.name = "session-cookie-domain", .fate = Fate::carried_out, .group = Group::affinity, .standard = "none",
     .risk = Risk::medium, .feature = "affinity", .doc = "Domain attribute of the cookie"},
    {.name = "session-cookie-expires", .fate = Fate::carried_out, .group = Group::affinity, .kind = Kind::seconds,
     .standard = "none", .risk = Risk::medium, .feature = "affinity",
     .doc = "Expires attribute of the cookie: so long from now on",
     .difference = "a negative number is not sent, but told on the object"},
    {.name = "session-cookie-max-age", .fate = Fate::carried_out, .group = Group::affinity, .kind = Kind::seconds,
     .standard = "none", .risk = Risk::medium, .feature = "affinity", .doc = "Max-Age attribute of the cookie",
     .difference = "a negative number is not sent, but told on the object"},
    {.name = "session-cookie-samesite", .fate = Fate::carried_out, .group = Group::affinity, .kind = Kind::word,
     .values = "None, Lax or Strict", .standard = "none", .feature = "affinity",
     .doc = "SameSite attribute of the cookie", .difference = "the case of the letters does not matter"},
    {.name = "session-cookie-conditional-samesite-none", .fate = Fate::carried_out, .group = Group::affinity,
     .kind = Kind::boolean, .standard = "false", .feature = "affinity",
     .doc = "leaves SameSite=None out for clients that are known to misread it"},
    {.name = "session-cookie-secure", .fate = Fate::carried_out, .group = Group::affinity, .kind = Kind::boolean,
     .standard = "false", .feature = "affinity",
     .doc = "Secure attribute over plain HTTP, too; over TLS it is always there"},
    {.name = "session-cookie-change-on-failure", .fate = Fate::carried_out, .group = Group::affinity,
     .kind = Kind::boolean, .standard = "false", .feature = "affinity",
     .doc = "when the client's pod fails, the session moves to another one and the client gets a new cookie"},

    {.name = "load-balance", .group = Group::balancing, .kind = Kind::word, .values = "round_robin or ewma",
     .standard = "round_robin", .setting = "load-balance",
     .doc = "how a pod is chosen: in turn, or the faster one of two drawn at random; affinity and upstream-hash-by go "
            "first"},
    {.name = "upstream-hash-by", .group = Group::balancing, .kind = Kind::template_text, .risk = Risk::high,
     .doc = "the same text leads to the same pod, such as $request_uri; goes before load-balance"},
    {.name = "upstream-hash-by-subset", .group = Group::balancing, .kind = Kind::boolean, .standard = "false",
     .doc = "the text leads to a group of pods, and each request to one of them at random"},
    {.name = "upstream-hash-by-subset-size", .group = Group::balancing, .kind = Kind::integer, .standard = "3",
     .doc = "how many pods such a group has"},
    {.name = "service-upstream", .group = Group::balancing, .kind = Kind::boolean, .standard = "false",
     .setting = "service-upstream", .doc = "send to the cluster IP of the Service instead of its pods"},
});
// clang-format on

}  // namespace narthex::config::tables
