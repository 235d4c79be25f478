package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	goodObjects   = 100
	brokenObjects = 1000
)

// Ways to be broken that the API server lets pass; each is given an Ingress that is good so far.
var breaks = []func(i *networking.Ingress){
	func(i *networking.Ingress) { path(i).Backend.Service.Name = "nobody" },
	func(i *networking.Ingress) {
		path(i).Backend.Service.Port = networking.ServiceBackendPort{Name: "nothing"}
	},
	func(i *networking.Ingress) { path(i).Backend.Service.Port = networking.ServiceBackendPort{Number: 1} },
	func(i *networking.Ingress) {
		path(i).Backend = networking.IngressBackend{Resource: &core.TypedLocalObjectReference{Kind: "StorageBucket", Name: "icons"}}
	},
	func(i *networking.Ingress) {
		i.Spec.TLS = []networking.IngressTLS{{Hosts: []string{i.Spec.Rules[0].Host}, SecretName: "missing"}}
	},
	func(i *networking.Ingress) {
		i.Spec.TLS = []networking.IngressTLS{{Hosts: []string{i.Spec.Rules[0].Host}, SecretName: "garbage"}}
	},
	func(i *networking.Ingress) { i.Annotations["nginx.ingress.kubernetes.io/affinity"] = "glue\x01\n; }" },
	func(i *networking.Ingress) { i.Annotations["nginx.ingress.kubernetes.io/no-such-thing"] = "yes" },
	func(i *networking.Ingress) {
		i.Annotations["nginx.ingress.kubernetes.io/configuration-snippet"] = "return 200;"
	},
	// The older one has it, and of the same second the first by name: good-0 before wrong-1.
	func(i *networking.Ingress) { i.Spec.Rules[0].Host = "good-0.test" },
	func(i *networking.Ingress) { path(i).Path = "/a b\x7f" },
}

func path(i *networking.Ingress) *networking.HTTPIngressPath { return &i.Spec.Rules[0].HTTP.Paths[0] }

func plain(name, host string) *networking.Ingress {
	class, prefix := "nginx", networking.PathTypeImplementationSpecific
	return &networking.Ingress{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{}},
		Spec: networking.IngressSpec{IngressClassName: &class, Rules: []networking.IngressRule{{Host: host,
			IngressRuleValue: networking.IngressRuleValue{HTTP: &networking.HTTPIngressRuleValue{Paths: []networking.HTTPIngressPath{{
				Path: "/", PathType: &prefix, Backend: networking.IngressBackend{Service: &networking.IngressServiceBackend{
					Name: "web", Port: networking.ServiceBackendPort{Number: 80}}},
			}}}}}}},
	}
}

// each calls for 0 to count-1, some at a time, and fails the case at the first error.
func (c *Case) each(count int, call func(i int) error) {
	c.Helper()
	var all sync.WaitGroup
	errors := make(chan error, count)
	slots := make(chan struct{}, 16)
	for i := range count {
		slots <- struct{}{}
		all.Go(func() {
			errors <- call(i)
			<-slots
		})
	}
	all.Wait()
	close(errors)
	for err := range errors {
		if err != nil {
			c.Fatal(err)
		}
	}
}

func TestAThousandBrokenObjectsHarmNoGoodOneAndCostNoMemory(t *testing.T) {
	c := begin(t)
	ctx := context.Background()
	ingresses := control.Client.NetworkingV1().Ingresses(c.Namespace)
	c.deploy("web", 2)
	c.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: garbage}\ntype: kubernetes.io/tls\nstringData: {tls.crt: garbage, tls.key: garbage}\n")
	c.each(goodObjects, func(i int) error {
		_, err := ingresses.Create(ctx, plain(fmt.Sprintf("good-%d", i), fmt.Sprintf("good-%d.test", i)), meta.CreateOptions{})
		return err
	})
	n := c.startNarthex("--disable-sync-events") // so that the Events that are looked for have all of the pace
	var loads []*Load
	for i := range 4 {
		loads = append(loads, n.load(1, fmt.Sprintf("good-%d.test", i), "/"))
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	memory, ways := 0, make([]int, brokenObjects)
	for round := range 4 {
		for i := range ways {
			ways[i] = random.IntN(len(breaks))
		}
		c.each(brokenObjects, func(i int) error {
			object := plain(fmt.Sprintf("wrong-%d", i), fmt.Sprintf("wrong-%d.test", i))
			breaks[ways[i]](object)
			var err error
			if round == 0 {
				_, err = ingresses.Create(ctx, object, meta.CreateOptions{})
			} else {
				_, err = ingresses.Update(ctx, object, meta.UpdateOptions{})
			}
			return err
		})
		c.apply(ingress("round", "nginx", fmt.Sprintf("round-%d.test", round), "/", "Prefix", "web"))
		n.expect(at(fmt.Sprintf("round-%d.test", round), "/"), "200", "web")
		if round == 1 { // by now, everything has been as large as it gets
			memory = n.resident()
		}
	}
	c.everyGoodOneServes(n)
	for _, load := range loads {
		load.stop()
	}
	if now := n.resident(); now > memory+memory/5 {
		t.Errorf("memory has grown from %d kB after two rounds to %d kB after four", memory, now)
	}
	c.everyBrokenOneIsNamed(n, ways)
	c.everyBrokenOneHasAnEvent()
	t.Logf("%d kB", n.resident())
}

func (c *Case) everyGoodOneServes(n *Narthex) {
	c.Helper()
	client := n.client()
	defer client.CloseIdleConnections()
	for i := range goodObjects {
		if answer, err := ask(client, at(fmt.Sprintf("good-%d.test", i), "/")); err != nil || answer.Status != "200" {
			c.Errorf("good-%d: %s %v", i, answer.Status, err)
		}
	}
}

func (c *Case) everyBrokenOneIsNamed(n *Narthex, ways []int) {
	c.Helper()
	findings := n.admin("/findings")
	silent := map[int]int{} // by the way in which they are broken
	for i, way := range ways {
		if !strings.Contains(findings, fmt.Sprintf("/wrong-%d ", i)) {
			silent[way]++
		}
	}
	if len(silent) != 0 {
		c.Errorf("broken Ingresses without a finding, by their entry in breaks: %v", silent)
	}
}

// What Events say of the last round may be what an earlier round has said, too; that there is one is what is looked for.
func (c *Case) everyBrokenOneHasAnEvent() {
	c.Helper()
	c.within(4*patience, "every broken Ingress has an Event", func() error {
		events, err := control.Client.CoreV1().Events(c.Namespace).List(context.Background(), meta.ListOptions{FieldSelector: "involvedObject.kind=Ingress"})
		if err != nil {
			return err
		}
		told := map[string]bool{}
		for _, event := range events.Items {
			told[event.InvolvedObject.Name] = true
		}
		silent := 0
		for i := range brokenObjects {
			if !told[fmt.Sprintf("wrong-%d", i)] {
				silent++
			}
		}
		if silent != 0 {
			return fmt.Errorf("%d of %d have none", silent, brokenObjects)
		}
		return nil
	})
}
