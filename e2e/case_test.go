package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// patience is how long a case waits for something that takes a moment. It is long, since it only costs time where something is broken.
const patience = 30 * time.Second

// Case is one test: it has a namespace of its own, which is deleted at its end.
type Case struct {
	*testing.T
	Namespace string
}

var wordBegins = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// begin starts a case that may run beside others.
func begin(t *testing.T) *Case {
	t.Helper()
	c := prepare(t)
	t.Parallel()
	c.makeNamespace()
	return c
}

// beginAlone starts a case during which no other runs.
func beginAlone(t *testing.T) *Case {
	t.Helper()
	c := prepare(t)
	c.makeNamespace()
	c.Cleanup(func() {
		if err := control.EnsureAPIServer(context.Background()); err != nil {
			c.Error(err)
		}
	})
	return c
}

func prepare(t *testing.T) *Case {
	t.Cleanup(func() { count(t) })
	if skipped != "" {
		t.Skip(skipped)
	}
	name := strings.ToLower(wordBegins.ReplaceAllString(strings.TrimPrefix(t.Name(), "Test"), "$1$3-$2$4"))
	return &Case{T: t, Namespace: strings.TrimRight(name[:min(len(name), 50)], "-")}
}

func (c *Case) makeNamespace() {
	c.Helper()
	c.kubectl("create", "namespace", c.Namespace)
	c.Cleanup(func() { c.try("delete", "namespace", c.Namespace, "--wait=false") })
	// Pods are refused before the controllers have made it. Where the API server was away for long, they take their time.
	c.within(2*patience, "the default service account is there", func() error {
		_, err := c.try("get", "serviceaccount", "default", "-n", c.Namespace)
		return err
	})
}

// kubectl runs it as a user would, in the namespace of the case, and gives what it says.
func (c *Case) kubectl(arguments ...string) string {
	c.Helper()
	output, err := c.try(arguments...)
	if err != nil {
		c.Fatal(err)
	}
	return output
}

// try is kubectl that may fail.
func (c *Case) try(arguments ...string) (string, error) { return c.input("", arguments...) }

// apply applies manifests. In them, NAMESPACE stands for that of the case.
func (c *Case) apply(manifests ...string) {
	c.Helper()
	if _, err := c.input(strings.Join(manifests, "\n---\n"), "apply", "-f", "-"); err != nil {
		c.Fatal(err)
	}
}

// applyFile applies a file of manifests/.
func (c *Case) applyFile(name string) {
	c.Helper()
	c.apply(c.read(filepath.Join("manifests", name)))
}

func (c *Case) read(name string) string {
	c.Helper()
	text, err := os.ReadFile(filepath.Join(source, name))
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}

// input is kubectl that may fail, with something on its standard input.
func (c *Case) input(input string, arguments ...string) (string, error) {
	return kubectl(strings.ReplaceAll(input, "NAMESPACE", c.Namespace), append([]string{"--namespace=" + c.Namespace}, arguments...)...)
}

func kubectl(input string, arguments ...string) (string, error) {
	command := exec.Command(control.Program("kubectl"), arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+control.AdminKubeconfig(), "HOME="+folder)
	command.Stdin = strings.NewReader(input)
	var said, complained bytes.Buffer
	command.Stdout, command.Stderr = &said, &complained
	if err := command.Run(); err != nil {
		return said.String(), fmt.Errorf("kubectl %s: %w\n%s%s", strings.Join(arguments, " "), err, said.String(), complained.String())
	}
	return said.String(), nil
}

// rolledOut waits until a Deployment has all its pods, all of them ready and of its latest form.
func (c *Case) rolledOut(deployment string) {
	c.Helper()
	c.kubectl("rollout", "status", "deployment/"+deployment, "--timeout=120s")
}

// deploy runs a Deployment of echo and a Service of the same name, port 80, named http, and waits for the pods and their endpoints.
func (c *Case) deploy(name string, replicas int) {
	c.Helper()
	c.apply(fmt.Sprintf(deployment, name, replicas, name, name, name, name, name, name))
	c.rolledOut(name)
	c.readyAddresses(name, replicas)
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec:
  replicas: %d
  selector: {matchLabels: {app: %s}}
  template:
    metadata: {labels: {app: %s}}
    spec:
      automountServiceAccountToken: false
      containers:
      - name: echo
        image: narthex.test/echo:1
        args: ["8080"]
        env: [{name: NAME, value: %s}]
        ports: [{name: web, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /ready, port: web}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: %s, labels: {app: %s}}
spec:
  selector: {app: %s}
  ports: [{name: http, port: 80, targetPort: web}]
`

// podIPs are the addresses of the pods with a label app, in the order of their names.
func (c *Case) podIPs(app string) []string {
	c.Helper()
	return strings.Fields(c.kubectl("get", "pods", "-l", "app="+app, "-o", "jsonpath={.items[*].status.podIP}"))
}

// until waits for something to become true, that is, to give no error.
func (c *Case) until(what string, check func() error) {
	c.Helper()
	c.within(patience, what, check)
}

// within is until with another patience.
func (c *Case) within(patience time.Duration, what string, check func() error) {
	c.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.Fatalf("not within %v: %s\n%v", patience, what, err)
		}
	}
}
