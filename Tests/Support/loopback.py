"""A small HTTP server on loopback, for what the tests fetch from."""

import http.server
import ssl
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    """What one connection gets; the server is `self.server`."""

    protocol_version = "HTTP/1.1"

    def reply(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Serves on a port of its own until it is closed."""

    daemon_threads = True

    def __init__(self, handler: type[Handler], tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path: str = "") -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *_: object) -> None:
        """A client that goes is no error here."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
