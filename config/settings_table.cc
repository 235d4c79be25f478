#include "config/settings_table.h"

#include <fmt/format.h>

#include "config/markdown.h"
#include "config/sorted_table.h"

namespace narthex::config {
namespace {

using Class = SettingClass;
using Fate = SettingFate;
using Kind = ValueKind;

constexpr auto kRows = std::to_array<KnownSetting>({
    {"use-forwarded-headers", Kind::boolean, "false", Class::core, Fate::carried_out,
     "takes client address, scheme, host and port from the X-Forwarded-* fields of the request"},
    {"enable-real-ip", Kind::boolean, "false", Class::core, Fate::carried_out,
     "takes the client address alone from forwarded-for-header, if proxy-real-ip-cidr trusts the peer"},
    {"proxy-real-ip-cidr", Kind::ranges, "private and loopback addresses", Class::core, Fate::carried_out,
     "peers that are trusted to say where a request came from, by X-Forwarded-* or the PROXY protocol. The default of "
     "ingress-nginx is everybody over IPv4, which lets any client choose its address: name your proxies, if they have "
     "public addresses"},
    {"use-proxy-protocol", Kind::boolean, "false", Class::core, Fate::carried_out,
     "every connection must begin with the PROXY protocol, version 1 or 2"},
    {"proxy-protocol-header-timeout", Kind::duration, "5s", Class::core, Fate::carried_out,
     "how long the PROXY protocol may take"},
    {"client-header-timeout", Kind::seconds, "60", Class::core, Fate::not_yet,
     "how long the head of a request may take; then 408"},
    {"client-body-timeout", Kind::seconds, "60", Class::core, Fate::not_yet,
     "longest pause in the body of a request; then 408"},
    {"keep-alive", Kind::seconds, "75", Class::core, Fate::not_yet,
     "how long a client's idle connection stays open; 0: one request for each connection"},
    {"keep-alive-requests", Kind::integer, "1000", Class::core, Fate::not_yet,
     "how many requests one client connection takes"},
    {"proxy-request-buffering", Kind::word, "on", Class::core, Fate::carried_out,
     "on: read the whole body of the request before a pod is asked; off: pass it on as it comes. Bodies are always passed on as they "
     "come here, and one that came together with its head can be sent again"},
    {"use-http2", Kind::boolean, "true", Class::core, Fate::not_yet, "HTTP/2, over TLS and without"},
    {"http2-max-concurrent-streams", Kind::integer, "128", Class::core, Fate::not_yet,
     "how many requests one HTTP/2 connection may have open"},
    {"http-redirect-code", Kind::integer, "308", Class::core, Fate::carried_out,
     "status of redirects to https and www: 301, 302, 307 or 308"},
    {"relative-redirects", Kind::boolean, "false", Class::core, Fate::not_yet,
     "redirects that are made here keep a relative Location; not those to https"},
    {"bind-address", Kind::list, "", Class::core, Fate::not_yet, "addresses to listen on; empty: all"},
    {"disable-ipv6", Kind::boolean, "false", Class::core, Fate::not_yet, "does not listen on IPv6"},
    {"disable-ipv6-dns", Kind::boolean, "", Class::core, Fate::not_yet,
     "does not ask the DNS for IPv6 addresses; by default where the pod has none"},
    {"use-gzip", Kind::boolean, "false", Class::core, Fate::not_yet, "compresses responses with gzip"},
    {"gzip-level", Kind::integer, "1", Class::core, Fate::not_yet, "how hard gzip tries, 1 to 9"},
    {"gzip-min-length", Kind::integer, "256", Class::core, Fate::not_yet,
     "shortest response that is compressed, in bytes"},
    {"gzip-types", Kind::words,
     "application/atom+xml application/javascript application/x-javascript application/json application/rss+xml "
     "application/vnd.ms-fontobject application/x-font-ttf application/x-web-app-manifest+json "
     "application/xhtml+xml application/xml font/opentype image/svg+xml image/x-icon text/css text/javascript "
     "text/plain text/x-component",
     Class::core, Fate::not_yet, "types besides text/html that are compressed; a star: all"},
    {"enable-brotli", Kind::boolean, "false", Class::core, Fate::not_yet, "compresses responses with Brotli"},
    {"brotli-level", Kind::integer, "4", Class::core, Fate::not_yet, "how hard Brotli tries, 1 to 11"},
    {"brotli-min-length", Kind::integer, "20", Class::core, Fate::not_yet,
     "shortest response that is compressed, in bytes"},
    {"brotli-types", Kind::words,
     "application/xml+rss application/atom+xml application/javascript application/x-javascript application/json "
     "application/rss+xml application/vnd.ms-fontobject application/x-font-ttf "
     "application/x-web-app-manifest+json application/xhtml+xml application/xml font/opentype image/svg+xml "
     "image/x-icon text/css text/javascript text/plain text/x-component",
     Class::core, Fate::not_yet, "types that are compressed"},
    {"load-balance", Kind::word, "round_robin", Class::core, Fate::not_yet, "how a pod is chosen: round_robin or ewma"},
    {"upstream-keepalive-connections", Kind::integer, "320", Class::core, Fate::not_yet,
     "how many idle connections to pods a worker keeps; 0: none"},
    {"upstream-keepalive-time", Kind::duration, "1h", Class::core, Fate::not_yet,
     "how old a connection to a pod may get"},
    {"upstream-keepalive-timeout", Kind::seconds, "60", Class::core, Fate::not_yet,
     "how long an idle connection to a pod is kept"},
    {"upstream-keepalive-requests", Kind::integer, "10000", Class::core, Fate::not_yet,
     "how many requests one connection to a pod takes"},
    {"proxy-connect-timeout", Kind::seconds, "5", Class::core, Fate::carried_out,
     "how long a connection to a pod may take to open"},
    {"proxy-read-timeout", Kind::seconds, "60", Class::core, Fate::carried_out,
     "longest pause between two reads from the pod"},
    {"proxy-send-timeout", Kind::seconds, "60", Class::core, Fate::carried_out,
     "longest pause between two writes to the pod"},
    {"proxy-buffering", Kind::word, "off", Class::core, Fate::not_yet,
     "on: collect the response before sending it; off: pass it on as it comes"},
    {"proxy-http-version", Kind::word, "1.1", Class::core, Fate::not_yet, "HTTP version towards pods: 1.0 or 1.1"},
    {"proxy-next-upstream", Kind::words, "error timeout", Class::core, Fate::carried_out,
     "when another pod is tried: error, timeout, invalid_header, http_500 and so on, non_idempotent, off"},
    {"proxy-next-upstream-timeout", Kind::seconds, "0", Class::core, Fate::carried_out,
     "how long all tries together may take; 0: any time"},
    {"proxy-next-upstream-tries", Kind::integer, "3", Class::core, Fate::carried_out,
     "how many tries there are in all; 0: any number"},
    {"retry-non-idempotent", Kind::boolean, "false", Class::core, Fate::carried_out,
     "tries POST, LOCK and PATCH again, too"},
    {"service-upstream", Kind::boolean, "false", Class::core, Fate::not_yet,
     "sends to the cluster IPs of Services instead of their pods"},
    {"custom-http-errors", Kind::codes, "", Class::core, Fate::not_yet,
     "responses with these statuses are replaced by what the default backend answers"},
    {"disable-proxy-intercept-errors", Kind::boolean, "false", Class::core, Fate::not_yet,
     "replaces only errors that the proxy itself made, not those of pods"},
    {"proxy-stream-timeout", Kind::duration, "600s", Class::core, Fate::not_yet,
     "longest pause in a TCP or UDP session"},
    {"proxy-stream-next-upstream", Kind::boolean, "true", Class::core, Fate::not_yet,
     "tries another pod when one of TCP or UDP does not answer"},
    {"proxy-stream-next-upstream-timeout", Kind::duration, "600s", Class::core, Fate::not_yet,
     "how long all tries of a TCP or UDP session may take"},
    {"proxy-stream-next-upstream-tries", Kind::integer, "3", Class::core, Fate::not_yet,
     "how many tries a TCP or UDP session has in all; 0: any number"},
    {"proxy-stream-responses", Kind::integer, "1", Class::core, Fate::not_yet,
     "how many datagrams a UDP client waits for"},

    {"client-header-buffer-size", Kind::size, "1k", Class::limit, Fate::not_yet,
     "first buffer for the head of a request"},
    {"client-body-buffer-size", Kind::size, "8k", Class::limit, Fate::carried_out,
     "how much of the body of a request stays in memory"},
    {"large-client-header-buffers", Kind::text, "4 8k", Class::limit, Fate::not_yet,
     "count and size: a start line longer than one buffer gives 414, a field longer than one 400"},
    {"proxy-body-size", Kind::size, "1m", Class::limit, Fate::carried_out,
     "longest body of a request, longer ones get 413; 0: any length"},
    {"limit-rate", Kind::integer, "0", Class::limit, Fate::not_yet,
     "bytes a second of one response; 0: as fast as it goes"},
    {"limit-rate-after", Kind::integer, "0", Class::limit, Fate::not_yet,
     "bytes that are sent before limit-rate begins"},
    {"limit-req-status-code", Kind::integer, "503", Class::limit, Fate::not_yet,
     "status for requests above limit-rps and limit-rpm"},
    {"limit-conn-status-code", Kind::integer, "503", Class::limit, Fate::not_yet,
     "status for requests above limit-connections"},
    {"limit-conn-zone-variable", Kind::template_text, "$binary_remote_addr", Class::limit, Fate::not_yet,
     "what the limits count by: the client address, or another $variable"},
    {"proxy-buffer-size", Kind::size, "4k", Class::limit, Fate::not_yet,
     "longest head of a response; longer ones give 502"},
    {"proxy-max-temp-file-size", Kind::size, "1024m", Class::limit, Fate::not_yet,
     "how much of a collected response may go to disk; 0: nothing"},
    {"grpc-buffer-size-kb", Kind::integer, "0", Class::limit, Fate::not_yet,
     "buffer for gRPC responses in KiB; 0: nginx's own default"},

    {"add-headers", Kind::object, "", Class::header, Fate::not_yet,
     "ConfigMap whose entries are set on every response"},
    {"proxy-set-headers", Kind::object, "", Class::header, Fate::not_yet,
     "ConfigMap whose entries are set on every request to pods; values may hold $variables"},
    {"allow-backend-server-header", Kind::boolean, "false", Class::header, Fate::carried_out,
     "passes the pods' Server field on; needs server-tokens, too"},
    {"hide-headers", Kind::headers, "", Class::header, Fate::carried_out,
     "fields of the pods' responses that clients do not get"},
    {"server-tokens", Kind::boolean, "false", Class::header, Fate::carried_out,
     "true: responses carry a Server field with the version"},
    {"enable-underscores-in-headers", Kind::boolean, "false", Class::header, Fate::carried_out,
     "passes request fields on whose names hold an underscore; they are dropped otherwise"},
    {"ignore-invalid-headers", Kind::boolean, "true", Class::header, Fate::carried_out,
     "drops request fields whose names hold anything but letters, digits and hyphens"},
    {"generate-request-id", Kind::boolean, "true", Class::header, Fate::carried_out,
     "makes an X-Request-ID where the client sent none"},
    {"forwarded-for-header", Kind::header, "X-Forwarded-For", Class::header, Fate::carried_out,
     "field that the client address is taken from"},
    {"forwarded-for-proxy-protocol-header", Kind::header, "X-Forwarded-For-Proxy-Protocol", Class::header,
     Fate::not_yet, "field that takes the place of forwarded-for-header where the PROXY protocol is used, too"},
    {"forwarded-host-header", Kind::header, "X-Forwarded-Host", Class::header, Fate::not_yet,
     "field that is kept as X-Original-Forwarded-Host"},
    {"compute-full-forwarded-for", Kind::boolean, "false", Class::header, Fate::carried_out,
     "X-Forwarded-For for pods is the list that came plus the peer, not the client alone; needs use-forwarded-headers"},
    {"proxy-add-original-uri-header", Kind::boolean, "false", Class::header, Fate::carried_out,
     "sends the request's target to pods as X-Original-URI"},
    {"default-type", Kind::text, "text/html", Class::header, Fate::not_yet,
     "Content-Type of answers that are made here and have none"},
    {"proxy-cookie-domain", Kind::text, "off", Class::header, Fate::not_yet,
     "rewrites the Domain attribute of the pods' cookies: off, or from and to"},
    {"proxy-cookie-path", Kind::text, "off", Class::header, Fate::not_yet,
     "rewrites the Path attribute of the pods' cookies: off, or from and to"},
    {"proxy-redirect-from", Kind::text, "off", Class::header, Fate::not_yet,
     "beginning of the pods' Location and Refresh fields that is replaced; off and default are words of their own"},
    {"proxy-redirect-to", Kind::text, "off", Class::header, Fate::not_yet,
     "what replaces the text of proxy-redirect-from"},
    {"global-allowed-response-headers", Kind::headers, "", Class::header, Fate::not_yet,
     "fields that the annotation custom-headers may set"},

    {"debug-connections", Kind::ranges, "", Class::log, Fate::not_yet,
     "clients whose connections are logged in detail"},
    {"access-log-params", Kind::text, "", Class::log, Fate::not_yet,
     "further words for the access log, such as buffer= and flush="},
    {"access-log-path", Kind::path, "/var/log/nginx/access.log", Class::log, Fate::not_yet, "file of the access log"},
    {"http-access-log-path", Kind::path, "", Class::log, Fate::not_yet,
     "file of the access log for HTTP alone; empty: access-log-path"},
    {"stream-access-log-path", Kind::path, "", Class::log, Fate::not_yet,
     "file of the access log for TCP and UDP; empty: access-log-path"},
    {"enable-access-log-for-default-backend", Kind::boolean, "false", Class::log, Fate::not_yet,
     "requests that the default backend answers are in the access log"},
    {"enable-auth-access-log", Kind::boolean, "false", Class::log, Fate::not_yet,
     "questions of external authentication are in the access log"},
    {"error-log-path", Kind::path, "/var/log/nginx/error.log", Class::log, Fate::not_yet, "file of the error log"},
    {"error-log-level", Kind::word, "notice", Class::log, Fate::not_yet,
     "debug, info, notice, warn, error, crit, alert or emerg"},
    {"disable-access-log", Kind::boolean, "false", Class::log, Fate::not_yet, "no access log at all"},
    {"disable-http-access-log", Kind::boolean, "false", Class::log, Fate::not_yet, "no access log for HTTP"},
    {"disable-stream-access-log", Kind::boolean, "false", Class::log, Fate::not_yet, "no access log for TCP and UDP"},
    {"log-format-escape-none", Kind::boolean, "false", Class::log, Fate::not_yet,
     "values in log lines stand as they are; goes before log-format-escape-json"},
    {"log-format-escape-json", Kind::boolean, "false", Class::log, Fate::not_yet,
     "values in log lines are escaped for JSON, and absent ones are empty"},
    {"log-format-upstream", Kind::template_text,
     "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" "
     "\"$http_user_agent\" $request_length $request_time [$proxy_upstream_name] "
     "[$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time "
     "$upstream_status $req_id",
     Class::log, Fate::not_yet, "form of an access log line for HTTP"},
    {"log-format-stream", Kind::template_text,
     "[$remote_addr] [$time_local] $protocol $status $bytes_sent $bytes_received $session_time", Class::log,
     Fate::not_yet, "form of an access log line for TCP and UDP"},
    {"skip-access-log-urls", Kind::list, "", Class::log, Fate::not_yet,
     "targets, query included, that are not logged; whole text, or a pattern behind ~ or ~*"},
    {"enable-syslog", Kind::boolean, "false", Class::log, Fate::not_yet,
     "sends access and error log to a syslog server over UDP"},
    {"syslog-host", Kind::text, "", Class::log, Fate::not_yet, "the syslog server"},
    {"syslog-port", Kind::integer, "514", Class::log, Fate::not_yet, "port of the syslog server"},

    {"hsts", Kind::boolean, "true", Class::tls, Fate::carried_out, "Strict-Transport-Security on responses over TLS"},
    {"hsts-include-subdomains", Kind::boolean, "true", Class::tls, Fate::carried_out,
     "includeSubDomains in Strict-Transport-Security"},
    {"hsts-max-age", Kind::seconds, "31536000", Class::tls, Fate::carried_out, "max-age in Strict-Transport-Security"},
    {"hsts-preload", Kind::boolean, "false", Class::tls, Fate::carried_out, "preload in Strict-Transport-Security"},
    {"ssl-redirect", Kind::boolean, "true", Class::tls, Fate::carried_out,
     "plain HTTP is sent to https where the host has a certificate"},
    {"force-ssl-redirect", Kind::boolean, "false", Class::tls, Fate::carried_out,
     "plain HTTP is sent to https even where the host has no certificate"},
    {"no-tls-redirect-locations", Kind::list, "/.well-known/acme-challenge", Class::tls, Fate::carried_out,
     "beginnings of rule paths that are not sent to https"},
    {"preserve-trailing-slash", Kind::boolean, "false", Class::tls, Fate::carried_out,
     "keeps the last / in the redirect to https, which is cut otherwise"},
    {"use-port-in-redirects", Kind::boolean, "false", Class::tls, Fate::carried_out, "redirects name the port"},
    {"ssl-protocols", Kind::words, "TLSv1.2 TLSv1.3", Class::tls, Fate::not_yet, "TLS versions for clients"},
    {"ssl-ciphers", Kind::text,
     "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
     "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
     "DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256",
     Class::tls, Fate::not_yet, "ciphers for clients up to TLS 1.2, as OpenSSL writes them"},
    {"ssl-ecdh-curve", Kind::text, "auto", Class::tls, Fate::not_yet,
     "groups for the key exchange, with colons between them; auto: those of OpenSSL"},
    {"ssl-dh-param", Kind::object, "", Class::tls, Fate::not_yet,
     "Secret with dhparam.pem, for the old kind of Diffie-Hellman"},
    {"ssl-early-data", Kind::boolean, "false", Class::tls, Fate::not_yet, "0-RTT of TLS 1.3"},
    {"ssl-session-cache", Kind::boolean, "true", Class::tls, Fate::not_yet,
     "keeps TLS sessions, so that clients resume them"},
    {"ssl-session-cache-size", Kind::size, "10m", Class::tls, Fate::not_yet, "how much memory kept sessions may take"},
    {"ssl-session-timeout", Kind::duration, "10m", Class::tls, Fate::not_yet, "how long a session may be resumed"},
    {"ssl-session-tickets", Kind::boolean, "false", Class::tls, Fate::not_yet, "session tickets"},
    {"ssl-session-ticket-key", Kind::text, "", Class::tls, Fate::not_yet,
     "key of the tickets, the same for all replicas: 48 or 80 bytes in base64"},
    {"ssl-buffer-size", Kind::size, "4k", Class::tls, Fate::not_yet, "size of TLS records"},
    {"ssl-reject-handshake", Kind::boolean, "false", Class::tls, Fate::not_yet,
     "ends the handshake where no host has the client's name, instead of showing the default certificate"},
    {"enable-ocsp", Kind::boolean, "false", Class::tls, Fate::not_yet, "OCSP stapling"},
    {"proxy-ssl-location-only", Kind::boolean, "false", Class::tls, Fate::not_yet,
     "proxy-ssl-* annotations hold for their own paths only, not for the whole host"},

    {"allow-snippet-annotations", Kind::boolean, "false", Class::security, Fate::not_yet,
     "allows the annotations that end in -snippet"},
    {"allow-cross-namespace-resources", Kind::boolean, "false", Class::security, Fate::not_yet,
     "lets annotations name Secrets and ConfigMaps of other namespaces"},
    {"annotations-risk-level", Kind::word, "High", Class::security, Fate::not_yet,
     "highest risk that an annotation may have: Low, Medium, High or Critical; an Ingress with a riskier one is "
     "refused"},
    {"annotation-value-word-blocklist", Kind::list, "", Class::security, Fate::not_yet,
     "words that no value of an annotation may contain"},
    {"strict-validate-path-type", Kind::boolean, "true", Class::security, Fate::not_yet,
     "paths of the types Exact and Prefix may hold only letters, digits, dot, underscore, hyphen and slash"},
    {"block-cidrs", Kind::ranges, "", Class::security, Fate::carried_out, "client addresses that get 403 everywhere"},
    {"block-user-agents", Kind::list, "", Class::security, Fate::not_yet,
     "values of User-Agent that get 403; whole text, or a pattern behind ~ or ~*"},
    {"block-referers", Kind::list, "", Class::security, Fate::not_yet,
     "values of Referer that get 403; whole text, or a pattern behind ~ or ~*"},
    {"denylist-source-range", Kind::ranges, "", Class::security, Fate::carried_out,
     "client addresses that get 403 where the annotation of that name is absent"},
    {"whitelist-source-range", Kind::ranges, "", Class::security, Fate::carried_out,
     "client addresses that may enter where the annotation is absent; all others get 403"},

    {"global-auth-url", Kind::url, "", Class::auth, Fate::not_yet,
     "asks this URL about each request that has no auth-url of its own"},
    {"global-auth-method", Kind::word, "", Class::auth, Fate::not_yet, "method of that question"},
    {"global-auth-signin", Kind::url, "", Class::auth, Fate::not_yet,
     "where a client is sent to when the answer was 401"},
    {"global-auth-signin-redirect-param", Kind::text, "rd", Class::auth, Fate::not_yet,
     "name of the query parameter that carries where the client wanted to go; empty: rd"},
    {"global-auth-response-headers", Kind::headers, "", Class::auth, Fate::not_yet,
     "fields of the answer that are set on the request to the pod"},
    {"global-auth-request-redirect", Kind::text, "", Class::auth, Fate::not_yet,
     "value of X-Auth-Request-Redirect in the question; empty: the request's target"},
    {"global-auth-cache-key", Kind::template_text, "", Class::auth, Fate::not_yet,
     "keeps answers under this text; empty: does not keep them"},
    {"global-auth-cache-duration", Kind::text, "200 202 401 5m", Class::auth, Fate::not_yet,
     "how long answers are kept, by status"},
    {"global-auth-always-set-cookie", Kind::boolean, "false", Class::auth, Fate::not_yet,
     "cookies of the answer go to the client whatever the status of the response"},
    {"no-auth-locations", Kind::list, "/.well-known/acme-challenge", Class::auth, Fate::not_yet,
     "beginnings of rule paths without basic and external authentication"},

    {"enable-modsecurity", Kind::boolean, "false", Class::waf, Fate::not_yet,
     "ModSecurity on every path that does not switch it off"},
    {"enable-owasp-modsecurity-crs", Kind::boolean, "false", Class::waf, Fate::not_yet,
     "the OWASP core rule set for ModSecurity"},
    {"modsecurity-snippet", Kind::snippet, "", Class::waf, Fate::not_yet,
     "rules of ModSecurity as text, in place of the recommended ones"},

    {"enable-opentelemetry", Kind::boolean, "false", Class::tracing, Fate::not_yet,
     "a trace span for each request, and trace fields for the pods"},
    {"opentelemetry-config", Kind::path, "/etc/ingress-controller/telemetry/opentelemetry.toml", Class::tracing,
     Fate::not_yet, "file that nginx's module reads"},
    {"opentelemetry-operation-name", Kind::template_text, "", Class::tracing, Fate::not_yet, "name of the spans"},
    {"opentelemetry-trust-incoming-span", Kind::boolean, "true", Class::tracing, Fate::not_yet,
     "continues the trace that the client names"},
    {"otlp-collector-host", Kind::text, "", Class::tracing, Fate::not_yet, "where the spans go, over OTLP and gRPC"},
    {"otlp-collector-port", Kind::integer, "4317", Class::tracing, Fate::not_yet, "port of the collector"},
    {"otel-max-queuesize", Kind::integer, "2048", Class::tracing, Fate::not_yet, "how many spans may wait"},
    {"otel-schedule-delay-millis", Kind::integer, "5000", Class::tracing, Fate::not_yet,
     "milliseconds between two deliveries"},
    {"otel-max-export-batch-size", Kind::integer, "512", Class::tracing, Fate::not_yet,
     "how many spans one delivery has"},
    {"otel-service-name", Kind::text, "nginx", Class::tracing, Fate::not_yet, "service.name of the spans"},
    {"otel-sampler", Kind::word, "AlwaysOn", Class::tracing, Fate::not_yet, "AlwaysOn, AlwaysOff or TraceIdRatioBased"},
    {"otel-sampler-parent-based", Kind::boolean, "true", Class::tracing, Fate::not_yet,
     "does what the parent span decided"},
    {"otel-sampler-ratio", Kind::number, "0.01", Class::tracing, Fate::not_yet,
     "share of requests that TraceIdRatioBased takes"},

    {"use-geoip2", Kind::boolean, "false", Class::geo, Fate::not_yet,
     "loads MaxMind's databases, for $geoip2_* variables"},
    {"geoip2-autoreload-in-minutes", Kind::integer, "0", Class::geo, Fate::not_yet,
     "how often the databases are read again; 0: never"},

    {"nginx-status-ipv4-whitelist", Kind::list, "127.0.0.1", Class::nginx_only, Fate::no_meaning,
     "who may read nginx's status page over IPv4", "there is no such page; /metrics on the admin port has the numbers"},
    {"nginx-status-ipv6-whitelist", Kind::list, "::1", Class::nginx_only, Fate::no_meaning,
     "who may read nginx's status page over IPv6", "there is no such page; /metrics on the admin port has the numbers"},
    {"http2-max-field-size", Kind::size, "", Class::nginx_only, Fate::no_meaning, "longest field of HTTP/2",
     "nginx itself reads large-client-header-buffers instead"},
    {"http2-max-header-size", Kind::size, "", Class::nginx_only, Fate::no_meaning, "longest head of HTTP/2",
     "nginx itself reads large-client-header-buffers instead"},
    {"http2-max-requests", Kind::integer, "0", Class::nginx_only, Fate::no_meaning,
     "requests for each HTTP/2 connection", "nginx itself reads keep-alive-requests instead"},
    {"worker-processes", Kind::text, "auto", Class::nginx_only, Fate::no_meaning, "how many processes nginx has",
     "the flag --workers gives the number of threads"},
    {"worker-cpu-affinity", Kind::text, "", Class::nginx_only, Fate::no_meaning, "which CPU each process runs on",
     "threads are left to the scheduler of the system"},
    {"worker-shutdown-timeout", Kind::duration, "240s", Class::nginx_only, Fate::no_meaning,
     "how long old processes may finish after a reload", "nothing is reloaded; --shutdown-timeout bounds the end"},
    {"enable-serial-reloads", Kind::boolean, "false", Class::nginx_only, Fate::no_meaning, "one reload after the other",
     "nothing is reloaded"},
    {"enable-multi-accept", Kind::boolean, "true", Class::nginx_only, Fate::no_meaning,
     "a process takes all waiting connections at once", "it is always so, up to a bound"},
    {"max-worker-connections", Kind::integer, "16384", Class::nginx_only, Fate::no_meaning,
     "connections of one process", "client connections have a fixed bound of their own"},
    {"max-worker-open-files", Kind::integer, "0", Class::nginx_only, Fate::no_meaning, "open files of one process",
     "the limit of the system holds"},
    {"map-hash-bucket-size", Kind::integer, "64", Class::nginx_only, Fate::no_meaning, "size of a hash table of nginx",
     "there is no such table"},
    {"server-name-hash-max-size", Kind::integer, "1024", Class::nginx_only, Fate::no_meaning,
     "size of a hash table of nginx", "there is no such table; hosts have no upper number"},
    {"server-name-hash-bucket-size", Kind::integer, "0", Class::nginx_only, Fate::no_meaning,
     "size of a hash table of nginx", "there is no such table; hosts have no upper number"},
    {"proxy-headers-hash-max-size", Kind::integer, "512", Class::nginx_only, Fate::no_meaning,
     "size of a hash table of nginx", "there is no such table"},
    {"proxy-headers-hash-bucket-size", Kind::integer, "64", Class::nginx_only, Fate::no_meaning,
     "size of a hash table of nginx", "there is no such table"},
    {"variables-hash-bucket-size", Kind::integer, "256", Class::nginx_only, Fate::no_meaning,
     "size of a hash table of nginx", "there is no such table"},
    {"variables-hash-max-size", Kind::integer, "2048", Class::nginx_only, Fate::no_meaning,
     "size of a hash table of nginx", "there is no such table"},
    {"reuse-port", Kind::boolean, "true", Class::nginx_only, Fate::no_meaning,
     "each process has listening sockets of its own", "every worker thread always has its own"},
    {"enable-aio-write", Kind::boolean, "true", Class::nginx_only, Fate::no_meaning, "threads write temporary files",
     "nginx's way to write files is not ours"},
    {"lua-shared-dicts", Kind::text, "", Class::nginx_only, Fate::no_meaning, "memory zones of the Lua code",
     "there is no Lua code, and no table with a fixed size"},
    {"gzip-disable", Kind::regex, "", Class::nginx_only, Fate::no_meaning, "values of User-Agent that get no gzip",
     "it helped browsers that nobody has any more"},
    {"proxy-buffers-number", Kind::integer, "4", Class::nginx_only, Fate::no_meaning, "how many buffers a response has",
     "only the memory that a request takes in all is bounded here"},
    {"proxy-busy-buffers-size", Kind::size, "", Class::nginx_only, Fate::no_meaning,
     "how much of the buffers may be on its way to the client",
     "only the memory that a request takes in all is bounded here"},
    {"global-auth-snippet", Kind::snippet, "", Class::nginx_only, Fate::no_meaning,
     "text of nginx's language for the question", "there is no configuration language to put it into"},
    {"main-snippet", Kind::snippet, "", Class::nginx_only, Fate::no_meaning, "text of nginx's language at the top",
     "there is no configuration language to put it into"},
    {"http-snippet", Kind::snippet, "", Class::nginx_only, Fate::no_meaning, "text of nginx's language for HTTP",
     "there is no configuration language to put it into"},
    {"server-snippet", Kind::snippet, "", Class::nginx_only, Fate::no_meaning,
     "text of nginx's language for every host", "there is no configuration language to put it into"},
    {"stream-snippet", Kind::snippet, "", Class::nginx_only, Fate::no_meaning,
     "text of nginx's language for TCP and UDP", "there is no configuration language to put it into"},
    {"location-snippet", Kind::snippet, "", Class::nginx_only, Fate::no_meaning,
     "text of nginx's language for every path", "there is no configuration language to put it into"},

    {"use-geoip", Kind::boolean, "true", Class::dead, Fate::no_meaning, "countries of clients, the old way",
     "ingress-nginx itself took it out"},
    {"jaeger-collector-host", Kind::text, "", Class::dead, Fate::no_meaning, "host of the Jaeger agent",
     "ingress-nginx itself took it out"},
    {"jaeger-collector-port", Kind::integer, "6831", Class::dead, Fate::no_meaning, "port of the Jaeger agent",
     "ingress-nginx itself took it out"},
    {"jaeger-endpoint", Kind::url, "", Class::dead, Fate::no_meaning, "URL of the Jaeger collector",
     "ingress-nginx itself took it out"},
    {"jaeger-service-name", Kind::text, "nginx", Class::dead, Fate::no_meaning, "name of the service in Jaeger",
     "ingress-nginx itself took it out"},
    {"jaeger-propagation-format", Kind::word, "jaeger", Class::dead, Fate::no_meaning, "form of Jaeger's trace fields",
     "ingress-nginx itself took it out"},
    {"jaeger-sampler-type", Kind::word, "const", Class::dead, Fate::no_meaning, "which requests Jaeger took",
     "ingress-nginx itself took it out"},
    {"jaeger-sampler-param", Kind::text, "1", Class::dead, Fate::no_meaning, "which requests Jaeger took",
     "ingress-nginx itself took it out"},
    {"jaeger-sampler-host", Kind::url, "http://127.0.0.1", Class::dead, Fate::no_meaning,
     "where Jaeger asked which requests to take", "ingress-nginx itself took it out"},
    {"jaeger-sampler-port", Kind::integer, "5778", Class::dead, Fate::no_meaning, "port of jaeger-sampler-host",
     "ingress-nginx itself took it out"},
    {"jaeger-trace-context-header-name", Kind::header, "uber-trace-id", Class::dead, Fate::no_meaning,
     "name of Jaeger's trace field", "ingress-nginx itself took it out"},
    {"jaeger-debug-header", Kind::header, "uber-debug-id", Class::dead, Fate::no_meaning,
     "name of Jaeger's debug field", "ingress-nginx itself took it out"},
    {"jaeger-baggage-header", Kind::header, "jaeger-baggage", Class::dead, Fate::no_meaning,
     "name of Jaeger's baggage field", "ingress-nginx itself took it out"},
    {"jaeger-trace-baggage-header-prefix", Kind::text, "uberctx-", Class::dead, Fate::no_meaning,
     "beginning of Jaeger's baggage fields", "ingress-nginx itself took it out"},
    {"app-root", Kind::path, "", Class::dead, Fate::no_meaning, "nothing",
     "ingress-nginx uses the annotation of that name only"},
    {"upstream-hash-by", Kind::text, "", Class::dead, Fate::no_meaning, "nothing",
     "ingress-nginx uses the annotation of that name only"},
    {"upstream-hash-by-subset", Kind::boolean, "false", Class::dead, Fate::no_meaning, "nothing",
     "ingress-nginx uses the annotation of that name only"},
    {"upstream-hash-by-subset-size", Kind::integer, "0", Class::dead, Fate::no_meaning, "nothing",
     "ingress-nginx uses the annotation of that name only"},
    {"Resolver", Kind::list, "", Class::dead, Fate::no_meaning, "nothing",
     "ingress-nginx overwrites it with the servers of /etc/resolv.conf"},
    {"bind-address-ipv4", Kind::list, "", Class::dead, Fate::no_meaning, "the IPv4 part of bind-address",
     "it is a by-product of ingress-nginx; use bind-address"},
    {"bind-address-ipv6", Kind::list, "", Class::dead, Fate::no_meaning, "the IPv6 part of bind-address",
     "it is a by-product of ingress-nginx; use bind-address"},
    {"global-external-auth", Kind::text, "", Class::dead, Fate::no_meaning, "nothing",
     "it is a by-product of ingress-nginx; use the global-auth-* keys"},
});

constexpr auto kTable = sorted_by_name(kRows);
static_assert(is_sorted_by_name<KnownSetting>(kTable), "find_setting() halves the table; no name stands twice");

constexpr const char* kIntroduction =
    "# Settings\n\n"
    "What becomes of each key of the ConfigMap of ingress-nginx 1.15 (`--configmap`). Many of them count where an\n"
    "[annotation](annotations.md) is absent.\n\n"
    "- **yes**: carried out.\n"
    "- **not yet**: known, has no effect in this version.\n"
    "- **no meaning**: there is nothing here that it could set.\n\n"
    "A boolean is `true` or `false`, seconds have no unit, durations have one (`10s`, `5m`, `1h`), sizes may end in\n"
    "k, m or g, and items of lists have commas between them.\n";

const char* state_of(SettingFate fate);

}  // namespace

std::span<const KnownSetting> known_settings() { return kTable; }

const KnownSetting* find_setting(std::string_view name) { return find_by_name<KnownSetting>(kTable, name); }

const char* title_of(SettingClass group) {
  switch (group) {
    case SettingClass::core:
      return "Connections, pods and responses";
    case SettingClass::limit:
      return "Sizes and limits";
    case SettingClass::header:
      return "Fields of requests and responses";
    case SettingClass::log:
      return "Logging";
    case SettingClass::tls:
      return "TLS and redirects to it";
    case SettingClass::security:
      return "What objects and clients may do";
    case SettingClass::auth:
      return "External authentication for all";
    case SettingClass::waf:
      return "Firewall";
    case SettingClass::tracing:
      return "Tracing";
    case SettingClass::geo:
      return "Places of clients";
    case SettingClass::nginx_only:
      return "The inside of nginx";
    case SettingClass::dead:
      return "Without effect in ingress-nginx, too";
  }
  return "";
}

std::string settings_markdown() {
  std::string out = kIntroduction;
  for (int i = 0; i < kSettingClasses; ++i) {
    const auto group = static_cast<SettingClass>(i);
    out += fmt::format("\n## {}\n\n| setting | type | default | state | what it sets |\n|---|---|---|---|---|\n",
                       title_of(group));
    for (const KnownSetting& known : kRows) {
      if (known.group != group) continue;
      std::string doc(known.doc);
      if (!known.because.empty()) doc += fmt::format("; no meaning because {}", known.because);
      out += fmt::format("| {} | {} | {} | {} | {} |\n", markdown_code(known.name), name_of(known.kind),
                         markdown_code(known.standard), state_of(known.fate), markdown_text(doc));
    }
  }
  return out;
}

namespace {

const char* state_of(SettingFate fate) {
  switch (fate) {
    case SettingFate::carried_out:
      return "yes";
    case SettingFate::not_yet:
      return "not yet";
    case SettingFate::no_meaning:
      return "no meaning";
  }
  return "";
}

}  // namespace
}  // namespace narthex::config
