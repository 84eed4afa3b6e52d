"""Varnish."""

from ..processes import free_ports
from .base import Context, Peer, fill

# Memory for its cache: the bodies of a round, no more.
MEMORY = "2G"


class Varnish(Peer):
    """Varnish in front of the origin, over plain HTTP; it does not speak TLS."""

    name, title = "varnish", "Varnish"
    package = "varnish"
    program = "varnishd"

    def __init__(self, context: Context) -> None:
        (self._port,) = free_ports(1)
        folder = context.workspace.folder_for("varnish")
        rules = folder / "rules.vcl"
        fill("varnish.vcl", rules, origin_port=context.origin.port)
        command = [
            str(self.find()), "-F", "-n", str(folder / "work"), "-a", f"127.0.0.1:{self._port}", "-f", str(rules),
            "-j", "none", "-T", "none", "-s", f"malloc,{MEMORY}", "-p", "timeout_idle=120",
        ]
        self.process = context.workspace.start("varnish", command, context.core)
        self.process.wait_for_port(self._port)

    def target(self, path: str, tls: bool) -> list[str]:
        return [f"http://127.0.0.1:{self._port}{path}"]
