"""The row about two sessions: what one at all its caps costs the other."""

import base64
import contextlib
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from .load import RunningClient
from .origin import WHEEL
from .peers import FetchService, Peer
from .processes import BenchmarkError
from .rows import Bench, Figures, Row

# docs/limits.md: connections of one session, downloads under way, their bytes.
MOST_CONNECTIONS = 1024
MOST_FILLS = 256
MOST_STAGED = 32 << 30
# Of the downloads so many stand still with all the bytes that they may announce, and as many come and go as there may be.
STALLED = 192
# How much longer than the one that is measured the other session is at work.
MARGIN = 1.5


@dataclass
class Neighbour(Row):
    """One session's throughput beside another one that is at all its caps, against that beside one like itself."""

    path: str = ""
    seconds: float = 2
    connections: int = 16

    def prepare(self, bench: Bench, peer: Peer) -> None:
        peer.begin()
        expected = bench.origin.files / self.path.split("/")[2]
        bench.client.run(["--requests", "6", "--verify", str(expected), *peer.target(self.path, tls=False)])
        peer.end(7)

    def measure(self, bench: Bench, peer: Peer) -> Figures:
        if not isinstance(peer, FetchService):
            raise BenchmarkError("only ours has sessions")
        with self._alike(bench, peer):
            alike = self._rate(bench, peer)
        with self._at_all_caps(bench, peer):
            crowded = self._rate(bench, peer)
        return {"rate_alike": alike, "rate_crowded": crowded, "lost": 1 - crowded / alike}

    def _rate(self, bench: Bench, peer: FetchService) -> float:
        """Requests per second of the session that is measured."""
        peer.begin()
        result = bench.client.run([
            "--connections", str(self.connections), "--seconds", str(self.seconds), *peer.target(self.path, tls=False)
        ])
        peer.end(result["requests"] + self.connections)
        return result["requests"] / result["seconds"]

    @contextlib.contextmanager
    def _session(self, peer: FetchService) -> Iterator[tuple[str, str]]:
        session = peer.open_session()
        try:
            yield session
        finally:
            peer.remove_session(session)

    @contextlib.contextmanager
    def _loads(self, bench: Bench, commands: list[list[str]], gives_way: bool = False) -> Iterator[None]:
        """Load clients that are at work while the caller is."""
        clients: list[RunningClient] = []
        try:
            for command in commands:
                clients.append(bench.client.start([*command, "--seconds", str(self.seconds + MARGIN)], gives_way))
            for client in clients:
                client.go()
            # Until all of them are at work.
            time.sleep(MARGIN / 2)
            yield
            for client in clients:
                client.result()
        finally:
            for client in clients:
                client.stop()

    @contextlib.contextmanager
    def _alike(self, bench: Bench, peer: FetchService) -> Iterator[None]:
        """The other session does the same as the one that is measured."""
        with self._session(peer) as session:
            target = peer.target_of(session, self.path, tls=False)
            with self._loads(bench, [["--connections", str(self.connections), *target]]):
                yield

    @contextlib.contextmanager
    def _at_all_caps(self, bench: Bench, peer: FetchService) -> Iterator[None]:
        """The other session has all the connections and downloads that it may have, and all of them at work."""
        coming = MOST_FILLS - STALLED
        with self._session(peer) as session, contextlib.ExitStack() as stack:
            for _ in range(STALLED):
                size = MOST_STAGED // STALLED - (1 << 20)
                path = f"/stall/{size}/{secrets.token_hex(8)}"
                stack.enter_context(stalled(peer, session, bench.origin.url(path, tls=False)))
            hits = MOST_CONNECTIONS - STALLED - coming
            stack.enter_context(self._loads(bench, [
                ["--connections", str(coming), *peer.target_of(session, f"/last/{WHEEL}/{{}}", tls=False)],
                ["--connections", str(hits), *peer.target_of(session, "/hit/10k.bin", tls=False)],
            ], gives_way=True))
            yield


@contextlib.contextmanager
def stalled(peer: FetchService, session: tuple[str, str], url: str) -> Iterator[None]:
    """A download that has begun and stands still."""
    credentials = base64.b64encode(":".join(session).encode()).decode()
    host = url.split("/")[2]
    request = f"GET {url} HTTP/1.1\r\nHost: {host}\r\nProxy-Authorization: Basic {credentials}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", peer.port), timeout=10) as client:
        client.sendall(request.encode())
        status = client.recv(64)
        if not status.startswith(b"HTTP/1.1 200 "):
            raise BenchmarkError(f"{url} was answered {status!r}")
        yield
