"""nginx."""

import os

from ..origin import ORIGIN_NAME
from ..processes import free_ports
from .base import CACHE_BYTES, Context, Peer, fill


class Nginx(Peer):
    """nginx with proxy_cache as a reverse proxy, over HTTP and terminating TLS."""

    name = title = "nginx"
    package = "nginx-light"
    program = "nginx"

    def __init__(self, context: Context) -> None:
        self._port, self._tls_port = free_ports(2)
        origin = context.origin
        self._authority = origin.certificates.authority
        folder = context.workspace.folder_for("nginx")
        settings = folder / "nginx.conf"
        fill(
            "nginx.conf", settings, user="user root;" if os.geteuid() == 0 else "", folder=folder,
            certificates=origin.certificates.folder, authority=self._authority, origin_name=ORIGIN_NAME,
            origin_port=origin.port, origin_tls_port=origin.tls_port, port=self._port, tls_port=self._tls_port,
            cache_bytes=CACHE_BYTES,
        )
        self.storage = folder / "cache"
        command = [str(self.find()), "-p", str(folder), "-c", str(settings), "-e", str(folder / "error.log")]
        self.process = context.workspace.start("nginx", command, context.core)
        self.process.wait_for_port(self._port)
        self.process.wait_for_port(self._tls_port)

    def target(self, path: str, tls: bool) -> list[str]:
        if tls:
            return ["--ca", str(self._authority), f"https://127.0.0.1:{self._tls_port}{path}"]
        return [f"http://127.0.0.1:{self._port}{path}"]
