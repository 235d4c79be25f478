"""Sends a request of a case, byte for byte as the case says, and takes what comes back."""
import collections
import http.client
import json
import re
import socket
import ssl
import struct
import subprocess

PATIENCE = 6  # seconds for an answer
Answer = collections.namedtuple("Answer", "status headers body certificate")


def ask(request, certificates, jar):
    """`jar`: cookies by name, or None. Status 0: there was no answer, and the header `error` says why."""
    certificate = None
    try:
        method, tls, host, target = read_request_line(request["r"])
        with connect(request, tls, host, certificates) as connection:
            if tls:
                certificate = common_name(connection.getpeercert(True))
            body = b"x" * request["size"] if "size" in request else request.get("body", "").encode()
            if request.get("grpc") or request.get("h2"):
                status, headers, content = ask_http2(connection, method, host, target, request, body, tls)
            else:
                status, headers, content = ask_http1(connection, method, host, target, request, body, jar)
    except TimeoutError:
        return no_answer("time-out", certificate)
    except ssl.SSLError as error:
        return no_answer(f"TLS {error.reason}", certificate)
    except ConnectionResetError:
        return no_answer("reset", certificate)
    except Exception as error:  # noqa: B902: whatever a library makes of the bytes is an answer, too
        return no_answer(type(error).__name__, certificate)
    if jar is not None:
        for name, value in headers:
            if name.lower() == "set-cookie":
                cookie, _, text = value.split(";", 1)[0].partition("=")
                jar[cookie.strip()] = text
    return Answer(status, headers, content, certificate)


def no_answer(why, certificate):
    return Answer(0, [("error", why)], b"", certificate)


def read_request_line(text):
    method, url = text.split(" ", 1)
    scheme, host, target = re.match(r"(https?)://([^/?#]*)(.*)$", url, re.S).groups()
    return method, scheme == "https", host, target or "/"


def connect(request, tls, host, certificates):
    connection = socket.create_connection(("127.0.0.1", 443 if tls else 80), PATIENCE, (request.get("src", "127.0.0.1"), 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if request.get("proxy"):
        connection.sendall(request["proxy"].encode())
    if not tls:
        return connection
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if request.get("cert"):
        context.load_cert_chain(*certificates.leaf(["client-" + request["cert"]], "otherca" if request["cert"] == "other" else "ca"))
    if request.get("h2"):
        context.set_alpn_protocols(["h2", "http/1.1"])
    return context.wrap_socket(connection, server_hostname=request.get("sni", host.split(":")[0]) or None)


def ask_http1(connection, method, host, target, request, body, jar):
    fields = [(name, str(one)) for name, value in (request.get("h") or {}).items() for one in (value if isinstance(value, list) else [value])]
    given = {name.lower() for name, _ in fields}
    if "host" not in given and not request.get("nohost"):
        fields.insert(0, ("Host", host))
    if jar:
        fields.append(("Cookie", "; ".join(f"{name}={value}" for name, value in jar.items())))
    if request.get("chunked"):
        fields.append(("Transfer-Encoding", "chunked"))
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    elif body or method in ("POST", "PUT", "PATCH"):
        fields.append(("Content-Length", str(len(body))))
    if "connection" not in given:
        fields.append(("Connection", "close"))
    lines = [f"{method} {target} HTTP/{request.get('version', '1.1')}", *(f"{name}: {value}" for name, value in fields), "", ""]
    connection.sendall("\r\n".join(lines).encode("latin-1"))
    try:
        connection.sendall(body)
    except OSError:
        pass  # the answer may have come before the end of the body
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    if response.status == 101:
        connection.sendall(b"ping")
        return 101, response.getheaders(), response.fp.read(4)
    return response.status, response.getheaders(), response.read()


def ask_http2(connection, method, host, target, request, body, tls):
    import h2.config  # only these requests need it
    import h2.connection
    import h2.events
    settings = h2.config.H2Configuration(client_side=True, header_encoding="latin-1", validate_inbound_headers=False)
    client = h2.connection.H2Connection(settings)
    client.initiate_connection()
    fields = [(":method", method), (":scheme", "https" if tls else "http"), (":authority", host), (":path", target)]
    if request.get("grpc"):
        fields += [("content-type", "application/grpc"), ("te", "trailers")]
        body = struct.pack(">BI", 0, len(body)) + body
    fields += [(name.lower(), str(value)) for name, value in (request.get("h") or {}).items()]
    client.send_headers(1, fields, end_stream=not body)
    if body:
        client.send_data(1, body, end_stream=True)
    connection.sendall(client.data_to_send())
    status, headers, content, ended = 0, [], b"", False
    while not ended:
        received = connection.recv(65536)
        if not received:
            break
        for event in client.receive_data(received):
            if isinstance(event, h2.events.ResponseReceived):
                status = int(dict(event.headers)[":status"])
                headers += [field for field in event.headers if field[0][0] != ":"]
            elif isinstance(event, h2.events.TrailersReceived):
                headers += [("trailer:" + name, value) for name, value in event.headers]
            elif isinstance(event, h2.events.DataReceived):
                content += event.data
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                ended = True
        connection.sendall(client.data_to_send())
    return status, headers, content


def take_log(address):
    """What the pod at this address has seen since it was last asked."""
    connection = http.client.HTTPConnection(address, 8080, timeout=5)
    connection.request("GET", "/__log")
    return json.loads(connection.getresponse().read())


def common_name(certificate):
    command = ["openssl", "x509", "-inform", "DER", "-noout", "-subject"]
    subject = subprocess.run(command, input=certificate, capture_output=True, check=True).stdout.decode()
    found = re.search(r"CN\s*=\s*([^,\n]*)", subject)
    return found.group(1).strip() if found else "?"
