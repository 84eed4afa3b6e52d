"""A fetch-service of its own for the tests in Python; on loopback, with all its files in a temporary folder."""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent.parent
USER, PASSWORD = "farm", "pass:word"


def program(name: str = "fetch-service") -> Path:
    """The service, which is FETCH_SERVICE_PROGRAM or what was built for debugging; or another program beside it."""
    path = Path(os.environ.get("FETCH_SERVICE_PROGRAM") or PACKAGE / ".build/debug/fetch-service").with_name(name)
    if not os.access(path, os.X_OK):
        raise SystemExit(f"{path} is not there: build it with swift build, or name another with FETCH_SERVICE_PROGRAM")
    return path


def wait_for(what: str, condition, at_most: float = 20.0):
    """Returns what `condition` gives as soon as that is true."""
    deadline = time.monotonic() + at_most
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {at_most} s for {what}")
        time.sleep(0.02)


class Service:
    """A running service on ports of its own, which may ask origins on loopback."""

    def __init__(
        self, *arguments: str, trust: Path | None = None, folder: Path | None = None, password: str = PASSWORD,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._owns = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="service-"))
        self.arguments = arguments
        self.trust = trust
        self.environment = environment or {}
        self.credentials = f"{USER}:{password}"
        self.state = self.folder / "state"
        self.log = self.folder / "service.log"
        (self.folder / "conf").mkdir(exist_ok=True)
        (self.folder / "conf/acl.yaml").write_text(
            "http-proxy:\n  rules:\n    - dst: [127.0.0.0/8]\n      access: allow\n")
        self.ports = ("0", "0")
        self.start()

    def start(self) -> None:
        """Starts it, again on the same ports after its end."""
        environment = {"FETCH_SERVICE_AUTH": self.credentials, **self.environment}
        if self.trust:
            environment["SSL_CERT_FILE"] = str(self.trust)
        self.process = subprocess.Popen(
            [program(), "--permissive-mode", "--bind", "127.0.0.1", "--proxy-port", self.ports[0], "--control-port",
             self.ports[1], "--spool", self.state, "--config", self.folder / "conf", "--log-file", self.log,
             *self.arguments],
            env=environment, stdin=subprocess.DEVNULL)
        place = wait_for("the service", self._place)
        self.control = place["control-url"].rstrip("/")
        self.proxy = place["proxy-url"].rstrip("/")
        self.socket = place.get("control-socket")
        self.ports = (self.proxy.rsplit(":", 1)[1], self.control.rsplit(":", 1)[1])
        self.authority = self.state / ".store/ca.pem"

    def _place(self) -> dict | None:
        assert self.process.poll() is None, f"the service ended with {self.process.returncode}: {self.log.read_text()}"
        try:
            place = json.loads((self.state / "service.json").read_text())
            if place.get("pid") != self.process.pid:
                return None
            urllib.request.urlopen(place["control-url"].rstrip("/") + "/status", timeout=5).read()
            return place
        except (OSError, ValueError):
            return None

    def stop(self) -> int:
        """Ends it and returns its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Kills it where it still runs, and removes the folder that was made for it."""
        if self.process.poll() is None:
            self.kill()
        if self._owns:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The control API.

    @property
    def administrator(self) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(self.credentials.encode()).decode()}

    def ask(self, method: str, path: str, body: object = None, fields: dict[str, str] | None = None):
        """The status, the fields and the body of an answer; asked as the administrator unless with other fields."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.ports[1]), timeout=30)
        fields = self.administrator if fields is None else fields
        try:
            connection.request(method, path, None if body is None else json.dumps(body), fields)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def open(self, **wanted: object) -> dict:
        """Opens a session: its id and token."""
        status, _, body = self.ask("POST", "/session", {"policy": "permissive", **wanted})
        assert status == 200, body
        return json.loads(body)

    def revoke(self, session: dict) -> None:
        path = f"/session/{session['id']}/token"
        assert self.ask("DELETE", path, {"token": session["token"]}, {})[0] == 200

    # The proxy.

    def proxy_for(self, session: dict) -> str:
        return f"http://{session['id']}:{session['token']}@{self.proxy.split('//')[1]}"

    def fetch(self, session: dict, target: str | bytes, wait: bool = True) -> socket.socket:
        """Sends a request whose target may be any bytes; returns the connection, after its answer or before it."""
        pair = base64.b64encode(f"{session['id']}:{session['token']}".encode())
        connection = socket.create_connection(("127.0.0.1", int(self.ports[0])), timeout=30)
        target = target if isinstance(target, bytes) else target.encode()
        connection.sendall(
            b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Proxy-Authorization: Basic " + pair + b"\r\n\r\n")
        if wait:
            while connection.recv(1 << 16):
                pass
            connection.close()
        return connection
