"""Network namespaces in which everything of a run lives: with IPv6 alone, or without any."""

import ctypes
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..machine import find_program
from ..processes import BenchmarkError

CLONE_NEWNET = 0x4000_0000


@dataclass(frozen=True)
class Network:
    """What such a namespace has."""

    # Where everybody listens.
    host: str
    # What makes it so, once the loopback interface is up.
    disable: tuple[str, ...] | None = None


NETWORKS = {
    "ipv6-only": Network("::1", ("ip", "address", "del", "127.0.0.1/8", "dev", "lo")),
    "ipv6-off": Network("127.0.0.1"),
}


def enter(name: str) -> None:
    """Puts this process, which must have no other threads yet, and all that it starts into such a namespace."""
    network = NETWORKS[name]
    program = find_program("ip")
    if program is None:
        raise BenchmarkError("--network needs the program ip: sudo apt-get install --no-install-recommends iproute2")
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise BenchmarkError(f"--network needs a network namespace, and we may not make one (be root): {reason}")
    if network.disable is None:
        # Before the interface is up, so that it never gets an address.
        for where in ("all", "default", "lo"):
            path = Path(f"/proc/sys/net/ipv6/conf/{where}/disable_ipv6")
            if path.exists():
                path.write_text("1")
    run(program, "link", "set", "lo", "up")
    if network.disable is not None:
        run(program, *network.disable[1:])


def run(*command: str) -> None:
    """Runs a command that must not fail."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
