"""The command: options, the run, and what it has shown."""

import argparse
import json
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from .. import machine
from ..origin import Certificates
from ..processes import BenchmarkError, Workspace, free_ports
from .client import Place
from .judging import Verdict, judge_descriptors, judge_memory, judge_state, judge_tally, mebibytes
from .kinds import KINDS, STALLED, Tally
from .load import SESSION_KINDS, Governor, Load
from .network import NETWORKS, enter
from .service import (
    CACHE_BYTES, MemoryGroup, Sample, Service, build, sanitizer_environment, sanitizer_reports, start_origin,
)

COMMAND = "benchmarks/soak"
HERE = Path(__file__).resolve().parent.parent.parent
PACKAGE = HERE.parent
SAMPLE_SECONDS = 3.0
STATE_EVERY = 5
# Idle connections to origins are closed after 30 s, and what nobody reads is looked at once a second.
DRAIN_SECONDS = 90.0
SHORT_SECONDS = 60.0


def parse_arguments() -> argparse.Namespace:
    names = [kind.name for kind in KINDS] + [*SESSION_KINDS, STALLED.name]
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Loads the service for a long time and checks every byte. See benchmarks/README.md.",
        epilog="Status: 0 when nothing was wrong, 3 when something was, 1 when the run itself went wrong.",
    )
    parser.add_argument("--bin", type=Path, metavar="DIR", help="use the fetch-service of DIR instead of building it")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--clients", type=int, default=12, help="how many clients at once (12)")
    parser.add_argument(
        "--share", type=float, default=0.5, help="of one processor, for service, origin and clients together (0.5)"
    )
    parser.add_argument(
        "--memory-limit", type=int, metavar="MB", help="run the service in a memory cgroup of that size"
    )
    parser.add_argument(
        "--only", metavar="KIND", action="append", choices=names, help=f"only this work: {', '.join(names)}"
    )
    parser.add_argument(
        "--network", choices=sorted(NETWORKS),
        help="run everything in a network namespace that has only IPv6, or none of it",
    )
    parser.add_argument(
        "--sanitize", choices=("thread", "address"),
        help="build the service with this sanitizer, any report is a failure",
    )
    parser.add_argument("--storage", type=Path, metavar="DIR", help="where the state folder is (the temporary folder)")
    options = parser.parse_args()
    if options.minutes <= 0 or options.clients < 1 or options.share <= 0:
        parser.error("--minutes, --clients and --share must be positive")
    return options


