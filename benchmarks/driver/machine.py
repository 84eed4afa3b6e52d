"""What the run needs from the machine, and what a reader needs to know about it."""

import mmap
import os
import platform
import re
import resource
import shutil
import subprocess
from pathlib import Path

from .processes import BenchmarkError

# A program that must be found, and the Debian package that has it.
PROGRAMS = {
    "cc": "gcc",
    "openssl": "openssl",
    "taskset": "util-linux",
    "chrt": "util-linux",
}


def find_program(name: str) -> str | None:
    """Where a program is; Debian keeps some in folders that are not in everybody's PATH."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def require_packages() -> None:
    """Fails with one sentence when something is not installed."""
    missing = [
        package
        for program, package in PROGRAMS.items()
        if find_program(program) is None
    ]
    if not Path("/usr/include/openssl/ssl.h").exists():
        missing.append("libssl-dev")
    if missing:
        packages = " ".join(missing)
        command = f"sudo apt-get install --no-install-recommends {packages}"
        raise BenchmarkError(f"{packages} missing: install with `{command}`")


def package_version(package: str) -> str:
    """The version of an installed Debian package, or of a program from elsewhere."""
    try:
        version = output_of(["dpkg-query", "--showformat=${Version}", "--show", package])
    except FileNotFoundError:
        return "unknown"
    return version if re.match(r"^[0-9][0-9A-Za-z.+:~-]*$", version) else "not from a package"


def raise_descriptor_limit() -> None:
    """Lets the proxies have as many descriptors as we may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# MADV_POPULATE_WRITE of linux/mman.h, which Python does not name.
POPULATE_WRITE = 23


def back_memory(size: int = 1536 << 20) -> None:
    """Has the machine under a virtual one put memory where the next files and heaps will be.

    The first touch of a page that the host has not backed costs the guest some ten times what an ordinary one costs, at
    random moments of random proxies. The kernel gives out first what was given back last.
    """
    with mmap.mmap(-1, size) as memory:
        try:
            memory.madvise(POPULATE_WRITE)
        except OSError:
            for offset in range(0, size, mmap.PAGESIZE):
                memory[offset] = 1


def choose_cores(wanted: str | None) -> tuple[int, int]:
    """The core of the proxies, and the core of origin and load."""
    allowed = sorted(os.sched_getaffinity(0))
    if wanted is not None:
        try:
            proxy, load = (int(core) for core in wanted.split(","))
        except ValueError:
            raise BenchmarkError("--cores takes two numbers, for example --cores 2,3") from None
        if proxy == load or not {proxy, load} <= set(allowed):
            raise BenchmarkError(f"--cores takes two different cores of {allowed}")
        return proxy, load
    if len(allowed) < 2:
        raise BenchmarkError("two cores are needed: one for the proxy, one for origin and load")
    return allowed[-1], allowed[0]


def output_of(command: list[str]) -> str:
    """What a command prints, errors included."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip()


def file_system_of(folder: Path) -> str:
    """The kind of file system that a folder is on."""
    return output_of(["stat", "--file-system", "--format=%T", str(folder)])


def describe(folder: Path) -> dict[str, str]:
    """The machine and the versions, for the table's head and the JSON."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    family = re.search(r"^cpu family\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    release = re.search(r'^PRETTY_NAME="(.*)"$', Path("/etc/os-release").read_text(), re.MULTILINE)
    return {
        "cpu": (cpu.group(1) if cpu else platform.machine()) + (f", family {family.group(1)}" if family else ""),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory.group(1)) / (1 << 20):.0f} GiB" if memory else "unknown",
        "kernel": platform.release(),
        "system": release.group(1) if release else platform.system(),
        "storage": file_system_of(folder),
        "load": f"{os.getloadavg()[0]:.1f}",
        "openssl": output_of(["openssl", "version"]).split(" (")[0],
    }


def compile_program(source: Path, folder: Path) -> Path:
    """Compiles one of our C programs and returns where it is."""
    program = folder / source.stem
    command = ["cc", "-std=gnu11", "-O2", "-pthread", "-o", str(program), str(source), "-lssl", "-lcrypto"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"{source.name} does not compile:\n{done.stderr}")
    return program
