package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

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
	n := c.launch(namespace, c.token(namespace, account), flags...)
	n.awaitReady()
	return n
}

// token is a new one for a service account.
func (c *Case) token(namespace, account string) string {
	c.Helper()
	return c.kubectl("create", "token", account, "--namespace="+namespace, "--duration=1h")
}

// launch starts it with a token in a namespace and does not wait for anything. Elections are held within the case.
func (c *Case) launch(namespace, token string, flags ...string) *Narthex {
	c.Helper()
	n := c.newNarthex()
	n.TokenFile = filepath.Join(folder, n.Name+".token")
	n.WriteToken(token)
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

// needs skips the case as long as a flag is accepted but has no effect.
func (c *Case) needs(flag string) {
	c.Helper()
	if !c.hasEffect(flag) {
		c.Skip("this version gives no effect to ", flag)
	}
}

func (c *Case) hasEffect(flag string) bool {
	c.Helper()
	help, err := exec.Command(narthex, "--help").Output()
	if err != nil {
		c.Fatal(err)
	}
	_, idle, _ := strings.Cut(string(help), "have no effect:")
	return !slices.Contains(strings.Fields(idle), flag)
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
			n.c.Log("--- /findings: " + head(n.admin("/findings"), 20) + "\n--- /routes: " + head(n.admin("/routes"), 20))
		}
		n.process.Kill()
	})
}

// head is the beginning of a text, for messages about failures.
func head(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	if len(all) > lines {
		all = append(all[:lines], fmt.Sprintf("... and %d lines more", len(all)-lines))
	}
	return strings.Join(all, "\n")
}
