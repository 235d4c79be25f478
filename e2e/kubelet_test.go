package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The cases of this file are about the tests' own kubelet: what the others rest on.

// direct asks a pod without Narthex.
func direct(method, ip, path string) (int, error) {
	request, err := http.NewRequest(method, "http://"+ip+":8080"+path, nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// control tells a pod of echo to do something.
func (c *Case) tell(ip, what string) {
	c.Helper()
	if status, err := direct(http.MethodPost, ip, "/control/"+what); err != nil || status != http.StatusOK {
		c.Fatalf("POST /control/%s to %s: %d %v", what, ip, status, err)
	}
}

// readyAddresses waits until a Service has so many ready endpoints.
func (c *Case) readyAddresses(service string, wanted int) []string {
	c.Helper()
	var addresses []string
	c.until(fmt.Sprintf("Service %s has %d ready endpoints", service, wanted), func() error {
		output, err := c.try("get", "endpointslices", "-l", "kubernetes.io/service-name="+service,
			"-o", "jsonpath={.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}")
		if addresses = strings.Fields(output); err == nil && len(addresses) != wanted {
			err = fmt.Errorf("it has %v", addresses)
		}
		return err
	})
	return addresses
}

func TestPodsOfADeploymentComeAndGo(t *testing.T) {
	c := begin(t)
	c.deploy("web", 3)
	ips := c.podIPs("web")
	for _, ip := range ips {
		if status, err := direct(http.MethodGet, ip, "/"); status != http.StatusOK {
			t.Errorf("the pod at %s: %d %v", ip, status, err)
		}
	}
	c.readyAddresses("web", 3)
	c.kubectl("scale", "deployment/web", "--replicas=1")
	left := c.readyAddresses("web", 1)
	c.until("the other pods' processes are gone", func() error {
		for _, ip := range ips {
			if _, err := direct(http.MethodGet, ip, "/"); (err == nil) != (ip == left[0]) {
				return fmt.Errorf("%s: %v", ip, err)
			}
		}
		return nil
	})
}

func TestReadinessProbesOfEveryKindAreAsked(t *testing.T) {
	c := begin(t)
	for kind, probe := range map[string]string{
		"http": "httpGet: {path: /ready, port: web}",
		"exec": `exec: {command: ["sh", "-c", "test ! -e unready"]}`,
		"tcp":  "tcpSocket: {port: 9090}",
	} {
		c.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {app: %s}}
spec:
  containers:
  - name: echo
    image: narthex.test/echo:1
    args: ["8080", "9090"]
    ports: [{name: web, containerPort: 8080}]
    readinessProbe: {%s, periodSeconds: 1, failureThreshold: 1}
`, kind, kind, probe))
	}
	for kind, turns := range map[string][2]string{"http": {"unready", "ready"}, "exec": {"unready", "ready"}, "tcp": {"close?port=9090", "open?port=9090"}} {
		c.kubectl("wait", "pod/"+kind, "--for=condition=Ready", "--timeout=30s")
		ip := c.podIPs(kind)[0]
		c.tell(ip, turns[0])
		c.kubectl("wait", "pod/"+kind, "--for=condition=Ready=false", "--timeout=30s")
		c.tell(ip, turns[1])
		c.kubectl("wait", "pod/"+kind, "--for=condition=Ready", "--timeout=30s")
	}
}

func TestContainersThatEndOrAreNotAliveAreStartedAgain(t *testing.T) {
	c := begin(t)
	c.apply(`
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: echo
    image: narthex.test/echo:1
    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
    livenessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1, failureThreshold: 1}
`)
	restarts := func(wanted string) {
		t.Helper()
		c.kubectl("wait", "pod/web", "--for=jsonpath={.status.containerStatuses[0].restartCount}="+wanted, "--timeout=30s")
		c.kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=30s")
	}
	restarts("0")
	ip := c.podIPs("web")[0]
	_, _ = direct(http.MethodPost, ip, "/control/exit?code=3")
	restarts("1")
	if code := c.kubectl("get", "pod", "web", "-o", "jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}"); code != "3" {
		t.Errorf("the exit code of the container must be 3, not %q", code)
	}
	c.tell(ip, "unready") // liveness is asked at the same path here
	restarts("2")
}

func TestAPodThatIsDeletedHasPreStopThenSIGTERMThenSIGKILL(t *testing.T) {
	c := begin(t)
	c.apply(`
apiVersion: v1
kind: Pod
metadata: {name: gentle, labels: {app: gentle}}
spec:
  terminationGracePeriodSeconds: 20
  containers:
  - name: echo
    image: narthex.test/echo:1
    lifecycle: {preStop: {exec: {command: ["sh", "-c", "sleep 1; date +%s.%N > $FILE"]}}}
    env: [{name: FILE, value: "` + filepath.Join(folder, "prestop") + `"}]
---
apiVersion: v1
kind: Pod
metadata: {name: stubborn, labels: {app: stubborn}}
spec:
  terminationGracePeriodSeconds: 3
  containers:
  - name: echo
    image: narthex.test/echo:1
    env: [{name: STUBBORN, value: "1"}]
`)
	c.kubectl("wait", "pod/gentle", "pod/stubborn", "--for=condition=Ready", "--timeout=30s")
	ends := func(pod string) time.Duration {
		begin := time.Now()
		c.kubectl("delete", "pod", pod)
		return time.Since(begin)
	}
	if took := ends("gentle"); took < time.Second || took > 10*time.Second {
		t.Errorf("gentle must end after its hook of 1 s, not after %v", took)
	}
	if _, err := os.Stat(filepath.Join(folder, "prestop")); err != nil {
		t.Error("the hook has not run:", err)
	}
	if took := ends("stubborn"); took < 3*time.Second {
		t.Errorf("stubborn must be left its 3 s, not %v", took)
	}
}

func TestAPodGetsATokenOfItsServiceAccount(t *testing.T) {
	c := begin(t)
	found := filepath.Join(folder, "token-found")
	c.apply(`
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  restartPolicy: Never
  containers:
  - name: look
    image: narthex.test/echo:1
    command: ["sh", "-c", "cd /var/run/secrets/kubernetes.io/serviceaccount && cat namespace ca.crt token > $FILE"]
    env: [{name: FILE, value: "` + found + `"}]
`)
	c.kubectl("wait", "pod/web", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s")
	text, err := os.ReadFile(found)
	if err != nil || !strings.HasPrefix(string(text), c.Namespace) || !strings.Contains(string(text), string(control.Authority.PEM)) {
		t.Errorf("namespace, certificate and token must be there: %v\n%s", err, text)
	}
	if _, err := os.Stat("/var/run/secrets/kubernetes.io/serviceaccount/token"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the token must be in the pod only:", err)
	}
}
