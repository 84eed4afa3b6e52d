"""A service that is made up, where the real one cannot be brought into a state."""

import http.server
import json
import threading
import time


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
        return f"http://127.0.0.1:{self.server_port}"

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
            given = {name: value for name, value in self.headers.items() if name == "Authorization"}
            status, fields, body = server.service.ask("GET", path, None, given)
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
