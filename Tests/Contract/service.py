"""A fetch-service of its own for one test, and an origin to fetch from; everything on loopback, in a temporary folder."""

import base64
import http.server
import json
import os
import secrets
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent.parent
CREDENTIALS = "farm:pass:word"


def program() -> Path:
    """The service: FETCH_SERVICE_BIN, or what the tests were built with."""
    path = Path(os.environ.get("FETCH_SERVICE_BIN", PACKAGE / ".build/debug/fetch-service"))
    if not os.access(path, os.X_OK):
        raise SystemExit(f"{path} is not there: build it with swift build, or name another with FETCH_SERVICE_BIN")
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


class Origin:
    """Serves what `answer(path, headers)` gives: status, fields, body. Notes what was asked."""

    def __init__(self, answer, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                origin.asked.append((self.command, self.path, dict(self.headers)))
                status, fields, body = answer(self.path, self.headers)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **fields}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that goes is no error here."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        self._server.shutdown()


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for 127.0.0.1: its file, and a server's context that has it."""
    certificate, key = folder / "origin.pem", folder / "origin.key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


class Service:
    """A running service."""

    def __init__(self, *arguments: str, trust: Path | None = None, folder: Path | None = None) -> None:
        self._owns = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="contract-"))
        self.arguments = arguments
        self.trust = trust
        self.state = self.folder / "state"
        self.log = self.folder / "service.log"
        (self.folder / "conf").mkdir(exist_ok=True)
        (self.folder / "conf/acl.yaml").write_text(
            "http-proxy:\n  rules:\n    - dst: [127.0.0.0/8]\n      access: allow\n")
        self.ports = ("0", "0")
        self.start()

    def start(self) -> None:
        """Starts it, again on the same ports after its end."""
        environment = {"FETCH_SERVICE_AUTH": CREDENTIALS}
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

    def proxy_for(self, session: dict) -> str:
        return f"http://{session['id']}:{session['token']}@{self.proxy.split('//')[1]}"

    @property
    def administrator(self) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()}

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._owns:
            shutil.rmtree(self.folder, ignore_errors=True)


def noise(count: int) -> bytes:
    return secrets.token_bytes(count)
