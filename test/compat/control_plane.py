"""What stands around the controller: etcd and kube-apiserver, the pods, a DNS server, and the controller itself. Everything listens on addresses of
the network namespace that the run has for itself."""
import http.client
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

from manifests import CLASS, new_object

HERE = os.path.dirname(os.path.abspath(__file__))
NAMESPACE, POD, CONFIG = "ingress-nginx", "controller-0", "controller"
API = ("127.0.0.1", 16443)
ETCD, ETCD_PEERS = "http://127.0.0.1:23790", "http://127.0.0.1:23800"
SERVICE_ADDRESS = "10.96.0.100"  # of the API server, as the cluster knows it
ADMIN = ("127.0.0.1", 10254)
PLURALS = {"EndpointSlice": "endpointslices", "Ingress": "ingresses", "IngressClass": "ingressclasses"}
WITHOUT_NAMESPACE = {"Namespace", "Node", "IngressClass"}
TOKEN = "of-the-run"
PATIENCE = 60  # seconds for a program to come up


def url_of(made):
    version, kind, metadata = made["apiVersion"], made["kind"], made["metadata"]
    root = ("/apis/" if "/" in version else "/api/") + version
    if kind not in WITHOUT_NAMESPACE:
        root += "/namespaces/" + metadata["namespace"]
    return f"{root}/{PLURALS.get(kind, kind.lower() + 's')}/{metadata['name']}"


class ApiServer:
    """Its client. A connection for each thread."""

    def __init__(self):
        self._tls = ssl._create_unverified_context()  # its certificate is made as it starts
        self._local = threading.local()

    def call(self, method, path, body=None):
        headers = {"Authorization": "Bearer " + TOKEN, "Content-Type": "application/apply-patch+yaml"}
        for last_try in (False, True):
            if getattr(self._local, "connection", None) is None:
                self._local.connection = http.client.HTTPSConnection(*API, context=self._tls, timeout=60)
            try:
                self._local.connection.request(method, path, body, headers)
                response = self._local.connection.getresponse()
                return response.status, response.read().decode()
            except (http.client.HTTPException, OSError):
                self._local.connection.close()
                self._local.connection = None
                if last_try:
                    raise
        raise AssertionError

    def apply(self, made):
        status, text = self.call("PATCH", url_of(made) + "?fieldManager=compat&force=true", json.dumps(made))
        if status >= 300:
            raise RuntimeError(f"the API server refuses {made['kind']} {made['metadata']['name']}: {status} {text}")

    def delete(self, made):
        self.call("DELETE", url_of(made))


class Names:
    """A DNS server with the names of the cases."""

    def __init__(self):
        self.addresses = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, client = self._socket.recvfrom(2048)
            at, labels = 12, []
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
                at += query[at] + 1
            question, kind = query[12:at + 5], struct.unpack(">H", query[at + 1:at + 3])[0]
            known = self.addresses.get(".".join(labels).lower())
            found = known or [] if kind == 1 else []
            answers = b"".join(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04" + socket.inet_aton(address) for address in found)
            head = struct.pack(">HHHHH", 0x8180 | (3 if known is None else 0), 1, len(found), 0, 0)
            self._socket.sendto(query[:2] + head + question + answers, client)


class ControlPlane:
    def __init__(self, folder, programs, certificates):
        self._folder = folder
        self._programs = programs
        self._processes = []
        self._controller = None
        self.api = ApiServer()
        self.names = Names()
        subprocess.run(["ip", "address", "add", SERVICE_ADDRESS + "/32", "dev", "lo"], check=True)
        self._start_all(*certificates.leaf(["backend.test"]))
        self._wait("the API server", lambda: self.api.call("GET", "/readyz")[1] == "ok")
        for made in (new_object("Namespace", NAMESPACE), new_object("Node", "node1"),
                     new_object("IngressClass", CLASS, spec={"controller": "k8s.io/ingress-nginx"}),
                     new_object("Pod", POD, NAMESPACE, spec={"nodeName": "node1", "containers": [{"name": "c", "image": "x"}]})):
            self._wait("the API server", lambda made=made: self.api.apply(made) is None)

    def _start_all(self, certificate, key):
        keys = self._path("service-accounts.key")
        subprocess.run(["openssl", "genrsa", "-out", keys, "2048"], check=True, capture_output=True)
        self._write("tokens.csv", f"{TOKEN},admin,admin,system:masters\n")
        self._write("kubeconfig", json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "run",
            "clusters": [{"name": "run", "cluster": {"server": f"https://{API[0]}:{API[1]}", "insecure-skip-tls-verify": True}}],
            "users": [{"name": "run", "user": {"token": TOKEN}}],
            "contexts": [{"name": "run", "context": {"cluster": "run", "user": "run"}}]}))
        self._spawn("etcd", [self._program("etcd"), "--data-dir", self._path("etcd"), "--listen-client-urls", ETCD, "--advertise-client-urls", ETCD,
                             "--listen-peer-urls", ETCD_PEERS, "--initial-advertise-peer-urls", ETCD_PEERS,
                             "--initial-cluster", "default=" + ETCD_PEERS, "--unsafe-no-fsync"])
        self._spawn("kube-apiserver", [
            self._program("kube-apiserver"), "--etcd-servers=" + ETCD, f"--secure-port={API[1]}", "--bind-address=" + API[0],
            "--advertise-address=" + SERVICE_ADDRESS, "--cert-dir=" + self._path("apiserver"), "--token-auth-file=" + self._path("tokens.csv"),
            "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + keys,
            "--service-account-signing-key-file=" + keys, "--service-cluster-ip-range=10.96.0.0/16", "--disable-admission-plugins=ServiceAccount",
            "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000"])
        self._spawn("pods", [sys.executable, os.path.join(HERE, "echo.py"), certificate, key])

    def start_controller(self, program, config, flags):
        """With these settings and flags; returns once it says that it is ready."""
        made = new_object("ConfigMap", CONFIG, NAMESPACE, data=config)
        self.api.delete(made)
        self.api.apply(made)
        command = [program, "controller", "--kubeconfig", self._path("kubeconfig"), "--configmap", f"{NAMESPACE}/{CONFIG}",
                   "--http-port", "80", "--https-port", "443", "--update-status=false", "--shutdown-timeout=1", *flags]
        self._controller = self._spawn("controller", command, {**os.environ, "POD_NAME": POD, "POD_NAMESPACE": NAMESPACE})
        self._wait("the controller", self._controller_is_ready)

    def _controller_is_ready(self):
        connection = http.client.HTTPConnection(*ADMIN, timeout=5)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200

    def stop_controller(self):
        """Its exit status."""
        process, self._controller = self._controller, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            self._processes.remove(process)

    def stop(self):
        self.stop_controller()
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _wait(self, what, condition):
        end, why = time.monotonic() + PATIENCE, "it does not answer"
        while time.monotonic() < end:
            for process in self._processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{what} does not come up: {re.sub('.*/', '', process.args[0])} ended with {process.returncode}")
            try:
                if condition():
                    return
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                why = error
            time.sleep(0.02)
        raise RuntimeError(f"{what} does not come up: {why}")

    def _spawn(self, name, command, environment=None):
        with open(self._path(name + ".log"), "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        self._processes.append(process)
        return process

    def _program(self, name):
        return os.path.join(self._programs, name)

    def _path(self, name):
        return os.path.join(self._folder, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="utf-8") as file:
            file.write(text)
