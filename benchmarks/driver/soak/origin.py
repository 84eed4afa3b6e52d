"""The origin of the soak: bodies that are functions of their path, over HTTP and TLS, and every way to misbehave.

    python3 -m driver.soak.origin ADDRESS PORT TLS-PORT CERTIFICATE KEY

The flavour in `/v1/FLAVOUR/SIZE/NAME` says how a body comes:

    hit text miss   with its length, fresh for a day          gzip     the same, coded when the request allows it
    chunked         chunked, fresh for a day                   reval    changes every few seconds, never fresh
    nostore         may not be stored                          drip     in pieces with pauses, may not be stored
    break           the first connection breaks in the middle  broken   the same, and the rest has another tag
    reset           the connection ends without an answer      echo     the size and SHA-256 of what was sent
    status404 …     with that status
    whole           like hit, but ranges are not understood; `/count/v1/whole/…` says how often it was asked for
"""

import gzip
import hashlib
import socket
import ssl
import struct
import sys
import threading
import time
from collections import OrderedDict
from email.utils import formatdate
from functools import lru_cache

from .bodies import CHANGING, Body, now, version_at, wheel

HEAD_LIMIT = 64 << 10
PIECE = 256 << 10


class Counts:
    """How often each of the last paths was asked for."""

    def __init__(self, most: int = 10_000) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def add(self, path: str) -> int:
        """Counts one more, and says which it is."""
        with self._lock:
            self._counts[path] = count = self._counts.get(path, 0) + 1
            if len(self._counts) > self._most:
                self._counts.popitem(last=False)
        return count

    def of(self, path: str) -> int:
        """How many there were."""
        with self._lock:
            return self._counts.get(path, 0)


COUNTS = Counts()


@lru_cache(maxsize=64)
def coded(body: Body) -> bytes:
    """The body as gzip."""
    return gzip.compress(body.bytes(), compresslevel=1, mtime=0)


class Client:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def _fill(self) -> bool:
        piece = self._connection.recv(PIECE)
        self._buffer += piece
        return bool(piece)

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            if not self._fill():
                raise ConnectionError
        piece = bytes(self._buffer[:count])
        del self._buffer[:count]
        return piece

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if not self._fill():
                raise ConnectionError
        return self._take(end + 2)[:-2]

    def request(self) -> tuple[str, str, dict[str, str]] | None:
        """The next request; nothing when the client has gone."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEAD_LIMIT or not self._fill():
                return None
        lines = self._take(end + 4)[:-4].decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        fields: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return method, path, fields

    def body_of(self, fields: dict[str, str]) -> tuple[int, str]:
        """Reads a request's body: its size and digest."""
        digest, size = hashlib.sha256(), 0
        if "chunked" in fields.get("transfer-encoding", "").lower():
            while count := int(self._line().split(b";")[0], 16):
                digest.update(self._take(count))
                self._take(2)
                size += count
            while self._line():
                pass
        else:
            left = int(fields.get("content-length", "0"))
            while left:
                piece = self._take(min(left, PIECE))
                digest.update(piece)
                left -= len(piece)
                size += len(piece)
        return size, digest.hexdigest()

    def send(self, *pieces: bytes | memoryview) -> None:
        """Sends all of them, small ones together."""
        joined = b""
        for piece in pieces:
            if len(piece) < PIECE:
                joined += piece
                if len(joined) < PIECE:
                    continue
                piece, joined = joined, b""
            elif joined:
                self._connection.sendall(joined)
                joined = b""
            self._connection.sendall(piece)
        if joined:
            self._connection.sendall(joined)

    def reset(self) -> None:
        """Ends the connection so that what is missing is noticed."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def head(status: int, fields: list[tuple[str, object]]) -> bytes:
    """An answer's head."""
    lines = [f"HTTP/1.1 {status} Soak", f"Date: {formatdate(usegmt=True)}", "Server: soak"]
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def part(text: str | None, size: int) -> tuple[int, int] | None:
    """What a field with a single range asks for, as the first byte and the one behind the last."""
    if text is None or not text.startswith("bytes=") or "," in text:
        return None
    first, _, last = text.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)


def serve(client: Client) -> None:
    """Answers requests until the client leaves or the answer ends the connection."""
    while (request := client.request()) is not None:
        method, path, fields = request
        if path.startswith("/count/"):
            text = str(COUNTS.of(path.removeprefix("/count"))).encode()
            client.send(head(200, [("Content-Length", len(text)), ("Cache-Control", "no-store")]), text)
        elif path.startswith(("/packages/", "/wheels/")):
            content = wheel(path)
            about = [("Content-Length", len(content)), ("Cache-Control", "max-age=86400"), ("ETag", '"1"')]
            client.send(head(200, [*about, ("Content-Type", "application/octet-stream")]), content)
        elif not answer(client, method, path, fields):
            return


