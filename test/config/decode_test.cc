#include <fmt/format.h>

#include "config/reader.h"
#include "test/config/decoding.h"
#include "test/config/tree_text.h"

namespace narthex::config {
namespace {

std::string config_map(const std::string& metadata) {
  return "apiVersion: v1\nkind: ConfigMap\nmetadata: " + metadata + "\n";
}
std::string kinds_of(const Decoded& decoded) {
  std::string out;
  for (const Object& object : decoded.objects) {
    const ObjectRef ref = ref_of(object);
    out += fmt::format("{}{} {}/{}", out.empty() ? "" : "; ", ref.kind, ref.ns, ref.name);
  }
  return out;
}

}  // namespace

TEST_CASE("empty documents and kinds of others are skipped without a word") {
  const Decoded decoded = decode(R"(# nothing
---
---
apiVersion: apps/v1
kind: Deployment
metadata: 7
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: not-ours}
---
apiVersion: example.com/v1
kind: AllowList
items: [1.2.3.4]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ours}
)");
  CHECK(findings_of(decoded) == "");
  CHECK(kinds_of(decoded) == "ConfigMap default/ours");
}

TEST_CASE("a document that is no object gives exactly one finding with its line") {
  const std::pair<const char*, const char*> cases[] = {
      {"a: 1\n", "refused NotAnObject kind"},
      {"kind: Ingress\n", "refused NotAnObject apiVersion"},
      {"apiVersion: v1\n", "refused NotAnObject kind"},
      {"kind: 1\napiVersion: v1\n", "refused WrongType kind"},
      {"kind: ''\n", "refused NotAnObject kind"},
      {"just text\n", "refused NotAnObject"},
      {"- a\n- b\n", "refused NotAnObject"},
      {"80\n", "refused NotAnObject"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    const Decoded decoded = decode(std::string("---\n") + text);
    CHECK(findings_of(decoded) == expected);
    REQUIRE(decoded.findings.size() == 1);
    CHECK(decoded.findings[0].origin == Origin{"f.yaml", 2});
    CHECK(decoded.objects.empty());
  }
}

TEST_CASE("a known kind under a version that never existed is told, with the right one") {
  for (const char* version : {"networking.k8s.io/v2", "extensions/v1", "v1"}) {
    const Decoded decoded = decode(fmt::format("apiVersion: {}\nkind: Ingress\nmetadata: {{name: a}}\n", version));
    CHECK(findings_of(decoded) == "refused UnknownApiVersion apiVersion");
    CHECK(decoded.findings.at(0).message.find("networking.k8s.io/v1") != std::string::npos);
  }
  CHECK(findings_of(decode("apiVersion: config.openshift.io/v1\nkind: Ingress\nmetadata: {name: a}\n")) == "");
}

TEST_CASE("a document that is not YAML is one finding, and the others are served") {
  const Decoded decoded = decode(config_map("{name: a}") + "---\na: [\n---\n" + config_map("{name: b}"), "dir/x.yaml");
  CHECK(kinds_of(decoded) == "ConfigMap default/a; ConfigMap default/b");
  REQUIRE(decoded.findings.size() == 1);
  CHECK(to_text(decoded.findings[0]).starts_with("refused: InvalidYaml: "));
  CHECK(decoded.findings[0].origin.file == "dir/x.yaml");
}

TEST_CASE("a manifest nested 100,000 deep is one finding") {
  CHECK(findings_of(decode(repeat("[", 100'000) + repeat("]", 100'000))) == "refused InvalidYaml");
  CHECK(findings_of(decode(repeat("{\"a\":", 100'000), "f.json")) == "refused InvalidJson");
  CHECK(findings_of(decode(repeat("{\"a\":", 100'000))) == "refused InvalidYaml");
}

TEST_CASE("JSON is read by its file name or by its first brace") {
  const std::string text = "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\",\n \"metadata\": {\"name\": 7}}";
  for (const char* file : {"f.json", "f.yaml", "-"}) {
    const Decoded decoded = decode(text, file);
    CHECK(findings_of(decoded) == "refused WrongType metadata.name");
    CHECK(decoded.findings.at(0).origin == Origin{file, 2});
  }
  CHECK(findings_of(decode("{\"apiVersion\": \"v1\",}", "f.json")) == "refused InvalidJson");
  CHECK(kinds_of(decode("{apiVersion: v1, kind: ConfigMap, metadata: {name: braces}}")) == "ConfigMap default/braces");
  CHECK(findings_of(decode("", "f.json")) == "");
}

TEST_CASE("a List gives its items, also those that leave out what the List says") {
  const Decoded decoded = decode(R"(
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - metadata: {name: b, namespace: x}
  - {apiVersion: v1, kind: Secret, metadata: {name: c}}
- 7
- {apiVersion: v1, kind: Secret, metadata: {}}
)");
  CHECK(kinds_of(decoded) == "ConfigMap default/a; ConfigMap x/b; Secret default/c");
  CHECK(findings_of(decoded) == "refused NotAnObject items[2]; refused MissingName metadata.name");
  CHECK(findings_of(decode("apiVersion: v1\nkind: List\nitems: x\n")) == "refused WrongType items");
  CHECK(findings_of(decode("apiVersion: v1\nkind: List\n")) == "");
}

TEST_CASE("an object needs a name that Kubernetes would take") {
  const std::pair<const char*, const char*> cases[] = {
      {"{name: a.b-c}", ""},
      {"{name: a, namespace: null}", ""},
      {"{}", "refused MissingName metadata.name"},
      {"{generateName: a-}", "refused MissingName metadata.name"},
      {"{name: ''}", "refused MissingName metadata.name"},
      {"{name: A}", "refused InvalidName metadata.name"},
      {"{name: a_b}", "refused InvalidName metadata.name"},
      {"{name: a/b}", "refused InvalidName metadata.name"},
      {"{name: \"a\\nb\"}", "refused InvalidName metadata.name"},
      {"{name: 1}", "refused WrongType metadata.name"},
      {"{name: a, namespace: 1}", "refused WrongType metadata.namespace"},
      {"{name: a, namespace: a.b}", "refused InvalidNamespace metadata.namespace"},
      {"7", "refused WrongType metadata"},
      {"", "refused WrongType metadata"},
  };
  for (const auto& [metadata, expected] : cases) {
    INFO(metadata);
    const Decoded decoded = decode(config_map(metadata));
    CHECK(findings_of(decoded) == expected);
    CHECK(decoded.objects.size() == (*expected == '\0' ? 1 : 0));
  }
  CHECK(findings_of(decode(config_map("{name: " + std::string(254, 'a') + "}"))) ==
        "refused InvalidName metadata.name");
}

TEST_CASE("an annotation or label of the wrong type costs only itself") {
  const Decoded decoded =
      decode(config_map("{name: a, annotations: {x: 1, 'y/z': ok, empty: null}, labels: {l: true, m: ok}}"));
  CHECK(findings_of(decoded) == "refused WrongType metadata.annotations[x]; refused WrongType metadata.labels[l]");
  const auto map = only<ConfigMap>(decoded);
  CHECK(map.meta.annotations == std::map<std::string, std::string>{{"y/z", "ok"}, {"empty", ""}});
  CHECK(map.meta.labels == std::map<std::string, std::string>{{"m", "ok"}});
  CHECK(findings_of(decode(config_map("{name: a, annotations: x}"))) == "refused WrongType metadata.annotations");
}

TEST_CASE("a guard whose value has the wrong type does not vanish") {
  const Decoded decoded =
      decode(config_map("{name: a, annotations: {nginx.ingress.kubernetes.io/limit-rps: 5, "
                        "nginx.ingress.kubernetes.io/ssl-redirect: true}}"));
  CHECK(decoded.findings.size() == 2);
  CHECK(only<ConfigMap>(decoded).meta.annotations ==
        std::map<std::string, std::string>{{"nginx.ingress.kubernetes.io/limit-rps", ""}});
}

TEST_CASE("more annotations than the API server allows cost the object") {
  const std::string big(200'000, 'x');
  CHECK(findings_of(decode(config_map(fmt::format("{{name: a, annotations: {{b: {}}}}}", big)))) == "");
  const Decoded decoded = decode(config_map(fmt::format("{{name: a, annotations: {{b: {}, c: {}}}}}", big, big)));
  CHECK(findings_of(decoded) == "refused AnnotationsTooBig metadata.annotations");
  CHECK(decoded.objects.empty());
}

TEST_CASE("creationTimestamp is read as RFC 3339") {
  const std::pair<const char*, int64_t> good[] = {
      {"1970-01-01T00:00:10Z", 10},         {"1970-01-01T01:00:10+01:00", 10},    {"1969-12-31T23:30:10.25-00:30", 10},
      {"2024-02-29T00:00:00Z", 1709164800}, {"2016-12-31T23:59:60Z", 1483228800}, {"2024-02-29t00:00:00z", 1709164800},
  };
  for (const auto& [text, seconds] : good) {
    INFO(text);
    const Decoded decoded = decode(config_map(fmt::format("{{name: a, creationTimestamp: '{}'}}", text)));
    CHECK(findings_of(decoded) == "");
    CHECK(only<ConfigMap>(decoded).meta.creation_time == std::chrono::sys_seconds(std::chrono::seconds(seconds)));
  }
  for (const char* bad :
       {"yesterday", "2024-02-30T00:00:00Z", "2024-02-29", "2024-02-29T00:00:00", "2024-02-29T24:00:00Z",
        "2024-2-29T00:00:00Z", "2024-02-29T00:00:00.Z", "2024-02-29T00:00:00Zx", "2024-02-29T00:00:00+24:00"}) {
    INFO(bad);
    const Decoded decoded = decode(config_map(fmt::format("{{name: a, creationTimestamp: '{}'}}", bad)));
    CHECK(findings_of(decoded) == "refused InvalidTime metadata.creationTimestamp");
    CHECK_FALSE(only<ConfigMap>(decoded).meta.creation_time);
  }
  CHECK(findings_of(decode(config_map("{name: a, creationTimestamp: null}"))) == "");
}

TEST_CASE("one object gives a bounded number of findings, and says that there are more") {
  std::string text = config_map("{name: a}") + "data:\n";
  for (int i = 0; i < 500; ++i) text += fmt::format("  k{}: 1\n", i);
  const Decoded decoded = decode(text);
  REQUIRE(decoded.findings.size() == ReadContext::kMaxFindings + 1);
  CHECK(decoded.findings.back().reason == "TooManyFindings");
  CHECK(decoded.findings.back().severity == Severity::refused);
}

TEST_CASE("a ConfigMap holds its texts") {
  const Decoded decoded = decode(config_map("{name: a}") + "data: {x: 'true', z: 1, w: null}\nbinaryData: {b: AA==}\n");
  CHECK(findings_of(decoded) == "refused WrongType data.z");
  CHECK(only<ConfigMap>(decoded).data == std::map<std::string, std::string>{{"x", "true"}, {"w", ""}});
}

TEST_CASE("a Secret holds decoded bytes, and stringData wins") {
  const Decoded decoded = decode(R"(
apiVersion: v1
kind: Secret
metadata: {name: s}
type: kubernetes.io/tls
data:
  tls.crt: aGVsbG8=
  tls.key: "%%% secret %%%"
  folded: |
    aGVs
    bG8=
  number: 5
stringData:
  tls.crt: plain
  more: text
)");
  CHECK(findings_of(decoded) == "refused InvalidBase64 data.tls.key; refused WrongType data.number");
  for (const Finding& finding : decoded.findings) CHECK(to_text(finding).find("%%%") == std::string::npos);
  const auto secret = only<Secret>(decoded);
  CHECK(secret.type == "kubernetes.io/tls");
  CHECK(secret.data == std::map<std::string, std::string>{{"tls.crt", "plain"}, {"folded", "hello"}, {"more", "text"}});
  CHECK(findings_of(decode("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: [x]\n")) ==
        "refused WrongType data");
}

}  // namespace narthex::config
