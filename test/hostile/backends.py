"""Three strict recording backends (A, PUB, ADM): every request that reaches one is kept, with what is wrong about its bytes.
The path /_b/NAME asks for a particular answer, most of them broken ones."""
import itertools
import re
import socket
import threading

NAMES = ("A", "PUB", "ADM")
HOSTS = {"A": "a.test", "PUB": "p.test", "ADM": "p.test"}  # what a request for each of them must name
TOKEN = set(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
PROBE = "/alive"

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_H = b"HTTP/1.1 200 OK\r\n"
# name: (answer, whether the connection is kept)
ANSWERS = {
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", True),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", True),
    "chunked": (_H + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", True),
    "trailers": (_H + b"Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n6\r\nabcdef\r\n0\r\nX-T: 1\r\n\r\n", True),
    "204body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nSPILL", True),
    "clte": (_H + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", False),
    "dupcl": (_H + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", False),
    "clneg": (_H + b"Content-Length: -2\r\n\r\nabc", False),
    "nulhdr": (_H + b"X-A: a\x00b\r\nContent-Length: 2\r\n\r\nok", False),
    "lf": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", False),
    "spcolon": (_H + b"X-Sp : v\r\nContent-Length: 2\r\n\r\nok", False),
    "fold": (_H + b"X-A: a\r\n fold\r\nContent-Length: 2\r\n\r\nok", False),
    "emptyname": (_H + b": v\r\nContent-Length: 2\r\n\r\nok", False),
    "trunc-cl": (_H + b"Content-Length: 50\r\n\r\nabc", False),
    "trunc-ch": (_H + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nde", False),
    "chunkbad": (_H + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nde\r\n0\r\n\r\n", False),
    "chunkovf": (_H + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10000000000000003\r\ndef\r\n0\r\n\r\n", False),
    "h10": (b"HTTP/1.0 200 OK\r\n\r\nabcdef", False),
    "bighdr": (_H + b"X-A: " + b"v" * 400000 + b"\r\nContent-Length: 2\r\n\r\nok", False),
    "extra": (_OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON", True),
    "101": (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n", False),
    "st99": (b"HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok", False),
    "st1000": (b"HTTP/1.1 1000 X\r\nContent-Length: 2\r\n\r\nok", False),
    "stabc": (b"HTTP/1.1 abc X\r\nContent-Length: 2\r\n\r\nok", False),
    "h2line": (b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
    "nosp": (b"HTTP/1.1200 OK\r\nContent-Length: 2\r\n\r\nok", False),
    "garbage": (b"\x00\x01\x02garbage\r\n\r\n", False),
    "hop": (_H + b"Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\n"
            b"Content-Length: 2\r\n\r\nok", True),
    "103": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + _OK, True),
    "two100": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + _OK, True),
    "flood1xx": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 5000 + _OK, False),
    "close-after": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", False),
    "tegzip": (_H + b"Transfer-Encoding: gzip\r\n\r\nabc", False),
    "hdr-crlf": (_H + b"X-A: a\rX-Inj: 1\r\nContent-Length: 2\r\n\r\nok", False),
    "426": (b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno", True),
}


class Backends:
    """The three of one site, on ports of their own, and what reached them since clear()."""

    def __init__(self, ports=(0, 0, 0)):
        self._lock = threading.Lock()
        self._requests = []
        self._raw = {}
        self._numbers = itertools.count()
        self.ports = [self._listen(port, name) for port, name in zip(ports, NAMES)]

    def clear(self):
        with self._lock:
            self._requests = []
            self._raw = {}

    def requests(self):
        with self._lock:
            return [r for r in self._requests if r["line"].split(" ")[1:2] != [PROBE]]

    def raw(self):
        with self._lock:
            return list(self._raw.values())

    def keep(self, request):
        with self._lock:
            self._requests.append(request)

    def keep_raw(self, number, data):
        with self._lock:
            self._raw[number] = self._raw.get(number, b"") + data

    def _listen(self, port, name):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        threading.Thread(target=self._accept, args=(listener, name), daemon=True).start()
        return listener.getsockname()[1]

    def _accept(self, listener, name):
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock, name), daemon=True).start()

    def _serve(self, sock, name):
        connection = _Connection(sock, name, self, next(self._numbers))
        try:
            while _handle(connection):
                pass
        except OSError:
            pass
        finally:
            sock.close()


class _Connection:
    def __init__(self, sock, name, backends, number):
        self.sock = sock
        self.name = name
        self.backends = backends
        self.number = number
        self.buffer = b""

    def fill(self):
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            return False
        self.buffer += data
        self.backends.keep_raw(self.number, data)
        return True

    def until(self, mark, limit=4 << 20):
        while True:
            at = self.buffer.find(mark)
            if at >= 0:
                found, self.buffer = self.buffer[:at], self.buffer[at + len(mark):]
                return found
            if len(self.buffer) > limit or not self.fill():
                return None

    def take(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                return None
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


def _read_head(name, head):
    """The request that a header section makes, and what is wrong about it ("bad")."""
    bad = []
    lines = head.split(b"\r\n")
    rest = head.replace(b"\r\n", b"")
    if b"\n" in rest or b"\r" in rest:
        bad.append("bare CR/LF")
    if not re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^ \x00-\x20\x7f]+ HTTP/1\.[01]", lines[0]):
        bad.append("request-line")
    fields = []
    for line in lines[1:]:
        if line[:1] in b" \t":
            bad.append("obs-fold")
            continue
        key, colon, value = line.partition(b":")
        if not colon or not key or any(x not in TOKEN for x in key):
            bad.append("field-name")
        if any(x < 32 and x != 9 or x == 127 for x in value):
            bad.append("field-value")
        fields.append((key.lower().decode("latin-1"), value.strip(b" \t").decode("latin-1")))
    lengths = [v for k, v in fields if k == "content-length"]
    codings = [v for k, v in fields if k == "transfer-encoding"]
    hosts = [v for k, v in fields if k == "host"]
    if len(hosts) != 1:
        bad.append("host-count")
    elif re.sub(r"\.?(:\d*)?$", "", hosts[0].lower()) != HOSTS[name]:
        bad.append("wrong backend")
    if len(lengths) > 1:
        bad.append("many CL")
    if lengths and codings:
        bad.append("CL and TE")
    if codings and codings != ["chunked"]:
        bad.append("TE " + ",".join(codings))
    if lengths and not lengths[0].isdigit():
        bad.append("CL syntax")
    return dict(b=name, line=lines[0].decode("latin-1"), h=fields, body=b"", complete=False, bad=bad), lengths, codings


def _read_chunks(connection, request):
    while True:
        line = connection.until(b"\r\n")
        if line is None:
            return False
        size = re.fullmatch(rb"([0-9A-Fa-f]{1,16})(;.*)?", line)
        if not size or b"\n" in line or b"\r" in line:
            request["bad"].append("chunk-line")
            return False
        count = int(size.group(1), 16)
        if count == 0:
            break
        data = connection.take(count)
        if data is None:
            return False
        request["body"] += data
        end = connection.take(2)
        if end != b"\r\n":
            request["bad"].append("chunk-end")
            return False
    while True:
        line = connection.until(b"\r\n")
        if line is None:
            return False
        if line == b"":
            return True


def _read_body(connection, request, lengths, codings):
    if codings:
        return _read_chunks(connection, request)
    if lengths and lengths[0].isdigit():
        data = connection.take(int(lengths[0])) if int(lengths[0]) < 1 << 30 else None
        if data is None:
            request["body"] = connection.buffer
            return False
        request["body"] = data
    return True


def _handle(connection):
    """Reads and answers one request; says whether another may follow."""
    head = connection.until(b"\r\n\r\n")
    if head is None:
        if connection.buffer.strip():
            line = "?" + connection.buffer[:60].decode("latin-1")
            connection.backends.keep(dict(b=connection.name, line=line, h=[], body=b"", complete=False, bad=["garbage"]))
        return False
    request, lengths, codings = _read_head(connection.name, head)
    connection.backends.keep(request)
    parts = request["line"].split(" ")
    method = parts[0]
    path = (parts[1] if len(parts) > 1 else "").split("?")[0]
    mode = path[4:] if path.startswith("/_b/") else ""
    send = connection.sock.sendall
    if mode == "early":
        send(_OK)
    if mode == "401-noread":
        send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        return False
    if mode == "empty":
        return False
    expects = any(k == "expect" and v.lower() == "100-continue" for k, v in request["h"])
    if expects and parts[-1] == "HTTP/1.1" and mode != "early":
        send(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not _read_body(connection, request, lengths, codings):
        return False
    request["complete"] = True
    if mode == "early":
        return True
    if mode == "ws":
        return _tunnel(connection, request)
    if mode == "cl100":
        answer, kept = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * (0 if method == "HEAD" else 100), True
    elif mode in ANSWERS:
        answer, kept = ANSWERS[mode]
    else:
        answer, kept = (_OK[:-2] if method == "HEAD" else _OK), True
    send(answer)
    return kept


def _tunnel(connection, request):
    if not any(k == "upgrade" for k, _ in request["h"]):
        connection.sock.sendall(_OK)
        return True
    connection.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    while connection.fill():
        try:
            connection.sock.sendall(connection.buffer)
        except OSError:
            break
        connection.buffer = b""
    return False
