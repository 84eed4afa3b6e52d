"""The origin: nginx serving files with validators, over HTTP and TLS, and the certificates of the run."""

import os
import subprocess
import urllib.request
from pathlib import Path

from .machine import nginx_program
from .processes import BenchmarkError, Process, Workspace, free_ports

SMALL = 10 * 1024
LARGE = 64 * 1024 * 1024

# A name for nginx, which cannot verify an origin by address.
ORIGIN_NAME = "origin.example"

COMMON = """
worker_processes 1;
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_timeout 600;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {certificates}/server.pem;
    ssl_certificate_key {certificates}/server.key;
    ssl_session_cache shared:TLS:10m;
    {http}
}}
"""

ORIGIN = """
    proxy_temp_path {folder}/proxy;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        root {files};
        add_header Cache-Control "public, max-age=86400";
        location /hit/ {{ }}
        location /miss/10k/ {{ try_files /hit/10k.bin =404; }}
        location /miss/64m/ {{ try_files /hit/64m.bin =404; }}
        location = /requests {{ stub_status; }}
    }}
"""


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


def start_nginx(
    workspace: Workspace, name: str, core: int, certificates: Certificates, http: str, **values: object
) -> Process:
    """Starts an nginx of its own folder; `http` is what its http block has besides the common part."""
    folder = workspace.folder_for(name)
    settings = COMMON.format(
        user="user root;" if os.geteuid() == 0 else "",
        folder=folder, certificates=certificates.folder, http=http.format(folder=folder, **values),
    )
    path = folder / "nginx.conf"
    path.write_text(settings)
    command = [nginx_program() or "nginx", "-p", str(folder), "-c", str(path), "-e", str(folder / "error.log")]
    return workspace.start(name, command, core)


class Origin:
    """The files that everybody fetches."""

    def __init__(self, workspace: Workspace, core: int) -> None:
        self.certificates = Certificates(workspace.folder_for("certificates"))
        self._files = workspace.folder_for("files")
        folder = self._files / "hit"
        folder.mkdir()
        self.small = folder / "10k.bin"
        self.large = folder / "64m.bin"
        self.small.write_bytes(os.urandom(SMALL))
        self.large.write_bytes(os.urandom(LARGE))
        self.port, self.tls_port = free_ports(2)
        process = start_nginx(
            workspace, "origin", core, self.certificates, ORIGIN,
            port=self.port, tls_port=self.tls_port, files=self._files,
        )
        process.wait_for_port(self.port)
        process.wait_for_port(self.tls_port)

    def url(self, path: str, tls: bool) -> str:
        """Where a path is."""
        return f"https://127.0.0.1:{self.tls_port}{path}" if tls else f"http://127.0.0.1:{self.port}{path}"

    @property
    def requests(self) -> int:
        """How many requests the origin has had, those for this number left out."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url("/requests", tls=False), timeout=5) as answer:
            total = int(answer.read().split(b"\n")[2].split()[2])
        self._own = getattr(self, "_own", 0) + 1
        return total - self._own
