"""The least that the work can cost."""

from ..processes import free_ports
from .base import Context, Peer


class Floor(Peer):
    """floor.c: sendfile alone for hits; reading, SHA-256, sending and writing a file alone for misses."""

    name = title = "floor"

    def __init__(self, context: Context) -> None:
        (self._port,) = free_ports(1)
        command = [
            str(context.floor), str(self._port), str(context.origin.port), str(context.origin.files),
            str(context.workspace.folder_for("floor")),
        ]
        self.process = context.workspace.start("floor", command, context.core)
        self.process.wait_for_port(self._port)

    def target(self, path: str, tls: bool) -> list[str]:
        return [f"http://127.0.0.1:{self._port}{path}"]
