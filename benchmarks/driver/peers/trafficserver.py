"""Apache Traffic Server."""

import os

from ..processes import free_ports
from .base import CACHE_BYTES, Context, Peer, fill

# What runroot.yaml must name, and the folder that each gets.
LAYOUT = {
    "prefix": "", "exec_prefix": "", "bindir": "bin", "sbindir": "sbin", "sysconfdir": "etc", "datadir": "cache",
    "includedir": "include", "libdir": "lib", "libexecdir": "modules", "localstatedir": "var", "runtimedir": "run",
    "logdir": "log", "mandir": "man", "infodir": "info", "cachedir": "cache",
}


class TrafficServer(Peer):
    """Apache Traffic Server as a forward proxy, over plain HTTP; it cannot intercept TLS."""

    name, title = "ats", "ATS"
    package = "trafficserver"
    program = "traffic_server"

    def __init__(self, context: Context) -> None:
        (self._port,) = free_ports(1)
        self._origin = context.origin
        folder = context.workspace.folder_for("trafficserver")
        for name in set(LAYOUT.values()) - {""}:
            (folder / name).mkdir()
        (folder / "runroot.yaml").write_text("".join(f"{key}: {folder / name}\n" for key, name in LAYOUT.items()))
        fill("records.config", folder / "etc" / "records.config", port=self._port)
        (folder / "etc" / "storage.config").write_text(f"{folder}/cache {CACHE_BYTES}\n")
        (folder / "etc" / "ip_allow.yaml").write_text(
            "ip_allow:\n  - apply: in\n    ip_addrs: 127.0.0.1\n    action: allow\n    methods: ALL\n"
        )
        # The rest may be empty, but it complains about files that are not there.
        for name in ("remap.config", "plugin.config", "cache.config", "hosting.config", "parent.config"):
            (folder / "etc" / name).touch()
        # It binds its event threads to the whole machine at least, which would undo the pinning. This variable of hwloc
        # keeps it from binding anything.
        environment = dict(os.environ) | {"TS_RUNROOT": str(folder / "runroot.yaml"), "HWLOC_THISSYSTEM": "0"}
        self.process = context.workspace.start("trafficserver", [str(self.find())], context.core, environment)
        self.process.wait_for_port(self._port, seconds=60)

    def target(self, path: str, tls: bool) -> list[str]:
        return ["--proxy", f"127.0.0.1:{self._port}", self._origin.url(path, tls)]
