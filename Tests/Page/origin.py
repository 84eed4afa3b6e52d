"""An origin on loopback for sessions of the tests."""

import http.server
import threading


class Origin(http.server.ThreadingHTTPServer):
    """Answers every path; /slow/… sends the second half of its body when it is let go."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mayGoOn = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A connection that the service resets at its end is none."""

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def close(self):
        self.mayGoOn.set()
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        # Another one for each path, so that each is an artifact of its own.
        size = 2_000_000 if self.path.startswith("/slow/") else 40_000
        body = self.path.encode("latin-1").ljust(size, b"x")
        self.send_response(404 if self.path.startswith("/missing") else 200)
        self.send_header("Cache-Control", "max-age=1000")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path.startswith("/slow/"):
            self.wfile.write(body[:1_000_000])
            self.wfile.flush()
            self.server.mayGoOn.wait(60)
            body = body[1_000_000:]
        self.wfile.write(body)
