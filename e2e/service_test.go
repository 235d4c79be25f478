package e2e

import (
	"fmt"
	"testing"
)

// The cases of this file follow the chapter on Services of the Kubernetes documentation.

func TestServicePortsLeadToTheContainersPortsByName(t *testing.T) {
	c := begin(t)
	// The port named web is another number in each of the two pods.
	for i, port := range []string{"8080", "8081"} {
		c.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: web-%d, labels: {app: web}}
spec:
  containers:
  - name: echo
    image: narthex.test/echo:1
    args: ["%s", "9090"]
    env: [{name: NAME, value: web}]
    ports: [{name: web, containerPort: %s}, {name: admin, containerPort: 9090}]
    readinessProbe: {tcpSocket: {port: web}, periodSeconds: 1}
`, i, port, port))
	}
	c.apply(`
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: web}
  - {name: admin, port: 9000, targetPort: admin}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  rules:
  - host: ports.test
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
      - {path: /admin, pathType: Prefix, backend: {service: {name: web, port: {number: 9000}}}}
      - {path: /none, pathType: Prefix, backend: {service: {name: web, port: {name: none}}}}
`)
	c.readyAddresses("web", 2)
	n := c.startNarthex()
	seen := map[string]string{}
	c.until("both pods answer, each on its own port", func() error {
		answer := n.get(at("ports.test", "/"))
		seen[answer.Line("pod")] = answer.Line("port")
		if seen["web-0"] != "8080" || seen["web-1"] != "8081" {
			return fmt.Errorf("so far %v", seen)
		}
		return nil
	})
	if port := n.get(at("ports.test", "/admin")).Line("port"); port != "9090" {
		t.Errorf("the second port of the Service must lead to 9090, not %q", port)
	}
	n.settled(at("ports.test", "/none"), "503", "")
	n.finds("ServicePortNotFound", "none")
}

func TestServicesOfEveryKindLeadToTheirPods(t *testing.T) {
	c := begin(t)
	c.deploy("web", 2)
	kinds := map[string]string{"headless": "clusterIP: None", "node-port": "type: NodePort", "load-balancer": "type: LoadBalancer",
		"affine": "sessionAffinity: ClientIP"}
	for name, spec := range kinds {
		c.apply(fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: %s}
spec:
  %s
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
`, name, spec), ingress(name, "nginx", name+".test", "/", "Prefix", name))
		c.readyAddresses(name, 2)
	}
	n := c.startNarthex()
	pods := map[string]map[string]int{}
	for name := range kinds {
		pods[name] = map[string]int{}
		for range 10 {
			answer := n.get(at(name+".test", "/"))
			pods[name][answer.Line("pod")]++
			if answer.Status != "200" {
				t.Errorf("%s: %s\n%s", name, answer.Status, answer.Body)
			}
		}
	}
	for name, wanted := range map[string]int{"headless": 2, "node-port": 2, "load-balancer": 2, "affine": 1} {
		if len(pods[name]) != wanted {
			t.Errorf("%s: %d pods must answer, not %v", name, wanted, pods[name])
		}
	}
}

func TestServicesWithoutSelectorHaveTheEndpointsThatAreWrittenByHand(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	ip := c.podIPs("web")[0]
	c.apply(fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: slices}
spec: {ports: [{name: http, port: 80, targetPort: 9376}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: slices-1, labels: {kubernetes.io/service-name: slices}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [%s]}]
---
apiVersion: v1
kind: Service
metadata: {name: endpoints}
spec:
  clusterIP: None
  ports: [{name: http, port: 80, targetPort: 9376}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: endpoints}
subsets: [{addresses: [{ip: %s}], ports: [{name: http, port: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: nothing}
spec: {ports: [{name: http, port: 80, targetPort: 9376}]}
`, ip, ip))
	for _, name := range []string{"slices", "endpoints", "nothing"} {
		c.apply(ingress(name, "nginx", name+".test", "/", "Prefix", name))
	}
	n := c.startNarthex()
	n.expect(at("slices.test", "/"), "200", "web")
	n.expect(at("endpoints.test", "/"), "200", "web") // by way of the slices that a controller copies from Endpoints
	n.settled(at("nothing.test", "/"), "503", "")
	c.kubectl("patch", "endpointslice", "slices-1", "--type=merge", "-p", `{"endpoints":[]}`)
	n.expect(at("slices.test", "/"), "503", "")
}

func TestServiceMayPublishPodsThatAreNotReady(t *testing.T) {
	c := begin(t)
	c.deploy("web", 1)
	c.apply(ingress("web", "nginx", "publish.test", "/", "Prefix", "web"))
	n := c.startNarthex()
	c.tell(c.podIPs("web")[0], "unready")
	n.expect(at("publish.test", "/"), "503", "")
	c.kubectl("patch", "service", "web", "--type=merge", "-p", `{"spec":{"publishNotReadyAddresses":true}}`)
	n.expect(at("publish.test", "/"), "200", "web")
}

func TestServiceThatComesLateOrGoesIsFollowed(t *testing.T) {
	c := begin(t)
	c.apply(ingress("web", "nginx", "late.test", "/", "Prefix", "web"))
	n := c.startNarthex()
	n.settled(at("late.test", "/"), "503", "")
	n.finds("ServiceNotFound", "web")
	c.deploy("web", 1)
	n.expect(at("late.test", "/"), "200", "web")
	c.kubectl("patch", "service", "web", "--type=merge", "-p", `{"spec":{"selector":{"app":"nobody"}}}`)
	n.expect(at("late.test", "/"), "503", "")
	c.kubectl("patch", "service", "web", "--type=merge", "-p", `{"spec":{"selector":{"app":"web"}}}`)
	n.expect(at("late.test", "/"), "200", "web")
	c.kubectl("delete", "service", "web")
	n.expect(at("late.test", "/"), "503", "")
}
