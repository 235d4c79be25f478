// Package cluster runs etcd, kube-apiserver and kube-controller-manager on addresses of the network namespace that the tests run in, and stops and
// starts them as a case needs it. Everything that a run writes is in one folder; keys and certificates are made anew for each run.
package cluster

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	etcd "go.etcd.io/etcd/client/v3"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// NodeIP is the address of the only node; the API server stands behind it, too. (Endpoints may not be on loopback addresses.)
	NodeIP = "172.30.0.1"
	// Port is where clients look for the API server.
	Port = 6443
	// AsidePort is where it can be started so that only those find it who know.
	AsidePort = 6444

	etcdURL  = "http://127.0.0.1:2379"
	patience = 60 * time.Second
)

// The controllers that make a cluster of one node behave as people expect.
const controllers = "deployment-controller,replicaset-controller,statefulset-controller,endpoints-controller,endpointslice-controller," +
	"endpointslice-mirroring-controller,serviceaccount-controller,serviceaccount-token-controller,root-ca-certificate-publisher-controller," +
	"namespace-controller,garbage-collector-controller"

// Cluster is a control plane without nodes.
type Cluster struct {
	Folder    string
	Authority *Authority
	Config    *rest.Config // of an administrator
	Client    kubernetes.Interface

	programs          string
	etcd              *Process
	apiServer         *Process
	port              int // of the API server
	controllerManager *Process
}

// Start brings the control plane up; programs is the folder of the built programs, folder that of the run.
func Start(ctx context.Context, programs, folder string) (*Cluster, error) {
	c := &Cluster{Folder: folder, programs: programs}
	if err := c.writeKeys(); err != nil {
		return nil, err
	}
	if err := c.startEtcd(); err != nil {
		return nil, err
	}
	var err error
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.AdminKubeconfig()); err != nil {
		return nil, err
	}
	c.Config.QPS, c.Config.Burst = 500, 1000
	if c.Client, err = kubernetes.NewForConfig(c.Config); err != nil {
		return nil, err
	}
	if err := c.StartAPIServer(ctx, Port); err != nil {
		return nil, err
	}
	return c, c.startControllerManager()
}

// Stop ends everything that was started.
func (c *Cluster) Stop() {
	for _, p := range []*Process{c.controllerManager, c.apiServer, c.etcd} {
		if p != nil {
			p.Kill()
		}
	}
}

// AdminKubeconfig is a file that gives all rights.
func (c *Cluster) AdminKubeconfig() string { return c.file("admin.kubeconfig") }

// AuditLog is where the API server notes the calls of service accounts named narthex, one JSON object per line.
func (c *Cluster) AuditLog() string { return c.file("audit.log") }

// Program is the path of one of the built programs.
func (c *Cluster) Program(name string) string { return filepath.Join(c.programs, name) }

