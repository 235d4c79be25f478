package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The cases of this file are about what Narthex writes into the cluster.

// address waits until `kubectl get ingress` shows an address, or none.
func (c *Case) address(name, wanted string) {
	c.Helper()
	c.until(fmt.Sprintf("the address of Ingress %s is %q", name, wanted), func() error {
		status := c.kubectl("get", "ingress", name, "-o", "jsonpath={.status.loadBalancer.ingress[*]['ip','hostname']}")
		if status != wanted {
			return fmt.Errorf("it is %q", status)
		}
		return nil
	})
}

func TestIngressShowsTheAddressThatItIsServedAt(t *testing.T) {
	c := begin(t)
	c.needs("--publish-status-address")
	n := c.startNarthex("--publish-status-address=203.0.113.7")
	c.deploy("web", 1)
	c.apply(ingress("web", "nginx", "status.test", "/", "Prefix", "web"))
	created := time.Now()
	c.address("web", "203.0.113.7")
	t.Logf("after %v", time.Since(created).Round(10*time.Millisecond))
	if table := c.kubectl("get", "ingress", "web"); !strings.Contains(table, "203.0.113.7") {
		t.Errorf("kubectl get must show it:\n%s", table)
	}
	// An Ingress that is no longer ours loses it.
	c.kubectl("patch", "ingress", "web", "--type=merge", "-p", `{"spec":{"ingressClassName":"someone-else"}}`)
	c.address("web", "")
	c.kubectl("patch", "ingress", "web", "--type=merge", "-p", `{"spec":{"ingressClassName":"nginx"}}`)
	c.address("web", "203.0.113.7")
	// So it does when the last replica ends.
	n.process.Stop(patience)
	c.address("web", "")
}

func TestIngressShowsTheAddressesOfThePublishedService(t *testing.T) {
	c := begin(t)
	c.needs("--publish-service")
	c.deploy("web", 1)
	c.apply(`
apiVersion: v1
kind: Service
metadata: {name: front}
spec:
  type: LoadBalancer
  ports: [{port: 80}]
`, ingress("web", "nginx", "status.test", "/", "Prefix", "web"))
	publish := func(status string) {
		c.kubectl("patch", "service", "front", "--subresource=status", "--type=merge", "-p", `{"status":{"loadBalancer":{"ingress":`+status+`}}}`)
	}
	c.startNarthex("--publish-service=" + c.Namespace + "/front")
	publish(`[{"ip":"203.0.113.9"}]`)
	c.address("web", "203.0.113.9")
	publish(`[{"hostname":"lb.example.test"}]`)
	c.address("web", "lb.example.test")
}

func TestFindingsBecomeEventsOfTheirObject(t *testing.T) {
	c := begin(t)
	c.needs("--disable-sync-events")
	c.deploy("web", 1)
	c.startNarthex()
	c.apply(ingress("good", "nginx", "good.test", "/", "Prefix", "web"), ingress("bad", "nginx", "bad.test", "/", "Prefix", "nobody"))
	for name, words := range map[string][]string{"good": {"Normal", "Sync"}, "bad": {"Warning", "ServiceNotFound", "nobody"}} {
		c.until("kubectl describe tells what Narthex thinks of "+name, func() error {
			text := c.kubectl("describe", "ingress", name)
			for _, line := range strings.Split(text, "\n") {
				if containsAll(line, words) {
					return nil
				}
			}
			return fmt.Errorf("%s", text)
		})
	}
}

