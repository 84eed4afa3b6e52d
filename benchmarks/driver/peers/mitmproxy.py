"""mitmproxy."""

from ..processes import free_ports
from .base import Context, Peer, fill


class Mitmproxy(Peer):
    """mitmdump as a forward proxy that intercepts TLS and caches nothing."""

    name = title = "mitmproxy"
    package = "mitmproxy"
    program = "mitmdump"
    caches = False

    def __init__(self, context: Context) -> None:
        (self._port,) = free_ports(1)
        self._origin = context.origin
        certificates = context.origin.certificates
        folder = context.workspace.folder_for("mitmproxy")
        fill("mitmproxy.yaml", folder / "config.yaml", authority=certificates.authority)
        # Its own name for an authority's key and certificate in one file.
        (folder / "mitmproxy-ca.pem").write_text(
            certificates.authority_key.read_text() + certificates.authority.read_text()
        )
        self._authority = certificates.authority
        command = [
            str(self.find()), "-q", "--set", f"confdir={folder}", "--listen-host", "127.0.0.1",
            "--listen-port", str(self._port),
        ]
        self.process = context.workspace.start("mitmproxy", command, context.core)
        self.process.wait_for_port(self._port, seconds=60)

    def target(self, path: str, tls: bool) -> list[str]:
        options = ["--proxy", f"127.0.0.1:{self._port}"]
        if tls:
            options += ["--ca", str(self._authority)]
        return [*options, self._origin.url(path, tls)]
