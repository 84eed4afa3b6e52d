"""An origin on loopback for sessions of the tests."""

import threading

import loopback


class Origin(loopback.Server):
    """Answers every path; /slow/… sends the second half of its body when it is let go."""

    def __init__(self):
        self.mayGoOn = threading.Event()
        super().__init__(_Handler)

    def close(self):
        self.mayGoOn.set()
        super().close()


class _Handler(loopback.Handler):
    def do_GET(self):
        # Another one for each path, so that each is an artifact of its own.
        size = 2_000_000 if self.path.startswith("/slow/") else 40_000
        body = self.path.encode("latin-1").ljust(size, b"x")
        first = body[:1_000_000]
        fields = {"Cache-Control": "max-age=1000", "Content-Length": str(size)}
        self.reply(404 if self.path.startswith("/missing") else 200, fields, first)
        if self.path.startswith("/slow/"):
            self.wfile.flush()
            self.server.mayGoOn.wait(60)
            self.wfile.write(body[1_000_000:])
