"""The service under test, and one that is made up where the real one cannot be brought into a state."""

import base64
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

USER, PASSWORD = "operator", "pass:word"
CREDENTIALS = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Service:
    """A fetch-service on ports of its own, which may ask origins on loopback."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="page-"))
        (self.folder / "conf").mkdir()
        (self.folder / "conf/acl.yaml").write_text(
            "http-proxy:\n  rules:\n    - dst: [127.0.0.0/8]\n      access: allow\n"
        )
        self.process = subprocess.Popen(
            [os.environ["FETCH_SERVICE_PROGRAM"], "--permissive-mode", "--bind", "127.0.0.1"]
            + ["--proxy-port", "0", "--control-port", "0", "--log-file", str(self.folder / "log")]
            + ["--spool", str(self.folder / "state"), "--config", str(self.folder / "conf")],
            env={"FETCH_SERVICE_AUTH": f"{USER}:{PASSWORD}"},
        )
        place = self._place()
        self.control = place["control-url"].removeprefix("http://")
        self.proxy = place["proxy-url"].removeprefix("http://")

    def _place(self):
        file = self.folder / "state/service.json"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            if file.exists():
                return json.loads(file.read_text())
            time.sleep(0.02)
        raise RuntimeError(f"the service is not ready: {(self.folder / 'log').read_text()}")

    def ask(self, method, path, body=None, credentials=CREDENTIALS):
        connection = http.client.HTTPConnection(self.control, timeout=30)
        fields = {"Authorization": credentials} if credentials else {}
        connection.request(method, path, None if body is None else json.dumps(body), fields)
        answer = connection.getresponse()
        try:
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def open(self, **wanted):
        status, _, body = self.ask("POST", "/session", {"policy": "permissive", **wanted})
        assert status == 200, body
        return json.loads(body)

    def revoke(self, session):
        path = f"/session/{session['id']}/token"
        assert self.ask("DELETE", path, {"token": session["token"]}, None)[0] == 200

    def fetch(self, session, target, wait=True):
        """Sends a request whose target may be any bytes; returns the connection, at the end of its answer or at its start."""
        host, port = self.proxy.rsplit(":", 1)
        pair = base64.b64encode(f"{session['id']}:{session['token']}".encode())
        connection = socket.create_connection((host, int(port)), timeout=30)
        target = target if isinstance(target, bytes) else target.encode()
        connection.sendall(
            b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Proxy-Authorization: Basic " + pair + b"\r\n\r\n"
        )
        if wait:
            while connection.recv(1 << 16):
                pass
            connection.close()
        return connection

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        shutil.rmtree(self.folder)


class ScriptedService(http.server.ThreadingHTTPServer):
    """Serves the page of a real service, and answers everything else with what a test has written down.

    `answers` has by path a status and a text or object; `events` by path what a live stream tells.
    """

    daemon_threads = True

    def __init__(self, service):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service
        self.answers = {}
        self.events = {}
        self.isLost = False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def control(self):
        return f"127.0.0.1:{self.server_port}"

    def close(self):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        path = self.path.split("?")[0]
        if server.isLost:
            self.close_connection = True
            return
        if path == "/" or path.startswith("/page/"):
            status, fields, body = server.service.ask("GET", path, None, self.headers.get("Authorization"))
            kind = fields["Content-Type"]
            extra = {
                name: fields[name]
                for name in ("Content-Security-Policy", "X-Content-Type-Options", "WWW-Authenticate")
                if name in fields
            }
        elif path in server.events:
            status, kind, extra = 200, "text/event-stream", {}
            body = "".join(
                f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in server.events[path]
            ).encode()
        else:
            status, told = server.answers.get(path, (404, "404 Not Found"))
            told = told() if callable(told) else told
            kind, extra = ("text/plain" if isinstance(told, str) else "application/json"), {}
            body = (told if isinstance(told, str) else json.dumps(told)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in extra.items():
            self.send_header(name, value)
        if kind == "text/event-stream":
            # It stays open, as that of an active session does.
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
            while not server.isLost:
                time.sleep(0.1)
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
