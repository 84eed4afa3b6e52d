"""The commands: options, then rounds of every row with the proxies in turn."""

import argparse
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from . import machine, report
from .load import LoadClient
from .origin import Origin
from .peers import KINDS, Context, Peer
from .processes import BenchmarkError, Workspace
from .rows import Bench, Row
from .table import rows

HERE = Path(__file__).resolve().parent.parent
PACKAGE = HERE.parent


@dataclass(frozen=True)
class Preset:
    """What a command measures when nothing else is asked for."""

    command: str
    about: str
    peers: tuple[str, ...]
    is_brief: bool


def parse_arguments(preset: Preset) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=preset.command, description=f"{preset.about} What the rows mean: benchmarks/README.md.",
        epilog="Status: 0 when every demand was judged and met, 3 when not, 1 when something went wrong.",
    )
    parser.add_argument("--bin", type=Path, metavar="DIR", help="use the fetch-service of DIR instead of building it")
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a row of requests per second runs (2)")
    parser.add_argument(
        "--only", metavar="TEXT", action="append", help="only the rows whose title contains TEXT; may be repeated"
    )
    names = ",".join(kind.name for kind in KINDS if kind.name != "ours")
    parser.add_argument(
        "--peers", metavar="LIST", default=",".join(preset.peers),
        help=f"beside ours: some of {names} ({','.join(preset.peers)})",
    )
    parser.add_argument("--cores", metavar="P,L", help="the core of the proxies, and that of origin and load")
    parser.add_argument("--storage", type=Path, metavar="DIR", help="where all caches live (the temporary folder)")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    options.peers = [name for name in options.peers.split(",") if name]
    if unknown := set(options.peers) - {kind.name for kind in KINDS}:
        parser.error(f"--peers knows no {', '.join(sorted(unknown))}")
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


class Run:
    """One run: the proxies that are there, and what has been measured."""

    def __init__(self, bench: Bench, table: list[Row], kinds: list[type[Peer]]) -> None:
        self._bench = bench
        self._table = table
        self.peers: dict[str, Peer] = {}
        self.measured: report.Measured = {row.title: {} for row in table}
        # Why a peer is not in a row, or in none.
        self.failures: dict[str, str] = {}
        for kind in kinds:
            note(f"starting {kind.title}")
            try:
                peer = kind(bench.context)
                peer.process.require_pinned()
                self.peers[kind.name] = peer
            except BenchmarkError as error:
                if kind.name == "ours":
                    raise
                self.failures[kind.title] = str(error)

    def _those_of(self, row: Row) -> list[Peer]:
        wanted = [peer for name, peer in self.peers.items() if name == "ours" or name in row.peers]
        return [peer for peer in wanted if f"{row.title}, {peer.title}" not in self.failures]

    def _fail(self, row: Row, peer: Peer, error: Exception) -> None:
        self.failures[f"{row.title}, {peer.title}"] = str(error)
        self.measured[row.title].pop(peer.name, None)

    def prepare(self) -> None:
        """Bodies are compared, caches are filled."""
        for row in self._table:
            for peer in self._those_of(row):
                note(f"checking {row.title}, {peer.title}")
                try:
                    row.prepare(self._bench, peer)
                    peer.process.require_pinned()
                except BenchmarkError as error:
                    self._fail(row, peer, error)

    def round(self, number: int, total: int) -> None:
        """Measures every row of every peer once; who is first changes from round to round."""
        for row in self._table:
            row.begin_round(self._bench)
            turn = self._those_of(row)
            start = number % len(turn) if turn else 0
            for peer in turn[start:] + turn[:start]:
                note(f"round {number + 1} of {total}: {row.title}, {peer.title}")
                try:
                    peer.process.require_alive()
                    self.measured[row.title].setdefault(peer.name, []).append(row.measure(self._bench, peer))
                except BenchmarkError as error:
                    self._fail(row, peer, error)


def choose_kinds(names: list[str]) -> tuple[list[type[Peer]], list[type[Peer]]]:
    """The proxies that take part, and those that are not installed."""
    wanted = [kind for kind in KINDS if kind.name == "ours" or kind.name in names]
    missing = [kind for kind in wanted if kind.package is not None and kind.find() is None]
    return [kind for kind in wanted if kind not in missing], missing


def measure(options: argparse.Namespace) -> bool:
    """Measures and prints; whether every demand was met."""
    machine.require_packages()
    machine.raise_descriptor_limit()
    proxy_core, load_core = machine.choose_cores(options.cores)
    table = [
        row for row in rows(options.seconds)
        if (any(text in row.title for text in options.only) if options.only else row.is_brief or not options.is_brief)
    ]
    if not table:
        raise BenchmarkError(f"no row's title contains {' or '.join(options.only)}")
    kinds, missing = choose_kinds(options.peers)
    programs = (options.bin or built_programs()).resolve()
    if not (programs / "fetch-service").exists():
        raise BenchmarkError(f"{programs} has no fetch-service")
    began = time.monotonic()
    with Workspace(options.storage) as workspace:
        about = machine.describe(workspace.folder)
        compiled = workspace.folder_for("programs")
        note("making the files")
        origin = Origin(workspace, load_core, machine.compile_program(HERE / "origin.c", compiled))
        client = LoadClient(machine.compile_program(HERE / "load.c", compiled), load_core, origin)
        floor = machine.compile_program(HERE / "floor.c", compiled)
        bench = Bench(Context(workspace, proxy_core, origin, programs, floor), client)
        about["service"] = machine.output_of([str(programs / "fetch-service"), "--version"]).splitlines()[0]
        versions = {kind.title: machine.package_version(kind.package) for kind in kinds if kind.package}
        run = Run(bench, table, kinds)
        run.prepare()
        for number in range(options.rounds):
            run.round(number, options.rounds)
    note("")
    titles = {kind.name: kind.title for kind in KINDS}
    verdicts = report.judge_all(table, run.measured, lambda name: titles[name])
    print(report.machine_line(about, versions))
    if float(about["load"]) > 1:
        print(f"Others were using this machine (load average {about['load']} at the start): trust the ratios only.")
    print()
    print(report.table(table, [(kind.name, kind.title) for kind in kinds], run.measured, verdicts))
    path = HERE / "results" / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    report.write_json(path, about, versions, options.rounds, run.measured, verdicts, run.failures)
    print(f"\nMedians of {options.rounds} rounds (least–greatest), {(time.monotonic() - began) / 60:.1f} minutes.")
    print(f"All figures: {path.relative_to(PACKAGE)}")
    counts = {result: sum(verdict.result == result for verdict in verdicts) for result in ("pass", "FAIL")}
    print(f"Of {len(verdicts)} demands {counts['pass']} are met and {counts['FAIL']} are not.")
    if missing:
        packages = " ".join(str(kind.package) for kind in missing)
        print(f"Not installed: {packages}. Install with `sudo apt-get install --no-install-recommends {packages}`.")
    for where, reason in run.failures.items():
        print(f"Left out: {where}: {reason}")
    return counts["pass"] == len(verdicts)


def main(preset: Preset) -> int:
    """The exit status."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    options = parse_arguments(preset)
    options.is_brief = preset.is_brief
    try:
        return 0 if measure(options) else 3
    except BenchmarkError as error:
        print(f"\n{preset.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{preset.command}: interrupted", file=sys.stderr)
        return 130
