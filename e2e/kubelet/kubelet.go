// Package kubelet is a small kubelet: one Node on which every container is a local process on the address of its pod.
//
// What it does as the real one does: it registers a Node and renews its Lease; runs probes (exec, HTTP, TCP) with their delays, periods, time-outs and
// thresholds; restarts what ends or is not alive; runs preStop within the grace period, then SIGTERM, then SIGKILL; mounts a service-account token of its own
// for each container that asks for one; and writes the status of its pods, trying again while the API server is away.
//
// What differs: it binds pods to its Node itself, since there is no scheduler; it waits 100 ms to 10 s before a restart instead of 10 s to 5 minutes;
// an image is the name of a program in a table; containers share the machine's files, except the folder of their token. Init containers,
// other volumes, logs, exec and port-forward are not there: a pod that needs one waits with a reason that says so.
package kubelet

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	leaseNamespace = "kube-node-lease"
	leaseSeconds   = 40
	renewEvery     = 10 * time.Second
	retryEvery     = 200 * time.Millisecond
)

// Options say what the Node is and what it can run.
type Options struct {
	NodeName  string
	NodeIP    string
	FirstPod  netip.Addr          // pods get this address and those that follow
	Images    map[string][]string // image without its tag -> program and first arguments
	Folder    string              // working folders and logs of the containers
	APIServer string              // host:port that containers are told in their environment
}

// Kubelet runs the pods of its Node. Its methods may be called from any goroutine.
type Kubelet struct {
	Options
	client kubernetes.Interface

	mutex sync.Mutex
	next  netip.Addr
	pods  map[types.UID]*pod
}

// Start registers the Node and runs pods until ctx ends; what still runs then is killed.
func Start(ctx context.Context, client kubernetes.Interface, options Options) (*Kubelet, error) {
	k := &Kubelet{Options: options, client: client, next: options.FirstPod, pods: map[types.UID]*pod{}}
	if err := k.register(ctx); err != nil {
		return nil, fmt.Errorf("registering the Node: %w", err)
	}
	go k.renewLease(ctx)
	pods := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "pods", core.NamespaceAll, fields.Everything())
	// The default is to wait up to a minute for an API server that was away.
	backOff := &wait.Backoff{Duration: retryEvery, Cap: time.Second, Steps: 4, Factor: 2}
	go cache.NewReflectorWithOptions(pods, &core.Pod{}, watcher{ctx, k}, cache.ReflectorOptions{Backoff: backOff}).RunWithContext(ctx)
	return k, nil
}

// watcher hands what the API server says about pods to the kubelet.
type watcher struct {
	ctx     context.Context
	kubelet *Kubelet
}

func (w watcher) Add(object any) error    { w.kubelet.observe(w.ctx, object.(*core.Pod)); return nil }
func (w watcher) Update(object any) error { return w.Add(object) }
func (w watcher) Delete(object any) error { w.kubelet.vanished(object.(*core.Pod).UID); return nil }
func (w watcher) Resync() error           { return nil }

// Replace is told of all pods that there are after the watch broke off.
func (w watcher) Replace(objects []any, _ string) error {
	there := map[types.UID]bool{}
	for _, object := range objects {
		there[object.(*core.Pod).UID] = true
	}
	for _, uid := range w.kubelet.running() {
		if !there[uid] {
			w.kubelet.vanished(uid)
		}
	}
	for _, object := range objects {
		_ = w.Add(object)
	}
	return nil
}

// observe is told of every pod there is, at each of its changes.
func (k *Kubelet) observe(ctx context.Context, object *core.Pod) {
	if object.Spec.NodeName == "" {
		go k.bind(ctx, object)
		return
	}
	ended := object.Status.Phase == core.PodSucceeded || object.Status.Phase == core.PodFailed
	if object.Spec.NodeName != k.NodeName {
		return
	}
	k.mutex.Lock()
	p := k.pods[object.UID]
	if p == nil && !ended {
		p = newPod(ctx, k, object, k.next)
		k.pods[object.UID] = p
		k.next = k.next.Next()
		go p.run()
	}
	k.mutex.Unlock()
	switch {
	case p != nil:
		p.observe(object)
	case object.DeletionTimestamp != nil: // it had ended before
		go k.remove(ctx, object)
	}
}

