package e2e

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is the DNS of the namespace: the run's /etc/resolv.conf leads here. Addresses are by name in lower case with the last dot; a name with no
// addresses exists, one with broken answers SERVFAIL, any other does not exist.
var names = struct {
	sync.Mutex
	addresses map[string][]string
	asked     map[string]int
}{addresses: map[string][]string{}, asked: map[string]int{}}

const broken = "broken"

// resolve lets a name stand for addresses from now on.
func resolve(name string, addresses ...string) {
	names.Lock()
	defer names.Unlock()
	names.addresses[name+"."] = addresses
}

// timesAsked is how often a name has been asked for.
func timesAsked(name string) int {
	names.Lock()
	defer names.Unlock()
	return names.asked[name+"."]
}

// serveNames answers questions on 127.0.0.1:53 until the process ends.
func serveNames() error {
	socket, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		return err
	}
	go func() {
		packet := make([]byte, 4096)
		for {
			length, client, err := socket.ReadFrom(packet)
			if err != nil {
				return
			}
			if answer, err := answerTo(packet[:length]); err == nil {
				_, _ = socket.WriteTo(answer, client)
			}
		}
	}()
	return nil
}

func answerTo(packet []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(packet)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: header.ID, Response: true, RecursionAvailable: true}, Questions: []dnsmessage.Question{question}}
	names.Lock()
	defer names.Unlock()
	name := strings.ToLower(question.Name.String())
	names.asked[name]++
	addresses, known := names.addresses[name]
	if !known {
		answer.RCode = dnsmessage.RCodeNameError
	}
	for _, text := range addresses {
		if text == broken {
			answer.RCode = dnsmessage.RCodeServerFailure
			continue
		}
		resource := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1}}
		ip := net.ParseIP(text)
		if ipv4 := ip.To4(); ipv4 != nil && question.Type == dnsmessage.TypeA {
			resource.Body = &dnsmessage.AResource{A: [4]byte(ipv4)}
		} else if ipv4 == nil && question.Type == dnsmessage.TypeAAAA {
			resource.Body = &dnsmessage.AAAAResource{AAAA: [16]byte(ip)}
		} else {
			continue
		}
		answer.Answers = append(answer.Answers, resource)
	}
	return answer.Pack()
}

func TestNamesResolveAsACaseSays(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	resolve("resolves.names.test", c.podIPs("web")...)
	output, err := exec.Command("curl", "-s", "http://resolves.names.test:8080/").Output()
	if err != nil || !strings.Contains(string(output), "name: web") {
		t.Errorf("curl must find the pod by its name: %v\n%s", err, output)
	}
}

const externalName = `
apiVersion: v1
kind: Service
metadata: {name: %s}
spec:
  type: ExternalName
  externalName: %s
  ports: [{name: http, port: 80, targetPort: 8080}]
`

func TestServiceOfTypeExternalNameLeadsWhereDNSSays(t *testing.T) {
	c := begin(t)
	c.needs("--disable-svc-external-name")
	c.deploy("first", 1)
	c.deploy("second", 1)
	name := "external.names.test"
	resolve(name, c.podIPs("first")...)
	c.apply(fmt.Sprintf(externalName, "outside", name), ingress("outside", "nginx", "outside.test", "/", "Prefix", "outside"))
	n := c.startNarthex()
	n.expect(at("outside.test", "/"), "200", "first")
	resolve(name, c.podIPs("second")...)
	n.expect(at("outside.test", "/"), "200", "second")
	// While DNS fails, the last good answer stays.
	resolve(name, broken)
	asked := timesAsked(name)
	c.until("the name has been asked for in vain", func() error {
		if timesAsked(name) < asked+2 {
			return fmt.Errorf("%d times", timesAsked(name)-asked)
		}
		return nil
	})
	n.settled(at("outside.test", "/"), "200", "second")
	resolve(name, c.podIPs("first")...)
	n.expect(at("outside.test", "/"), "200", "first")
	// Another name, and another kind of Service.
	resolve("other.names.test", c.podIPs("second")...)
	c.kubectl("patch", "service", "outside", "--type=merge", "-p", `{"spec":{"externalName":"other.names.test"}}`)
	n.expect(at("outside.test", "/"), "200", "second")
}

func TestExternalNamesNeverLeadToThisMachineOrTheControlPlane(t *testing.T) {
	c := begin(t)
	c.needs("--disable-svc-external-name")
	for service, address := range map[string]string{"loopback": "127.0.0.1", "link-local": "169.254.169.254", "mapped": "::ffff:127.0.0.1"} {
		resolve(service+".names.test", address)
		c.apply(fmt.Sprintf(externalName, service, service+".names.test"), ingress(service, "nginx", service+".test", "/", "Prefix", service))
	}
	n := c.startNarthex()
	for _, service := range []string{"loopback", "link-local", "mapped"} {
		n.finds(service, "ForbiddenAddress")
		n.settled(at(service+".test", "/"), "503", "")
	}
}
