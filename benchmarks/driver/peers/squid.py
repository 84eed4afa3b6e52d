"""squid."""

import os
import shutil
import subprocess

from ..processes import BenchmarkError, free_ports
from .base import CACHE_BYTES, Context, Peer, fill

# Debian's user for it.
USER = "proxy"
CERTIFICATE_HELPER = "/usr/lib/squid/security_file_certgen"


class Squid(Peer):
    """squid with ssl-bump as a forward proxy."""

    name = title = "squid"
    package = "squid-openssl"
    program = CERTIFICATE_HELPER

    @classmethod
    def find(cls) -> str | None:
        # The package without OpenSSL has the same program but not the helper.
        return "/usr/sbin/squid" if os.access(CERTIFICATE_HELPER, os.X_OK) else None

    def __init__(self, context: Context) -> None:
        (self._port,) = free_ports(1)
        self._origin = context.origin
        self._authority = context.origin.certificates.authority
        folder = context.workspace.folder_for("squid")
        is_root = os.geteuid() == 0
        if is_root:
            # It refuses to run as root and becomes this user after it has read its keys.
            shutil.chown(folder, USER, USER)
        settings = folder / "squid.conf"
        fill(
            "squid.conf", settings, folder=folder, port=self._port, authority=self._authority,
            authority_key=context.origin.certificates.authority_key, cache_megabytes=CACHE_BYTES >> 20,
            effective_user=f"cache_effective_user {USER}" if is_root else "",
        )
        self.storage = folder / "cache"
        become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if is_root else []
        self._prepare([*become, CERTIFICATE_HELPER, "-c", "-s", str(folder / "certificates"), "-M", "4MB"])
        self._prepare([str(self.find()), "-f", str(settings), "-n", f"benchmark{self._port}", "-N", "-z"])
        command = [str(self.find()), "-f", str(settings), "-n", f"benchmark{self._port}", "-N"]
        self.process = context.workspace.start("squid", command, context.core)
        self.process.wait_for_port(self._port)

    @staticmethod
    def _prepare(command: list[str]) -> None:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise BenchmarkError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}")

    def target(self, path: str, tls: bool) -> list[str]:
        options = ["--proxy", f"127.0.0.1:{self._port}"]
        if tls:
            options += ["--ca", str(self._authority)]
        return [*options, self._origin.url(path, tls)]
