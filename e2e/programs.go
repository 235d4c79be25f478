//go:build programs

// Package e2e, in this file, names the programs of Kubernetes that the tests run, so that go.mod and go.sum cover what they are built from. It is never
// compiled: e2e/run builds the commands by their import paths.
package e2e

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
