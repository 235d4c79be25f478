package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"narthex.test/e2e/cluster"
)

const (
	httpPort  = "8080"
	httpsPort = "8443"
	adminPort = "10254"
)

var instances atomic.Int32

// Narthex is a running program under test on a loopback address of its own.
type Narthex struct {
	Name      string
	Address   string
	TokenFile string
	c         *Case
	process   *cluster.Process
}

// Answer is what came back for a request: the status as curl writes it (000 for none), and the body.
type Answer struct {
	Status string
	Body   string
	Took   time.Duration
}

// Line is the value of a line "name: value" of the answer, which the pods of the tests give.
func (a Answer) Line(name string) string {
	for _, line := range strings.Split(a.Body, "\n") {
		if value, found := strings.CutPrefix(line, name+": "); found {
			return value
		}
	}
	return ""
}

// get asks for a URL with curl, which is led to this instance whatever the host is.
func (n *Narthex) get(url string, options ...string) Answer {
	argv := append([]string{"-s", "--max-time", "10", "--connect-to", "::" + n.Address + ":", "-w", "\n%{http_code}", url}, options...)
	output, _ := exec.Command("curl", argv...).Output()
	cut := strings.LastIndexByte(string(output), '\n')
	return Answer{Status: string(output[cut+1:]), Body: string(output[:max(cut, 0)])}
}

// at is the URL of a host and path on the HTTP port.
func at(host, path string) string { return "http://" + host + ":" + httpPort + path }

// atTLS is the URL of a host and path on the HTTPS port.
func atTLS(host, path string) string { return "https://" + host + ":" + httpsPort + path }

// expect waits until a URL is answered with a status and by the pods of that name; no name: whatever the body is.
func (n *Narthex) expect(url, status, name string, options ...string) Answer {
	n.c.Helper()
	var answer Answer
	n.c.until(fmt.Sprintf("%s is answered with %s %s", url, status, name), func() error {
		answer = n.get(url, options...)
		if answer.Status != status || (name != "" && answer.Line("name") != name) {
			return fmt.Errorf("the answer was %s\n%s", answer.Status, answer.Body)
		}
		return nil
	})
	return answer
}

// settled looks once: what has been waited for by other means must be so.
func (n *Narthex) settled(url, status, name string, options ...string) {
	n.c.Helper()
	if answer := n.get(url, options...); answer.Status != status || (name != "" && answer.Line("name") != name) {
		n.c.Errorf("%s must be answered with %s %s; the answer was %s\n%s", url, status, name, answer.Status, answer.Body)
	}
}

// admin is a page of the admin port.
func (n *Narthex) admin(path string) string {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get("http://" + n.Address + ":" + adminPort + path)
	if err != nil {
		return err.Error() + "\n"
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return fmt.Sprintf("%d\n%s", answer.StatusCode, text)
}

func (n *Narthex) isReady() bool { return strings.HasPrefix(n.admin("/readyz"), "200") }

func (n *Narthex) awaitReady() {
	n.c.Helper()
	n.c.until("narthex is ready", func() error {
		select {
		case <-n.process.Ended():
			n.c.Fatalf("narthex ended with %d", n.process.ExitCode())
		default:
		}
		if answer := n.admin("/readyz"); !strings.HasPrefix(answer, "200") {
			return errors.New(answer)
		}
		return nil
	})
}

// finds waits until a finding is told on the admin port: a line with all these words.
func (n *Narthex) finds(words ...string) {
	n.c.Helper()
	n.c.until("a finding with "+strings.Join(words, ", "), func() error {
		page := n.admin("/findings")
		for _, line := range strings.Split(page, "\n") {
			if containsAll(line, words) {
				return nil
			}
		}
		return errors.New(page)
	})
}

func containsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// WriteToken replaces the token of the instance, as the kubelet does it: by a rename.
func (n *Narthex) WriteToken(token string) {
	n.c.Helper()
	next := n.TokenFile + ".next"
	if err := errors.Join(os.WriteFile(next, []byte(strings.TrimSpace(token)), 0o600), os.Rename(next, n.TokenFile)); err != nil {
		n.c.Fatal(err)
	}
}

// resident is the memory that the instance has in use, in kB.
func (n *Narthex) resident() int {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(n.process.Pid()), "status"))
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.Atoi(fields[0])
	return kilobytes
}

// Load asks for one URL again and again, over some kept connections, until stop. Every answer but 200 is a failure.
type Load struct {
	n        *Narthex
	stopped  chan struct{}
	once     sync.Once
	clients  sync.WaitGroup
	mutex    sync.Mutex
	answered int
	failures []string
	pods     map[string]int // answers by pod
	versions map[string]int // answers by the tag of the pod's image
}

// load starts clients that ask for a host and path.
func (n *Narthex) load(clients int, host, path string) *Load {
	l := &Load{n: n, stopped: make(chan struct{}), pods: map[string]int{}, versions: map[string]int{}}
	for range clients {
		l.clients.Go(func() { l.run(at(host, path)) })
	}
	n.c.Cleanup(l.end)
	return l
}

// client is one that is led to this instance whatever the host is, and keeps its connections until CloseIdleConnections.
func (n *Narthex) client() *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(n.Address, httpPort))
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: dial}}
}

func (l *Load) run(url string) {
	client := l.n.client()
	defer client.CloseIdleConnections()
	for {
		select {
		case <-l.stopped:
			return
		case <-time.After(time.Millisecond): // so that two CPUs have time for pods and control plane, too
		}
		l.count(ask(client, url))
	}
}

func ask(client *http.Client, url string) (Answer, error) {
	begin := time.Now()
	answer, err := client.Get(url)
	if err != nil {
		return Answer{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return Answer{Status: strconv.Itoa(answer.StatusCode), Body: string(body), Took: time.Since(begin)}, err
}

func (l *Load) count(answer Answer, err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.answered++
	switch {
	case err != nil:
		l.failures = append(l.failures, time.Now().Format("15:04:05.000 ")+err.Error())
	case answer.Status != "200":
		l.failures = append(l.failures, fmt.Sprintf("%s %s after %v: %q", time.Now().Format("15:04:05.000"), answer.Status, answer.Took, answer.Body))
	default:
		l.pods[answer.Line("pod")]++
		l.versions[answer.Line("version")]++
	}
}

// atLeast waits until so many more requests have been answered.
func (l *Load) atLeast(more int) {
	l.n.c.Helper()
	begin := l.total()
	l.n.c.until(fmt.Sprintf("%d more requests are answered", more), func() error {
		if have := l.total() - begin; have < more {
			return fmt.Errorf("%d so far", have)
		}
		return nil
	})
}

func (l *Load) total() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.answered
}

func (l *Load) end() {
	l.once.Do(func() { close(l.stopped) })
	l.clients.Wait()
}

// stop ends the load; a failed request fails the case.
func (l *Load) stop() {
	l.n.c.Helper()
	l.end()
	l.n.c.Logf("%d requests, %d failed, over %d pods", l.answered, len(l.failures), len(l.pods))
	if len(l.failures) != 0 {
		l.n.c.Errorf("%d of %d requests failed:\n%s", len(l.failures), l.answered, strings.Join(l.failures[:min(len(l.failures), 10)], "\n"))
	}
	if l.answered == 0 {
		l.n.c.Error("no request was made")
	}
}
