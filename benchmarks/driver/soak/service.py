"""The service under the soak: how it is built, started, kept within a memory limit, and looked at."""

import os
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..control import Control
from ..origin import Certificates
from ..processes import BenchmarkError, Process, Workspace, free_ports

# Small enough that eviction runs all the time.
CACHE_BYTES = 96 << 20
CGROUPS = Path("/sys/fs/cgroup")


class MemoryGroup:
    """A memory cgroup of its own (version 1 or 2), removed with `close`."""

    def __init__(self, megabytes: int) -> None:
        name = f"fetch-soak-{os.getpid()}"
        self.is_second = (CGROUPS / "cgroup.controllers").exists()
        self.folder = (CGROUPS if self.is_second else CGROUPS / "memory") / name
        try:
            if self.is_second and "memory" not in (CGROUPS / "cgroup.subtree_control").read_text().split():
                (CGROUPS / "cgroup.subtree_control").write_text("+memory")
            self.folder.mkdir()
            limit = "memory.max" if self.is_second else "memory.limit_in_bytes"
            (self.folder / limit).write_text(str(megabytes << 20))
        except OSError as error:
            self.close()
            raise BenchmarkError(
                f"--memory-limit needs a memory cgroup, and this machine does not let us make one: {error}"
            ) from None

    def entering(self, command: list[str]) -> list[str]:
        """The command, which enters the group before it begins."""
        return ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(self.folder), *command]

    @property
    def kills(self) -> int:
        """How often something was ended because memory was used up."""
        name = "memory.events" if self.is_second else "memory.oom_control"
        found = re.search(r"^oom_kill (\d+)", (self.folder / name).read_text(), re.MULTILINE)
        return int(found.group(1)) if found else 0

    @property
    def most(self) -> int | None:
        """The most bytes that were in use, page cache included, where the kernel says it."""
        path = self.folder / ("memory.peak" if self.is_second else "memory.max_usage_in_bytes")
        return int(path.read_text()) if path.exists() else None

    def close(self) -> None:
        """Removes it once nobody is in it."""
        if self.folder.exists():
            self.folder.rmdir()


@dataclass(frozen=True)
class Sample:
    """What the kernel tells about the service at one moment."""

    seconds: float
    resident: int
    anonymous: int
    threads: int
    # What each open descriptor is; none when we may not look.
    descriptors: tuple[str, ...] | None
    state: int

    @property
    def of_exchanges(self) -> int | None:
        """Descriptors that exchanges have open: sockets, pipes and bodies, not what stays open once it was needed."""
        if self.descriptors is None:
            return None
        return sum(is_of_exchanges(link) for link in self.descriptors)


def is_of_exchanges(link: str) -> bool:
    """Whether a descriptor is a socket, a pipe or a body; databases and segments are opened once and stay."""
    return link.startswith(("socket:", "pipe:")) or "/content/" in link and "/segments/" not in link


class Service:
    """The service, from when it is made until its process is stopped."""

    def __init__(
        self, workspace: Workspace, program: Path, certificates: Certificates, host: str, bind: str | None,
        group: MemoryGroup | None, environment: dict[str, str],
    ) -> None:
        self.port, control_port = free_ports(2, host)
        authority = f"[{host}]" if ":" in host else host
        credentials = f"soak:{secrets.token_hex(16)}"
        self.control = Control(f"{authority}:{control_port}", credentials)
        self.spool = workspace.folder_for("spool")
        settings = workspace.folder_for("settings")
        (settings / "acl.yaml").write_text(
            "http-proxy:\n  policy: allow\n  rules:\n    - dst: [127.0.0.0/8, \"::1/128\"]\n      access: allow\n"
        )
        clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        clean |= {"FETCH_SERVICE_AUTH": credentials, "SSL_CERT_FILE": str(certificates.authority), **environment}
        command = [
            str(program), *(["--bind", bind] if bind else []), "--permissive-mode", "--proxy-port", str(self.port),
            "--control-port", str(control_port), "--config", str(settings), "--spool", str(self.spool),
            "--cache-size", str(CACHE_BYTES), "--cert", str(certificates.authority),
            "--key", str(certificates.authority_key),
        ]
        if group is not None:
            command = group.entering(command)
        self.process = workspace.start("fetch-service", command, None, clean)
        self.process.wait_for_port(control_port, 60, host)
        self.process.wait_for_port(self.port, 60, host)
        self.control.call("GET", "/status")

    def sample(self, seconds: float, state: int) -> Sample:
        """Looks at the process."""
        self.process.require_alive()
        folder = Path(f"/proc/{self.process.child.pid}")
        status = (folder / "status").read_text()

        def number(name: str) -> int:
            found = re.search(rf"^{name}:\s*(\d+)", status, re.MULTILINE)
            return int(found.group(1)) if found else 0

        links: list[str] | None = []
        try:
            for entry in (folder / "fd").iterdir():
                try:
                    links.append(os.readlink(entry))
                except FileNotFoundError:
                    continue
        except PermissionError:
            # It is not dumpable; only root may look.
            links = None
        return Sample(
            seconds, number("VmRSS") << 10, number("RssAnon") << 10, number("Threads"),
            None if links is None else tuple(links), state,
        )

    def state_bytes(self) -> int:
        """Bytes of the blocks below the state folder."""
        total = 0
        for folder, _, files in os.walk(self.spool):
            for name in files:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
                except FileNotFoundError:
                    continue
        return total


def build(package: Path, sanitizer: str | None) -> Path:
    """Builds the service and returns its program; with a sanitizer in a build folder of its own."""
    how = ["-c", "release"]
    if sanitizer is not None:
        how = ["--sanitize", sanitizer, "--scratch-path", str(package / f".build-{sanitizer}")]
    command = ["swift", "build", "--package-path", str(package), *how, "--product", "fetch-service"]
    with_what = f" with --sanitize={sanitizer}" if sanitizer else ""
    print(f"building fetch-service{with_what} …", file=sys.stderr, flush=True)
    try:
        done = subprocess.run([*command, "-j", "2"], stdout=sys.stderr, check=False)
    except FileNotFoundError:
        raise BenchmarkError("swift is not in PATH: install it, or give --bin DIR") from None
    if done.returncode != 0:
        raise BenchmarkError("fetch-service does not build; see above")
    shown = subprocess.run([*command, "--show-bin-path"], capture_output=True, text=True, check=True)
    return Path(shown.stdout.strip()) / "fetch-service"


def sanitizer_environment(folder: Path) -> dict[str, str]:
    """Makes sanitizers go on after a report and write it to the folder.

    Leaks are not looked for: that needs a process which may be traced, and ours forbids it to keep its keys.
    """
    common = f"halt_on_error=0:log_path={folder / 'report'}"
    return {"TSAN_OPTIONS": common, "ASAN_OPTIONS": f"{common}:detect_leaks=0"}


def sanitizer_reports(folder: Path) -> str:
    """What sanitizers have written."""
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.glob("report.*")))


def start_origin(workspace: Workspace, certificates: Certificates, host: str) -> tuple[Process, int, int]:
    """Starts the origin; its ports for HTTP and TLS."""
    port, tls_port = free_ports(2, host)
    folder = Path(__file__).resolve().parent.parent.parent
    command = [
        sys.executable, "-B", "-m", "driver.soak.origin", host, str(port), str(tls_port),
        str(certificates.folder / "server.pem"), str(certificates.folder / "server.key"),
    ]
    process = workspace.start("origin", command, None, {**os.environ, "PYTHONPATH": str(folder)})
    process.wait_for_port(port, 60, host)
    process.wait_for_port(tls_port, 60, host)
    return process, port, tls_port
