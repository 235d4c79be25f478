package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"narthex.test/e2e/cluster"
)

// The cases of this file follow the chapter on Ingress of the Kubernetes documentation.

// ingress is a manifest of one Ingress with one rule.
func ingress(name, class, host, path, pathType, service string) string {
	return fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %s}
spec:
  ingressClassName: %s
  rules:
  - host: %q
    http: {paths: [{path: %q, pathType: %s, backend: {service: {name: %s, port: {number: 80}}}}]}
`, name, class, host, path, pathType, service)
}

func TestIngressFansOutToServicesByPath(t *testing.T) {
	c := begin(t)
	c.deploy("foo", 1)
	c.deploy("bar", 2)
	c.applyFile("fan-out.yaml")
	n := c.startNarthex()
	n.settled(at("fan-out.test", "/foo/x"), "200", "foo")
	n.settled(at("fan-out.test", "/bar"), "200", "bar")
	n.settled(at("fan-out.test", "/other"), "404", "")
	n.settled(at("other.test", "/foo"), "404", "")
	c.kubectl("delete", "ingress", "fan-out")
	n.expect(at("fan-out.test", "/foo"), "404", "")
}

func TestIngressServesHostsByName(t *testing.T) {
	c := begin(t)
	n := c.startNarthex()
	for _, name := range []string{"first", "second", "third"} {
		c.deploy(name, 1)
	}
	c.applyFile("name-based.yaml")
	n.expect(at("first.test", "/"), "200", "first")
	n.settled(at("second.test", "/any"), "200", "second")
	n.settled(at("nobody.test", "/any"), "200", "third")
	if host := n.get(at("first.test", "/")).Line("host"); host != "first.test:"+httpPort {
		t.Errorf("the pod must see the client's Host, not %q", host)
	}
	// The host that an Ingress gives up is the rest's again.
	c.apply(strings.ReplaceAll(c.read("manifests/name-based.yaml"), "second.test", "renamed.test"))
	n.expect(at("renamed.test", "/"), "200", "second")
	n.settled(at("second.test", "/"), "200", "third")
}

func TestIngressWildcardHostsStandForOneLabel(t *testing.T) {
	c := begin(t)
	c.deploy("exact", 1)
	c.deploy("wild", 1)
	c.applyFile("wildcard.yaml")
	n := c.startNarthex()
	n.settled(at("foo.bar.test", "/bar"), "200", "exact")
	n.settled(at("any.bar.test", "/foo"), "200", "wild")
	n.settled(at("any.bar.test", "/bar"), "404", "")
	n.settled(at("two.labels.bar.test", "/foo"), "404", "")
	n.settled(at("bar.test", "/foo"), "404", "")
}

func TestIngressDefaultBackends(t *testing.T) {
	c := begin(t)
	for _, name := range []string{"fallback", "rest", "cart"} {
		c.deploy(name, 1)
	}
	c.applyFile("default-backend.yaml")
	n := c.startNarthex()
	n.settled(at("shop.test", "/cart"), "200", "cart")
	n.settled(at("shop.test", "/other"), "200", "rest")
	n.settled(at("anything.test", "/"), "200", "fallback")
	c.kubectl("delete", "ingress", "default-backend")
	n.expect(at("anything.test", "/"), "404", "")
	n.settled(at("shop.test", "/other"), "200", "rest")
}

func TestIngressEndsTLSWithTheCertificateOfASecret(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	c.makeSecret("secure", "secure.test")
	c.applyFile("tls.yaml")
	n := c.startNarthex()
	ca := control.Folder + "/ca.crt"
	answer := n.get(atTLS("secure.test", "/"), "--cacert", ca)
	if answer.Status != "200" || answer.Line("X-Forwarded-Proto") != "https" {
		t.Errorf("the pod must be reached over TLS, and be told so:\n%s\n%s", answer.Status, answer.Body)
	}
	if answer := n.get(atTLS("other.test", "/"), "--cacert", ca); answer.Status != "000" {
		t.Errorf("another host must not be vouched for: %s", answer.Status)
	}
}

// makeSecret makes or replaces a TLS Secret with a new certificate for names.
func (c *Case) makeSecret(secret string, names ...string) cluster.Pair {
	c.Helper()
	pair, err := control.Authority.Sign(names[0], nil, names...)
	if err != nil {
		c.Fatal(err)
	}
	name := c.Namespace + "-" + secret
	if err := pair.Write(folder, name); err != nil {
		c.Fatal(err)
	}
	file := filepath.Join(folder, name)
	c.apply(c.kubectl("create", "secret", "tls", secret, "--cert="+file+".crt", "--key="+file+".key", "--dry-run=client", "-o", "yaml"))
	return pair
}

func TestIngressWithResourceBackendsServesTheRest(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	c.applyFile("resource-backend.yaml")
	n := c.startNarthex()
	n.settled(at("assets.test", "/api/x"), "200", "web")
	if status := n.get(at("assets.test", "/icons/a.png")).Status; status != "503" && status != "404" {
		t.Errorf("a path to an object of another kind must not be served: %s", status)
	}
	n.finds("resource-backend", "ResourceBackend", "paths[0]")
	n.finds("resource-backend", "ResourceBackend", "defaultBackend")
}

func TestIngressPathTypesMatchAsTheDocumentationSays(t *testing.T) {
	rows := []struct {
		kind    string
		paths   []string
		request string
		match   string // the path that takes the request; empty: none
	}{
		{"Prefix", []string{"/"}, "/any/path", "/"},
		{"Exact", []string{"/foo"}, "/foo", "/foo"},
		{"Exact", []string{"/foo"}, "/bar", ""},
		{"Exact", []string{"/foo"}, "/foo/", ""},
		{"Exact", []string{"/foo/"}, "/foo", ""},
		{"Prefix", []string{"/foo"}, "/foo", "/foo"},
		{"Prefix", []string{"/foo"}, "/foo/", "/foo"},
		{"Prefix", []string{"/foo/"}, "/foo", "/foo/"},
		{"Prefix", []string{"/foo/"}, "/foo/", "/foo/"},
		{"Prefix", []string{"/aaa/bb"}, "/aaa/bbb", ""},
		{"Prefix", []string{"/aaa/bbb"}, "/aaa/bbb", "/aaa/bbb"},
		{"Prefix", []string{"/aaa/bbb/"}, "/aaa/bbb", "/aaa/bbb/"},
		{"Prefix", []string{"/aaa/bbb"}, "/aaa/bbb/", "/aaa/bbb"},
		{"Prefix", []string{"/aaa/bbb"}, "/aaa/bbb/ccc", "/aaa/bbb"},
		{"Prefix", []string{"/aaa/bbb"}, "/aaa/bbbxyz", ""},
		{"Prefix", []string{"/", "/aaa"}, "/aaa/ccc", "/aaa"},
		{"Prefix", []string{"/", "/aaa", "/aaa/bbb"}, "/aaa/bbb", "/aaa/bbb"},
		{"Prefix", []string{"/", "/aaa", "/aaa/bbb"}, "/ccc", "/"},
		{"Prefix", []string{"/aaa"}, "/ccc", ""},
		{"Exact", []string{"/foo", "prefix:/foo"}, "/foo", "/foo"},
		{"Exact", []string{"/foo", "prefix:/foo"}, "/foo/x", "prefix:/foo"},
	}
	c := begin(t)
	// The n-th path of a row leads to the n-th Service, all of which have pods of their own.
	services := []string{"one", "two", "three"}
	for _, name := range services {
		c.deploy(name, 1)
	}
	manifest := "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: paths}\nspec:\n  ingressClassName: nginx\n  rules:\n"
	for i, row := range rows {
		manifest += fmt.Sprintf("  - host: row-%d.test\n    http:\n      paths:\n", i)
		for j, path := range row.paths {
			kind := row.kind
			if rest, found := strings.CutPrefix(path, "prefix:"); found {
				kind, path = "Prefix", rest
			}
			manifest += fmt.Sprintf("      - {path: %s, pathType: %s, backend: {service: {name: %s, port: {number: 80}}}}\n", path, kind, services[j])
		}
	}
	c.apply(manifest)
	n := c.startNarthex()
	for i, row := range rows {
		status, name := "404", ""
		for j, path := range row.paths {
			if path == row.match {
				status, name = "200", services[j]
			}
		}
		n.settled(at(fmt.Sprintf("row-%d.test", i), row.request), status, name)
	}
}

func TestIngressClassesTakeEffectWhenTheyChange(t *testing.T) {
	c := begin(t)
	class := c.Namespace // IngressClasses have no namespace
	ours := fmt.Sprintf("apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: %s}\nspec: {controller: narthex.test/%s}\n", class, class)
	theirs := strings.ReplaceAll(ours, "narthex.test/", "someone.test/")
	t.Cleanup(func() { c.try("delete", "ingressclass", class, "--ignore-not-found") })
	c.deploy("web", 1)
	c.apply(ingress("web", class, "class.test", "/", "Prefix", "web"))
	n := c.startNarthex("--controller-class=narthex.test/" + class)
	n.settled(at("class.test", "/"), "404", "")
	c.apply(ours)
	n.expect(at("class.test", "/"), "200", "web")
	c.kubectl("delete", "ingressclass", class)
	n.expect(at("class.test", "/"), "404", "")
	c.apply(theirs)
	c.apply(ingress("marker", "nginx", "marker.test", "/", "Prefix", "web"))
	c.kubectl("replace", "--force", "-f", c.write("ours", ours)) // the controller of a class cannot be changed in place
	n.expect(at("class.test", "/"), "200", "web")
	// An Ingress that goes over to another class.
	c.kubectl("patch", "ingress", "web", "--type=merge", "-p", `{"spec":{"ingressClassName":"someone-else"}}`)
	n.expect(at("class.test", "/"), "404", "")
	// No class at all, and ours becomes the default.
	c.kubectl("patch", "ingress", "web", "--type=json", "-p", `[{"op":"remove","path":"/spec/ingressClassName"}]`)
	n.settled(at("class.test", "/"), "404", "")
	c.kubectl("annotate", "ingressclass", class, "ingressclass.kubernetes.io/is-default-class=true")
	n.expect(at("class.test", "/"), "200", "web")
}

// write puts text into a file of the run and gives its path.
func (c *Case) write(name, text string) string {
	c.Helper()
	file := filepath.Join(folder, c.Namespace+"-"+name+".yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
	return file
}

func TestOldIngressIsRefusedByTheAPIServerAndAcceptedFromAFile(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	old := c.read("manifests/v1beta1.yaml")
	if output, err := c.input(old, "apply", "-f", "-"); err == nil {
		t.Fatalf("the API server must not know v1beta1 any more:\n%s", output)
	}
	manifests := filepath.Join(folder, c.Namespace)
	if err := os.Mkdir(manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	objects := map[string]string{"old": strings.ReplaceAll(old, "name: old", "name: old\n  namespace: "+c.Namespace),
		"web": c.kubectl("get", "services,endpointslices", "-o", "yaml")}
	for name, text := range objects {
		if err := os.WriteFile(filepath.Join(manifests, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := c.startStandalone(manifests)
	n.settled(at("old.test", "/"), "200", "web")
	n.finds("OldApiVersion", "networking.k8s.io/v1")
}
