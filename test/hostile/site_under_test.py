"""A site under test: Narthex of its own with manifests of its own, in front of backends of its own; or another proxy that is
there already. What one client does at one site at a time is what the site's backends saw."""
import pathlib
import re
import socket
import subprocess
import time

import judging
import playing
from backends import Backends

MANIFESTS = pathlib.Path(__file__).parent / "site"
PORTS = ("9001", "9002", "9003")  # of the backends, in the manifests


class Site:
    def __init__(self, narthex, folder, target=None, ports=(0, 0, 0)):
        self.backends = Backends(ports)
        self._process = None
        self.found_dead = False
        self._log = folder / "narthex.log"
        self._address = target or self._start(narthex, folder)
        if not self.serves():
            self.end()
            raise SystemExit(f"{self._address[0]}:{self._address[1]} does not serve a.test; its log:\n{self.log()}")

    def _start(self, narthex, folder):
        manifests = folder / "manifests"
        manifests.mkdir()
        for file in MANIFESTS.glob("*.yaml"):
            text = file.read_text()
            for name, port in zip(PORTS, self.backends.ports):
                text = re.sub(rf"\b{name}\b", str(port), text)
            (manifests / file.name).write_text(text)
        # Out of reach of Ctrl-C, and ended with the runner however that ends.
        command = ["setsid", "setpriv", "--pdeathsig", "TERM", str(narthex), "serve", "--manifests", str(manifests),
                   "--bind-address", "127.0.0.1", "--http-port", "0", "--https-port", "0", "--admin-port", "0",
                   "--workers", "1", "--shutdown-timeout", "1"]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while time.monotonic() < end and self._process.poll() is None:
            ready = re.search(r"ready: http=127\.0\.0\.1:(\d+)", self.log())
            if ready:
                return "127.0.0.1", int(ready.group(1))
            time.sleep(0.02)
        self.end()
        raise SystemExit(f"{narthex} does not become ready; its log:\n{self.log()}")

    def log(self):
        return self._log.read_text(errors="replace")[-8000:] if self._log.exists() else ""

    def end(self):
        """The exit status of Narthex; a sanitizer's complaint makes it one."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def serves(self):
        self.found_dead = not self._answers()
        return not self.found_dead

    def _answers(self):
        if self._process and self._process.poll() is not None:
            return False
        request = b"GET /alive HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
        for _ in range(20):
            try:
                with socket.create_connection(self._address, 2) as sock:
                    sock.settimeout(2)
                    sock.sendall(request)
                    if sock.recv(100).startswith(b"HTTP/1.1 200"):
                        return True
            except OSError:
                pass
            time.sleep(0.1)
        return False

    def play(self, parts, heads, is_met):
        """One connection, and what was seen of it. parts: lists of steps."""
        time.sleep(0.02)
        self.backends.clear()
        big = sum(len(what) for steps in parts for step, what in steps if step == "send") > 60000

        def is_met_here(seen):
            seen.requests = self.backends.requests()
            seen.raw = self.backends.raw()
            return is_met(seen)

        try:
            player = playing.Player(self._address, heads)
        except OSError:
            seen = playing.Seen()
            seen.closed = "refused"
            return seen
        for steps in parts:
            player.play(steps)
        return player.outcome(big, is_met_here)