// WriteKubeconfig writes a kubeconfig whose user is given by the lines of user (YAML, as in "token: abc").
func (c *Cluster) WriteKubeconfig(path string, user ...string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: e2e
clusters:
- name: e2e
  cluster:
    server: https://127.0.0.1:%d
    certificate-authority-data: %s
contexts:
- name: e2e
  context:
    cluster: e2e
    user: e2e
users:
- name: e2e
  user:
    %s
`, Port, base64.StdEncoding.EncodeToString(c.Authority.PEM), strings.Join(user, "\n    "))
	return os.WriteFile(path, []byte(text), 0o600)
}

// StartAPIServer starts it on a port and waits until it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context, port int) error {
	var err error
	c.apiServer, err = StartProcess("kube-apiserver", c.Folder, []string{c.Program("kube-apiserver"),
		"--etcd-servers=" + etcdURL,
		"--bind-address=0.0.0.0",
		fmt.Sprintf("--secure-port=%d", port),
		"--advertise-address=" + NodeIP,
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
		"--client-ca-file=" + c.file("ca.crt"),
		"--tls-cert-file=" + c.file("apiserver.crt"),
		"--tls-private-key-file=" + c.file("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.file("accounts.crt"),
		"--service-account-signing-key-file=" + c.file("accounts.key"),
		"--audit-policy-file=" + c.file("audit.yaml"),
		"--audit-log-path=" + c.AuditLog(),
		// Watches end after 20 to 40 s instead of 30 to 60 minutes, so that every run sees them end; and only cases compact etcd.
		"--min-request-timeout=20",
		"--etcd-compaction-interval=0",
	}, nil)
	if err != nil {
		return err
	}
	c.port = port
	if err := c.waitReady(ctx); err != nil {
		return err
	}
	// It would wait up to a minute before it looks for the API server again.
	if c.controllerManager != nil && port == Port {
		c.controllerManager.Kill()
		return c.startControllerManager()
	}
	return nil
}

// StopAPIServer ends the API server and with it all connections to it.
func (c *Cluster) StopAPIServer() { c.apiServer.Kill() }

// EnsureAPIServer brings it back to where clients look for it, if a case has left it otherwise.
func (c *Cluster) EnsureAPIServer(ctx context.Context) error {
	c.ResumeAPIServer()
	select {
	case <-c.apiServer.Ended():
	default:
		if c.port == Port {
			return nil
		}
		c.StopAPIServer()
	}
	return c.StartAPIServer(ctx, Port)
}

// PauseAPIServer makes it silent without closing a connection, as a broken network does; ResumeAPIServer lets it go on.
func (c *Cluster) PauseAPIServer()  { c.apiServer.Signal(syscall.SIGSTOP) }
func (c *Cluster) ResumeAPIServer() { c.apiServer.Signal(syscall.SIGCONT) }

// Compact forgets all revisions of etcd but the latest.
func (c *Cluster) Compact(ctx context.Context) error {
	client, err := etcd.New(etcd.Config{Endpoints: []string{etcdURL}, DialTimeout: 5 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	answer, err := client.Get(ctx, "/", etcd.WithCountOnly())
	if err != nil {
		return err
	}
	_, err = client.Compact(ctx, answer.Header.Revision, etcd.WithCompactPhysical())
	return err
}

func (c *Cluster) writeKeys() error {
	var err error
	if c.Authority, err = NewAuthority("e2e"); err != nil {
		return err
	}
	server, err := c.Authority.Sign("kube-apiserver", nil, "127.0.0.1", NodeIP, "10.96.0.1", "localhost", "kubernetes.default.svc")
	if err != nil {
		return err
	}
	accounts, err := c.Authority.Sign("accounts", nil)
	if err != nil {
		return err
	}
	admin, err := c.Authority.Sign("admin", []string{"system:masters"})
	if err != nil {
		return err
	}
	for name, pair := range map[string]Pair{"apiserver": server, "accounts": accounts, "admin": admin} {
		if err := pair.Write(c.Folder, name); err != nil {
			return err
		}
	}
	if err := os.WriteFile(c.file("ca.crt"), c.Authority.PEM, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(c.file("audit.yaml"), []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	return c.WriteKubeconfig(c.AdminKubeconfig(), "client-certificate: "+c.file("admin.crt"), "client-key: "+c.file("admin.key"))
}

// What service accounts do is noted, what the administrator and the controllers do is not.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts"]
- level: None
`

func (c *Cluster) startEtcd() error {
	var err error
	c.etcd, err = StartProcess("etcd", c.Folder, []string{c.Program("etcd"),
		"--data-dir=" + c.file("etcd"),
		"--listen-client-urls=" + etcdURL,
		"--advertise-client-urls=" + etcdURL,
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--initial-advertise-peer-urls=http://127.0.0.1:2380",
		"--initial-cluster=default=http://127.0.0.1:2380",
		"--unsafe-no-fsync",
		"--log-level=warn",
	}, nil)
	return err
}

func (c *Cluster) startControllerManager() error {
	var err error
	c.controllerManager, err = StartProcess("kube-controller-manager", c.Folder, []string{c.Program("kube-controller-manager"),
		"--kubeconfig=" + c.AdminKubeconfig(),
		"--service-account-private-key-file=" + c.file("accounts.key"),
		"--root-ca-file=" + c.file("ca.crt"),
		"--controllers=" + controllers,
		"--leader-elect=false",
		"--bind-address=127.0.0.1",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	}, nil)
	return err
}

func (c *Cluster) waitReady(ctx context.Context) error {
	transport, err := rest.TransportFor(c.Config)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && ctx.Err() == nil; {
		select {
		case <-c.apiServer.Ended():
			return fmt.Errorf("kube-apiserver ended\n%s", c.apiServer.Tail(20))
		case <-c.etcd.Ended():
			return fmt.Errorf("etcd ended\n%s", c.etcd.Tail(20))
		case <-time.After(50 * time.Millisecond):
		}
		answer, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/readyz", c.port))
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("kube-apiserver was not ready within %v\n%s", patience, c.apiServer.Tail(20))
}

func (c *Cluster) file(name string) string { return filepath.Join(c.Folder, name) }