// The rights in rbac/cluster.yaml are enough, and each of them is used.
func TestRightsAreThoseThatAreUsed(t *testing.T) {
	c := begin(t)
	writes := c.hasEffect("--publish-status-address") && c.hasEffect("--disable-sync-events") && c.hasEffect("--election-id")
	ours, class := c.ownClass(), c.Namespace
	rules := c.bindRights()
	c.deploy("web", 1)
	c.makeSecret("secure", "secure.test")
	c.apply(ingress("web", class, "web.test", "/", "Prefix", "web"), ingress("bad", class, "bad.test", "/", "Prefix", "nobody"))
	n := c.startNarthexAs(c.Namespace, "narthex", ours, "--publish-status-address=203.0.113.7")
	n.settled(at("web.test", "/"), "200", "web")
	if writes {
		c.address("web", "203.0.113.7")
		c.until("kubectl describe tells of an Event", func() error {
			if text := c.kubectl("describe", "ingress", "bad"); !strings.Contains(text, "ServiceNotFound") {
				return fmt.Errorf("%s", text)
			}
			return nil
		})
		// Mended and broken again: the same Event once more.
		c.kubectl("create", "service", "clusterip", "nobody", "--tcp=80")
		c.until("the finding is resolved", func() error {
			if text := n.admin("/findings"); strings.Contains(text, "ServiceNotFound") {
				return fmt.Errorf("%s", text)
			}
			return nil
		})
		c.kubectl("delete", "service", "nobody")
		c.until("the Event is counted", func() error {
			counts := c.kubectl("get", "events", "--field-selector=reason=ServiceNotFound", "-o", "jsonpath={.items[*].count}")
			if counts != "2" {
				return fmt.Errorf("the counts are %q", counts)
			}
			return nil
		})
	}
	// A Secret of another type is not watched, but asked for when an Ingress names it.
	c.kubectl("create", "secret", "generic", "late", "--from-literal=other=x")
	c.kubectl("patch", "ingress", "bad", "--type=merge", "--patch", `{"spec":{"tls":[{"hosts":["bad.test"],"secretName":"late"}]}}`)
	c.until("the Secret has been looked at", func() error {
		if text := n.admin("/findings"); !strings.Contains(text, c.Namespace+"/late") {
			return fmt.Errorf("%s", text)
		}
		return nil
	})
	n.process.Stop(patience)

	used := map[string]bool{}
	for _, call := range c.calls("system:serviceaccount:" + c.Namespace + ":narthex") {
		resource := strings.TrimSuffix(call.ObjectRef.Resource+"/"+call.ObjectRef.Subresource, "/")
		used[call.Verb+" "+call.ObjectRef.APIGroup+" "+resource] = true
		if call.Annotations["authorization.k8s.io/decision"] != "allow" {
			t.Errorf("no right for: %s %s %s", call.Verb, call.ObjectRef.APIGroup, resource)
		}
	}
	for _, right := range rights(rules) {
		verb, object, _ := strings.Cut(right, " ")
		reads := verb == "list" || verb == "watch"
		// Servers that offer it send the list with the watch; others are asked for a list.
		if reads && used["watch "+object] || !reads && (used[right] || !writes) {
			continue
		}
		t.Errorf("the right is not used: %s", right)
	}
}

// bindRights gives a service account of the case the rights of rbac/cluster.yaml, and gives the rules.
func (c *Case) bindRights() []rbac.PolicyRule {
	c.Helper()
	ctx, roles := context.Background(), control.Client.RbacV1()
	whole, err := roles.ClusterRoles().Get(ctx, "narthex", meta.GetOptions{})
	if err != nil {
		c.Fatal(err)
	}
	part, err := roles.Roles("narthex").Get(ctx, "narthex", meta.GetOptions{})
	if err != nil {
		c.Fatal(err)
	}
	copied := &rbac.Role{ObjectMeta: meta.ObjectMeta{Name: "narthex"}, Rules: part.Rules}
	if _, err := roles.Roles(c.Namespace).Create(ctx, copied, meta.CreateOptions{}); err != nil {
		c.Fatal(err)
	}
	account := "--serviceaccount=" + c.Namespace + ":narthex"
	c.kubectl("create", "serviceaccount", "narthex")
	c.kubectl("create", "rolebinding", "narthex", "--role=narthex", account)
	c.kubectl("create", "clusterrolebinding", c.Namespace, "--clusterrole=narthex", account)
	c.Cleanup(func() { c.try("delete", "clusterrolebinding", c.Namespace) })
	return append(whole.Rules, part.Rules...)
}

