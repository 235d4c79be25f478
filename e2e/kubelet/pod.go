package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod runs the containers of one pod, from the moment it is seen until it is gone.
type pod struct {
	kubelet    *Kubelet
	ctx        context.Context // ends when nothing of the pod may be left
	kill       context.CancelFunc
	ip         netip.Addr
	folder     string
	containers []*container
	started    meta.Time
	refused    string // why it cannot run here
	changed    chan struct{}
	deleted    chan struct{} // closed when its deletion has been asked for
	object     *core.Pod     // as it was first seen: for what never changes

	mutex    sync.Mutex
	latest   *core.Pod
	deadline time.Time // when grace ends; it may be brought forward
}

func newPod(ctx context.Context, k *Kubelet, object *core.Pod, ip netip.Addr) *pod {
	p := &pod{kubelet: k, object: object, latest: object, ip: ip, started: meta.Now(), changed: make(chan struct{}, 1), deleted: make(chan struct{})}
	p.ctx, p.kill = context.WithCancel(ctx)
	p.folder = filepath.Join(k.Folder, string(object.UID))
	p.refused = unsupported(object)
	for i := range object.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &object.Spec.Containers[i]))
	}
	return p
}

// unsupported says what a pod asks for and this kubelet does not have; empty if there is nothing.
func unsupported(object *core.Pod) string {
	if len(object.Spec.InitContainers) != 0 {
		return "init containers are not supported here"
	}
	for _, volume := range object.Spec.Volumes {
		if volume.Projected == nil {
			return "volume " + volume.Name + ": only service-account tokens are supported here"
		}
	}
	return ""
}

// observe is told of each change of the object.
func (p *pod) observe(object *core.Pod) {
	p.mutex.Lock()
	p.latest = object
	if object.DeletionTimestamp != nil {
		end := time.Now().Add(time.Duration(*object.DeletionGracePeriodSeconds) * time.Second)
		first := p.deadline.IsZero()
		if first || end.Before(p.deadline) {
			p.deadline = end
		}
		if first {
			close(p.deleted)
		}
	}
	p.mutex.Unlock()
	p.touch() // readiness gates are written by others
}

func (p *pod) graceEnd() time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.deadline
}

// touch has the status written soon.
func (p *pod) touch() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *pod) run() {
	defer p.kubelet.forget(p.object.UID)
	defer os.RemoveAll(p.folder)
	defer p.kill()
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		p.refused = err.Error()
	}
	var running sync.WaitGroup
	if p.refused == "" {
		for _, c := range p.containers {
			running.Go(c.run)
		}
	}
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	var written string
	for done := false; !done; {
		select {
		case <-p.changed:
			written = p.writeStatus(written)
		case <-p.deleted:
			p.terminate(written, ended)
			done = true
		case <-p.ctx.Done():
			done = true
		}
	}
	p.kill()
	<-ended
}

// terminate ends the containers as their grace allows, while the status is kept up to date, and takes the pod out of the API server.
func (p *pod) terminate(written string, ended <-chan struct{}) {
	for _, c := range p.containers {
		go c.stop()
	}
	for done := false; !done; {
		select {
		case <-p.changed:
			written = p.writeStatus(written)
		case <-ended:
			done = true
		case <-p.ctx.Done():
			return
		}
	}
	p.writeStatus(written)
	p.kubelet.remove(p.ctx, p.object)
}

// writeStatus sends the status unless it is the one that was written last; it returns what is written now.
func (p *pod) writeStatus(written string) string {
	p.mutex.Lock()
	status := p.status()
	p.mutex.Unlock()
	object := p.object
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": object.UID}, "status": status})
	if err != nil || string(patch) == written {
		return written
	}
	pods := p.kubelet.client.CoreV1().Pods(object.Namespace)
	again(p.ctx, func() error {
		_, err := pods.Patch(p.ctx, object.Name, types.StrategicMergePatchType, patch, meta.PatchOptions{}, "status")
		return err
	})
	return string(patch)
}

