package kubelet

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 10 * time.Second
	// A container gets this much after its SIGTERM even if preStop has used up the grace period.
	leastGrace = 2 * time.Second
)

// container runs the process of one container, and runs it again when it ends.
type container struct {
	pod  *pod
	spec *core.Container

	stopping chan struct{} // closed when it has to end for good

	mutex    sync.Mutex
	process  *os.Process // while it runs
	ended    chan struct{}
	state    core.ContainerState
	last     core.ContainerState
	restarts int32
	started  bool // the startup probe has succeeded, or there is none
	ready    bool
}

func newContainer(p *pod, spec *core.Container) *container {
	c := &container{pod: p, spec: spec, stopping: make(chan struct{})}
	c.state.Waiting = &core.ContainerStateWaiting{Reason: "ContainerCreating"}
	return c
}

// run keeps the container running until it ends for good.
func (c *container) run() {
	c.pod.touch()
	for backOff := firstBackOff; ; backOff = min(2*backOff, lastBackOff) {
		code := c.runOnce()
		select {
		case <-c.stopping:
			return
		case <-c.pod.ctx.Done():
			return
		default:
		}
		if !c.willRestart(code) {
			return
		}
		c.change(func() {
			c.last = core.ContainerState{Terminated: c.state.Terminated}
			if c.state.Terminated != nil {
				c.state = core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: "CrashLoopBackOff",
					Message: fmt.Sprintf("ended with %d, is started again in %v", code, backOff)}}
			}
		})
		select {
		case <-c.stopping:
			return
		case <-c.pod.ctx.Done():
			return
		case <-time.After(backOff):
		}
	}
}

func (c *container) willRestart(code int32) bool {
	switch c.pod.object.Spec.RestartPolicy {
	case core.RestartPolicyNever:
		return false
	case core.RestartPolicyOnFailure:
		return code != 0
	default:
		return true
	}
}

// runOnce starts the process and waits for its end.
func (c *container) runOnce() int32 {
	command, err := c.command()
	if err == nil {
		err = c.start(command)
	}
	if err != nil {
		c.change(func() {
			c.state = core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: "CreateContainerError", Message: err.Error()}}
		})
		return 128
	}
	ctx, cancel := context.WithCancel(c.pod.ctx)
	ended := make(chan struct{})
	begin := meta.Now()
	c.change(func() {
		if c.state.Terminated != nil || c.last.Terminated != nil {
			c.restarts++
		}
		c.process, c.ended = command.Process, ended
		c.state = core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: begin}}
		c.started, c.ready = c.spec.StartupProbe == nil, c.spec.StartupProbe == nil && c.spec.ReadinessProbe == nil
	})
	if c.isStopping() { // since before it was started
		c.signal(syscall.SIGKILL)
	}
	go c.probeAll(ctx)
	stop := context.AfterFunc(c.pod.ctx, func() { c.signal(syscall.SIGKILL) })
	_ = command.Wait()
	stop()
	cancel()
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // what it has left behind
	code := int32(command.ProcessState.ExitCode())
	if status, ok := command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int32(status.Signal())
	}
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	c.change(func() {
		c.process, c.ready, c.started = nil, false, false
		c.state = core.ContainerState{Terminated: &core.ContainerStateTerminated{ExitCode: code, Reason: reason, StartedAt: begin, FinishedAt: meta.Now()}}
	})
	close(ended)
	return code
}

