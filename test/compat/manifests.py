"""The short form that cases are written in (docs/testing.md), and the Kubernetes objects that it stands for."""
import base64
import itertools
import json
import os
import re
import shlex
import socket
import struct
import subprocess
import threading

PREFIX = "nginx.ingress.kubernetes.io/"
CLASS = "nginx"
PORTS = [("http", 80, 8080), ("https", 443, 8443), ("fcgi", 9000, 9000), ("grpc", 50051, 50051)]  # of each Service and its pods
GROUPS = {"EndpointSlice": "discovery.k8s.io", "Ingress": "networking.k8s.io", "IngressClass": "networking.k8s.io"}


def new_object(kind, name, namespace=None, **rest):
    group = GROUPS.get(kind)
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": group + "/v1" if group else "v1", "kind": kind, "metadata": metadata, **rest}


class Certificates:
    """A test CA, another one, and certificates of theirs, made with the openssl command as they are asked for. Any thread."""

    def __init__(self, folder):
        self._folder = folder
        self._lock = threading.Lock()
        os.makedirs(folder)
        for name in ("ca", "otherca"):
            self._openssl(f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=recorded-{name} "
                          f"-keyout {self._path(name)}.key -out {self._path(name)}.crt")

    def ca(self):
        return read(self._path("ca") + ".crt")

    def leaf(self, names, ca="ca"):
        """Paths of the certificate and its key."""
        path = self._path(re.sub(r"[^a-z0-9]+", "_", "_".join([ca, *names]).lower()))
        with self._lock:
            if not os.path.exists(path + ".crt"):
                self._make_leaf(path, names, ca)
        return path + ".crt", path + ".key"

    def _make_leaf(self, path, names, ca):
        with open(path + ".ext", "w", encoding="utf-8") as file:
            file.write("subjectAltName=" + ",".join("DNS:" + name for name in names) + "\n")
        self._openssl(f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={names[0]} -keyout {path}.key -out {path}.csr")
        self._openssl(f"x509 -req -in {path}.csr -CA {self._path(ca)}.crt -CAkey {self._path(ca)}.key -CAcreateserial "
                      f"-days 30 -extfile {path}.ext -out {path}.crt")

    def _path(self, name):
        return os.path.join(self._folder, name)

    @staticmethod
    def _openssl(arguments):
        subprocess.run(["openssl", *shlex.split(arguments)], check=True, capture_output=True)


class Pods:
    """Gives out addresses, of 10.244.0.0/16."""
    _numbers = itertools.count(0x0af40101)

    @classmethod
    def next_address(cls):
        return socket.inet_ntoa(struct.pack(">I", next(cls._numbers)))


class Case:
    """One case: its objects, its pods and the names that lead to them."""

    def __init__(self, case, certificates):
        self.name = case["name"]
        self.namespace = "c-" + self.name
        self.config = {key: self._filled(str(value)) for key, value in (case.get("config") or {}).items()}
        self.flags = [self._filled(flag) for flag in case.get("flags") or []]
        self.alone = bool(case.get("alone"))
        self.requests = [{"r": one} if isinstance(one, str) else one for one in case.get("requests") or []]
        self.pods = {}     # address -> name of the Service, hyphen, number
        self.names = {}    # host name -> addresses
        self.objects = [new_object("Namespace", self.namespace)]
        for name, backend in (case.get("backends") or {"echo": 1}).items():
            self._add_service(name, backend if isinstance(backend, dict) else {"pods": backend})
        for host, service in (case.get("dns") or {}).items():
            self.names[host] = self.addresses_of(service)
        self.objects += [secret(dict(one), self.namespace, certificates) for one in case.get("secrets") or []]
        self.objects += [new_object("ConfigMap", name, self.namespace, data=data) for name, data in (case.get("configmaps") or {}).items()]
        ingresses = json.loads(self._filled(json.dumps(case.get("ingresses") or [])))
        ages = itertools.accumulate(one.get("after", 0) for one in ingresses)
        self.ingresses = [(age, ingress(one, self.namespace)) for age, one in zip(ages, ingresses)]  # seconds younger than the first

    def addresses_of(self, service):
        return [address for address, pod in self.pods.items() if service_of(pod) == service]

    def _filled(self, text):
        return text.replace("{ns}", self.namespace)

    def _add_service(self, name, backend):
        ports = [{"name": port, "port": number, "targetPort": target, "protocol": "TCP"} for port, number, target in PORTS]
        spec = {"ports": ports}
        if "external" in backend:
            spec = {"type": "ExternalName", "externalName": backend["external"], "ports": ports}
        self.objects.append(new_object("Service", name, self.namespace, spec=spec))
        addresses = [Pods.next_address() for _ in range(backend.get("pods", 1) if "external" not in backend else 0)]
        if not addresses:
            return
        self.pods.update({address: f"{name}-{number}" for number, address in enumerate(addresses)})
        self.names[f"{name}.{self.namespace}.svc.cluster.local"] = addresses
        unready = backend.get("notready", [])
        endpoints = [{"addresses": [address], "conditions": {"ready": number not in unready}} for number, address in enumerate(addresses)]
        endpoint_slice = new_object("EndpointSlice", name + "-1", self.namespace, addressType="IPv4", endpoints=endpoints,
                                    ports=[{"name": port, "port": target, "protocol": "TCP"} for port, _, target in PORTS])
        endpoint_slice["metadata"]["labels"] = {"kubernetes.io/service-name": name}
        self.objects.append(endpoint_slice)


def service_of(pod):
    return pod.rsplit("-", 1)[0]


def secret(short, namespace, certificates):
    name, kind = short["name"], None
    if "tls" in short:
        certificate, key = certificates.leaf(short["tls"], short.get("by", "ca"))
        kind, data = "kubernetes.io/tls", {"tls.crt": read(certificate), "tls.key": read(key)}
        if short.get("ca"):
            data["ca.crt"] = certificates.ca()
    elif short.get("ca"):
        data = {"ca.crt": certificates.ca()}
    elif "auth" in short:
        data = {"auth": "".join(htpasswd_line(*one.split(":", 1)) + "\n" for one in short["auth"])}
    elif "authmap" in short:
        data = {user: htpasswd_line(user, password).split(":", 1)[1] for user, password in short["authmap"].items()}
    else:
        data = short.get("data", {})
    encoded = {key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode() for key, value in data.items()}
    return new_object("Secret", name, namespace, data=encoded, **({"type": kind} if kind else {}))


def htpasswd_line(user, password):
    command = ["openssl", "passwd", "-apr1", "-salt", "recorded", password]
    return user + ":" + subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def path_entry(text):
    """PATH [TYPE] SERVICE[:PORT]; - as the path: none."""
    words = text.split()
    service, _, port = words[-1].partition(":")
    port = port or "80"
    entry = {"pathType": words[1] if len(words) == 3 else "Prefix",
             "backend": {"service": {"name": service, "port": {"number": int(port)} if port.isdigit() else {"name": port}}}}
    if words[0] != "-":
        entry["path"] = words[0]
    return entry


def ingress(short, namespace):
    rules = short.get("rules")
    if rules is None:
        rules = {short.get("host", ""): short.get("paths", ["/ echo"])} if "host" in short or "paths" in short else {}
    spec = {}
    if short.get("class", CLASS):
        spec["ingressClassName"] = short.get("class", CLASS)
    if rules:
        spec["rules"] = [{**({"host": host} if host else {}), **({"http": {"paths": [path_entry(path) for path in paths]}} if paths else {})}
                         for host, paths in rules.items()]
    if "default" in short:
        spec["defaultBackend"] = path_entry("/ " + short["default"])["backend"]
    if "tls" in short:
        spec["tls"] = [{"hosts": one["hosts"], **({"secretName": one["secret"]} if "secret" in one else {})} for one in short["tls"]]
    made = new_object("Ingress", short["name"], namespace, spec=spec)
    annotations = short.get("annotations") or {}
    made["metadata"]["annotations"] = {name if "/" in name else PREFIX + name: str(value) for name, value in annotations.items()}
    return made


def read(path):
    with open(path, "rb") as file:
        return file.read()
