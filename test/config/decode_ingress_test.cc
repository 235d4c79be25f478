#include <fmt/format.h>

#include "test/config/decoding.h"

namespace narthex::config {
namespace {

constexpr const char* kHead = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: shop}\nspec:\n";
constexpr const char* kBackend = "backend: {service: {name: web, port: {number: 80}}}";

// An Ingress whose only rule has one path with these fields.
std::string with_path(const std::string& fields) {
  return fmt::format("{}  rules: [{{http: {{paths: [{{{}}}]}}}}]\n", kHead, fields);
}
std::string with_host(const std::string& host) {
  return fmt::format("{}  rules:\n  - host: {}\n    http: {{paths: [{{path: /, pathType: Prefix, {}}}]}}\n", kHead,
                     host, kBackend);
}

constexpr const char* kFull = R"(
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: prod
  creationTimestamp: "2024-05-01T12:00:00Z"
  annotations:
    nginx.ingress.kubernetes.io/affinity: cookie
  labels: {app: shop}
spec:
  ingressClassName: nginx
  defaultBackend:
    service: {name: fallback, port: {name: http}}
  tls:
  - hosts: [shop.example.com, "*.Example.com"]
    secretName: shop-tls
  - {}
  rules:
  - host: shop.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: web, port: {number: 80}}}
      - path: /exact
        pathType: Exact
        backend: {service: {name: web, port: {name: http}}}
      - pathType: ImplementationSpecific
        backend: {resource: {apiGroup: k8s.example.com, kind: Bucket, name: icons}}
  - host: "*.example.com"
)";

}  // namespace

TEST_CASE("an Ingress of networking.k8s.io/v1 is read in full") {
  const Decoded decoded = decode(kFull);
  CHECK(findings_of(decoded) == "note HostNotLowerCase spec.tls[0].hosts[1]");
  const auto ingress = only<Ingress>(decoded);
  CHECK(ingress.meta.key == ObjectKey{"prod", "shop"});
  CHECK(ingress.meta.annotations.at("nginx.ingress.kubernetes.io/affinity") == "cookie");
  CHECK(ingress.meta.labels.at("app") == "shop");
  CHECK(ingress.meta.origin == Origin{"f.yaml", 2});
  CHECK(ingress.meta.creation_time == std::chrono::sys_seconds(std::chrono::seconds(1714564800)));
  CHECK(ingress.class_name == "nginx");
  CHECK(ingress.default_backend == IngressBackend{"fallback", {0, "http"}, false});
  REQUIRE(ingress.tls.size() == 2);
  CHECK(ingress.tls[0] == IngressTls{{"shop.example.com", "*.example.com"}, "shop-tls", 0});
  CHECK(ingress.tls[1] == IngressTls{{}, "", 1});
  REQUIRE(ingress.rules.size() == 2);
  CHECK(ingress.rules[0].host == "shop.example.com");
  REQUIRE(ingress.rules[0].paths.size() == 3);
  CHECK(ingress.rules[0].paths[0] == IngressPath{"/", PathType::prefix, {"web", {80, ""}, false}, 0});
  CHECK(ingress.rules[0].paths[1] == IngressPath{"/exact", PathType::exact, {"web", {0, "http"}, false}, 1});
  CHECK(ingress.rules[0].paths[2] == IngressPath{"/", PathType::implementation_specific, {"", {}, true}, 2});
  CHECK(ingress.rules[1].host == "*.example.com");
  CHECK_FALSE(ingress.rules[1].has_http);
  CHECK(ingress.rules[1].index == 1);
}

TEST_CASE("an Ingress of the old API groups is served with a note that names the new one") {
  for (const char* version : {"networking.k8s.io/v1beta1", "extensions/v1beta1"}) {
    const Decoded decoded = decode(fmt::format(R"(
apiVersion: {}
kind: Ingress
metadata: {{name: old}}
spec:
  backend: {{serviceName: fallback, servicePort: http}}
  rules:
  - http:
      paths:
      - path: /a
        backend: {{serviceName: web, servicePort: 80}}
      - backend: {{serviceName: web, servicePort: http}}
)",
                                               version));
    CHECK(findings_of(decoded) == "note OldApiVersion apiVersion");
    CHECK(decoded.findings[0].message.find("networking.k8s.io/v1") != std::string::npos);
    const auto ingress = only<Ingress>(decoded);
    CHECK(ingress.default_backend == IngressBackend{"fallback", {0, "http"}, false});
    REQUIRE(ingress.rules.at(0).paths.size() == 2);
    CHECK(ingress.rules[0].paths[0] ==
          IngressPath{"/a", PathType::implementation_specific, {"web", {80, ""}, false}, 0});
    CHECK(ingress.rules[0].paths[1] ==
          IngressPath{"/", PathType::implementation_specific, {"web", {0, "http"}, false}, 1});
  }
}

