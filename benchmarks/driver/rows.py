"""The rows of the table: what is asked of each proxy, the figures that come out, and what ours must reach."""

import os
import secrets
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from .load import LoadClient
from .machine import back_memory
from .origin import SIZES, TEXT, Origin
from .peers import Context, Peer
from .processes import BenchmarkError, CPUMeter

# A figure's key, what it is called, the factor that makes its unit of the base unit, and how many digits are shown.
FIGURES: dict[str, tuple[str, float, int]] = {
    "rate": ("requests/s", 1, 0),
    "cpu_request": ("CPU µs/request", 1e6, 1),
    "throughput": ("GB/s", 1e-9, 2),
    "cpu_byte": ("CPU s/GB", 1e9, 3),
    "disk": ("MB on disk", 1e-6, 1),
    "added_first_byte": ("added to first byte ms", 1e3, 3),
    "origin_requests": ("origin requests", 1, 0),
    "origin_share": ("origin bytes ÷ size", 1, 3),
    "second_first_byte": ("second client's first byte ms", 1e3, 1),
    "connection_memory": ("KiB/connection", 1 / 1024, 1),
    "ready": ("ready s", 1, 2),
    "first_hit": ("first hit ms", 1e3, 2),
    "memory": ("MB resident", 1e-6, 0),
    "rate_alike": ("requests/s beside its like", 1, 0),
    "rate_crowded": ("requests/s beside all caps", 1, 0),
    "lost": ("% lost", 100, 1),
}

Figures = dict[str, float]


@dataclass(frozen=True)
class Bound:
    """What the median must not exceed: of a figure, or of ours divided by somebody else's."""

    figure: str
    limit: float
    # Ours is divided by the one of these whose median is the least; none: the figure itself is held against `limit`.
    against: tuple[str, ...] = ()
    # Ours is divided by our own figure of another row.
    against_row: str | None = None


@dataclass(frozen=True)
class Bench:
    """What rows work with."""

    context: Context
    client: LoadClient

    @property
    def origin(self) -> Origin:
        """The origin of the run."""
        return self.context.origin

    def direct(self, path: str, tls: bool) -> list[str]:
        """What the load client is told to ask the origin without a proxy."""
        return ["--ca", str(self.origin.certificates.authority), self.origin.url(path, tls)]


@dataclass
class Row(ABC):
    """One kind of work."""

    title: str
    # Who can do it; ours always can.
    peers: tuple[str, ...]
    figures: tuple[str, ...]
    bounds: tuple[Bound, ...] = ()
    # Whether it is in the table of `benchmarks/run`.
    is_brief: bool = False

    def prepare(self, bench: Bench, peer: Peer) -> None:
        """Once for each peer, before the rounds: compares bodies, brings about what is measured."""

    def begin_round(self, bench: Bench) -> None:
        """Once in each round, before the peers."""

    @abstractmethod
    def measure(self, bench: Bench, peer: Peer) -> Figures:
        """One measurement of one peer: its figures in base units."""


@dataclass
class Load(Row):
    """Requests for one body, or for bodies that nobody has asked for (`{}` in the path)."""

    path: str = ""
    tls: bool = False
    connections: int = 1
    options: tuple[str, ...] = ()
    _direct: float = field(default=0, init=False)
    _disk: dict[str, float] = field(default_factory=dict, init=False)

    @property
    def is_miss(self) -> bool:
        """Whether every request has a URL of its own."""
        return "{}" in self.path

    @property
    def _file(self) -> str:
        return self.path.split("/")[2]

    def _expected(self, peer: Peer, requests: int) -> int:
        return requests if self.is_miss or not peer.caches else 0

    def prepare(self, bench: Bench, peer: Peer) -> None:
        if "disk" in self.figures:
            self._disk[peer.name] = stored_bytes(bench, peer, self.path)
        # Twice, so that hits are seen as the filler's bytes and as the cache's.
        is_large = SIZES.get(self._file, 64 << 20) > 1 << 20
        connections, requests = (1, 1) if is_large else (2, 6)
        expected = bench.origin.files / self._file
        peer.begin()
        result = bench.client.run([
            "--connections", str(connections), "--requests", str(requests), "--verify", str(expected),
            *peer.target(self.path, self.tls),
        ])
        self._require_asked(peer, result)
        peer.end(connections + requests)

    def _require_asked(self, peer: Peer, result: dict) -> None:
        if result["asked"] != self._expected(peer, result["requests"]):
            raise BenchmarkError(f"{result['requests']} requests became {result['asked']} at the origin")

    def begin_round(self, bench: Bench) -> None:
        if "added_first_byte" in self.figures:
            arguments = ["--connections", str(self.connections), *self.options, *bench.direct(self.path, self.tls)]
            self._direct = bench.client.run(arguments)["first_byte"]["median"]

    def measure(self, bench: Bench, peer: Peer) -> Figures:
        if self.is_miss:
            back_memory()
        peer.begin()
        arguments = ["--connections", str(self.connections), *self.options, *peer.target(self.path, self.tls)]
        result = bench.client.run(arguments, meter_of=peer)
        self._require_asked(peer, result)
        if "--close" in self.options:
            # A full handshake must not be a resumed one; the client itself demands the reverse.
            is_resumed = "--resume" in self.options
            if result["opened"] != result["requests"] or result["resumed"] != (result["requests"] if is_resumed else 0):
                raise BenchmarkError(
                    f"{result['requests']} requests took {result['opened']} connections, {result['resumed']} resumed"
                )
        peer.end(result["requests"] + self.connections)
        figures = {
            "rate": result["requests"] / result["seconds"],
            "cpu_request": result["cpu"] / result["requests"],
            "throughput": result["bytes"] / result["seconds"],
            "cpu_byte": result["cpu"] / result["bytes"],
            "added_first_byte": result["first_byte"]["median"] - self._direct,
            "disk": self._disk.get(peer.name, 0),
        }
        return {key: figures[key] for key in self.figures}


