"""Plays a case: its bytes go to the proxy as its row tells, and what comes of it is kept.

In the column raw, \\r \\n \\t \\xNN are bytes, and these are steps: {pause:MS} {fin} {bytewise} {rep:TEXT:COUNT}, {await} for one
more complete answer, {await100} for an interim one."""
import re
import socket
import threading
import time

import judging

IDLE = 0.3          # quiet for so long after an answer: nothing more comes, and a connection that is to be closed would be
NO_ANSWER = 1.2     # quiet for so long without an answer: none comes
PATIENCE = 3.0      # what a row demands and has not come by then is waited for on a busy machine, but no longer than this
SETTLE = 0.03       # for backends to note what reached them
SPLIT_PAUSE = 0.004


def read_steps(raw):
    steps = []

    def send(data):
        if steps and steps[-1][0] == "send":
            steps[-1] = ("send", steps[-1][1] + data)
        elif data:
            steps.append(("send", data))

    at = 0
    for match in re.finditer(r"\{(pause:\d+|fin|bytewise|await100|await|rep:.*?:\d+)\}", raw, re.S):
        send(judging.unescape(raw[at:match.start()]))
        at = match.end()
        word = match.group(1)
        if word.startswith("rep:"):
            text, count = word[4:].rsplit(":", 1)
            send(judging.unescape(text) * int(count))
        else:
            name, _, number = word.partition(":")
            steps.append((name, int(number or 0)))
    send(judging.unescape(raw[at:]))
    return steps


def length(steps):
    return sum(len(what) for step, what in steps if step == "send")


def split(steps, offsets):
    """The same steps with a pause at each of the offsets into what is sent."""
    out = []
    position = 0
    for step, what in steps:
        if step != "send":
            out.append((step, what))
            continue
        cuts = [0, *(o - position for o in sorted(offsets) if position < o < position + len(what)), len(what)]
        for i in range(len(cuts) - 1):
            if i:
                out.append(("breathe", 0))
            out.append(("send", what[cuts[i]:cuts[i + 1]]))
        position += len(what)
    return out


class Seen:
    """What a client saw: finals [(status, fields, body, complete)], interims [status], how it ended; and what backends saw."""

    def __init__(self):
        self.finals, self.interims, self.rest, self.data = [], [], b"", b""
        self.closed = None
        self.big = False
        self.requests, self.raw = [], []

    def statuses(self):
        return [final[0] for final in self.finals]


class Client:
    """A connection whose incoming bytes a thread of its own collects. heads: which of the final answers are to HEAD."""

    def __init__(self, address, heads):
        self.sock = socket.create_connection(address, 3)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._heads = heads
        self._lock = threading.Lock()
        self._data = b""
        self.closed = None
        self.last = self.ended = time.monotonic()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        self.sock.settimeout(8)
        while True:
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                data = None
            self.ended = time.monotonic()
            if not data:
                self.closed = "rst" if data is None else "fin"
                return
            with self._lock:
                self._data += data
            self.last = self.ended

    def data(self):
        with self._lock:
            return self._data

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def finish(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def answers(self):
        """(finals, interims, what is left of the bytes)"""
        closed = self.closed  # before the data: all that came before the end is in it
        data = self.data()
        finals, interims = [], []
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                return finals, interims, data
            lines = data[:end].split(b"\r\n")
            match = re.match(rb"HTTP/1\.[01] (\d{3})", lines[0])
            if not match:
                return finals, interims, data
            status = int(match.group(1))
            fields = [(key.strip().lower().decode("latin-1"), value.strip().decode("latin-1"))
                      for key, _, value in (line.partition(b":") for line in lines[1:])]
            data = data[end + 4:]
            if 100 <= status < 200 and status != 101:
                interims.append(status)
                continue
            if status == 101:
                finals.append((status, fields, b"", True))
                return finals, interims, data
            if len(finals) in self._heads or status in (204, 304):
                body, complete = b"", True
            else:
                body, complete, data = _body_of(dict(fields), data, closed)
            finals.append((status, fields, body, complete))
            if not complete:
                return finals, interims, data


def _body_of(fields, data, closed):
    """(body, whether it is complete, what follows)"""
    if "chunked" in fields.get("transfer-encoding", "").lower():
        body = b""
        while True:
            line = data.find(b"\r\n")
            if line < 0:
                return body, False, data
            try:
                size = int(data[:line].split(b";")[0], 16)
            except ValueError:
                return body, False, data
            if size == 0:
                end = data.find(b"\r\n\r\n", line)
                return (body, False, data) if end < 0 else (body, True, data[end + 4:])
            if len(data) < line + 2 + size + 2:
                return body, False, data
            body += data[line + 2:line + 2 + size]
            data = data[line + 4 + size:]
    if "content-length" in fields:
        try:
            size = int(fields["content-length"])
        except ValueError:
            size = 0
        return data[:size], len(data) >= size, data[size:]
    return data, closed == "fin", b""


class Player:
    """One client's side of one connection: plays steps, then waits until there is nothing more to wait for."""

    def __init__(self, address, heads):
        self._client = Client(address, heads)
        self._bytewise = False
        self._wanted = 0  # complete answers that the steps so far have waited for

    def _await(self, is_there, seconds=1.5):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._client.closed:
            finals, interims, _ = self._client.answers()
            if is_there(finals, interims):
                return
            time.sleep(0.01)

    def _complete(self, finals):
        return len([final for final in finals if final[3]])

    def _send(self, data):
        if not self._bytewise:
            self._client.send(data)
            return
        for byte in data:
            self._client.send(bytes([byte]))
            time.sleep(0.0015)

    def play(self, steps):
        answers_before = self._wanted
        for step, what in steps:
            match step:
                case "send": self._send(what)
                case "pause": time.sleep(what / 1000)
                case "breathe": time.sleep(SPLIT_PAUSE)
                case "bytewise": self._bytewise = True
                case "fin": self._client.finish()
                case "answers":  # all of a case that came before, patiently
                    answers_before = self._wanted = what
                    self._await(lambda finals, _: self._complete(finals) >= self._wanted, PATIENCE)
                case "count":    # as many answers are due from what came before
                    answers_before = self._wanted = what
                case "await":
                    self._wanted += 1
                    self._await(lambda finals, _: self._complete(finals) >= self._wanted)
                case "await100":
                    self._await(lambda finals, interims: interims or len(finals) > answers_before)

    def _is_over(self, finals, since, now):
        if self._client.closed:
            return True
        quiet = now - max(self._client.last, since)
        return quiet > IDLE if finals else now - since > NO_ANSWER

    def outcome(self, big, is_met):
        """Waits, and says what was seen. A demand that is not met yet gets more time: on a busy machine answers come late. A
        connection counts as closed only if it was closed in time all the same."""
        client = self._client
        since = time.monotonic()
        while True:
            now = time.monotonic()
            finals, _, _ = client.answers()
            if self._is_over(finals, since, now):
                time.sleep(SETTLE)
                seen = self._seen(big, since)
                if is_met(seen) or time.monotonic() - since > PATIENCE:
                    break
            time.sleep(0.01)
        client.close()
        return seen

    def _seen(self, big, since):
        client = self._client
        seen = Seen()
        closed = client.closed
        seen.finals, seen.interims, seen.rest = client.answers()
        in_time = client.ended - max(client.last, since) <= (IDLE if seen.finals else NO_ANSWER) + 0.02
        seen.closed = closed if in_time else None
        seen.data = client.data()
        seen.big = big
        return seen
