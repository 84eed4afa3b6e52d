"""An origin to fetch from, on loopback, and what it serves."""

import secrets
import ssl
import subprocess
from pathlib import Path

import loopback


class Origin(loopback.Server):
    """Serves what `answer(path, headers)` gives: status, fields, body. Notes what was asked."""

    def __init__(self, answer, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.answer = answer
        super().__init__(_Handler, tls)


class _Handler(loopback.Handler):
    def do_GET(self) -> None:
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        self.reply(*self.server.answer(self.path, self.headers))

    do_HEAD = do_POST = do_GET


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for 127.0.0.1: its file, and a server's context that has it."""
    certificate, key = folder / "origin.pem", folder / "origin.key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def noise(count: int) -> bytes:
    return secrets.token_bytes(count)
