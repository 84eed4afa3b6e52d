"""The load client of load.c, and what is metered while it runs."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from .origin import Origin
from .peers import Peer
from .processes import BenchmarkError, CPUMeter


class LoadClient:
    """Runs the client on its core."""

    def __init__(self, program: Path, core: int, origin: Origin) -> None:
        self._command = ["taskset", "-c", str(core), str(program)]
        self._origin = origin

    def run(
        self, arguments: list[str], meter_of: Peer | None = None, when_ready: Callable[[], None] | None = None
    ) -> dict:
        """Runs it; the result has what the origin was asked after the start, and `cpu` when a peer is metered."""
        child = subprocess.Popen(
            [*self._command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdin and child.stdout and child.stderr
            if child.stdout.readline() != "ready\n":
                raise BenchmarkError(child.stderr.read().strip())
            if when_ready is not None:
                when_ready()
            before = self._origin.counts()
            meter = None
            if meter_of is not None:
                CPUMeter(meter_of.process).settle()
                meter = CPUMeter(meter_of.process)
            child.stdin.write("go\n")
            child.stdin.close()
            line = child.stdout.readline()
            if child.wait() != 0 or not line:
                raise BenchmarkError(child.stderr.read().strip())
            result = json.loads(line)
            if meter is not None:
                result["cpu"] = meter.settle()
            after = self._origin.counts()
            result["asked"] = after["requests"] - before["requests"]
            result["asked_bytes"] = after["bytes"] - before["bytes"]
            return result
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