def trust(certificates: Certificates) -> ssl.SSLContext:
    """What clients trust: the authority of the run."""
    return ssl.create_default_context(cafile=str(certificates.authority))


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace, workspace: Workspace, program: Path) -> None:
        self._options = options
        self._seconds = options.minutes * 60
        self._host = NETWORKS[options.network].host if options.network else "127.0.0.1"
        folder = workspace.folder_for("certificates")
        folder.chmod(0o700)
        certificates = Certificates(folder)
        self._reports = workspace.folder_for("sanitizer")
        self._origin, port, tls_port = start_origin(workspace, certificates, self._host)
        self._group = MemoryGroup(options.memory_limit) if options.memory_limit else None
        try:
            # In a namespace of its own the service listens as it does for everybody: everywhere.
            self._service = Service(
                workspace, program, certificates, self._host, None if options.network else self._host, self._group,
                sanitizer_environment(self._reports),
            )
        except BenchmarkError:
            self.close_group()
            raise
        (dead_port,) = free_ports(1, self._host)
        place = Place(self._host, self._service.port, port, tls_port, dead_port, trust(certificates))
        if options.sanitize:
            place.patience = 180
        self._place = place
        self.tally = Tally()
        self._load = Load(place, self._service.control, self.tally, options.clients, options.only, self._seconds)
        self.samples: list[Sample] = []
        self._processes = [self._service.process, self._origin]
        self._origin_samples: list[int] = []

    def close_group(self) -> None:
        """Removes the memory cgroup, once the service has ended."""
        if self._group is not None:
            self._group.close()

    def run(self) -> list[Verdict]:
        """Loads, waits until the clients have gone, and judges."""
        start = self._service.sample(0, self._service.state_bytes())
        governor = Governor(self._load, self._processes, self._options.share)
        self._load.start()
        try:
            self._watch(governor)
        finally:
            self._load.stop()
        seconds = self._seconds
        if seconds < SHORT_SECONDS:
            # Unused connections to it end with it; a long run waits for the service to end them.
            self._origin.stop()
        end = self._drain(start)
        self._service.process.require_alive()
        memory = judge_memory(self.samples, seconds)
        if self._options.sanitize:
            memory = Verdict(memory.title, None, f"{memory.text} (not with a sanitizer, which keeps memory for itself)")
        verdicts = [
            *judge_tally(self.tally, self._load.wanted), memory, judge_descriptors(start, end),
            judge_state(self.samples, CACHE_BYTES),
        ]
        if self._group is not None:
            most = self._group.most
            used = f", {mebibytes(most)} in use at most, page cache included" if most else ""
            text = f"{self._options.memory_limit} MiB, {self._group.kills} processes ended for want of it{used}"
            verdicts.append(Verdict("memory limit", self._group.kills == 0, text))
        self._service.process.stop()
        verdicts.append(Verdict("stop", self._service.process.child.returncode == 143, self._last_words()))
        if self._options.sanitize:
            reports = sanitizer_reports(self._reports)
            verdicts.append(Verdict("sanitizer", not reports, "no report" if not reports else f"reported:\n{reports}"))
        return verdicts

    def _last_words(self) -> str:
        status = self._service.process.child.returncode
        return f"status {status} after SIGTERM" + ("" if status == 143 else f":\n{self._service.process.log_tail}")

    def _watch(self, governor: Governor) -> None:
        """Samples until the time is over, with a line each minute."""
        began = time.monotonic()
        number, state, minute, before, told = 0, 0, 1, 0, 0
        while (passed := time.monotonic() - began) < self._seconds:
            time.sleep(min(SAMPLE_SECONDS, max(0.0, self._seconds - passed)))
            passed = time.monotonic() - began
            if number % STATE_EVERY == 0:
                state = self._service.state_bytes()
            number += 1
            sample = self._service.sample(passed, state)
            self.samples.append(sample)
            self._origin.require_alive()
            governor.step()
            if passed >= minute * 60:
                done = sum(self.tally.done.values())
                self._line(minute, sample, (done - before) / 60, governor.used)
                for text in self.tally.failures[told:]:
                    print(f"           {text}", flush=True)
                told = len(self.tally.failures)
                before = done
                minute = int(passed // 60) + 1

    def _line(self, minute: int, sample: Sample, rate: float, used: list[float]) -> None:
        descriptors = "?" if sample.descriptors is None else str(len(sample.descriptors))
        print(
            f"{minute:4} min  {rate:6.1f}/s  {self.tally.bytes >> 20:7,} MiB checked  "
            f"RSS {mebibytes(sample.resident)} (own {mebibytes(sample.anonymous)})  {descriptors} descriptors  "
            f"{sample.threads} threads  state {mebibytes(sample.state)}  "
            f"CPU {used[1]:.2f} of {sum(used):.2f}  {self.tally.reports} reports  "
            f"{len(self.tally.wrong_bytes)} wrong bytes  {len(self.tally.failures)} failures",
            flush=True,
        )

    def _drain(self, start: Sample) -> Sample:
        """Waits until what exchanges opened is closed, at most for a while."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while True:
            end = self._service.sample(self._seconds, self._service.state_bytes())
            if end.of_exchanges is None or start.of_exchanges is None or end.of_exchanges <= start.of_exchanges:
                return end
            if time.monotonic() > deadline:
                return end
            time.sleep(1)

    def document(self, verdicts: list[Verdict]) -> dict:
        """Everything that was measured."""
        return {
            "minutes": self._options.minutes, "done": self.tally.done, "bytes": self.tally.bytes,
            "handshakes": self._place.handshakes, "resumed": self._place.resumed,
            "failures": self.tally.failures, "wrong": self.tally.wrong_bytes,
            "sampled": ["seconds", "RSS", "own", "threads", "descriptors", "of exchanges", "state folder"],
            "samples": [
                [
                    round(sample.seconds, 1), sample.resident, sample.anonymous, sample.threads,
                    len(sample.descriptors or ()), sample.of_exchanges, sample.state,
                ]
                for sample in self.samples
            ],
            "verdicts": [[verdict.title, verdict.is_met, verdict.text] for verdict in verdicts],
        }

    def summary(self) -> str:
        """What was done, in a few lines."""
        counts = sorted(self.tally.done.items(), key=lambda item: -item[1])
        done = ", ".join(f"{name} {count:,}" for name, count in counts)
        lines = [
            f"done: {done}",
            f"{self.tally.bytes >> 20:,} MiB in {self.tally.bodies:,} bodies compared, {self.tally.reports:,} reports, "
            f"{self._place.handshakes:,} TLS handshakes, {self._place.resumed:,} of them resumed",
        ]
        for title, texts in (("wrong bytes", self.tally.wrong_bytes), ("failures", self.tally.failures)):
            lines += [f"{title}: {text}" for text in texts[:20]]
            if len(texts) > 20:
                lines.append(f"{title}: {len(texts) - 20} more")
        return "\n".join(lines)


def soak(options: argparse.Namespace) -> bool:
    """Runs and prints; whether nothing was wrong."""
    if machine.find_program("openssl") is None:
        raise BenchmarkError("openssl missing: install with `sudo apt-get install --no-install-recommends openssl`")
    machine.raise_descriptor_limit()
    if options.bin is not None:
        program = options.bin.resolve() / "fetch-service"
        if not program.exists():
            raise BenchmarkError(f"{options.bin} has no fetch-service")
    else:
        program = build(PACKAGE, options.sanitize)
    if options.network:
        enter(options.network)
    run = None
    try:
        with Workspace(options.storage) as workspace:
            about = machine.describe(workspace.folder)
            run = Soak(options, workspace, program)
            print(f"{about['cpu']}, {about['cores']} cores, {about['memory']}; Linux {about['kernel']}, storage on "
                  f"{about['storage']}; {machine.output_of([str(program), '--version']).splitlines()[0]}", flush=True)
            verdicts = run.run()
    finally:
        if run is not None:
            run.close_group()
    print(run.summary())
    path = HERE / "results" / f"soak-{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(run.document(verdicts)) + "\n")
    print(f"all samples: {path.relative_to(PACKAGE)}")
    for verdict in verdicts:
        print(verdict)
    return all(verdict.is_met is not False for verdict in verdicts)


def main() -> int:
    """The exit status."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    options = parse_arguments()
    try:
        return 0 if soak(options) else 3
    except (BenchmarkError, subprocess.SubprocessError) as error:
        print(f"\n{COMMAND}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{COMMAND}: interrupted", file=sys.stderr)
        return 130