// rights are rules taken apart: "list discovery.k8s.io endpointslices".
func rights(rules []rbac.PolicyRule) []string {
	var all []string
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, verb+" "+group+" "+resource)
				}
			}
		}
	}
	return all
}

// Narthex as it runs in a cluster: a Deployment with a service account of its own.
const inPods = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: narthex}
spec:
  replicas: 2
  selector: {matchLabels: {app: narthex}}
  template:
    metadata: {labels: {app: narthex}}
    spec:
      serviceAccountName: narthex
      containers:
      - name: narthex
        image: narthex.test/narthex:1
        args: ["--watch-namespace=$(POD_NAMESPACE)", "--bind-address=$(POD_IP)", "--http-port=8080", "--https-port=8443", "--admin-port=10254",
               "--publish-status-address=203.0.113.8", "--election-ttl=5s", "--shutdown-grace-period=1"]
        env:
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        readinessProbe: {httpGet: {path: /readyz, port: 10254}, periodSeconds: 1}
        livenessProbe: {httpGet: {path: /healthz, port: 10254}, periodSeconds: 1}
`

func TestNarthexRunsInPodsWithARoleOfItsNamespaceAlone(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	c.apply(c.read("rbac/namespaced.yaml"), inPods, ingress("web", "nginx", "pods.test", "/", "Prefix", "web"))
	c.rolledOut("narthex")
	for _, ip := range c.podIPs("narthex") {
		n := &Narthex{c: c, Name: ip, Address: ip}
		n.settled(at("pods.test", "/"), "200", "web")
	}
}

func TestIngressShowsTheNodeOfItsPodsWhereNoFlagNamesAnAddress(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	unpublished := strings.ReplaceAll(inPods, `"--publish-status-address=203.0.113.8", `, "")
	c.apply(c.read("rbac/namespaced.yaml"), c.read("rbac/nodes.yaml"), unpublished, ingress("web", "nginx", "nodes.test", "/", "Prefix", "web"))
	c.Cleanup(func() { c.try("delete", "clusterrole,clusterrolebinding", "narthex-nodes-"+c.Namespace) })
	c.rolledOut("narthex")
	c.address("web", c.kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}"))
}

func TestReplicasServeOnWhenTheirLeaderIsKilled(t *testing.T) {
	c := begin(t)
	c.needs("--election-id")
	c.deploy("web", 1)
	c.apply(c.read("rbac/namespaced.yaml"), inPods, ingress("web", "nginx", "leader.test", "/", "Prefix", "web"))
	c.rolledOut("narthex")
	c.address("web", "203.0.113.8")
	leader := c.leader("")
	pods := strings.Fields(c.kubectl("get", "pods", "-l", "app=narthex", "-o", "jsonpath={.items[*].metadata.name}"))
	ips := c.podIPs("narthex")
	at_ := slices.IndexFunc(pods, func(pod string) bool { return strings.Contains(leader, pod) })
	if at_ < 0 || len(pods) != 2 {
		t.Fatalf("the Lease names none of the pods %v: %s", pods, leader)
	}
	other := &Narthex{c: c, Name: "other", Address: ips[1-at_]}
	load := other.load(4, "leader.test", "/")
	c.kubectl("delete", "pod", pods[at_], "--grace-period=0", "--force")
	c.leader(leader)
	c.apply(ingress("late", "nginx", "late.test", "/", "Prefix", "web"))
	other.expect(at("late.test", "/"), "200", "web")
	c.address("late", "203.0.113.8")
	load.stop()
	c.rolledOut("narthex")
}

// leader waits until the Lease of the namespace has a holder, and another than before.
func (c *Case) leader(before string) string {
	c.Helper()
	var holder string
	c.within(2*patience, "there is a leader, and not "+before, func() error {
		holder = c.kubectl("get", "leases", "-o", "jsonpath={.items[0].spec.holderIdentity}")
		if holder == "" || holder == before {
			return fmt.Errorf("the holder is %q", holder)
		}
		return nil
	})
	return holder
}
