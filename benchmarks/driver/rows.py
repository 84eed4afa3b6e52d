"""The rows of the table: what is asked of each proxy, and the figures that come out."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .origin import Origin
from .peers import Peer
from .processes import BenchmarkError, CPUMeter

# A figure's key, what it is called, the factor that makes its unit of the base unit, and how many digits are shown.
FIGURES: dict[str, tuple[str, float, int]] = {
    "rate": ("requests/s", 1, 0),
    "cpu_request": ("CPU µs/request", 1e6, 1),
    "throughput": ("GB/s", 1e-9, 2),
    "cpu_byte": ("CPU s/GB", 1e9, 2),
    "first_byte": ("first byte ms", 1e3, 3),
    "added_first_byte": ("added to first byte ms", 1e3, 3),
}


@dataclass(frozen=True)
class Row:
    """One kind of work."""

    title: str
    path: str
    tls: bool
    connections: int
    length: tuple[str, ...]
    figures: tuple[str, ...]

    @property
    def options(self) -> list[str]:
        """What the load client is told, the target left out."""
        return ["--connections", str(self.connections), *self.length]

    @property
    def is_miss(self) -> bool:
        """Whether every request has a URL of its own."""
        return "{}" in self.path


def rows(seconds: float) -> list[Row]:
    """The table; `seconds` is how long one measurement of requests per second takes."""
    long = ("--seconds", str(seconds))
    short = ("--seconds", str(seconds / 2))
    alone = ("--requests", "150", "--pause", "2000")
    result: list[Row] = []
    for tls, protocol in ((False, "HTTP"), (True, "TLS")):
        result += [
            Row(f"hit 10 KB, {protocol}", "/hit/10k.bin", tls, 32, long, ("rate", "cpu_request")),
            Row(f"miss 10 KB, {protocol}", "/miss/10k/{}.bin", tls, 16, short, ("rate", "cpu_request")),
            Row(f"miss 10 KB alone, {protocol}", "/miss/10k/{}.bin", tls, 1, alone, ("added_first_byte",)),
            Row(
                f"miss 64 MB, {protocol}", "/miss/64m/{}.bin", tls, 1, ("--requests", "6"),
                ("throughput", "cpu_byte", "added_first_byte"),
            ),
        ]
    return result


class LoadClient:
    """The program of load.c, pinned to its core."""

    def __init__(self, program: Path, core: int) -> None:
        self._command = ["taskset", "-c", str(core), str(program)]

    def run(self, arguments: list[str], meter_of: Peer | None = None) -> dict:
        """Runs it; the result has `cpu` when there is a peer to meter."""
        child = subprocess.Popen(
            [*self._command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdin and child.stdout and child.stderr
            if child.stdout.readline() != "ready\n":
                raise BenchmarkError(child.stderr.read().strip())
            meter = None
            if meter_of is not None:
                meter = CPUMeter(meter_of.process)
                meter.settle()
                meter = CPUMeter(meter_of.process)
            child.stdin.write("go\n")
            child.stdin.close()
            line = child.stdout.readline()
            if child.wait() != 0 or not line:
                raise BenchmarkError(child.stderr.read().strip())
            result = json.loads(line)
            if meter is not None:
                result["cpu"] = meter.settle()
            return result
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


class Bench:
    """Runs rows."""

    def __init__(self, origin: Origin, client: LoadClient) -> None:
        self._origin = origin
        self._client = client

    def _direct(self, row: Row) -> list[str]:
        return ["--ca", str(self._origin.certificates.authority), self._origin.url(row.path, row.tls)]

    def first_byte_direct(self, row: Row) -> float:
        """The time to the first byte when the origin is asked without a proxy."""
        return self._client.run([*row.options, *self._direct(row)])["first_byte"]["median"]

    def verify(self, row: Row, peer: Peer) -> None:
        """Compares bodies with the file, and counts what the origin was asked."""
        expected = self._origin.large if "64m" in row.path else self._origin.small
        peer.begin()
        before = self._origin.requests
        arguments = ["--connections", "2", "--requests", "6", "--verify", str(expected)]
        self._client.run([*arguments, *peer.target(row.path, row.tls)])
        asked = self._origin.requests - before
        is_right = asked == 8 if row.is_miss else asked <= 2
        if not is_right:
            raise BenchmarkError(f"{peer.name}, {row.title}: 8 requests became {asked} at the origin")
        peer.end(8)

    def measure(self, row: Row, peer: Peer, direct: float) -> dict[str, float]:
        """One measurement of one proxy: its figures in base units."""
        peer.begin()
        before = self._origin.requests
        result = self._client.run([*row.options, *peer.target(row.path, row.tls)], meter_of=peer)
        asked = self._origin.requests - before
        if asked != (result["requests"] + row.connections if row.is_miss else 0):
            raise BenchmarkError(
                f"{peer.name}, {row.title}: {result['requests']} requests became {asked} at the origin"
            )
        peer.end(result["requests"] + row.connections)
        first_byte = result["first_byte"]["median"]
        return {
            "rate": result["requests"] / result["seconds"],
            "cpu_request": result["cpu"] / result["requests"],
            "throughput": result["bytes"] / result["seconds"],
            "cpu_byte": result["cpu"] / result["bytes"],
            "first_byte": first_byte,
            "added_first_byte": first_byte - direct,
        }
