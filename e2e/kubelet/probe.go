package kubelet

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probeAll runs the probes of one run of the container: the startup probe first, then the others until ctx ends.
func (c *container) probeAll(ctx context.Context) {
	if probe := c.spec.StartupProbe; probe != nil {
		if !c.probe(ctx, probe, func(bool) bool { return false }) {
			return
		}
		c.change(func() { c.started, c.ready = true, c.spec.ReadinessProbe == nil })
	}
	if probe := c.spec.LivenessProbe; probe != nil {
		go c.probe(ctx, probe, func(ok bool) bool { return ok })
	}
	if probe := c.spec.ReadinessProbe; probe != nil {
		c.probe(ctx, probe, func(ok bool) bool {
			c.change(func() { c.ready = ok })
			return true
		})
	}
}

// probe asks again and again; told hears every verdict and says whether to go on. A bad verdict that ends the asking ends the process, too.
// It returns the last verdict.
func (c *container) probe(ctx context.Context, probe *core.Probe, told func(ok bool) bool) bool {
	pause(ctx, time.Duration(probe.InitialDelaySeconds)*time.Second)
	good, bad := int32(0), int32(0)
	for ; ctx.Err() == nil; pause(ctx, time.Duration(probe.PeriodSeconds)*time.Second) {
		if probe != c.spec.ReadinessProbe && c.isStopping() {
			return false // a container that ends is still asked whether it is ready, and nothing else
		}
		err := c.ask(ctx, probe)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
		}
		if good < probe.SuccessThreshold && bad < probe.FailureThreshold {
			continue
		}
		ok := good >= probe.SuccessThreshold
		if !told(ok) {
			if !ok {
				go c.restart()
			}
			return ok
		}
	}
	return false
}

// restart ends the process, gently first; run starts it again.
func (c *container) restart() {
	c.mutex.Lock()
	ended := c.ended
	c.mutex.Unlock()
	c.signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(time.Duration(*c.pod.object.Spec.TerminationGracePeriodSeconds) * time.Second):
		c.signal(syscall.SIGKILL)
	}
}

func (c *container) isStopping() bool {
	select {
	case <-c.stopping:
		return true
	default:
		return false
	}
}

func (c *container) ask(ctx context.Context, probe *core.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(probe.TimeoutSeconds)*time.Second)
	defer cancel()
	switch {
	case probe.Exec != nil:
		return c.exec(ctx, probe.Exec.Command)
	case probe.HTTPGet != nil:
		return c.httpGet(ctx, probe.HTTPGet)
	case probe.TCPSocket != nil:
		address, err := c.address(probe.TCPSocket.Host, probe.TCPSocket.Port)
		if err != nil {
			return err
		}
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	}
	return fmt.Errorf("this kind of probe is not supported here")
}

// exec runs a command where the container runs, with its environment.
func (c *container) exec(ctx context.Context, argv []string) error {
	_, tag := imageName(c.spec.Image)
	environment, err := c.environment(tag)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	command.Dir, command.Env = c.pod.folder, environment
	return command.Run()
}

// Probes do not keep connections, and take any certificate.
var probing = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (c *container) httpGet(ctx context.Context, action *core.HTTPGetAction) error {
	address, err := c.address(action.Host, action.Port)
	if err != nil {
		return err
	}
	scheme := "http"
	if action.Scheme == core.URISchemeHTTPS {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+address+action.Path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "kube-probe/e2e")
	for _, field := range action.HTTPHeaders {
		request.Header.Add(field.Name, field.Value)
		if http.CanonicalHeaderKey(field.Name) == "Host" {
			request.Host = field.Value
		}
	}
	answer, err := probing.Do(request)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode >= 400 {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

// address of a port of the container, given by number or by name.
func (c *container) address(host string, port intstr.IntOrString) (string, error) {
	if host == "" {
		host = c.pod.ip.String()
	}
	if port.Type == intstr.Int {
		return net.JoinHostPort(host, strconv.Itoa(port.IntValue())), nil
	}
	for _, p := range c.spec.Ports {
		if p.Name == port.StrVal {
			return net.JoinHostPort(host, strconv.Itoa(int(p.ContainerPort))), nil
		}
	}
	return "", fmt.Errorf("the container has no port named %s", port.StrVal)
}
