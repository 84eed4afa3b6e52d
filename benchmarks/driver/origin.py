"""The origin of origin.c, over HTTP and TLS, the files that it serves, and the certificates of the run."""

import base64
import hashlib
import json
import os
import random
import subprocess
import urllib.request
import zipfile
from pathlib import Path

from .packages import write_package_list
from .processes import BenchmarkError, Workspace, free_ports

# The incompressible ones, by name; the text stands beside them.
SIZES = {
    "10k.bin": 10 << 10,
    "100k.bin": 100 << 10,
    "1m.bin": 1 << 20,
    "64m.bin": 64 << 20,
    "256m.bin": 256 << 20,
}
TEXT = "64m.txt"
# An archive with work for inspectors; its last 64 bytes are a comment.
WHEEL = "wheel.whl"

# A name for nginx, which cannot verify an origin by address.
ORIGIN_NAME = "origin.example"


def write_wheel(path: Path) -> None:
    """A Python wheel of 400 compressed files."""
    numbers = random.Random(20261122)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        record = ""
        for number in range(400):
            content = b"".join(b"%d\n" % numbers.randrange(1000) for _ in range(500))
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            archive.writestr(f"soak/{number}.txt", content)
            record += f"soak/{number}.txt,sha256={digest},{len(content)}\n"
        archive.writestr("soak-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: soak\nVersion: 1.0\n")
        archive.writestr("soak-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("soak-1.0.dist-info/RECORD", record)
        archive.comment = b" " * 64


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
            # An address is also there as a name: squid compares no other names with what it was asked for.
            [
                f"subjectAltName=IP:127.0.0.1,IP:::1,DNS:127.0.0.1,DNS:{ORIGIN_NAME}",
                "basicConstraints=critical,CA:FALSE",
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
        certificates.chmod(0o700)
        self.certificates = Certificates(certificates)
        self.files = workspace.folder_for("files")
        for name, size in SIZES.items():
            with (self.files / name).open("wb") as file:
                for _ in range(0, size, 1 << 20):
                    file.write(os.urandom(min(size, 1 << 20)))
        write_package_list(self.files / TEXT, 64 << 20)
        write_wheel(self.files / WHEEL)
        self.port, self.tls_port = free_ports(2)
        arguments = [certificates / "server.pem", certificates / "server.key", self.files]
        self._process = workspace.start(
            "origin", [str(program), str(self.port), str(self.tls_port), *(str(path) for path in arguments)], core
        )
        self._process.wait_for_port(self.port)
        self._process.wait_for_port(self.tls_port)

    def url(self, path: str, tls: bool) -> str:
        """Where a path is."""
        return f"https://127.0.0.1:{self.tls_port}{path}" if tls else f"http://127.0.0.1:{self.port}{path}"

    def counts(self) -> dict[str, int]:
        """How many `requests` it has had and how many `bytes` it has sent, those for these numbers left out."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.url("/counts", tls=False), timeout=30) as answer:
                return json.loads(answer.read())
        except OSError as error:
            self._process.require_alive()
            raise BenchmarkError(f"the origin does not answer: {error}") from None
