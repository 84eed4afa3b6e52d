"""The clients' side of HTTP through the proxy: connections on which anything can be done wrong on purpose."""

import base64
import hashlib
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from .sessions import Entry, Session

PIECE = 256 << 10


class Wrong(Exception):
    """What must not happen: wrong bytes, an unexpected status, a body without its end."""


class WrongBytes(Wrong):
    """A body that is complete and not what the origin sent."""


class Truncated(Wrong):
    """The connection ended before the body did."""


@dataclass
class Place:
    """Where everything is."""

    host: str
    proxy_port: int
    origin_port: int
    origin_tls_port: int
    dead_port: int
    trust: ssl.SSLContext
    # How long a client waits for anything.
    patience: float = 60.0
    _tickets: list[ssl.SSLSession] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    handshakes: int = 0
    resumed: int = 0

    @property
    def authority(self) -> str:
        """The host as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def origin(self, is_tls: bool) -> str:
        """The origin's authority."""
        return f"{self.authority}:{self.origin_tls_port if is_tls else self.origin_port}"

    def connect(self, port: int, receive_buffer: int | None = None) -> socket.socket:
        """A connection to a port of the run."""
        made = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        try:
            made.settimeout(self.patience)
            if receive_buffer is not None:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect((self.host, port))
        except OSError:
            made.close()
            raise
        return made

    def keep_ticket(self, ticket: ssl.SSLSession | None) -> None:
        """Keeps a TLS session for a later handshake."""
        if ticket is not None and ticket.has_ticket:
            with self._lock:
                self._tickets = [*self._tickets[-7:], ticket]

    def ticket(self) -> ssl.SSLSession | None:
        """One that has not been used yet."""
        with self._lock:
            return self._tickets.pop() if self._tickets else None

    def count_handshake(self, resumed: bool) -> None:
        """Counts one."""
        with self._lock:
            self.handshakes += 1
            self.resumed += resumed


class Response:
    """An answer whose body is read piece by piece."""

    def __init__(self, connection: "Connection", status: int, fields: list[tuple[str, str]], has_body: bool) -> None:
        self._connection = connection
        self.status = status
        self.fields = fields
        self._has_body = has_body
        self.is_complete = False
        self.size = 0

    def field(self, name: str) -> str:
        """The first value of a field; empty without one."""
        return next((value for found, value in self.fields if found == name), "")

    def pieces(self) -> Iterator[bytes]:
        """The body, with its framing taken off; `is_complete` once its end was seen."""
        if not self._has_body:
            self.is_complete = True
            return
        if "chunked" in self.field("transfer-encoding"):
            source = self._connection.chunks()
        elif length := self.field("content-length"):
            source = self._connection.some(int(length))
        else:
            raise Wrong(f"an answer {self.status} with neither length nor chunks")
        for piece in source:
            self.size += len(piece)
            yield piece
        self.is_complete = True

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces())

    def digest(self) -> str:
        """Reads the whole body for its SHA-256."""
        digest = hashlib.sha256()
        for piece in self.pieces():
            digest.update(piece)
        return digest.hexdigest()


