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

    def start(self, arguments: list[str], gives_way: bool = False) -> "RunningClient":
        """Starts it, with its first requests made; it goes on when it is told.

        One that gives way does not keep other clients from the processor that they share.
        """
        return RunningClient([*(["chrt", "--idle", "0"] if gives_way else []), *self._command, *arguments])

    def run(
        self, arguments: list[str], meter_of: Peer | None = None, when_ready: Callable[[], None] | None = None
    ) -> dict:
        """Runs it; the result has what the origin was asked after the start, and `cpu` when a peer is metered."""
        client = self.start(arguments)
        try:
            if when_ready is not None:
                when_ready()
            before = self._origin.counts()
            meter = None
            if meter_of is not None:
                CPUMeter(meter_of.process).settle()
                meter = CPUMeter(meter_of.process)
            client.go()
            result = client.result()
            if meter is not None:
                result["cpu"] = meter.settle()
            after = self._origin.counts()
            result["asked"] = after["requests"] - before["requests"]
            result["asked_bytes"] = after["bytes"] - before["bytes"]
            return result
        finally:
            client.stop()


class RunningClient:
    """A load client that has made its first requests."""

    def __init__(self, command: list[str]) -> None:
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            if self._child.stdout.readline() != "ready\n":
                raise BenchmarkError(self._child.stderr.read().strip())
        except BaseException:
            self.stop()
            raise

    def go(self) -> None:
        """Lets it begin."""
        self._child.stdin.write("go\n")
        self._child.stdin.close()

    def result(self) -> dict:
        """What it has measured, once it is over."""
        line = self._child.stdout.readline()
        if self._child.wait() != 0 or not line:
            raise BenchmarkError(self._child.stderr.read().strip())
        return json.loads(line)

    def stop(self) -> None:
        """Ends it, if it has not ended."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
