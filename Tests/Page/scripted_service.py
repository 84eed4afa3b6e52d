"""A service that is made up, where the real one cannot be brought into a state."""

import json
import time

import loopback


class ScriptedService(loopback.Server):
    """Serves the page of a real service, and answers everything else with what a test has written down.

    `answers` has by path a status and a text or object; `events` by path what a live stream tells.
    """

    def __init__(self, service):
        self.service = service
        self.answers = {}
        self.events = {}
        self.isLost = False
        super().__init__(_Handler)

    @property
    def control(self):
        return self.url()


class _Handler(loopback.Handler):
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
            status, kind = 200, "text/event-stream"
            body = "".join(
                f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in server.events[path]
            ).encode()
        else:
            status, told = server.answers.get(path, (404, "404 Not Found"))
            told = told() if callable(told) else told
            kind, extra = ("text/plain" if isinstance(told, str) else "application/json"), {}
            body = (told if isinstance(told, str) else json.dumps(told)).encode()
        if kind != "text/event-stream":
            return self.reply(status, {"Content-Type": kind, **extra}, body)
        # It stays open, as that of an active session does.
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        while not self.server.isLost:
            time.sleep(0.1)
