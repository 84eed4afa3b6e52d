"""Sessions, what their clients have done, and whether their reports say the same."""

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Entry:
    """One request as the client saw it."""

    method: str
    url: str
    # None: no head has come.
    status: int | None = None
    # SHA-256 of the whole body that the answer is or is a part of, when all of the answer has come.
    digest: str | None = None
    # Bytes of the answer's body, when all of it has come.
    size: int | None = None


@dataclass
class Session:
    """A session and the ledger of its clients."""

    id: str
    token: str
    policy: str
    # Retired when it has been used so often, or so long.
    most_uses: int
    ends: float
    entries: list[Entry] = field(default_factory=list)
    uses: int = 0
    users: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def enter(self) -> None:
        """A client begins to use it."""
        with self._changed:
            self.users += 1
            self.uses += 1

    def leave(self) -> None:
        """That client is done."""
        with self._changed:
            self.users -= 1
            self._changed.notify_all()

    def wait_until_unused(self, seconds: float) -> bool:
        """Whether all clients are done within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.users == 0, timeout=seconds)

    def note(self, method: str, url: str) -> Entry:
        """Enters a request that is about to be sent."""
        entry = Entry(method, url)
        with self._changed:
            self.entries.append(entry)
        return entry


def exchanges_of(report: dict) -> list[dict]:
    """Everything in a report that has a number; artifacts' downloads with their digests."""
    found = []
    for artifact in report["artifacts"]:
        for download in artifact["downloads"]:
            found.append({**download, "sha256": artifact["metadata"]["sha256"]})
    for key in ("responses", "refused-requests", "failed-transfers"):
        found += report.get(key, [])
    return sorted(found, key=lambda exchange: exchange["number"])


def differences(entries: list[Entry], report: dict) -> list[str]:
    """What is wrong with a report, given what the clients of the session did.

    Whatever was answered is there, once for each answer; nothing is there that was not asked for; what was received in
    full has the digest and the size that the client saw.
    """
    exchanges = exchanges_of(report)
    wrong = []
    if report.get("record-complete") is not True:
        wrong.append(f"the record is incomplete: {report.get('incomplete')}")
    numbers = [exchange["number"] for exchange in exchanges]
    if numbers != list(range(1, len(numbers) + 1)):
        wrong.append(f"{len(numbers)} exchanges are not numbered from 1 without gaps")
    if report["totals"]["exchanges"] != len(exchanges):
        wrong.append(f"the totals say {report['totals']['exchanges']} exchanges, there are {len(exchanges)}")

    recorded = Counter((exchange["method"], exchange["url"]) for exchange in exchanges)
    sent = Counter((entry.method, entry.url) for entry in entries)
    answered = Counter((entry.method, entry.url, entry.status) for entry in entries if entry.status is not None)
    statuses = Counter((exchange["method"], exchange["url"], exchange["status-code"]) for exchange in exchanges)
    for key, count in recorded.items():
        if count > sent[key]:
            wrong.append(f"{' '.join(key)} was sent {sent[key]} times and is recorded {count} times")
    for (method, url, status), count in answered.items():
        if statuses[method, url, status] < count:
            found = statuses[method, url, status]
            wrong.append(f"{method} {url} was answered {status} {count} times, {found} of them are recorded")

    received = Counter(
        (entry.url, entry.digest, entry.size) for entry in entries if entry.digest is not None
    )
    delivered = Counter(
        (exchange["url"], exchange.get("sha256"), exchange.get("delivered"))
        for exchange in exchanges if not exchange.get("truncated")
    )
    for key, count in received.items():
        if delivered[key] < count:
            url, digest, size = key
            others = [other[1:] for other in delivered if other[0] == url]
            wrong.append(
                f"{url} was received {count} times with {size} bytes of {digest}, recorded {delivered[key]} times; "
                f"others: {others[:3]}"
            )
    return wrong
