// echo is what runs in the pods of the tests: it answers every request with a text that says which pod this is and what reached it.
//
//	echo [PORT...]        on $POD_IP; 8080 if there is no port
//
//	/slow?ms=N            answers after N milliseconds
//	/status/NNN           answers with that status
//	/ready                200, or 503 while there is a file named unready in the working folder
//	/control/unready      POST: makes that file;  /control/ready removes it
//	/control/close?port=N POST: stops to listen on that port;  /control/open listens again
//	/control/exit?code=N  POST: ends the program at once
//
// On SIGTERM it stops to listen, finishes what it is doing, and ends; with STUBBORN=1 it does not hear SIGTERM.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const unready = "unready"

type servers struct {
	mutex  sync.Mutex
	byPort map[string]*http.Server
}

func main() {
	ports := os.Args[1:]
	if len(ports) == 0 {
		ports = []string{"8080"}
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	s := &servers{byPort: map[string]*http.Server{}}
	for _, port := range ports {
		if err := s.open(port); err != nil {
			log.Fatal(err)
		}
	}
	for range terminated {
		if os.Getenv("STUBBORN") == "" {
			break
		}
	}
	s.shutdown()
}

func (s *servers) open(port string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.byPort[port] != nil {
		return nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("POD_IP"), port))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.handler(port)}
	s.byPort[port] = server
	go server.Serve(listener)
	return nil
}

func (s *servers) close(port string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if server := s.byPort[port]; server != nil {
		server.Close()
		delete(s.byPort, port)
	}
}

func (s *servers) shutdown() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var ending sync.WaitGroup
	for _, server := range s.byPort {
		ending.Go(func() { server.Shutdown(context.Background()) })
	}
	ending.Wait()
}

func (s *servers) handler(port string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { describe(w, r, port, http.StatusOK) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		milliseconds, _ := strconv.Atoi(r.URL.Query().Get("ms"))
		time.Sleep(time.Duration(milliseconds) * time.Millisecond)
		describe(w, r, port, http.StatusOK)
	})
	mux.HandleFunc("/status/", func(w http.ResponseWriter, r *http.Request) {
		status, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/status/"))
		if err != nil || status < 200 || status > 599 {
			status = http.StatusBadRequest
		}
		describe(w, r, port, status)
	})
	mux.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(unready); err == nil {
			describe(w, r, port, http.StatusServiceUnavailable)
		}
	})
	control := func(name string, do func(r *http.Request) error) {
		mux.HandleFunc("POST /control/"+name, func(w http.ResponseWriter, r *http.Request) {
			if err := do(r); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	control("unready", func(*http.Request) error { return os.WriteFile(unready, nil, 0o600) })
	control("ready", func(*http.Request) error { return os.RemoveAll(unready) })
	control("open", func(r *http.Request) error { return s.open(r.URL.Query().Get("port")) })
	control("close", func(r *http.Request) error { s.close(r.URL.Query().Get("port")); return nil })
	control("exit", func(r *http.Request) error {
		code, err := strconv.Atoi(r.URL.Query().Get("code"))
		if err == nil {
			os.Exit(code)
		}
		return err
	})
	return mux
}

// describe answers with one "name: value" line per fact.
func describe(w http.ResponseWriter, r *http.Request, port string, status int) {
	var text strings.Builder
	fmt.Fprintf(&text, "pod: %s\nversion: %s\nname: %s\nport: %s\nmethod: %s\nhost: %s\npath: %s\n", os.Getenv("HOSTNAME"), os.Getenv("IMAGE_TAG"),
		os.Getenv("NAME"), port, r.Method, r.Host, r.RequestURI)
	var fields []string
	for name, values := range r.Header {
		for _, value := range values {
			fields = append(fields, name+": "+value+"\n")
		}
	}
	sort.Strings(fields)
	w.WriteHeader(status)
	fmt.Fprint(w, text.String(), strings.Join(fields, ""))
}
