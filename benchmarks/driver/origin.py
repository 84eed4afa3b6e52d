"""The origin of origin.c, over HTTP and TLS, and the certificates of the run."""

import os
import subprocess
import urllib.request
from pathlib import Path

from .processes import BenchmarkError, Workspace, free_ports

SMALL = 10 * 1024
LARGE = 64 * 1024 * 1024

# A name for nginx, which cannot verify an origin by address.
ORIGIN_NAME = "origin.example"

class Certificates:
    """An authority made for this run, and the ECDSA P-256 certificate that nginx shows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = folder / "ca.pem"
        self.authority_key = folder / "ca.key"
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        self._openssl(
            [*key, "-subj", "/CN=benchmark", "-keyout", str(self.authority_key), "-out", str(self.authority)],
            ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"],
        )
        self._openssl(
            [
                *key, "-subj", f"/CN={ORIGIN_NAME}", "-CA", str(self.authority), "-CAkey", str(self.authority_key),
                "-keyout", str(folder / "server.key"), "-out", str(folder / "server.pem"),
            ],
            [
                f"subjectAltName=IP:127.0.0.1,DNS:{ORIGIN_NAME}", "basicConstraints=critical,CA:FALSE",
                "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth",
            ],
        )

    @staticmethod
    def _openssl(arguments: list[str], extensions: list[str]) -> None:
        # An empty section of settings keeps the machine's own default extensions out.
        settings = "[req]\ndistinguished_name=name\n[name]\n"
        command = ["openssl", "req", "-x509", "-config", "/dev/stdin", *arguments]
        for extension in extensions:
            command += ["-addext", extension]
        done = subprocess.run(command, input=settings, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchmarkError(f"openssl could not make a certificate: {done.stderr.strip()}")


class Origin:
    """The files that everybody fetches."""

    def __init__(self, workspace: Workspace, core: int, program: Path) -> None:
        certificates = workspace.folder_for("certificates")
        self.certificates = Certificates(certificates)
        folder = workspace.folder_for("files")
        self.small = folder / "10k.bin"
        self.large = folder / "64m.bin"
        self.small.write_bytes(os.urandom(SMALL))
        self.large.write_bytes(os.urandom(LARGE))
        self.port, self.tls_port = free_ports(2)
        files = [certificates / "server.pem", certificates / "server.key", self.small, self.large]
        self._process = workspace.start(
            "origin", [str(program), str(self.port), str(self.tls_port), *(str(file) for file in files)], core
        )
        self._process.wait_for_port(self.port)
        self._process.wait_for_port(self.tls_port)

    def url(self, path: str, tls: bool) -> str:
        """Where a path is."""
        return f"https://127.0.0.1:{self.tls_port}{path}" if tls else f"http://127.0.0.1:{self.port}{path}"

    @property
    def requests(self) -> int:
        """How many requests the origin has had, those for this number left out."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.url("/requests", tls=False), timeout=30) as answer:
                return int(answer.read())
        except OSError as error:
            self._process.require_alive()
            raise BenchmarkError(f"the origin does not answer: {error}") from None