// status is computed from the containers. Conditions merge by type, so that those of others stay. REQUIRES: the mutex.
func (p *pod) status() core.PodStatus {
	status := core.PodStatus{Phase: core.PodPending, HostIP: p.kubelet.NodeIP, HostIPs: []core.HostIP{{IP: p.kubelet.NodeIP}}, StartTime: &p.started}
	if p.refused != "" {
		status.Reason, status.Message = "Unsupported", p.refused
		return status
	}
	status.PodIP = p.ip.String()
	status.PodIPs = []core.PodIP{{IP: p.ip.String()}}
	ready, running, failed, waiting := true, 0, 0, 0
	for _, c := range p.containers {
		s := c.status()
		status.ContainerStatuses = append(status.ContainerStatuses, s)
		ready = ready && s.Ready
		switch {
		case s.State.Terminated == nil && s.State.Waiting != nil && s.RestartCount == 0:
			waiting++
		case s.State.Terminated == nil || c.willRestart(s.State.Terminated.ExitCode):
			running++
		case s.State.Terminated.ExitCode != 0:
			failed++
		}
	}
	switch {
	case waiting != 0:
	case running != 0:
		status.Phase = core.PodRunning
	case failed != 0:
		status.Phase = core.PodFailed
	default:
		status.Phase = core.PodSucceeded
	}
	gates := ready
	for _, gate := range p.object.Spec.ReadinessGates {
		gates = gates && conditionStatus(p.latest, gate.ConditionType) == core.ConditionTrue
	}
	for _, is := range []struct {
		kind core.PodConditionType
		true bool
	}{{core.PodInitialized, true}, {core.PodReadyToStartContainers, true}, {core.ContainersReady, ready}, {core.PodReady, gates}} {
		status.Conditions = append(status.Conditions, p.condition(is.kind, is.true))
	}
	return status
}

// condition keeps the time of the last change.
func (p *pod) condition(kind core.PodConditionType, holds bool) core.PodCondition {
	c := core.PodCondition{Type: kind, Status: core.ConditionFalse}
	if holds {
		c.Status = core.ConditionTrue
	}
	c.LastTransitionTime = meta.NewTime(meta.Now().Truncate(time.Second))
	for _, before := range p.latest.Status.Conditions {
		if before.Type == kind && before.Status == c.Status {
			c.LastTransitionTime = before.LastTransitionTime
		}
	}
	return c
}

func conditionStatus(object *core.Pod, kind core.PodConditionType) core.ConditionStatus {
	for _, c := range object.Status.Conditions {
		if c.Type == kind {
			return c.Status
		}
	}
	return core.ConditionUnknown
}

// token asks for a token of the pod's service account and writes it with the certificate of the API server to a new folder.
func (p *pod) token(source *core.ProjectedVolumeSource) (string, error) {
	folder, err := os.MkdirTemp(p.folder, "token-")
	if err != nil {
		return "", err
	}
	for _, part := range source.Sources {
		switch {
		case part.ServiceAccountToken != nil:
			text, err := p.requestToken(part.ServiceAccountToken)
			if err != nil {
				return "", err
			}
			err = os.WriteFile(filepath.Join(folder, part.ServiceAccountToken.Path), []byte(text), 0o600)
			if err != nil {
				return "", err
			}
		case part.ConfigMap != nil:
			found, err := p.kubelet.client.CoreV1().ConfigMaps(p.object.Namespace).Get(p.ctx, part.ConfigMap.Name, meta.GetOptions{})
			if err != nil {
				return "", err
			}
			for _, item := range part.ConfigMap.Items {
				if err := os.WriteFile(filepath.Join(folder, item.Path), []byte(found.Data[item.Key]), 0o600); err != nil {
					return "", err
				}
			}
		case part.DownwardAPI != nil:
			for _, item := range part.DownwardAPI.Items {
				text, err := p.field(item.FieldRef)
				if err != nil {
					return "", err
				}
				if err := os.WriteFile(filepath.Join(folder, item.Path), []byte(text), 0o600); err != nil {
					return "", err
				}
			}
		default:
			return "", fmt.Errorf("a source of a projected volume is not supported here")
		}
	}
	return folder, nil
}
