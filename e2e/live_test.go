package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// The cases of this file change what is served while it is being used.

func TestDeploymentScalesUpAndDownUnderLoadWithoutAFailedRequest(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	// Pods wait for nothing when they go, and most of them go at once here: their endpoints are taken away later.
	c.apply(ingress("web", "nginx", "scale.test", "/", "Prefix", "web"))
	n := c.startNarthex()
	load := n.load(8, "scale.test", "/")
	load.atLeast(100)
	c.kubectl("scale", "deployment/web", "--replicas=10")
	c.rolledOut("web")
	c.until("all 10 pods answer", func() error {
		load.mutex.Lock()
		defer load.mutex.Unlock()
		if len(load.pods) != 10 {
			return fmt.Errorf("%d do", len(load.pods))
		}
		return nil
	})
	c.kubectl("scale", "deployment/web", "--replicas=3")
	c.readyAddresses("web", 3)
	c.until("the other pods are gone", func() error {
		if pods := c.podIPs("web"); len(pods) != 3 {
			return fmt.Errorf("there are %d", len(pods))
		}
		return nil
	})
	load.atLeast(100)
	load.stop()
}

func TestDeploymentRollsOverUnderLoadWithoutAFailedGET(t *testing.T) {
	c := begin(t)
	c.deploy("web", 3) // its pods wait for nothing when they go: a GET that comes too late is tried again on another pod
	c.apply(ingress("web", "nginx", "roll.test", "/", "Prefix", "web"))
	n := c.startNarthex()
	load := n.load(8, "roll.test", "/slow?ms=20")
	load.atLeast(100)
	c.kubectl("set", "image", "deployment/web", "echo=narthex.test/echo:2")
	c.rolledOut("web")
	c.readyAddresses("web", 3)
	load.atLeast(100)
	load.stop()
	if load.versions["1"] == 0 || load.versions["2"] == 0 {
		t.Errorf("both versions must have answered: %v", load.versions)
	}
	for range 10 {
		if answer := n.get(at("roll.test", "/")); answer.Line("version") != "2" {
			t.Errorf("the old version is still there: %s\n%s", answer.Status, answer.Body)
		}
	}
}

func TestPodsThatAreNotReadyGetNoRequests(t *testing.T) {
	c := begin(t)
	c.deploy("web", 2)
	c.apply(ingress("web", "nginx", "ready.test", "/", "Prefix", "web"))
	n := c.startNarthex()
	load := n.load(4, "ready.test", "/")
	ips := c.podIPs("web")
	c.tell(ips[0], "unready")
	c.readyAddresses("web", 1)
	name := c.kubectl("get", "pods", "--field-selector=status.podIP="+ips[0], "-o", "jsonpath={.items[0].metadata.name}")
	c.until("the pod that is not ready gets nothing", func() error {
		for range 10 {
			if answer := n.get(at("ready.test", "/")); answer.Line("pod") == name {
				return fmt.Errorf("it does")
			}
		}
		return nil
	})
	load.stop()
	c.tell(ips[1], "unready")
	n.expect(at("ready.test", "/"), "503", "")
	c.tell(ips[0], "ready")
	if answer := n.expect(at("ready.test", "/"), "200", "web"); answer.Line("pod") != name {
		t.Errorf("%s answers, and only %s is ready", answer.Line("pod"), name)
	}
}

func TestCertificateOfARotatedSecretIsServedWithoutClosingAConnection(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	before := c.makeSecret("secure", "secure.test")
	c.applyFile("tls.yaml")
	n := c.startNarthex()
	kept := n.connectTLS("secure.test")
	defer kept.close()
	first := n.serial("secure.test")
	if after := c.makeSecret("secure", "secure.test"); string(after.Certificate) == string(before.Certificate) {
		t.Fatal("the certificate must be another one")
	}
	c.until("the new certificate is served", func() error {
		if n.serial("secure.test") == first {
			return fmt.Errorf("it is the old one")
		}
		return nil
	})
	kept.mustAnswer(t)
	// A Secret that is gone, or is no good, costs the host its certificate and nothing else.
	c.kubectl("delete", "secret", "secure")
	n.finds("SecretNotFound", "secure")
	n.expect(atTLS("secure.test", "/"), "200", "web", "-k")
	n.expect(atTLS("secure.test", "/"), "000", "", "--cacert", control.Folder+"/ca.crt")
	c.makeSecret("secure", "secure.test")
	n.expect(atTLS("secure.test", "/"), "200", "web", "--cacert", control.Folder+"/ca.crt")
	kept.mustAnswer(t)
}

// keptTLS is a client with one connection.
type keptTLS struct {
	client  *http.Client
	url     string
	dialled int
}

func (n *Narthex) connectTLS(host string) *keptTLS {
	n.c.Helper()
	k := &keptTLS{url: atTLS(host, "/")}
	k.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: host},
		Dial: func(network, _ string) (net.Conn, error) {
			k.dialled++
			return net.Dial(network, net.JoinHostPort(n.Address, httpsPort))
		},
	}}
	k.mustAnswer(n.c.T)
	return k
}

func (k *keptTLS) mustAnswer(t *testing.T) {
	t.Helper()
	if answer, err := ask(k.client, k.url); err != nil || answer.Status != "200" || k.dialled != 1 {
		t.Errorf("the kept connection must answer: %s %v, %d connections", answer.Status, err, k.dialled)
	}
}

func (k *keptTLS) close() { k.client.CloseIdleConnections() }

// serial is the number of the certificate that a new connection gets.
func (n *Narthex) serial(host string) string {
	n.c.Helper()
	connection, err := tls.Dial("tcp", net.JoinHostPort(n.Address, httpsPort), &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err != nil {
		n.c.Fatal(err)
	}
	defer connection.Close()
	return connection.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func TestNamespaceThatIsDeletedTakesOnlyItsOwnRoutes(t *testing.T) {
	c := begin(t)
	ours, class := c.ownClass(), c.Namespace
	c.deploy("web", 1)
	c.apply(ingress("web", class, "stays.test", "/", "Prefix", "web"))
	other := c.beside("2")
	other.deploy("web", 1)
	other.apply(ingress("web", class, "goes.test", "/", "Prefix", "web"))
	n := c.startNarthexAs("narthex", "narthex", ours)
	n.settled(at("goes.test", "/"), "200", "web")
	load := n.load(2, "stays.test", "/")
	other.kubectl("delete", "namespace", other.Namespace)
	n.expect(at("goes.test", "/"), "404", "")
	load.stop()
	if routes := n.admin("/routes"); strings.Contains(routes, other.Namespace) {
		t.Errorf("something of the namespace is left:\n%s", routes)
	}
}