TEST_CASE("a broken path costs only the path, with a finding that names line, object and field") {
  const Decoded decoded = decode(R"(apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: prod}
spec:
  rules:
  - http:
      paths:
      - {path: /a, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - path: b
        pathType: Prefix
        backend: {service: {name: web, port: {number: 80}}}
      - {path: /c, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
)");
  const auto ingress = only<Ingress>(decoded);
  REQUIRE(ingress.rules.at(0).paths.size() == 2);
  CHECK(ingress.rules[0].paths[1].path == "/c");
  CHECK(ingress.rules[0].paths[1].index == 2);
  REQUIRE(decoded.findings.size() == 1);
  CHECK(to_text(decoded.findings[0]) ==
        "refused Ingress prod/shop spec.rules[0].http.paths[1].path: InvalidPath: \"b\" must start with / (f.yaml:9)");
}

TEST_CASE("paths are checked as the API server checks them") {
  const std::string long_path = "/" + std::string(4096, 'a');
  const std::tuple<std::string, const char*> cases[] = {
      {"path: /, pathType: Exact", ""},
      {"path: /a/b, pathType: Prefix", ""},
      {"path: " + long_path.substr(0, 4096) + ", pathType: Prefix", ""},
      {"path: '', pathType: ImplementationSpecific", ""},
      {"path: '/a(/|$)(.*)', pathType: ImplementationSpecific", ""},
      {"path: /a//b, pathType: ImplementationSpecific", ""},
      {"path: /a", "note MissingPathType pathType"},
      {"pathType: ImplementationSpecific", ""},
      {"path: '', pathType: Exact", "refused InvalidPath path"},
      {"pathType: Prefix", "refused InvalidPath path"},
      {"path: a, pathType: ImplementationSpecific", "refused InvalidPath path"},
      {"path: " + long_path + ", pathType: Prefix", "refused InvalidPath path"},
      {"path: \"/a\\nb\", pathType: Prefix", "refused InvalidPath path"},
      {"path: \"/a\\0\", pathType: ImplementationSpecific", "refused InvalidPath path"},
      {"path: \"/a\\x7f\", pathType: Exact", "refused InvalidPath path"},
      {"path: /a//b, pathType: Prefix", "refused InvalidPath path"},
      {"path: /a/../b, pathType: Exact", "refused InvalidPath path"},
      {"path: /a/., pathType: Exact", "refused InvalidPath path"},
      {"path: /a%2Fb, pathType: Prefix", "refused InvalidPath path"},
      {"path: 1, pathType: Prefix", "refused WrongType path"},
      {"path: /, pathType: prefix", "refused InvalidPathType pathType"},
      {"path: /, pathType: 1", "refused WrongType pathType"},
  };
  for (const auto& [fields, expected] : cases) {
    INFO(fields.substr(0, 60));
    const Decoded decoded = decode(with_path(fields + ", " + kBackend));
    std::string wanted = expected;
    const size_t last = wanted.rfind(' ');
    if (!wanted.empty()) wanted.insert(last + 1, "spec.rules[0].http.paths[0].");
    CHECK(findings_of(decoded) == wanted);
    CHECK(only<Ingress>(decoded).rules.at(0).paths.size() == (wanted.starts_with("refused") ? 0 : 1));
  }
}

TEST_CASE("a backend needs one Service with one port") {
  const std::pair<const char*, const char*> cases[] = {
      {"service: {name: web, port: {number: 65535}}", ""},
      {"service: {name: web, port: {name: http-1}}", ""},
      {"service: {name: web, port: {number: null, name: http}}", ""},
      {"service: {name: web, port: {number: 0}}", "InvalidPort backend.service.port.number"},
      {"service: {name: web, port: {number: 65536}}", "InvalidPort backend.service.port.number"},
      {"service: {name: web, port: {number: -1}}", "InvalidPort backend.service.port.number"},
      {"service: {name: web, port: {number: '80'}}", "WrongType backend.service.port.number"},
      {"service: {name: web, port: {number: 80.5}}", "WrongType backend.service.port.number"},
      {"service: {name: web, port: {name: 80}}", "WrongType backend.service.port.name"},
      {"service: {name: web, port: {name: '80'}}", "InvalidPort backend.service.port.name"},
      {"service: {name: web, port: {name: HTTP}}", "InvalidPort backend.service.port.name"},
      {"service: {name: web, port: {name: http, number: 80}}", "InvalidPort backend.service.port"},
      {"service: {name: web, port: {}}", "InvalidPort backend.service.port"},
      {"service: {name: web, port: 80}", "WrongType backend.service.port"},
      {"service: {name: web}", "WrongType backend.service.port"},
      {"service: {port: {number: 80}}", "InvalidBackend backend.service.name"},
      {"service: {name: Web_1, port: {number: 80}}", "InvalidBackend backend.service.name"},
      {"service: {name: other/web, port: {number: 80}}", "InvalidBackend backend.service.name"},
      {"service: web", "WrongType backend.service"},
      {"service: {name: web, port: {number: 80}}, resource: {kind: A, name: b}", "InvalidBackend backend"},
      {"resource: {kind: A}", "InvalidBackend backend.resource"},
      {"serviceName: web, servicePort: 80", "InvalidBackend backend"},
      {"", "InvalidBackend backend"},
  };
  for (const auto& [backend, expected] : cases) {
    INFO(backend);
    const Decoded decoded = decode(with_path(fmt::format("path: /, pathType: Prefix, backend: {{{}}}", backend)));
    std::string wanted = expected;
    if (!wanted.empty()) wanted = "refused " + wanted.insert(wanted.find(' ') + 1, "spec.rules[0].http.paths[0].");
    CHECK(findings_of(decoded) == wanted);
    CHECK(only<Ingress>(decoded).rules.at(0).paths.size() == (wanted.empty() ? 1 : 0));
  }
  CHECK(findings_of(decode(with_path("path: /, pathType: Prefix"))) ==
        "refused WrongType spec.rules[0].http.paths[0].backend");
}

TEST_CASE("an old backend needs a Service and a port by number or name") {
  const std::pair<const char*, const char*> cases[] = {
      {"serviceName: web, servicePort: 80", ""},
      {"serviceName: web, servicePort: http", ""},
      {"serviceName: web, servicePort: '80'", "InvalidPort backend.servicePort"},
      {"serviceName: web, servicePort: 0", "InvalidPort backend.servicePort"},
      {"serviceName: web, servicePort: [80]", "WrongType backend.servicePort"},
      {"serviceName: web", "InvalidPort backend.servicePort"},
      {"servicePort: 80", "InvalidBackend backend.serviceName"},
      {"service: {name: web, port: {number: 80}}", "InvalidBackend backend"},
      {"resource: {kind: A, name: b}", ""},
  };
  for (const auto& [backend, expected] : cases) {
    INFO(backend);
    std::string text = with_path(fmt::format("path: /, backend: {{{}}}", backend));
    text.replace(text.find("networking.k8s.io/v1"), 20, "networking.k8s.io/v1beta1");
    std::string wanted = expected;
    if (!wanted.empty()) wanted = "; refused " + wanted.insert(wanted.find(' ') + 1, "spec.rules[0].http.paths[0].");
    CHECK(findings_of(decode(text)) == "note OldApiVersion apiVersion" + wanted);
  }
}

TEST_CASE("a host is a DNS name or a wildcard of one label, another one costs the rule") {
  for (const char* good : {"a.example.com", "localhost", "'*.example.com'", "x-1.y", "''"}) {
    INFO(good);
    const Decoded decoded = decode(with_host(good));
    CHECK(findings_of(decoded) == "");
    CHECK(only<Ingress>(decoded).rules.size() == 1);
  }
  for (const char* bad :
       {"10.0.0.1", "'::1'", "'[::1]'", "'a.example.com:80'", "'http://a.b'", "'*'", "'*.'", "'a.*.b'", "'*a.b'",
        "'*.*.b'", "a_b.example.com", "example.com.", "-a.b", "a..b", "\"a\\nb\"", "'a b'"}) {
    INFO(bad);
    const Decoded decoded = decode(with_host(bad));
    CHECK(findings_of(decoded) == "refused InvalidHost spec.rules[0].host");
    CHECK(only<Ingress>(decoded).rules.empty());
  }
  const Decoded upper = decode(with_host("Shop.Example.COM"));
  CHECK(findings_of(upper) == "note HostNotLowerCase spec.rules[0].host");
  CHECK(only<Ingress>(upper).rules.at(0).host == "shop.example.com");
  CHECK(findings_of(decode(with_host("80"))) == "refused WrongType spec.rules[0].host");
}

TEST_CASE("a wrong type costs the part that it stands in, and nothing else") {
  const std::tuple<const char*, const char*, size_t, size_t> cases[] = {
      // spec, findings, rules, tls entries
      {"rules: x", "refused WrongType spec.rules", 0, 0},
      {"rules: [x, {host: a.b}]", "refused WrongType spec.rules[0]", 1, 0},
      {"rules: [{host: a.b, http: x}]", "refused WrongType spec.rules[0].http", 0, 0},
      {"rules: [{host: a.b, http: {}}]", "refused MissingPaths spec.rules[0].http.paths", 1, 0},
      {"rules: [{host: a.b, http: {paths: []}}]", "refused MissingPaths spec.rules[0].http.paths", 1, 0},
      {"rules: [{host: a.b, http: {paths: x}}]", "refused WrongType spec.rules[0].http.paths", 1, 0},
      {"rules: [{http: {paths: [x]}}]", "refused WrongType spec.rules[0].http.paths[0]", 1, 0},
      {"{rules: [{host: a.b}], tls: x}", "refused WrongType spec.tls", 1, 0},
      {"{rules: [{host: a.b}], tls: [x, {secretName: 1}, {hosts: x}, {hosts: [1, a.b]}]}",
       "refused WrongType spec.tls[0]; refused WrongType spec.tls[1].secretName; refused WrongType spec.tls[2].hosts; "
       "refused WrongType spec.tls[3].hosts[0]",
       1, 2},
      {"{rules: [{host: a.b}], tls: [{secretName: other/secret}]}", "refused InvalidSecretName spec.tls[0].secretName",
       1, 0},
      {"{rules: [{host: a.b}], tls: [{hosts: ['']}]}", "refused InvalidHost spec.tls[0].hosts[0]", 1, 1},
      {"{rules: [{host: a.b}], defaultBackend: x}", "refused WrongType spec.defaultBackend", 1, 0},
      {"rules: []", "refused MissingRules spec", 0, 0},
      {"{}", "refused MissingRules spec", 0, 0},
      {"unknown: {field: 1}", "refused MissingRules spec", 0, 0},
  };
  for (const auto& [spec, expected, rules, tls] : cases) {
    INFO(spec);
    const Decoded decoded = decode(std::string(kHead) + "  " + spec + "\n");
    CHECK(findings_of(decoded) == expected);
    const auto ingress = only<Ingress>(decoded);
    CHECK(ingress.rules.size() == rules);
    CHECK(ingress.tls.size() == tls);
  }
}

TEST_CASE("an Ingress whose class cannot be read is not served by whoever asks first") {
  const Decoded decoded = decode(std::string(kHead) + "  ingressClassName: 1\n  rules: [{host: a.b}]\n");
  CHECK(findings_of(decoded) == "refused WrongType spec.ingressClassName");
  CHECK(decoded.objects.empty());
}

TEST_CASE("an IngressClass tells its controller and whether it is the default") {
  for (const char* version : {"v1", "v1beta1"}) {
    const auto decoded =
        decode(fmt::format("apiVersion: networking.k8s.io/{}\nkind: IngressClass\nmetadata:\n  name: nginx\n"
                           "  namespace: ignored\n  annotations:\n"
                           "    ingressclass.kubernetes.io/is-default-class: 'true'\n"
                           "spec: {{controller: k8s.io/ingress-nginx}}\n",
                           version));
    CHECK(findings_of(decoded) == "");
    const auto one = only<IngressClass>(decoded);
    CHECK(one.meta.key == ObjectKey{"", "nginx"});
    CHECK(one.controller == "k8s.io/ingress-nginx");
    CHECK(one.is_default);
  }
  const auto bare = decode("apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\nspec: {}\n");
  CHECK(findings_of(bare) == "refused MissingController spec.controller");
  CHECK_FALSE(only<IngressClass>(bare).is_default);
}

}  // namespace narthex::config
