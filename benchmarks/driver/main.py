"""The command: options, then rounds of every row with the proxies in turn."""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from . import machine, report
from .origin import Origin
from .peers import FetchService, Nginx, Peer
from .processes import BenchmarkError, Workspace
from .rows import Bench, LoadClient, rows

HERE = Path(__file__).resolve().parent.parent
PACKAGE = HERE.parent


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", description="Measures the service beside nginx. What the rows mean: benchmarks/README.md."
    )
    parser.add_argument("--bin", type=Path, metavar="DIR", help="use the fetch-service of DIR instead of building it")
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a row of requests per second runs (2)")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the rows whose title contains TEXT")
    parser.add_argument("--cores", metavar="P,L", help="the core of the proxies, and that of origin and load")
    parser.add_argument("--storage", type=Path, metavar="DIR", help="where both caches live (the temporary folder)")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    return options


def built_programs() -> Path:
    """Builds the service and returns the folder of its programs."""
    command = ["swift", "build", "--package-path", str(PACKAGE), "-c", "release", "--product", "fetch-service"]
    print("building fetch-service …", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(command, stdout=sys.stderr, check=False)
    except FileNotFoundError:
        raise BenchmarkError("swift is not in PATH: install it, or give --bin DIR") from None
    if done.returncode != 0:
        raise BenchmarkError("fetch-service does not build; see above")
    shown = subprocess.run([*command, "--show-bin-path"], capture_output=True, text=True, check=True)
    return Path(shown.stdout.strip())


def note(text: str) -> None:
    """A line of progress, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> None:
    """Measures and prints."""
    machine.require_packages()
    proxy_core, load_core = machine.choose_cores(options.cores)
    table = [row for row in rows(options.seconds) if options.only in row.title]
    if not table:
        raise BenchmarkError(f"no row's title contains {options.only}")
    programs = (options.bin or built_programs()).resolve()
    if not (programs / "fetch-service").exists():
        raise BenchmarkError(f"{programs} has no fetch-service")
    with Workspace(options.storage) as workspace:
        about = machine.describe(workspace.folder)
        compiled = workspace.folder_for("programs")
        client = LoadClient(machine.compile_program(HERE / "load.c", compiled), load_core)
        origin = Origin(workspace, load_core, machine.compile_program(HERE / "origin.c", compiled))
        peers: list[Peer] = [
            FetchService(workspace, proxy_core, origin, programs), Nginx(workspace, proxy_core, origin)
        ]
        bench = Bench(origin, client)
        about["service"] = machine.output_of([str(programs / "fetch-service"), "--version"]).splitlines()[0]
        measured: report.Measured = {row.title: {peer.name: [] for peer in peers} for row in table}
        for row in table:
            for peer in peers:
                note(f"checking {row.title}, {peer.name}")
                bench.verify(row, peer)
        for number in range(options.rounds):
            for row in table:
                is_compared = "added_first_byte" in row.figures
                direct = bench.first_byte_direct(row) if is_compared else 0
                for peer in peers if number % 2 == 0 else reversed(peers):
                    note(f"round {number + 1} of {options.rounds}: {row.title}, {peer.name}")
                    peer.process.require_alive()
                    measured[row.title][peer.name].append(bench.measure(row, peer, direct))
        note("")
        print(report.machine_line(about))
        if float(about["load"]) > 1:
            print(f"Others were using this machine (load average {about['load']} at the start): trust the ratios only.")
        print()
        print(report.table(table, measured))
        path = HERE / "results" / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
        report.write_json(path, about, options.rounds, measured)
        print(f"\nMedians of {options.rounds} rounds (least–greatest). All figures: {path.relative_to(PACKAGE)}")


def main() -> int:
    """The exit status."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    try:
        run(parse_arguments())
    except BenchmarkError as error:
        print(f"\nbenchmarks/run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbenchmarks/run: interrupted", file=sys.stderr)
        return 130
    return 0
