package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The cases of this file are about which part of a cluster is served.

// ownClass makes an IngressClass for this case alone, named as its namespace, and gives the flag that serves it.
func (c *Case) ownClass() string {
	c.Helper()
	c.apply(fmt.Sprintf("apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: %s}\nspec: {controller: narthex.test/%s}\n", c.Namespace, c.Namespace))
	c.Cleanup(func() { c.try("delete", "ingressclass", c.Namespace, "--ignore-not-found") })
	return "--controller-class=narthex.test/" + c.Namespace
}

// beside is another namespace of the case.
func (c *Case) beside(suffix string) *Case {
	c.Helper()
	other := &Case{T: c.T, Namespace: c.Namespace + "-" + suffix}
	other.makeNamespace()
	return other
}

func TestSeveralNamespacesAreServedAndNoOther(t *testing.T) {
	c := begin(t)
	other, third := c.beside("2"), c.beside("3")
	for i, one := range []*Case{c, other, third} {
		one.deploy("web", 1)
		one.apply(ingress("web", "nginx", fmt.Sprintf("ns-%d.test", i), "/", "Prefix", "web"))
	}
	n := c.startNarthexAs("narthex", "narthex", "--watch-namespace="+c.Namespace+","+other.Namespace)
	n.settled(at("ns-0.test", "/"), "200", "web")
	n.settled(at("ns-1.test", "/"), "200", "web")
	n.settled(at("ns-2.test", "/"), "404", "")
}

func TestNamespacesAreChosenByTheirLabels(t *testing.T) {
	c := begin(t)
	class := c.ownClass()
	c.apply(c.read("rbac/selector.yaml"))
	c.deploy("web", 1)
	c.apply(ingress("web", c.Namespace, "label.test", "/", "Prefix", "web"))
	n := c.startNarthexAs("narthex", "narthex", class, "--watch-namespace-selector=team="+c.Namespace)
	n.settled(at("label.test", "/"), "404", "")
	c.kubectl("label", "namespace", c.Namespace, "team="+c.Namespace)
	n.expect(at("label.test", "/"), "200", "web")
	c.kubectl("label", "namespace", c.Namespace, "team=other", "--overwrite")
	n.expect(at("label.test", "/"), "404", "")
}

func TestCheckPrintsRoutesAndFindingsOfALiveCluster(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	c.apply(ingress("good", "nginx", "good.test", "/", "Prefix", "web"), ingress("bad", "nginx", "bad.test", "/", "Prefix", "nobody"))
	kubeconfig := filepath.Join(folder, c.Namespace+".kubeconfig")
	if err := control.WriteKubeconfig(kubeconfig, "token: "+strings.TrimSpace(c.token("narthex", "narthex"))); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(narthex, "check", "--kubeconfig="+kubeconfig, "--watch-namespace="+c.Namespace).CombinedOutput()
	for _, wanted := range []string{"host good.test", "web:80", "refused Ingress " + c.Namespace + "/bad", "ServiceNotFound"} {
		if !strings.Contains(string(output), wanted) {
			t.Errorf("%q must be said", wanted)
		}
	}
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
		t.Errorf("something is refused, so the exit status must be 1: %v", err)
	}
	if t.Failed() {
		t.Logf("%s", output)
	}
}
