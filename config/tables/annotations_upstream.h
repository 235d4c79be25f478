// The way to the pod: protocol, times, buffers, retries and TLS.
// Rows of the table of annotations, see config/annotations_table.h, which alone includes this. Frozen; any thread.
#pragma once

#include <array>

#include "config/tables/words.h"

namespace narthex::config::tables {

// A row is a few lines, not one line for each field.
// clang-format off
inline constexpr auto kUpstreamAnnotations = std::to_array<KnownAnnotation>({
    {.name = "backend-protocol", .group = Group::protocol, .kind = Kind::word,
     .values = "HTTP, HTTPS, AUTO_HTTP, GRPC, GRPCS or FCGI", .standard = "HTTP",
     .doc = "what the pods speak; AUTO_HTTP: what the client speaks; the case of letters does not matter",
     .difference = "lower case means the same as upper case, in all that goes with it"},
    {.name = "fastcgi-index", .group = Group::protocol, .values = "the name of a file", .risk = Risk::medium,
     .doc = "index file of FastCGI"},
    {.name = "fastcgi-params-configmap", .group = Group::protocol, .kind = Kind::object,
     .values = "name or namespace/name", .risk = Risk::medium,
     .doc = "ConfigMap whose entries become FastCGI parameters"},
    {.name = "upstream-vhost", .fate = Fate::carried_out, .group = Group::protocol, .kind = Kind::template_text, .values = "a host name",
     .standard = "the client's Host", .feature = "proxying",
     .doc = "Host that the pod gets; X-Forwarded-Host keeps the client's"},
    {.name = "connection-proxy-header", .fate = Fate::carried_out, .group = Group::protocol, .kind = Kind::word, .values = "close or keep-alive",
     .standard = "none", .feature = "proxying",
     .doc = "fixed Connection field for the pod; WebSocket does not pass then"},
    {.name = "proxy-http-version", .group = Group::protocol, .kind = Kind::word, .values = "1.0 or 1.1",
     .standard = "1.1", .setting = "proxy-http-version", .doc = "HTTP version towards the pod"},
    {.name = "http2-push-preload", .group = Group::protocol, .kind = Kind::boolean, .standard = "false",
     .doc = "HTTP/2 push for Link fields; ingress-nginx 1.15 does not do it any more either"},

    {.name = "proxy-connect-timeout", .fate = Fate::carried_out, .group = Group::proxying, .kind = Kind::seconds, .standard = "5",
     .setting = "proxy-connect-timeout",
     .feature = "proxying",
     .doc = "how long a connection to a pod may take to open; then the next pod, in the end 504"},
    {.name = "proxy-send-timeout", .fate = Fate::carried_out, .group = Group::proxying, .kind = Kind::seconds, .standard = "60",
     .setting = "proxy-send-timeout", .feature = "proxying",
     .doc = "longest pause between two writes to the pod"},
    {.name = "proxy-read-timeout", .fate = Fate::carried_out, .group = Group::proxying, .kind = Kind::seconds, .standard = "60",
     .setting = "proxy-read-timeout",
     .feature = "proxying",
     .doc = "longest pause between two reads from the pod; ends quiet WebSockets, too"},
    {.name = "proxy-body-size", .fate = Fate::carried_out, .group = Group::proxying, .kind = Kind::size, .standard = "1m",
     .setting = "proxy-body-size", .risk = Risk::medium,
     .feature = "proxying",
     .doc = "longest body of a request, longer ones get 413; 0: any length"},
    {.name = "proxy-buffering", .group = Group::proxying, .kind = Kind::word, .values = "on or off", .standard = "off",
     .setting = "proxy-buffering", .doc = "on: collect the response before sending it"},
    {.name = "proxy-buffers-number", .group = Group::proxying, .kind = Kind::integer, .standard = "4",
     .setting = "proxy-buffers-number", .doc = "how many buffers a response has"},
    {.name = "proxy-buffer-size", .group = Group::proxying, .kind = Kind::size, .standard = "4k",
     .setting = "proxy-buffer-size", .doc = "longest head of a response, longer ones give 502; and size of one buffer"},
    {.name = "proxy-busy-buffers-size", .group = Group::proxying, .kind = Kind::size, .standard = "none",
     .setting = "proxy-busy-buffers-size", .doc = "how much of the buffers may be on its way to the client"},
    {.name = "proxy-max-temp-file-size", .group = Group::proxying, .kind = Kind::size, .standard = "1024m",
     .setting = "proxy-max-temp-file-size", .doc = "how much of a collected response may go to disk; 0: nothing"},
    {.name = "proxy-request-buffering", .group = Group::proxying, .kind = Kind::word, .values = "on or off",
     .standard = "on", .setting = "proxy-request-buffering",
     .doc = "on: read the whole body of the request before a pod is asked; off: pass it on as it comes"},
    {.name = "client-body-buffer-size", .fate = Fate::carried_out, .group = Group::proxying, .kind = Kind::size, .standard = "8k",
     .setting = "client-body-buffer-size", .feature = "proxying",
     .doc = "how much of the body of a request stays in memory"},
    {.name = "proxy-cookie-domain", .group = Group::proxying, .values = "off, or from and to", .standard = "off",
     .setting = "proxy-cookie-domain", .risk = Risk::medium,
     .doc = "rewrites the Domain attribute of the pod's cookies"},
    {.name = "proxy-cookie-path", .group = Group::proxying, .values = "off, or from and to", .standard = "off",
     .setting = "proxy-cookie-path", .risk = Risk::medium, .doc = "rewrites the Path attribute of the pod's cookies"},
    {.name = "proxy-redirect-from", .group = Group::proxying, .values = "off, default or a beginning",
     .standard = "off", .setting = "proxy-redirect-from", .risk = Risk::medium,
     .doc = "beginning of the pod's Location and Refresh fields that proxy-redirect-to replaces"},
    {.name = "proxy-redirect-to", .group = Group::proxying, .standard = "off", .setting = "proxy-redirect-to",
     .risk = Risk::medium, .doc = "what replaces the text of proxy-redirect-from"},

    {.name = "proxy-next-upstream", .fate = Fate::carried_out, .group = Group::retries, .kind = Kind::words,
     .values = "error, timeout, invalid_header, http_500 and so on, non_idempotent, off", .standard = "error timeout",
     .setting = "proxy-next-upstream", .risk = Risk::medium,
     .feature = "proxying",
     .doc = "when another pod is tried; POST, LOCK and PATCH only with non_idempotent"},
    {.name = "proxy-next-upstream-timeout", .fate = Fate::carried_out, .group = Group::retries, .kind = Kind::seconds, .standard = "0",
     .setting = "proxy-next-upstream-timeout", .feature = "proxying",
     .doc = "how long all tries together may take; 0: any time"},
    {.name = "proxy-next-upstream-tries", .fate = Fate::carried_out, .group = Group::retries, .kind = Kind::integer, .standard = "3",
     .setting = "proxy-next-upstream-tries", .feature = "proxying",
     .doc = "how many tries there are in all; 0: any number"},

    {.name = "proxy-ssl-secret", .group = Group::upstream_tls, .kind = Kind::object, .risk = Risk::medium,
     .doc = "Secret with the certificate to show to pods (tls.crt, tls.key) and the CA to check theirs (ca.crt); the "
            "rest of proxy-ssl needs it"},
    {.name = "proxy-ssl-verify", .fate = Fate::guard, .group = Group::upstream_tls, .kind = Kind::word,
     .values = "on or off", .standard = "off", .doc = "checks the certificates of pods; a bad one gives 502",
     .difference = "a connection that was opened for one object is not used for another one that checks otherwise"},
    {.name = "proxy-ssl-verify-depth", .group = Group::upstream_tls, .kind = Kind::integer, .standard = "1",
     .doc = "how long the chain of a pod's certificate may be"},
    {.name = "proxy-ssl-name", .group = Group::upstream_tls, .risk = Risk::high,
     .doc = "name that the pod's certificate must have; sent as SNI, too, with proxy-ssl-server-name"},
    {.name = "proxy-ssl-server-name", .group = Group::upstream_tls, .kind = Kind::word, .values = "on or off",
     .standard = "off", .doc = "sends SNI to the pod"},
    {.name = "proxy-ssl-ciphers", .group = Group::upstream_tls, .values = "a cipher list of OpenSSL",
     .standard = "DEFAULT", .risk = Risk::medium, .doc = "ciphers towards the pod"},
    {.name = "proxy-ssl-protocols", .group = Group::upstream_tls, .kind = Kind::words, .values = "TLSv1.2, TLSv1.3",
     .standard = "TLSv1.2", .doc = "TLS versions towards the pod"},
});
// clang-format on

}  // namespace narthex::config::tables