def answer(client: Client, method: str, path: str, fields: dict[str, str]) -> bool:
    """Answers a request for a body; whether the connection can be used on."""
    flavour = path.split("/")[2]
    body = Body(path, version_at(now()) if flavour in CHANGING else 0)
    size, digest = client.body_of(fields)
    if flavour == "echo":
        text = f"{size} {digest}".encode()
        client.send(head(200, [("Content-Length", len(text)), ("Cache-Control", "no-store")]), text)
        return True
    count = COUNTS.add(path)
    if flavour == "reset":
        client.reset()
        return False
    lifetime = {"reval": "max-age=0", "nostore": "no-store", "drip": "no-store"}.get(flavour, "public, max-age=86400")
    about: list[tuple[str, object]] = [("ETag", body.tag), ("Cache-Control", lifetime)]
    if flavour.startswith("status"):
        client.send(head(int(flavour[6:]), [*about, ("Content-Length", body.size)]), body.bytes())
        return True
    about.append(("Content-Type", "text/plain" if flavour in ("text", "gzip") else "application/octet-stream"))
    if body.tag in fields.get("if-none-match", ""):
        client.send(head(304, about))
        return True
    if flavour == "gzip":
        about.append(("Vary", "Accept-Encoding"))
        if "gzip" in fields.get("accept-encoding", ""):
            content = coded(body)
            client.send(head(200, [*about, ("Content-Encoding", "gzip"), ("Content-Length", len(content))]), content)
            return True
    if method == "HEAD":
        client.send(head(200, [*about, ("Content-Length", body.size)]))
        return True
    if flavour == "chunked":
        send_chunked(client, body, about)
        return True
    if flavour == "drip":
        client.send(head(200, [*about, ("Content-Length", body.size)]))
        for first in range(0, body.size, max(1, body.size // 20)):
            client.send(*body.pieces(first, min(body.size, first + max(1, body.size // 20))))
            time.sleep(0.05)
        return True
    wanted = part(fields.get("range"), body.size) if flavour != "whole" else None
    if wanted is not None and fields.get("if-range", body.tag) == body.tag:
        if flavour == "broken":
            about[0] = ("ETag", '"another"')
        first, end = wanted
        about.append(("Content-Range", f"bytes {first}-{end - 1}/{body.size}"))
        client.send(head(206, [*about, ("Content-Length", end - first)]), *body.pieces(first, end))
        return True
    whole = head(200, [*about, ("Accept-Ranges", "bytes"), ("Content-Length", body.size)])
    if flavour == "broken" or flavour == "break" and count == 1:
        client.send(whole, *body.pieces(0, body.size // 2))
        if int(body.tag[1], 16) % 2:
            # Give what was sent the time to arrive: a reset takes along what has not.
            time.sleep(0.05)
            client.reset()
        return False
    client.send(whole, *body.pieces())
    return True


def send_chunked(client: Client, body: Body, about: list[tuple[str, object]]) -> None:
    """The body in chunks of many sizes."""
    pieces: list[bytes | memoryview] = [head(200, [*about, ("Transfer-Encoding", "chunked")])]
    first, step = 0, 1
    while first < body.size:
        end = min(body.size, first + step)
        pieces += [f"{end - first:x}\r\n".encode(), body.bytes(first, end), b"\r\n"]
        first, step = end, min(60_000, step * 7)
    client.send(*pieces, b"0\r\n\r\n")


def run(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    """The thread of a connection."""
    try:
        # Longer than any pause of the load; what a client left open must not keep a thread for ever.
        connection.settimeout(300)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        serve(Client(connection))
    except (OSError, ValueError):
        # Clients break off; that is what they are here for.
        pass
    finally:
        connection.close()


def listen(address: str, port: int, context: ssl.SSLContext | None) -> None:
    """Accepts for ever."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1024)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=run, args=(connection, context), daemon=True).start()


def main() -> None:
    """Serves on both ports."""
    address, port, tls_port, certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    threading.stack_size(512 << 10)
    threading.Thread(target=listen, args=(address, int(tls_port), context), daemon=True).start()
    listen(address, int(port), None)


if __name__ == "__main__":
    main()