// vanished is told of a pod that is gone from the API server, even if it was not asked to end.
func (k *Kubelet) vanished(uid types.UID) {
	k.mutex.Lock()
	p := k.pods[uid]
	k.mutex.Unlock()
	if p != nil {
		p.kill()
	}
}

func (k *Kubelet) running() []types.UID {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return slices.Collect(maps.Keys(k.pods))
}

func (k *Kubelet) forget(uid types.UID) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	delete(k.pods, uid)
}

func (k *Kubelet) bind(ctx context.Context, object *core.Pod) {
	if object.DeletionTimestamp != nil {
		return
	}
	binding := &core.Binding{
		ObjectMeta: meta.ObjectMeta{Namespace: object.Namespace, Name: object.Name, UID: object.UID},
		Target:     core.ObjectReference{Kind: "Node", Name: k.NodeName},
	}
	again(ctx, func() error { return k.client.CoreV1().Pods(object.Namespace).Bind(ctx, binding, meta.CreateOptions{}) })
}

// remove takes a pod that has ended out of the API server.
func (k *Kubelet) remove(ctx context.Context, object *core.Pod) {
	now := int64(0)
	options := meta.DeleteOptions{GracePeriodSeconds: &now, Preconditions: &meta.Preconditions{UID: &object.UID}}
	again(ctx, func() error { return k.client.CoreV1().Pods(object.Namespace).Delete(ctx, object.Name, options) })
}

func (k *Kubelet) register(ctx context.Context) error {
	node := &core.Node{ObjectMeta: meta.ObjectMeta{Name: k.NodeName, Labels: map[string]string{core.LabelHostname: k.NodeName}}}
	if _, err := k.client.CoreV1().Nodes().Create(ctx, node, meta.CreateOptions{}); err != nil && !errors.IsAlreadyExists(err) {
		return err
	}
	node, err := k.client.CoreV1().Nodes().Get(ctx, k.NodeName, meta.GetOptions{})
	if err != nil {
		return err
	}
	now := meta.Now()
	node.Status.Addresses = []core.NodeAddress{{Type: core.NodeInternalIP, Address: k.NodeIP}, {Type: core.NodeHostName, Address: k.NodeName}}
	node.Status.Conditions = []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue, Reason: "KubeletReady",
		LastHeartbeatTime: now, LastTransitionTime: now}}
	_, err = k.client.CoreV1().Nodes().UpdateStatus(ctx, node, meta.UpdateOptions{})
	return err
}

func (k *Kubelet) renewLease(ctx context.Context) {
	seconds := int32(leaseSeconds)
	leases := k.client.CoordinationV1().Leases(leaseNamespace)
	for ctx.Err() == nil {
		now := meta.NowMicro()
		lease := &coordination.Lease{ObjectMeta: meta.ObjectMeta{Name: k.NodeName},
			Spec: coordination.LeaseSpec{HolderIdentity: &k.NodeName, LeaseDurationSeconds: &seconds, RenewTime: &now}}
		again(ctx, func() error {
			found, err := leases.Get(ctx, k.NodeName, meta.GetOptions{})
			if errors.IsNotFound(err) {
				_, err = leases.Create(ctx, lease, meta.CreateOptions{})
			} else if err == nil {
				lease.ResourceVersion = found.ResourceVersion
				_, err = leases.Update(ctx, lease, meta.UpdateOptions{})
			}
			if errors.IsNotFound(err) {
				return fmt.Errorf("%s is not there yet", leaseNamespace) // the API server makes it a moment after its start
			}
			return err
		})
		pause(ctx, renewEvery)
	}
}

// again calls until it works, or until it is known that it never will.
func again(ctx context.Context, call func() error) {
	for ctx.Err() == nil {
		err := call()
		if err == nil || errors.IsNotFound(err) || errors.IsConflict(err) || errors.IsInvalid(err) {
			return
		}
		pause(ctx, retryEvery)
	}
}

// pause for some time, or until ctx ends.
func pause(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// imageName is an image without tag and digest, and its tag.
func imageName(image string) (name, tag string) {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		return image[:colon], image[colon+1:]
	}
	return image, "latest"
}
