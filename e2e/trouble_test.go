package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"narthex.test/e2e/cluster"
)

// The cases of this file give the control plane trouble. Those that stop the API server run alone.

// served starts what most of these cases need: pods, an Ingress for HOST.test, Narthex, and load on it.
func (c *Case) served(host string, flags ...string) (*Narthex, *Load) {
	c.Helper()
	c.deploy("web", 2)
	c.apply(ingress("web", "nginx", host, "/", "Prefix", "web"))
	n := c.startNarthex(flags...)
	n.settled(at(host, "/"), "200", "web")
	return n, n.load(4, host, "/")
}

func (c *Case) startAPIServer(port int) {
	c.Helper()
	if err := control.StartAPIServer(context.Background(), port); err != nil {
		c.Fatal(err)
	}
}

func (n *Narthex) mustBeReady(when string) {
	n.c.Helper()
	if !n.isReady() {
		n.c.Errorf("%s, readiness must stay: %s", when, n.admin("/readyz"))
	}
}

func TestTrafficGoesOnWhileTheAPIServerIsAwayAndChangesFollowWhenItIsBack(t *testing.T) {
	c := beginAlone(t)
	n, load := c.served("away.test")
	control.StopAPIServer()
	load.atLeast(2000)
	n.mustBeReady("while the API server is away")
	c.startAPIServer(cluster.Port)
	c.apply(ingress("late", "nginx", "late.test", "/", "Prefix", "web"))
	n.expect(at("late.test", "/"), "200", "web")
	load.stop()
	n.mustBeReady("after all")
}

func TestAnAPIServerThatFallsSilentHarmsNobody(t *testing.T) {
	c := beginAlone(t)
	n, load := c.served("silent.test")
	control.PauseAPIServer()
	load.atLeast(2000)
	n.mustBeReady("while the API server is silent")
	control.ResumeAPIServer()
	c.apply(ingress("late", "nginx", "late.test", "/", "Prefix", "web"))
	n.expect(at("late.test", "/"), "200", "web")
	load.stop()
}

// While the API server is somewhere else, things change and the history of the changes is compacted away; so every watch that is
// taken up again is told 410 Gone.
func TestHistoryThatIsGoneIsListedAnew(t *testing.T) {
	c := beginAlone(t)
	n, load := c.served("stays.test")
	c.apply(ingress("goes", "nginx", "goes.test", "/", "Prefix", "web"))
	n.expect(at("goes.test", "/"), "200", "web")
	control.StopAPIServer()
	c.startAPIServer(cluster.AsidePort)
	aside := fmt.Sprintf("--server=https://127.0.0.1:%d", cluster.AsidePort)
	c.kubectl("delete", "ingress", "goes", aside)
	if _, err := c.input(ingress("comes", "nginx", "comes.test", "/", "Prefix", "web"), "apply", "-f", "-", aside); err != nil {
		t.Fatal(err)
	}
	if err := control.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	control.StopAPIServer()
	n.settled(at("goes.test", "/"), "200", "web")
	c.startAPIServer(cluster.Port)
	n.expect(at("comes.test", "/"), "200", "web")
	n.expect(at("goes.test", "/"), "404", "")
	load.stop()
}

func TestNarthexThatStartsBeforeTheAPIServerIsReadyOnceItHasListed(t *testing.T) {
	c := beginAlone(t)
	c.deploy("web", 1)
	c.apply(ingress("web", "nginx", "early.test", "/", "Prefix", "web"))
	token := c.token("narthex", "narthex")
	control.StopAPIServer()
	n := c.launch("narthex", token, "--watch-namespace="+c.Namespace)
	n.expect(at("early.test", "/"), "503", "")
	if n.isReady() {
		t.Error("it must not be ready before it has seen anything")
	}
	c.startAPIServer(cluster.Port)
	n.awaitReady()
	n.settled(at("early.test", "/"), "200", "web")
}

func TestTokenThatIsReplacedIsReadAgain(t *testing.T) {
	c := beginAlone(t)
	n, load := c.served("token.test")
	// The account is made anew, so that the API server refuses the old token.
	account := "rotated"
	c.kubectl("create", "serviceaccount", account)
	c.kubectl("create", "clusterrolebinding", c.Namespace, "--clusterrole=narthex", "--serviceaccount="+c.Namespace+":"+account)
	t.Cleanup(func() { c.try("delete", "clusterrolebinding", c.Namespace) })
	n.WriteToken(c.token(c.Namespace, account))
	c.kubectl("delete", "serviceaccount", "narthex", "--namespace=narthex")
	t.Cleanup(func() {
		if err := install(); err != nil {
			t.Error(err)
		}
	})
	control.StopAPIServer() // the watches begin anew with the token that there is now
	c.startAPIServer(cluster.Port)
	c.apply(ingress("late", "nginx", "late.test", "/", "Prefix", "web"))
	n.expect(at("late.test", "/"), "200", "web")
	load.stop()
}

func TestRightsThatAreWithdrawnCostNoRequestAndComeBack(t *testing.T) {
	c := beginAlone(t)
	c.deploy("web", 1)
	c.apply(c.read("rbac/namespaced.yaml"))
	c.apply(ingress("web", "nginx", "rights.test", "/", "Prefix", "web"))
	n := c.startNarthexAs(c.Namespace, "narthex", "--watch-namespace="+c.Namespace)
	n.settled(at("rights.test", "/"), "200", "web")
	load := n.load(1, "rights.test", "/")
	binding := c.kubectl("get", "rolebinding", "narthex", "-o", "jsonpath={.roleRef}{.subjects}")
	c.kubectl("delete", "rolebinding", "narthex")
	control.StopAPIServer() // what is being watched would go on until the watch ends
	c.startAPIServer(cluster.Port)
	n.finds("ApiForbidden", "Ingress "+c.Namespace)
	n.finds("ApiForbidden", "EndpointSlice "+c.Namespace)
	n.mustBeReady("without rights")
	c.apply(ingress("late", "nginx", "late.test", "/", "Prefix", "web"))
	c.apply(c.read("rbac/namespaced.yaml"))
	if now := c.kubectl("get", "rolebinding", "narthex", "-o", "jsonpath={.roleRef}{.subjects}"); now != binding {
		t.Fatalf("the binding must be as before: %s", now)
	}
	// By then it asks only every 10 to 30 s.
	c.within(2*patience, "what was missed is served", func() error {
		if answer := n.get(at("late.test", "/")); answer.Status != "200" {
			return fmt.Errorf("the answer was %s", answer.Status)
		}
		return nil
	})
	load.stop()
}

// call is what the API server's audit log says about one call of a service account.
type call struct {
	Verb string `json:"verb"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		APIGroup    string `json:"apiGroup"`
	} `json:"objectRef"`
	Annotations map[string]string `json:"annotations"`
}

// calls are all that a service account has made so far.
func (c *Case) calls(user string) []call {
	c.Helper()
	text, err := os.ReadFile(control.AuditLog())
	if err != nil {
		c.Fatal(err)
	}
	var all []call
	for _, line := range strings.Split(string(text), "\n") {
		var one call
		if strings.Contains(line, user) && json.Unmarshal([]byte(line), &one) == nil && one.User.Username == user {
			all = append(all, one)
		}
	}
	return all
}
