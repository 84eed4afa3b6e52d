"""Network namespaces in which everything of a run lives: with IPv6 alone, or without any."""

import ctypes
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from ..processes import BenchmarkError

CLONE_NEWNET = 0x4000_0000
# linux/sockios.h and linux/if.h
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP = 0x8913, 0x8914, 0x8916, 1
LOOPBACK = b"lo"


@dataclass(frozen=True)
class Network:
    """What such a namespace has."""

    # Where everybody listens.
    host: str
    has_ipv4: bool
    has_ipv6: bool


NETWORKS = {
    "ipv6-only": Network("::1", has_ipv4=False, has_ipv6=True),
    "ipv6-off": Network("127.0.0.1", has_ipv4=True, has_ipv6=False),
}


def enter(name: str) -> None:
    """Puts this process, which must have no other threads yet, and all that it starts into such a namespace."""
    network = NETWORKS[name]
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise BenchmarkError(f"--network needs a network namespace, and this machine does not let us make one: {reason}")
    try:
        if not network.has_ipv6:
            # Before the interface is up, so that it never gets an address.
            for where in ("all", "default", "lo"):
                path = Path(f"/proc/sys/net/ipv6/conf/{where}/disable_ipv6")
                if path.exists():
                    path.write_text("1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
            answer = fcntl.ioctl(handle, SIOCGIFFLAGS, struct.pack("16sh14x", LOOPBACK, 0))
            flags = struct.unpack("16sh14x", answer)[1]
            fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh14x", LOOPBACK, flags | IFF_UP))
            if not network.has_ipv4:
                # The address 0.0.0.0 takes away the one that is there.
                address = struct.pack("16sHH4s8x", LOOPBACK, socket.AF_INET, 0, bytes(4))
                fcntl.ioctl(handle, SIOCSIFADDR, address)
    except OSError as error:
        raise BenchmarkError(
            f"--network needs a network namespace, and this machine does not let us change one: {error}"
        ) from None
    require(network)


def require(network: Network) -> None:
    """Fails when the namespace is not what it should be, since everything would be right for the wrong reason."""
    for family, host, is_wanted in (
        (socket.AF_INET, "127.0.0.1", network.has_ipv4), (socket.AF_INET6, "::1", network.has_ipv6),
    ):
        try:
            with socket.socket(family) as probe:
                probe.bind((host, 0))
            is_there = True
        except OSError:
            is_there = False
        if is_there != is_wanted:
            raise BenchmarkError(f"the namespace {'has' if is_there else 'lacks'} {host}, which it should not")
