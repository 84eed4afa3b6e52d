"""The proxies that are compared: ours and nginx."""

import base64
import json
import os
import secrets
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path

from .machine import nginx_program
from .origin import ORIGIN_NAME, Origin
from .processes import BenchmarkError, Process, Workspace, free_ports

CONFIGURATION = """
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
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=cache:10m max_size=4g inactive=1h use_temp_path=off;
    proxy_temp_path {folder}/proxy;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate {authority};
    proxy_ssl_name {origin_name};
    proxy_cache cache;
    upstream plain {{ server 127.0.0.1:{origin_port}; keepalive 64; }}
    upstream encrypted {{ server 127.0.0.1:{origin_tls_port}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://plain; }}
    }}
    server {{
        listen 127.0.0.1:{tls_port} ssl;
        location / {{ proxy_pass https://encrypted; }}
    }}
}}
"""


class Peer(ABC):
    """A proxy under measurement."""

    name: str
    process: Process

    @abstractmethod
    def begin(self) -> None:
        """Called before each measurement."""

    @abstractmethod
    def target(self, path: str, tls: bool) -> list[str]:
        """What the load client is told: options and URL."""

    @abstractmethod
    def end(self, requests: int) -> None:
        """Called after each measurement, with how many requests have been answered since `begin`."""


class Nginx(Peer):
    """nginx with proxy_cache, one worker, as its manual advises."""

    name = "nginx"

    def __init__(self, workspace: Workspace, core: int, origin: Origin) -> None:
        self._port, self._tls_port = free_ports(2)
        self._authority = origin.certificates.authority
        folder = workspace.folder_for("nginx")
        settings = folder / "nginx.conf"
        settings.write_text(CONFIGURATION.format(
            user="user root;" if os.geteuid() == 0 else "",
            folder=folder, certificates=origin.certificates.folder, authority=self._authority,
            origin_name=ORIGIN_NAME, origin_port=origin.port, origin_tls_port=origin.tls_port,
            port=self._port, tls_port=self._tls_port,
        ))
        command = [nginx_program(), "-p", str(folder), "-c", str(settings), "-e", str(folder / "error.log")]
        self.process = workspace.start("nginx", command, core)
        self.process.wait_for_port(self._port)
        self.process.wait_for_port(self._tls_port)

    def begin(self) -> None:
        pass

    def target(self, path: str, tls: bool) -> list[str]:
        if tls:
            return ["--ca", str(self._authority), f"https://127.0.0.1:{self._tls_port}{path}"]
        return [f"http://127.0.0.1:{self._port}{path}"]

    def end(self, requests: int) -> None:
        pass


class FetchService(Peer):
    """Our service on storage of its own, with a permissive session for each measurement."""

    name = "ours"

    def __init__(self, workspace: Workspace, core: int, origin: Origin, programs: Path) -> None:
        self._origin = origin
        self._authority = origin.certificates.authority
        self._port, self._control = free_ports(2)
        credentials = f"benchmark:{secrets.token_hex(16)}"
        self._credentials = base64.b64encode(credentials.encode()).decode()
        self._session = self._token = ""
        settings = workspace.folder_for("settings")
        (settings / "acl.yaml").write_text(
            "http-proxy:\n  policy: allow\n  rules:\n    - dst: [127.0.0.0/8]\n      access: allow\n"
        )
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment |= {"FETCH_SERVICE_AUTH": credentials, "SSL_CERT_FILE": str(self._authority)}
        command = [
            str(programs / "fetch-service"), "--bind", "127.0.0.1", "--loops", "1", "--permissive-mode",
            "--proxy-port", str(self._port), "--control-port", str(self._control),
            "--config", str(settings), "--spool", str(workspace.folder_for("spool")),
            "--cert", str(self._authority), "--key", str(origin.certificates.authority_key),
        ]
        self.process = workspace.start("fetch-service", command, core, environment)
        self.process.wait_for_port(self._control)
        self.process.wait_for_port(self._port)

    def begin(self) -> None:
        answer = self._call("POST", "/session", {"policy": "permissive", "timeout": 3600})
        self._session, self._token = answer["id"], answer["token"]

    def target(self, path: str, tls: bool) -> list[str]:
        options = ["--proxy", f"127.0.0.1:{self._port}", "--auth", f"{self._session}:{self._token}"]
        if tls:
            options += ["--ca", str(self._authority)]
        return [*options, self._origin.url(path, tls)]

    def end(self, requests: int) -> None:
        self._call("DELETE", f"/session/{self._session}/token", {"token": self._token})
        if requests <= 1000:
            # Long reports take seconds to read; a short one proves the point as well.
            recorded = self._call("GET", f"/session/{self._session}")["totals"]["exchanges"]
            if recorded != requests:
                raise BenchmarkError(f"{requests} requests were answered but {recorded} recorded")
        self._call("DELETE", f"/session/{self._session}")
        self._call("DELETE", f"/resources/{self._session}")

    def _call(self, method: str, path: str, body: dict[str, object] | None = None) -> dict:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._control}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {self._credentials}", "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
            raise BenchmarkError(f"{method} {path}: {error.code} {reason}") from None
        return json.loads(text) if text else {}
