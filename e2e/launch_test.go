package e2e

import (
	"fmt"
	"path/filepath"

	"narthex.test/e2e/cluster"
)

// startNarthex runs `narthex controller` on the objects of the case's namespace, with the rights of rbac/cluster.yaml.
func (c *Case) startNarthex(flags ...string) *Narthex {
	c.Helper()
	return c.startNarthexAs("narthex", "narthex", append([]string{"--watch-namespace=" + c.Namespace}, flags...)...)
}

// startNarthexAs runs it with the rights of a service account.
func (c *Case) startNarthexAs(namespace, account string, flags ...string) *Narthex {
	c.Helper()
	n := c.launch(namespace, account, flags...)
	n.awaitReady()
	return n
}

// launch starts it as a service account and does not wait for anything. Elections are held within the case.
func (c *Case) launch(namespace, account string, flags ...string) *Narthex {
	c.Helper()
	n := c.newNarthex()
	n.TokenFile = filepath.Join(folder, n.Name+".token")
	n.WriteToken(c.kubectl("create", "token", account, "--namespace="+namespace, "--duration=1h"))
	kubeconfig := filepath.Join(folder, n.Name+".kubeconfig")
	if err := control.WriteKubeconfig(kubeconfig, "tokenFile: "+n.TokenFile); err != nil {
		c.Fatal(err)
	}
	n.run([]string{"POD_NAME=" + n.Name, "POD_NAMESPACE=" + namespace},
		append([]string{"controller", "--kubeconfig=" + kubeconfig, "--election-id=" + c.Namespace}, flags...)...)
	return n
}

// startStandalone runs `narthex serve` on a folder of manifests.
func (c *Case) startStandalone(manifests string) *Narthex {
	c.Helper()
	n := c.newNarthex()
	n.run(nil, "serve", "--manifests="+manifests)
	n.awaitReady()
	return n
}

func (c *Case) newNarthex() *Narthex {
	number := instances.Add(1)
	return &Narthex{c: c, Name: fmt.Sprintf("%s-narthex-%d", c.Namespace, number), Address: fmt.Sprintf("127.0.%d.%d", 1+number/250, 1+number%250)}
}

func (n *Narthex) run(environment []string, arguments ...string) {
	n.c.Helper()
	argv := append(append([]string{narthex}, arguments...), "--bind-address="+n.Address, "--http-port="+httpPort, "--https-port="+httpsPort, "--admin-port="+adminPort)
	var err error
	if n.process, err = cluster.StartProcess(n.Name, folder, argv, environment); err != nil {
		n.c.Fatal(err)
	}
	n.c.Cleanup(func() {
		if n.c.Failed() {
			n.c.Log(n.process.Tail(40))
			n.c.Log("--- /findings: " + n.admin("/findings") + "--- /routes: " + n.admin("/routes"))
		}
		n.process.Kill()
	})
}
