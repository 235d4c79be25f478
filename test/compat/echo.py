#!/usr/bin/env python3
"""Every pod of every case: listens on all addresses and tells in its answer which address was called and what it got.

Ports: 8080 HTTP/1.1, 8443 HTTPS (of a CA of the run), 9000 FastCGI, 50051 HTTP/2 without TLS (where the Python package h2 is there).
The query of a request steers the answer:
  __status=503     status            __h=Name:value   a further field (may repeat)
  __delay=200      milliseconds      __size=100000    a body of so many bytes instead of the JSON
  __close=1        close the connection without an answer        __nolen=1  a chunked body
  __by=10.0.0.1    the other parameters count only at this pod
GET /__log tells, and forgets, what this address has seen."""
import asyncio
import collections
import json
import ssl
import struct
import sys
from urllib.parse import parse_qsl, urlsplit

seen = collections.defaultdict(list)  # by address


def steering(target, address):
    parameters = parse_qsl(urlsplit(target).query, keep_blank_values=True) if "?" in target else []
    steer = {name[2:]: value for name, value in parameters if name.startswith("__")}
    if steer.get("by", address) != address:
        return {"fields": []}
    return {**steer, "fields": [value for name, value in parameters if name == "__h"]}


def described(local, method, target, protocol, fields, body, tls):
    return {"__echo": 1, "ip": local[0], "port": local[1], "tls": tls, "method": method, "uri": target, "proto": protocol,
            "headers": fields, "body_len": len(body), "body": body[:200].decode("latin-1")}