class Connection:
    """One connection of a client to the proxy, plain or with a tunnel in which TLS was accepted."""

    def __init__(
        self, place: Place, session: Session, is_tls: bool, ticket: ssl.SSLSession | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        self.place = place
        self.session = session
        self.is_tls = is_tls
        self._buffer = bytearray()
        self._socket = place.connect(place.proxy_port, receive_buffer)
        credentials = base64.b64encode(f"{session.id}:{session.token}".encode()).decode()
        self._authorization = f"Proxy-Authorization: Basic {credentials}\r\n"
        if is_tls:
            try:
                self._open_tunnel(ticket)
            except BaseException:
                self._socket.close()
                raise

    def _open_tunnel(self, ticket: ssl.SSLSession | None) -> None:
        origin = self.place.origin(True)
        self._socket.sendall(f"CONNECT {origin} HTTP/1.1\r\nHost: {origin}\r\n{self._authorization}\r\n".encode())
        status, _ = self._head()
        if status != 200:
            raise Wrong(f"CONNECT was answered {status}")
        self._socket = self.place.trust.wrap_socket(
            self._socket, server_hostname=self.place.host, session=ticket
        )
        self.place.count_handshake(bool(self._socket.session_reused))

    @property
    def origin(self) -> str:
        """The origin's authority."""
        return self.place.origin(self.is_tls)

    def url(self, path: str) -> str:
        """What the record calls a path."""
        return f"{'https' if self.is_tls else 'http'}://{self.origin}{path}"

    def send(
        self, path: str, method: str = "GET", fields: tuple[str, ...] = (), body: bytes | None = None,
        authority: str | None = None, is_chunked: bool = False,
    ) -> Entry:
        """Sends a request and enters it in the session's ledger."""
        authority = authority or self.origin
        target = path if self.is_tls else f"http://{authority}{path}"
        lines = [f"{method} {target} HTTP/1.1", f"Host: {authority}", *fields]
        if is_chunked:
            lines.append("Transfer-Encoding: chunked")
        elif body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines) + "\r\n" + ("" if self.is_tls else self._authorization) + "\r\n"
        scheme = "https" if self.is_tls else "http"
        entry = self.session.note(method, f"{scheme}://{authority}{path}")
        if is_chunked and body is not None:
            middle = len(body) // 3
            framed = b"".join(
                f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (body[:middle], body[middle:]) if part
            )
            self._socket.sendall(head.encode() + framed + b"0\r\n\r\n")
        else:
            self._socket.sendall(head.encode() + (body or b""))
        return entry

    def send_raw(self, text: bytes) -> None:
        """Sends anything."""
        self._socket.sendall(text)

    def receive(self, entry: Entry) -> Response:
        """The head of the answer to what was sent."""
        while True:
            status, fields = self._head()
            if status >= 200:
                break
        if status != 407:
            entry.status = status
        has_body = entry.method != "HEAD" and status not in (204, 304)
        return Response(self, status, fields, has_body)

    def _head(self) -> tuple[int, list[tuple[str, str]]]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._fill()
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        fields = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields.append((name.lower(), value.strip()))
        return int(lines[0].split(" ")[1]), fields

    def _fill(self) -> None:
        piece = self._receive(PIECE)
        if not piece:
            raise Truncated("the connection ended in the middle of an answer")
        self._buffer += piece

    def _receive(self, count: int) -> bytes:
        try:
            return self._socket.recv(count)
        except TimeoutError:
            raise Wrong(f"nothing came for {self.place.patience:.0f} s") from None
        except (ConnectionError, ssl.SSLError) as error:
            raise Truncated(f"the connection broke: {error}") from None

    def some(self, count: int) -> Iterator[bytes]:
        """The next so many bytes."""
        while count:
            if self._buffer:
                piece = bytes(self._buffer[:count])
                del self._buffer[:count]
            elif not (piece := self._receive(min(count, PIECE))):
                raise Truncated(f"{count} bytes of a body are missing")
            count -= len(piece)
            yield piece

    def chunks(self) -> Iterator[bytes]:
        """The content of a chunked body, trailers left out."""
        while size := int(self._line().split(b";")[0], 16):
            yield from self.some(size)
            if self._line():
                raise Wrong("a chunk is longer than it says")
        while self._line():
            pass

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def close(self, reset: bool = False) -> None:
        """Leaves, politely or not; a TLS session that was given is kept for later."""
        try:
            if reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif isinstance(self._socket, ssl.SSLSocket):
                self.place.keep_ticket(self._socket.session)
        except OSError:
            pass
        self._socket.close()


def unique() -> str:
    """A name that nobody has used."""
    return secrets.token_hex(8)
