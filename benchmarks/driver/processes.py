"""Processes that are pinned to a core, and the processor time that they and their children have used."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType


class BenchmarkError(Exception):
    """What stops a run; the text says what to do."""


class Process:
    """A child pinned to one core, or to none, whose output goes to a file."""

    def __init__(
        self, name: str, command: list[str], core: int | None, log: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._core = core
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                command if core is None else ["taskset", "-c", str(core), *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
            )

    @property
    def tree(self) -> list[int]:
        """The process and everything that descends from it."""
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self.child.pid]
        for pid in found:
            found += parents.get(pid, [])
        return found

    def require_pinned(self) -> None:
        """Fails when a thread may run elsewhere: some programs set the processors of their threads themselves."""
        for pid in self.tree:
            for task in Path(f"/proc/{pid}/task").iterdir():
                try:
                    status = (task / "status").read_text()
                except OSError:
                    continue
                allowed = re.search(r"^Cpus_allowed_list:\s*(\S+)", status, re.MULTILINE)
                if allowed and allowed.group(1) != str(self._core):
                    where = allowed.group(1)
                    raise BenchmarkError(f"a thread of {self.name} may run on {where}, not on {self._core} only")

    @property
    def resident(self) -> int:
        """Bytes of memory that the tree has (VmRSS; what several processes share counts for each)."""
        total = 0
        for pid in self.tree:
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            kilobytes = re.search(r"^VmRSS:\s*(\d+) kB", status, re.MULTILINE)
            total += int(kilobytes.group(1)) * 1024 if kilobytes else 0
        return total

    def require_alive(self) -> None:
        """Fails with the last lines of the log when the process has ended."""
        status = self.child.poll()
        if status is not None:
            raise BenchmarkError(f"{self.name} ended with status {status}:\n{self.log_tail}")

    @property
    def log_tail(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def wait_for_port(self, port: int, seconds: float = 15, host: str = "127.0.0.1") -> None:
        """Returns when something listens on the port."""
        deadline = time.monotonic() + seconds
        while True:
            self.require_alive()
            try:
                socket.create_connection((host, port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise BenchmarkError(f"{self.name} does not listen on port {port}:\n{self.log_tail}") from None
                time.sleep(0.002)

    def stop(self) -> None:
        """Asks it to end, and ends it when it does not."""
        if self.child.poll() is not None:
            return
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.tree):
                os.kill(pid, signal.SIGKILL)
            self.child.wait()


class CPUMeter:
    """Processor time, in seconds, that a process tree uses from now on; threads that end meanwhile count too."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._start = self._times()

    def _times(self) -> dict[int, float]:
        times: dict[int, float] = {}
        for pid in self._process.tree:
            try:
                # The kernel's clock of another process: CPUCLOCK_SCHED of all its threads, in nanoseconds.
                times[pid] = time.clock_gettime((~pid << 3) | 2)
            except OSError:
                continue
        return times

    @property
    def used(self) -> float:
        """Seconds since the meter was made."""
        return sum(seconds - self._start.get(pid, 0) for pid, seconds in self._times().items())

    def settle(self, limit: float = 5) -> float:
        """Waits until the tree is idle, so that work put off until later is counted, and returns what was used."""
        deadline = time.monotonic() + limit
        before = self.used
        while time.monotonic() < deadline:
            time.sleep(0.05)
            after = self.used
            if after - before < 0.0005:
                return after
            before = after
        return before


class Workspace:
    """A temporary folder and the processes that work in it; leaving it ends and removes all of them."""

    def __init__(self, parent: Path | None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fetch-benchmark-", dir=parent))
        # Proxies that become another user go through it; what is secret has folders of its own.
        self.folder.chmod(0o711)
        self._processes: list[Process] = []

    def start(
        self, name: str, command: list[str], core: int | None, environment: dict[str, str] | None = None
    ) -> Process:
        """Starts a process whose log is `name`.log."""
        process = Process(name, command, core, self._unused(f"{name}.log"), environment)
        self._processes.append(process)
        return process

    def folder_for(self, name: str) -> Path:
        """A new folder inside."""
        folder = self._unused(name)
        folder.mkdir()
        return folder

    def _unused(self, name: str) -> Path:
        path, number = self.folder / name, 2
        while path.exists():
            path, number = self.folder / f"{name}-{number}", number + 1
        return path

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Ports of the loopback interface that nobody listens on.

    They are below those that the kernel gives to whoever asks for any, so that nobody takes one before it is used.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(min(10_000, lowest // 2), lowest)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