class Http1:
    """One connection."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self._local = writer.get_extra_info("sockname")[:2]
        tls = writer.get_extra_info("ssl_object")
        self._tls = {"sni": getattr(tls, "asked_name", None), "version": tls.version()} if tls else None

    async def serve(self):
        try:
            while await self._serve_one():
                await self._writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            self._writer.close()

    async def _serve_one(self):
        """False: the connection ends."""
        line = await self._reader.readline()
        while line in (b"\r\n", b"\n"):
            line = await self._reader.readline()
        if not line:
            return False
        method, target, protocol = line.decode("latin-1").rstrip("\r\n").split(" ", 2)
        fields = await self._read_fields()
        values = {name.lower(): value for name, value in fields}
        if target == "/__log":
            text = json.dumps(seen.pop(self._local[0], [])).encode()
            self._writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(text) + text)
            return False
        # Noted before the body is there, so that one that is promised and never sent shows.
        noted = {**described(self._local, method, target, protocol, fields, b"", self._tls), "partial": 1}
        seen[self._local[0]].append(noted)
        body = await self._read_body(values)
        told = described(self._local, method, target, protocol, fields, body, self._tls)
        noted.clear()
        noted.update(told)
        steer = steering(target, self._local[0])
        await asyncio.sleep(int(steer.get("delay", 0)) / 1000)
        if "close" in steer:
            return False
        if values.get("upgrade", "").lower() == "websocket":
            await self._mirror()
            return False
        return self._answer(method, protocol, values, steer, told)

    async def _read_fields(self):
        fields = []
        while True:
            line = await self._reader.readline()
            if line in (b"\r\n", b"\n", b""):
                return fields
            name, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
            fields.append([name, value.strip()])

    async def _read_body(self, values):
        if values.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" not in values.get("transfer-encoding", "").lower():
            return await self._reader.readexactly(int(values.get("content-length") or 0))
        body = b""
        while True:
            size = int((await self._reader.readline()).split(b";")[0], 16)
            body += await self._reader.readexactly(size)
            await self._reader.readline()
            if size == 0:
                return body

    async def _mirror(self):
        self._writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while True:
            received = await self._reader.read(65536)
            if not received:
                return
            self._writer.write(received)
            await self._writer.drain()

    def _answer(self, method, protocol, values, steer, told):
        status = int(steer.get("status", 200))
        body = b"x" * int(steer["size"]) if "size" in steer else json.dumps(told).encode()
        lines = [f"HTTP/1.1 {status} Echo", "Content-Type: " + ("text/plain" if "size" in steer else "application/json"), "X-Echo: 1", *steer["fields"]]
        if "nolen" in steer:
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        elif status not in (204, 304):
            lines.append(f"Content-Length: {len(body)}")
        close = values.get("connection", "").lower() == "close" or protocol == "HTTP/1.0"
        if close:
            lines.append("Connection: close")
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if method != "HEAD" and status not in (204, 304):
            self._writer.write(body)
        return not close


def read_length(data, at):
    """A length of a FastCGI parameter, and where it ends."""
    if data[at] < 128:
        return data[at], at + 1
    return struct.unpack(">I", data[at:at + 4])[0] & 0x7fffffff, at + 4


def read_parameters(data):
    at, parameters = 0, []
    while at < len(data):
        name, at = read_length(data, at)
        value, at = read_length(data, at)
        parameters.append([data[at:at + name].decode("latin-1"), data[at + name:at + name + value].decode("latin-1")])
        at += name + value
    return parameters


async def serve_fastcgi(reader, writer):
    local = writer.get_extra_info("sockname")[:2]
    data, body = b"", b""
    try:
        while True:
            _, kind, request, size, padding, _ = struct.unpack(">BBHHBB", await reader.readexactly(8))
            content = await reader.readexactly(size)
            await reader.readexactly(padding)
            if kind == 4:
                data += content
            elif kind == 5 and content:
                body += content
            elif kind == 5:
                break
        parameters = read_parameters(data)
        values = dict(parameters)
        told = described(local, values.get("REQUEST_METHOD", ""), values.get("REQUEST_URI", ""), "fastcgi", parameters, body, None)
        seen[local[0]].append(told)
        out = b"Status: 200 OK\r\nContent-Type: application/json\r\nX-Echo: 1\r\n\r\n" + json.dumps(told).encode()
        for begin in range(0, len(out), 60000):
            part = out[begin:begin + 60000]
            writer.write(struct.pack(">BBHHBB", 1, 6, request, len(part), 0, 0) + part)
        writer.write(struct.pack(">BBHHBB", 1, 6, request, 0, 0, 0) + struct.pack(">BBHHBBI", 1, 3, request, 8, 0, 0, 0) + b"\0\0\0\0")
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, struct.error):
        pass
    finally:
        writer.close()


async def serve_http2(reader, writer):
    import h2.config
    import h2.connection
    import h2.events
    import h2.exceptions
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
    local = writer.get_extra_info("sockname")[:2]
    requests = {}  # stream -> fields and body
    server.initiate_connection()
    writer.write(server.data_to_send())
    try:
        while True:
            received = await reader.read(65536)
            if not received:
                break
            for event in server.receive_data(received):
                if isinstance(event, h2.events.RequestReceived):
                    requests[event.stream_id] = [event.headers, b""]
                elif isinstance(event, h2.events.DataReceived):
                    requests[event.stream_id][1] += event.data
                    server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if (isinstance(event, h2.events.StreamEnded) or getattr(event, "stream_ended", None)) and event.stream_id in requests:
                    answer_http2(server, event.stream_id, local, *requests.pop(event.stream_id))
            writer.write(server.data_to_send())
            await writer.drain()
    except (ConnectionError, h2.exceptions.H2Error):
        pass
    finally:
        writer.close()


def answer_http2(server, stream, local, fields, body):
    values = dict(fields)
    target = values.get(":path", "")
    told_fields = [list(field) for field in fields if not field[0].startswith(":")]
    if ":authority" in values:
        told_fields.append([":authority", values[":authority"]])
    told = described(local, values.get(":method"), target, "h2c", told_fields, body, None)
    seen[local[0]].append(told)
    grpc = values.get("content-type", "").startswith("application/grpc")
    content_type = "application/grpc" if grpc else "application/json"
    status = steering(target, local[0]).get("status", "200")
    server.send_headers(stream, [(":status", status), ("content-type", content_type), ("x-echo", "1")])
    server.send_data(stream, json.dumps(told).encode(), end_stream=not grpc)
    if grpc:
        server.send_headers(stream, [("grpc-status", "0"), ("grpc-message", "fine")], end_stream=True)


def note_name(connection, name, _):
    connection.asked_name = name


async def main(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = note_name

    async def serve_http1(reader, writer):
        await Http1(reader, writer).serve()

    await asyncio.start_server(serve_http1, "0.0.0.0", 8080, backlog=1024, limit=1 << 20)
    await asyncio.start_server(serve_http1, "0.0.0.0", 8443, ssl=context, limit=1 << 20)
    await asyncio.start_server(serve_fastcgi, "0.0.0.0", 9000)
    try:
        import h2  # noqa: F401
        await asyncio.start_server(serve_http2, "0.0.0.0", 50051)
    except ImportError:
        pass
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
