// Package e2e holds the cases: Narthex beside a real control plane of Kubernetes, driven by kubectl and curl. docs/testing.md says how to run them.
package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"narthex.test/e2e/cluster"
	"narthex.test/e2e/kubelet"
)

// What all cases share. Those that trouble the control plane itself are not parallel; go test runs them while no parallel case does.
var (
	control *cluster.Cluster
	folder  = os.Getenv("E2E_FOLDER")
	source  = os.Getenv("E2E_SOURCE")
	skipped = os.Getenv("E2E_SKIP") // why nothing can run here
	narthex = os.Getenv("E2E_NARTHEX")
)

// The images that pods may name.
func images() map[string][]string {
	return map[string][]string{
		"narthex.test/echo":    {filepath.Join(os.Getenv("E2E_PROGRAMS"), "echo")},
		"narthex.test/narthex": {narthex, "controller"},
	}
}

func TestMain(m *testing.M) {
	if folder == "" {
		fmt.Fprintln(os.Stderr, "e2e: these tests need what e2e/run prepares; start them with ./dev e2e")
		os.Exit(2)
	}
	begin := time.Now()
	klog.SetSlogLogger(slog.New(slog.DiscardHandler)) // the client library talks about each connection that ends
	ctx, cancel := context.WithCancel(context.Background())
	if skipped == "" {
		if err := bringUp(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			os.Exit(1)
		}
		fmt.Printf("e2e: the cluster is up after %.1f s\n", time.Since(begin).Seconds())
	}
	code := m.Run()
	cancel()
	if control != nil {
		control.Stop()
	}
	fmt.Printf("e2e: %d passed, %d failed, %d skipped in %.0f s\n", outcomes.passed, outcomes.failed, outcomes.skipped, time.Since(begin).Seconds())
	os.Exit(code)
}

func bringUp(ctx context.Context) error {
	err := serveNames()
	if err != nil {
		return err
	}
	if control, err = cluster.Start(ctx, os.Getenv("E2E_PROGRAMS"), folder); err != nil {
		return err
	}
	pods := filepath.Join(folder, "pods")
	if err := os.Mkdir(pods, 0o700); err != nil {
		return err
	}
	_, err = kubelet.Start(ctx, control.Client, kubelet.Options{
		NodeName:  "node-1",
		NodeIP:    cluster.NodeIP,
		FirstPod:  netip.MustParseAddr("10.244.0.2"),
		Images:    images(),
		Folder:    pods,
		APIServer: fmt.Sprintf("%s:%d", cluster.NodeIP, cluster.Port),
	})
	if err != nil {
		return err
	}
	return install()
}

// install gives the cluster what an administrator gives it before Narthex can run.
func install() error {
	class := "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\nspec: {controller: k8s.io/ingress-nginx}\n"
	rights, err := os.ReadFile(filepath.Join(source, "rbac", "cluster.yaml"))
	if err != nil {
		return err
	}
	_, err = kubectl(string(rights)+"\n---\n"+class, "apply", "-f", "-")
	return err
}

// outcomes are counted for the closing line.
var outcomes struct {
	sync.Mutex
	passed, failed, skipped int
}

func count(t *testing.T) {
	outcomes.Lock()
	defer outcomes.Unlock()
	switch {
	case t.Failed():
		outcomes.failed++
	case t.Skipped():
		outcomes.skipped++
	default:
		outcomes.passed++
	}
}
