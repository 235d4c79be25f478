package e2e

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	networking "k8s.io/api/networking/v1"
)

const randomRounds = 30

// What the objects of the random schedule are made of; few names make conflicts likely.
var (
	randomHosts    = []string{"a.random.test", "b.random.test", "*.random.test", "*.b.random.test", ""}
	randomPaths    = []string{"/", "/one", "/one/", "/one/two", "/on", "/two/"}
	randomServices = []string{"red", "green", "flip"}
	askedHosts     = []string{"a.random.test", "b.random.test", "c.random.test", "x.b.random.test", "y.x.random.test", "elsewhere.test"}
	askedPaths     = []string{"/", "/one", "/one/", "/one/two", "/one/two/x", "/onex", "/on", "/two", "/two/x"}
)

func prefixOf(p string) string { return strings.TrimRight(p, "/") }

// randomIngress has a few rules, none of them twice.
func randomIngress(random *rand.Rand, name string) *networking.Ingress {
	object := plain(name, "")
	class := "nginx"
	if random.IntN(8) == 0 {
		class = "somebody-else"
	}
	object.Spec.IngressClassName, object.Spec.Rules = &class, nil
	used := map[string]bool{}
	for range 1 + random.IntN(3) {
		host := randomHosts[random.IntN(len(randomHosts))]
		rule := networking.IngressRule{Host: host, IngressRuleValue: networking.IngressRuleValue{HTTP: &networking.HTTPIngressRuleValue{}}}
		for range 1 + random.IntN(3) {
			kind, p := networking.PathTypePrefix, randomPaths[random.IntN(len(randomPaths))]
			key := host + " " + prefixOf(p)
			if random.IntN(3) == 0 {
				kind, key = networking.PathTypeExact, host+" ="+p
			}
			if used[key] {
				continue
			}
			used[key] = true
			service := networking.IngressServiceBackend{Name: randomServices[random.IntN(len(randomServices))], Port: networking.ServiceBackendPort{Number: 80}}
			if random.IntN(2) == 0 {
				service.Port = networking.ServiceBackendPort{Name: "http"}
			}
			rule.HTTP.Paths = append(rule.HTTP.Paths, networking.HTTPIngressPath{Path: p, PathType: &kind, Backend: networking.IngressBackend{Service: &service}})
		}
		if len(rule.HTTP.Paths) != 0 {
			object.Spec.Rules = append(object.Spec.Rules, rule)
		}
	}
	return object
}

// randomChange does something to an Ingress, or makes the Service flip come or go, whose pods are those of red.
func (c *Case) randomChange(random *rand.Rand) {
	c.Helper()
	ctx, ingresses := context.Background(), control.Client.NetworkingV1().Ingresses(c.Namespace)
	name := fmt.Sprintf("i-%d", random.IntN(8))
	var err error
	switch what := random.IntN(6); {
	case what < 4:
		object := randomIngress(random, name)
		if _, err = ingresses.Create(ctx, object, meta.CreateOptions{}); errors.IsAlreadyExists(err) {
			_, err = ingresses.Update(ctx, object, meta.UpdateOptions{})
		}
	case what == 4:
		err = ingresses.Delete(ctx, name, meta.DeleteOptions{})
	default:
		if err = control.Client.CoreV1().Services(c.Namespace).Delete(ctx, "flip", meta.DeleteOptions{}); errors.IsNotFound(err) {
			c.apply("apiVersion: v1\nkind: Service\nmetadata: {name: flip}\nspec: {selector: {app: red}, ports: [{name: http, port: 80, targetPort: web}]}\n")
		}
	}
	if err != nil && !errors.IsNotFound(err) {
		c.Fatal(err)
	}
}

// model is what the API server holds, by a naive reading of the rules.
type model struct {
	ingresses []networking.Ingress // those that are ours, the oldest first
	flips     bool                 // the Service flip is there
}

func (c *Case) model() model {
	c.Helper()
	ctx := context.Background()
	all, err := control.Client.NetworkingV1().Ingresses(c.Namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		c.Fatal(err)
	}
	m := model{ingresses: slices.DeleteFunc(all.Items, func(i networking.Ingress) bool { return *i.Spec.IngressClassName != "nginx" })}
	slices.SortFunc(m.ingresses, func(a, b networking.Ingress) int {
		return cmp.Or(a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	_, err = control.Client.CoreV1().Services(c.Namespace).Get(ctx, "flip", meta.GetOptions{})
	m.flips = err == nil
	return m
}

// pathsOf are those of one host, as rules name it; the oldest first.
func (m model) pathsOf(host string) (paths []networking.HTTPIngressPath, known bool) {
	for _, ingress := range m.ingresses {
		for _, rule := range ingress.Spec.Rules {
			if rule.Host == host {
				paths, known = append(paths, rule.HTTP.Paths...), true
			}
		}
	}
	return paths, known
}

// answer is the status and the name of the pods, "200 red".
func (m model) answer(host, path string) string {
	_, parent, _ := strings.Cut(host, ".")
	for _, name := range []string{host, "*." + parent, ""} {
		if paths, known := m.pathsOf(name); known {
			return m.answerOf(paths, path)
		}
	}
	return "404 "
}

func (m model) answerOf(paths []networking.HTTPIngressPath, path string) string {
	best, size := "404 ", -1
	for _, rule := range paths {
		if *rule.PathType == networking.PathTypeExact {
			if rule.Path == path {
				return m.answerFrom(rule)
			}
			continue
		}
		prefix := prefixOf(rule.Path)
		if (path == prefix || strings.HasPrefix(path, prefix+"/")) && len(prefix) > size { // of equal ones the first
			best, size = m.answerFrom(rule), len(prefix)
		}
	}
	return best
}

func (m model) answerFrom(rule networking.HTTPIngressPath) string {
	switch name := rule.Backend.Service.Name; {
	case name != "flip":
		return "200 " + name
	case m.flips:
		return "200 red"
	default:
		return "503 "
	}
}

func TestRandomChangesAreServedAsANaiveModelSays(t *testing.T) {
	c := begin(t)
	c.deploy("red", 1)
	c.deploy("green", 1)
	n := c.startNarthex()
	client := n.client()
	defer client.CloseIdleConnections()
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	answers := map[string]int{}
	for round := range randomRounds {
		for range 1 + random.IntN(4) {
			c.randomChange(random)
		}
		m := c.model()
		c.until(fmt.Sprintf("all is served as the model says after round %d", round), func() error { return m.differs(client) })
		for _, host := range askedHosts {
			for _, path := range askedPaths {
				answers[m.answer(host, path)]++
			}
		}
	}
	t.Log("answers:", answers)
	for _, answer := range []string{"200 red", "200 green", "404 ", "503 "} {
		if answers[answer] == 0 {
			t.Errorf("the schedule never came to %q", answer)
		}
	}
}

func (m model) differs(client *http.Client) error {
	for _, host := range askedHosts {
		for _, path := range askedPaths {
			answer, err := ask(client, at(host, path))
			if err != nil {
				return err
			}
			if got := answer.Status + " " + answer.Line("name"); got != m.answer(host, path) {
				return fmt.Errorf("%s%s is answered with %q, the model says %q", host, path, got, m.answer(host, path))
			}
		}
	}
	return nil
}
