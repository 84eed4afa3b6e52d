"""Our service."""

import os
import re
import secrets
import time
from pathlib import Path

from ..control import Control
from ..processes import BenchmarkError, free_ports
from .base import CACHE_BYTES, Context, Peer

# How much of the end of a report holds its totals.
TAIL = 4096


class FetchService(Peer):
    """Our service with a permissive session for each measurement."""

    name = title = "ours"

    def __init__(self, context: Context, spool: Path | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        self._origin = context.origin
        self._authority = context.origin.certificates.authority
        self.port, control_port = free_ports(2)
        credentials = f"benchmark:{secrets.token_hex(16)}"
        self._control = Control(f"127.0.0.1:{control_port}", credentials)
        self._session = self._token = ""
        settings = context.workspace.folder_for("settings")
        (settings / "acl.yaml").write_text(
            "http-proxy:\n  policy: allow\n  rules:\n    - dst: [127.0.0.0/8]\n      access: allow\n"
        )
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment |= {"FETCH_SERVICE_AUTH": credentials, "SSL_CERT_FILE": str(self._authority)}
        self.spool = spool or context.workspace.folder_for("spool")
        self.storage = self.spool / ".store"
        command = [
            str(context.programs / "fetch-service"), "--bind", "127.0.0.1", "--loops", "1", "--permissive-mode",
            "--proxy-port", str(self.port), "--control-port", str(control_port),
            "--config", str(settings), "--spool", str(self.spool), "--cache-size", str(cache_bytes),
            "--cert", str(self._authority), "--key", str(context.origin.certificates.authority_key),
        ]
        started = time.monotonic()
        self.process = context.workspace.start("fetch-service", command, context.core, environment)
        self.process.wait_for_port(control_port)
        self.process.wait_for_port(self.port)
        self._control.call("GET", "/status")
        # From the first instruction until both ports are open and the control API has answered.
        self.ready_after = time.monotonic() - started

    def open_session(self) -> tuple[str, str]:
        """A permissive session: its id and token."""
        answer = self._control.call("POST", "/session", {"policy": "permissive", "timeout": 3600})
        return answer["id"], answer["token"]

    def begin(self) -> None:
        self._session, self._token = self.open_session()

    def target(self, path: str, tls: bool) -> list[str]:
        return self.target_of((self._session, self._token), path, tls)

    def target_of(self, session: tuple[str, str], path: str, tls: bool) -> list[str]:
        """What the load client is told for a session of its own."""
        options = ["--proxy", f"127.0.0.1:{self.port}", "--auth", ":".join(session)]
        if tls:
            options += ["--ca", str(self._authority)]
        return [*options, self._origin.url(path, tls)]

    def end(self, requests: int) -> None:
        self._control.call("DELETE", f"/session/{self._session}/token", {"token": self._token})
        recorded = self._recorded()
        if recorded != requests:
            raise BenchmarkError(f"{requests} requests were answered but {recorded} recorded")
        self.remove_session((self._session, self._token))

    def remove_session(self, session: tuple[str, str]) -> None:
        """Ends a session and removes what is left of it."""
        self._control.call("DELETE", f"/session/{session[0]}")
        self._control.call("DELETE", f"/resources/{session[0]}")

    def _recorded(self) -> int:
        """How many exchanges the session's report has; the totals stand at its end."""
        tail = b""
        with self._control.open("GET", f"/session/{self._session}") as answer:
            while piece := answer.read(1 << 20):
                tail = (tail + piece)[-TAIL:]
        totals = re.search(rb'"totals":\{[^}]*"exchanges":(\d+)', tail)
        if totals is None:
            raise BenchmarkError("the session's report does not end with its totals")
        return int(totals.group(1))
