package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

const protocolObjects = 2000

// BenchmarkProtocol is the ground for the choice of HTTP/1.1 towards the API server (docs/cluster.md): what lists and watches cost by either protocol.
//
//	./dev e2e -test.run=NONE -test.bench=Protocol -test.benchtime=100x
func BenchmarkProtocol(b *testing.B) {
	if skipped != "" {
		b.Skip(skipped)
	}
	ctx := context.Background()
	namespace := &core.Namespace{ObjectMeta: meta.ObjectMeta{GenerateName: "protocol-"}}
	namespace, err := control.Client.CoreV1().Namespaces().Create(ctx, namespace, meta.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	ingresses := control.Client.NetworkingV1().Ingresses(namespace.Name)
	for i := range protocolObjects {
		if _, err := ingresses.Create(ctx, plain(fmt.Sprintf("i-%d", i), fmt.Sprintf("h%d.test", i)), meta.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	path := control.Config.Host + "/apis/networking.k8s.io/v1/namespaces/" + namespace.Name + "/ingresses"
	for _, protocol := range []string{"http/1.1", "h2"} {
		client := clientOf(b, protocol)
		b.Run(protocol+"/list", func(b *testing.B) {
			cpu := usedCPU()
			for b.Loop() {
				answer := get(b, client, path+"?resourceVersion=0")
				if _, err := io.Copy(io.Discard, answer.Body); err != nil {
					b.Fatal(err)
				}
				answer.Body.Close()
			}
			b.ReportMetric(float64((usedCPU()-cpu).Microseconds())/float64(b.N), "cpu-us/op")
		})
		b.Run(protocol+"/watch", func(b *testing.B) {
			list, err := ingresses.List(ctx, meta.ListOptions{Limit: 1})
			if err != nil {
				b.Fatal(err)
			}
			answer := get(b, client, path+"?watch=1&resourceVersion="+url.QueryEscape(list.ResourceVersion))
			defer answer.Body.Close()
			lines := bufio.NewReader(answer.Body)
			for b.Loop() {
				patch := fmt.Sprintf(`{"metadata":{"annotations":{"at":"%d"}}}`, time.Now().UnixNano())
				if _, err := ingresses.Patch(ctx, "i-0", types.MergePatchType, []byte(patch), meta.PatchOptions{}); err != nil {
					b.Fatal(err)
				}
				if _, err := lines.ReadString('\n'); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	if err := control.Client.CoreV1().Namespaces().Delete(ctx, namespace.Name, meta.DeleteOptions{}); err != nil {
		b.Error(err)
	}
}

func clientOf(b *testing.B, protocol string) *http.Client {
	config, err := rest.TLSConfigFor(control.Config)
	if err != nil {
		b.Fatal(err)
	}
	config.NextProtos = []string{protocol}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: protocol == "h2", DisableCompression: true}
	if protocol != "h2" {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return &http.Client{Transport: transport}
}

func get(b *testing.B, client *http.Client, url string) *http.Response {
	answer, err := client.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		b.Fatal(answer.Status)
	}
	return answer
}

// usedCPU is what this process has used so far.
func usedCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
