"""What a soak has shown: whether memory and descriptors stayed as they were, and whether anything went wrong."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from .kinds import Tally
from .service import Sample

# What allocator and page rounding move without anything having grown.
TOLERANCE_SHARE = 0.05
TOLERANCE_BYTES = 8 << 20
# The memory that heads, small bodies and facts may take (docs/limits.md: 32, 64 and 16 MiB). It fills in the first
# minutes of the load; a run whose second quarter begins earlier sees it grow.
CACHES_BYTES = 112 << 20
CACHES_FULL_AFTER = 12 * 60
# Beside the cache, the state folder has the record of the sessions that live, and segments that are being emptied.
STATE_BYTES = 256 << 20


@dataclass(frozen=True)
class Verdict:
    """What became of one demand."""

    title: str
    # None: not judged.
    is_met: bool | None
    text: str

    def __str__(self) -> str:
        result = {True: "pass", False: "FAIL", None: "not judged"}[self.is_met]
        return f"{result:<11} {self.title}: {self.text}"


def mebibytes(count: float) -> str:
    """Bytes for people."""
    return f"{count / (1 << 20):.1f} MiB"


def quarters(samples: list[Sample], seconds: float, value: Callable[[Sample], float]) -> tuple[float, float] | None:
    """The medians of the second and of the last quarter of the load; nothing when there are too few samples."""
    second = [value(sample) for sample in samples if seconds / 4 <= sample.seconds < seconds / 2]
    last = [value(sample) for sample in samples if seconds * 3 / 4 <= sample.seconds <= seconds]
    if len(second) < 5 or len(last) < 5:
        return None
    return statistics.median(second), statistics.median(last)


def judge_memory(samples: list[Sample], seconds: float) -> Verdict:
    """Whether the memory that is the service's own (RssAnon) stayed as it was."""
    title = "memory"
    medians = quarters(samples, seconds, lambda sample: sample.anonymous)
    if medians is None:
        return Verdict(title, None, "too few samples")
    before, after = medians
    tolerance = TOLERANCE_BYTES + TOLERANCE_SHARE * before
    why = ""
    if seconds / 4 < CACHES_FULL_AFTER:
        tolerance += CACHES_BYTES
        why = ", of which caches in memory, which so short a run does not fill, may be " + mebibytes(CACHES_BYTES)
    text = (
        f"{mebibytes(before)} in the second quarter, {mebibytes(after)} in the last; "
        f"{mebibytes(tolerance)} more is allowed{why}"
    )
    return Verdict(title, after - before <= tolerance, text)


def judge_descriptors(start: Sample, end: Sample) -> Verdict:
    """Whether everything that exchanges opened is closed once the clients have gone."""
    title = "descriptors"
    if start.of_exchanges is None or end.of_exchanges is None:
        return Verdict(title, None, "the service is not dumpable, only root may look at its descriptors")
    text = (
        f"{start.of_exchanges} sockets, pipes and bodies before the load, {end.of_exchanges} after it; "
        f"with databases and segments {len(start.descriptors or ())} and {len(end.descriptors or ())}"
    )
    return Verdict(title, end.of_exchanges <= start.of_exchanges, text)


def judge_state(samples: list[Sample], cache_bytes: int) -> Verdict:
    """Whether the state folder stayed within what the cache may have, and the records of the sessions that live."""
    limit = cache_bytes + STATE_BYTES
    most = max((sample.state for sample in samples), default=0)
    return Verdict("state folder", most <= limit, f"{mebibytes(most)} at most; {mebibytes(limit)} is allowed")


def judge_tally(tally: Tally, wanted: list[str]) -> list[Verdict]:
    """Whether all bytes and outcomes were right, and whether every kind of work was done."""
    missing = [kind for kind in wanted if not tally.done.get(kind)]
    return [
        Verdict("bytes", not tally.wrong_bytes, f"{tally.bodies:,} bodies compared, {len(tally.wrong_bytes)} wrong"),
        Verdict("outcomes", not tally.failures, f"{sum(tally.done.values()):,} as expected, {len(tally.failures)} not"),
        Verdict("coverage", not missing, f"never done: {', '.join(missing)}" if missing else "every kind was done"),
    ]