def stored_bytes(bench: Bench, peer: Peer, path: str) -> float:
    """How much larger the proxy's storage is when it has stored one body and is done with it."""
    if peer.storage is None:
        raise BenchmarkError("it keeps no files that grow with what it stores")
    before = occupied(peer)
    peer.begin()
    bench.client.run(["--requests", "1", "--cold", *peer.target(path, tls=False)])
    peer.end(1)
    # Compression may come later: done is when nothing has changed for 3 s and the proxy is idle.
    deadline, last, since = time.monotonic() + 60, -1, time.monotonic()
    while time.monotonic() < deadline:
        CPUMeter(peer.process).settle()
        size = occupied(peer)
        if size != last:
            last, since = size, time.monotonic()
        elif time.monotonic() - since > 3:
            return size - before
        time.sleep(0.2)
    raise BenchmarkError(f"its storage did not come to rest within 60 s of storing {path}")


def occupied(peer: Peer) -> int:
    """Bytes of the blocks that a proxy's files take."""
    total = 0
    for folder, _, files in os.walk(peer.storage):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


@dataclass
class Stampede(Row):
    """Many clients ask at once for one large body that nobody has asked for."""

    clients: int = 100
    file: str = "256m.bin"

    def _run(self, bench: Bench, peer: Peer, clients: int, options: list[str], is_metered: bool) -> dict:
        peer.begin()
        target = peer.target(f"/miss/{self.file}/{secrets.token_hex(8)}", tls=False)
        result = bench.client.run(
            ["--connections", str(clients), "--requests", str(clients), *options, *target],
            meter_of=peer if is_metered else None,
        )
        # Without --cold each connection has made a request before.
        peer.end(clients * (1 if "--cold" in options else 2))
        return result

    def prepare(self, bench: Bench, peer: Peer) -> None:
        self._run(bench, peer, 2, ["--cold", "--verify", str(bench.origin.files / self.file)], is_metered=False)

    def measure(self, bench: Bench, peer: Peer) -> Figures:
        back_memory()
        result = self._run(bench, peer, self.clients, ["--warm", "/hit/10k.bin"], is_metered=True)
        if result["requests"] != self.clients:
            raise BenchmarkError(f"{result['requests']} of {self.clients} clients were served")
        return {
            "origin_requests": result["asked"],
            "origin_share": result["asked_bytes"] / SIZES[self.file],
            "second_first_byte": result["second_first_byte"],
            "cpu_byte": result["cpu"] / result["bytes"],
        }


@dataclass
class Idle(Row):
    """What connections cost that have made a request and make no other, in a proxy that has just been started."""

    tls: bool = False
    connections: int = 1000
    path: str = "/hit/10k.bin"

    def measure(self, bench: Bench, peer: Peer) -> Figures:
        own = type(peer)(bench.context)
        try:
            own.process.require_pinned()
            own.begin()
            target = own.target(self.path, self.tls)
            # What the first requests bring in (code, tables, caches) is not what a connection costs.
            first = bench.client.run(["--connections", "32", "--requests", "320", *target])
            before = self._settled(own)
            after = 0

            def look() -> None:
                nonlocal after
                after = self._settled(own)

            bench.client.run(["--connections", str(self.connections), "--hold", *target], when_ready=look)
            own.end(first["requests"] + 32 + self.connections)
            return {"connection_memory": max(0, after - before) / self.connections}
        finally:
            own.stop()

    @staticmethod
    def _settled(peer: Peer) -> int:
        """Memory when the proxy has been idle for a second."""
        CPUMeter(peer.process).settle()
        time.sleep(1)
        return peer.process.resident