// start starts it with its output going to a file.
func (c *container) start(command *exec.Cmd) error {
	name := c.pod.object.Namespace + "_" + c.pod.object.Name + "_" + c.spec.Name + ".log"
	log, err := os.OpenFile(filepath.Join(c.pod.kubelet.Folder, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	return command.Start()
}

// command is what is to be run.
func (c *container) command() (*exec.Cmd, error) {
	name, tag := imageName(c.spec.Image)
	argv := c.pod.kubelet.Images[name]
	if argv == nil {
		return nil, fmt.Errorf("image %s is not in the table of images", name)
	}
	environment, err := c.environment(tag)
	if err != nil {
		return nil, err
	}
	expand := func(text string) string {
		for _, variable := range environment {
			name, value, _ := strings.Cut(variable, "=")
			text = strings.ReplaceAll(text, "$("+name+")", value)
		}
		return text
	}
	if len(c.spec.Command) != 0 {
		argv = c.spec.Command
	}
	argv = append(append([]string{}, argv...), c.spec.Args...)
	for i := range argv {
		argv[i] = expand(argv[i])
	}
	if argv, err = c.withMounts(argv); err != nil {
		return nil, err
	}
	command := exec.Command(argv[0], argv[1:]...)
	command.Dir, command.Env = c.pod.folder, environment
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command, nil
}

// withMounts puts the folders of tokens where the container expects them, in a mount namespace of its own.
func (c *container) withMounts(argv []string) ([]string, error) {
	script := ""
	for _, mount := range c.spec.VolumeMounts {
		for _, volume := range c.pod.object.Spec.Volumes {
			if volume.Name != mount.Name {
				continue
			}
			folder, err := c.pod.token(volume.Projected)
			if err != nil {
				return nil, err
			}
			script += fmt.Sprintf("mkdir -p %s && mount --bind %s %s && ", mount.MountPath, folder, mount.MountPath)
		}
	}
	if script == "" {
		return argv, nil
	}
	// Nothing spreads from here: the namespace of the tests is private (e2e/run).
	return append([]string{"unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script + `exec "$@"`, "sh"}, argv...), nil
}

func (c *container) environment(tag string) ([]string, error) {
	host, port, _ := strings.Cut(c.pod.kubelet.APIServer, ":")
	environment := []string{"PATH=" + os.Getenv("PATH"), "HOSTNAME=" + c.pod.object.Name, "HOME=" + c.pod.folder, "POD_IP=" + c.pod.ip.String(),
		"IMAGE_TAG=" + tag, "KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}
	for _, variable := range c.spec.Env {
		value := variable.Value
		if variable.ValueFrom != nil {
			var err error
			if value, err = c.pod.field(variable.ValueFrom.FieldRef); err != nil {
				return nil, fmt.Errorf("variable %s: %w", variable.Name, err)
			}
		}
		environment = append(environment, variable.Name+"="+value)
	}
	return environment, nil
}

// field is the value of a field of the pod.
func (p *pod) field(reference *core.ObjectFieldSelector) (string, error) {
	if reference == nil {
		return "", fmt.Errorf("only fields of the pod are supported here")
	}
	switch reference.FieldPath {
	case "metadata.name":
		return p.object.Name, nil
	case "metadata.namespace":
		return p.object.Namespace, nil
	case "metadata.uid":
		return string(p.object.UID), nil
	case "spec.nodeName":
		return p.kubelet.NodeName, nil
	case "status.podIP":
		return p.ip.String(), nil
	case "status.hostIP":
		return p.kubelet.NodeIP, nil
	}
	return "", fmt.Errorf("field %s is not supported here", reference.FieldPath)
}

func (p *pod) requestToken(wanted *core.ServiceAccountTokenProjection) (string, error) {
	request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{
		ExpirationSeconds: wanted.ExpirationSeconds,
		BoundObjectRef:    &authentication.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: p.object.Name, UID: p.object.UID},
	}}
	if wanted.Audience != "" {
		request.Spec.Audiences = []string{wanted.Audience}
	}
	answer, err := p.kubelet.client.CoreV1().ServiceAccounts(p.object.Namespace).CreateToken(p.ctx, p.object.Spec.ServiceAccountName, request, meta.CreateOptions{})
	if err != nil {
		return "", err
	}
	return answer.Status.Token, nil
}

// stop ends the container as its pod's grace period allows: preStop, SIGTERM, SIGKILL.
func (c *container) stop() {
	close(c.stopping)
	c.mutex.Lock()
	running, ended := c.process != nil, c.ended
	c.mutex.Unlock()
	if !running {
		return
	}
	hook := c.spec.Lifecycle != nil && c.spec.Lifecycle.PreStop != nil
	if hook {
		ctx, cancel := context.WithDeadline(c.pod.ctx, c.pod.graceEnd())
		c.handle(ctx, c.spec.Lifecycle.PreStop)
		cancel()
	}
	c.signal(syscall.SIGTERM)
	least := time.Now().Add(leastGrace)
	for {
		end := c.pod.graceEnd() // a second deletion may have brought it forward
		if hook && end.Before(least) {
			end = least
		}
		if !time.Now().Before(end) {
			break
		}
		select {
		case <-ended:
			return
		case <-time.After(min(time.Until(end), 100*time.Millisecond)):
		}
	}
	c.signal(syscall.SIGKILL)
}

// handle runs a lifecycle hook; what comes of it does not matter.
func (c *container) handle(ctx context.Context, hook *core.LifecycleHandler) {
	switch {
	case hook.Sleep != nil:
		pause(ctx, time.Duration(hook.Sleep.Seconds)*time.Second)
	case hook.Exec != nil:
		_ = c.exec(ctx, hook.Exec.Command)
	case hook.HTTPGet != nil:
		_ = c.httpGet(ctx, hook.HTTPGet)
	}
}

func (c *container) signal(signal syscall.Signal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.process != nil {
		_ = syscall.Kill(-c.process.Pid, signal)
	}
}

// change something of the state, and have it written.
func (c *container) change(how func()) {
	c.mutex.Lock()
	how()
	c.mutex.Unlock()
	c.pod.touch()
}

func (c *container) status() core.ContainerStatus {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	started := c.started
	return core.ContainerStatus{Name: c.spec.Name, Image: c.spec.Image, ImageID: c.spec.Image, Ready: c.ready, Started: &started,
		RestartCount: c.restarts, State: c.state, LastTerminationState: c.last}
}
