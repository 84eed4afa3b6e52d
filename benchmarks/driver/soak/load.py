"""The load: clients that do one kind of work after the other, sessions that come and go, and how fast all goes."""

import json
import queue
import random
import threading
import time

from ..control import Control
from ..processes import BenchmarkError, CPUMeter, Process
from .bodies import Body
from .client import Connection, Place, Truncated, Wrong, unique
from .kinds import KINDS, STALLED, Kind, Tally, Visit, path
from .sessions import Session, differences

# Sessions that clients share at a time; one more lasts for minutes.
LIVE = 4
MOST_USES = 300
LONG_SECONDS = 600.0
# What the names of work on sessions are.
SESSION_KINDS = ("session", "revoked", "expired")


class Load:
    """Everything that runs beside the measuring thread, until `stop`."""

    def __init__(
        self, place: Place, control: Control, tally: Tally, clients: int, only: list[str] | None, seconds: float
    ) -> None:
        self._place = place
        self._control = control
        self.tally = tally
        self._seconds = seconds
        self._kinds = [kind for kind in KINDS if only is None or kind.name in only]
        self._firsts = sorted(self._kinds, key=lambda kind: -kind.weight)
        self._specials = [name for name in SESSION_KINDS if only is None or name in only]
        self._has_stalled = (only is None or STALLED.name in only) and seconds >= 300
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._live: dict[str, list[Session]] = {"permissive": [], "strict": []}
        self._retired: queue.Queue[Session] = queue.Queue()
        # Seconds of rest between two requests of a client.
        self.pause = 0.05
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(clients)]
        if self._specials:
            self._threads.append(threading.Thread(target=self._session_work))
        if self._has_stalled:
            self._threads.append(threading.Thread(target=self._stall))
        self._keepers = [threading.Thread(target=self._keep) for _ in range(2)]

    @property
    def wanted(self) -> list[str]:
        """The kinds that must have been done at the end."""
        names = [kind.name for kind in self._kinds] + self._specials
        return names + ([STALLED.name] if self._has_stalled else [])

    def start(self) -> None:
        """Begins."""
        for thread in self._threads + self._keepers:
            thread.start()

    def stop(self) -> None:
        """Lets all clients finish what they are doing, and compares the last reports."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        with self._lock:
            left = [session for sessions in self._live.values() for session in sessions]
            self._live = {"permissive": [], "strict": []}
        for session in left:
            self._retired.put(session)
        for _ in self._keepers:
            self._retired.put(Session("", "", "", 0, 0))
        for thread in self._keepers:
            thread.join()

    # MARK: Sessions

    def open(self, policy: str, most_uses: int = MOST_USES, seconds: float = 120, timeout: int = 7200) -> Session:
        """A new session; a strict one trusts the origin's wheels."""
        body: dict[str, object] = {"policy": policy, "timeout": timeout}
        if policy == "strict":
            body["inspectors-configuration"] = {"pip": {"urls": ["**"]}}
        answer = self._control.call("POST", "/session", body)
        return Session(answer["id"], answer["token"], policy, most_uses, time.monotonic() + seconds)

    def _choose(self, policy: str, numbers: random.Random) -> Session:
        """A live session, which the caller leaves later."""
        wanted = LIVE if policy == "permissive" else 1
        with self._lock:
            live = self._live[policy]
            for session in [s for s in live if s.uses >= s.most_uses or time.monotonic() > s.ends]:
                live.remove(session)
                self._retired.put(session)
            while len(live) < wanted:
                # The first one of the permissive ones is the one that lasts.
                is_long = policy == "permissive" and not any(session.most_uses > MOST_USES for session in live)
                live.append(
                    self.open(policy, 1 << 40, min(LONG_SECONDS, self._seconds / 4)) if is_long
                    else self.open(policy, MOST_USES + numbers.randrange(-200, 0))
                )
            session = numbers.choice(live)
            session.enter()
            return session

    def _keep(self) -> None:
        """Ends retired sessions and compares their reports."""
        while (session := self._retired.get()).id:
            try:
                if not session.wait_until_unused(300):
                    raise Wrong(f"session {session.id} is still in use after 300 s")
                self.conclude(session)
                if "session" in self._specials:
                    self.tally.finished("session")
            except (OSError, BenchmarkError, Wrong) as error:
                self.tally.fail("session", error)

    def conclude(self, session: Session) -> dict:
        """Revokes a session, compares its report with what its clients did, and removes it."""
        self._control.call("DELETE", f"/session/{session.id}/token", {"token": session.token})
        with self._control.open("GET", f"/session/{session.id}") as answer:
            report = json.loads(answer.read())
        wrong = differences(session.entries, report)
        self.tally.reported()
        self._control.call("DELETE", f"/session/{session.id}")
        self._control.call("DELETE", f"/resources/{session.id}")
        if wrong:
            raise Wrong(f"the report of session {session.id} ({session.policy}): " + "; ".join(wrong[:5]))
        return report

    # MARK: Threads

    def _rest(self, numbers: random.Random) -> bool:
        """Waits between two requests; whether the load is over."""
        return self._over.wait(self.pause * (0.5 + numbers.random()))

    def _client(self, number: int) -> None:
        numbers = random.Random(f"{number} {unique()}")
        weights = [kind.weight for kind in self._kinds]
        while not self._over.is_set() and self._kinds:
            kind = self._first_kind() or numbers.choices(self._kinds, weights)[0]
            try:
                session = self._choose(kind.policy, numbers)
            except BenchmarkError as error:
                self.tally.fail("opening a session", error)
                self._over.wait(1)
                continue
            try:
                self._visit(session, kind, numbers)
            finally:
                session.leave()

    def _first_kind(self) -> Kind | None:
        """Each kind once at the beginning, the rare ones first, so that a short load has them all."""
        try:
            return self._firsts.pop()
        except IndexError:
            return None

    def _visit(self, session: Session, kind: Kind, numbers: random.Random) -> None:
        """Does several things on one connection, first of all one of that kind."""
        allowed = [other for other in self._kinds if other.policy == kind.policy]
        weights = [other.weight for other in allowed]
        connection = None
        try:
            ticket = self._place.ticket() if numbers.random() < 0.7 else None
            connection = Connection(self._place, session, numbers.random() < 0.4, ticket)
            visit = Visit(connection, numbers, self.tally)
            for _ in range(numbers.randrange(1, 25)):
                kind.work(visit)
                self.tally.finished(kind.name)
                if self._rest(numbers) or not visit.is_open:
                    break
                session.uses += 1
                kind = numbers.choices(allowed, weights)[0]
        except (OSError, ValueError, Wrong) as error:
            self.tally.fail(kind.name, error)
            self._over.wait(0.2)
        finally:
            if connection is not None:
                connection.close(reset=numbers.random() < 0.05)

    def _stall(self) -> None:
        """One client after the other that takes nothing."""
        began = time.monotonic()
        # The last one must end before the load does.
        while not self._over.is_set() and time.monotonic() - began < self._seconds - 150:
            numbers = random.Random(unique())
            try:
                session = self.open("permissive")
                connection = Connection(self._place, session, numbers.random() < 0.5)
                STALLED.work(Visit(connection, numbers, self.tally))
                connection.close()
                self.conclude(session)
                self.tally.finished(STALLED.name)
            except (OSError, BenchmarkError, Wrong) as error:
                self.tally.fail(STALLED.name, error)

    def _session_work(self) -> None:
        """Sessions that end while they are used, and such that nobody ends."""
        turn = 0
        while not self._over.wait(min(5, self._seconds / 20)):
            turn += 1
            for name, every, work in (("revoked", 1, self._revoked), ("expired", 6, self._expired)):
                if name not in self._specials or turn % every:
                    continue
                try:
                    work(turn)
                    self.tally.finished(name)
                except (OSError, BenchmarkError, Wrong) as error:
                    self.tally.fail(name, error)

    def _revoked(self, turn: int) -> None:
        """The token is revoked in mid-body: the client sees that the body is not whole, the record says so too."""
        session = self.open("permissive")
        connection = Connection(self._place, session, turn % 2 == 0)
        try:
            body = Body(path("drip", 2_000_000, unique()))
            entry = connection.send(body.path)
            response = connection.receive(entry)
            pieces = response.pieces()
            next(pieces)
            report = self.conclude(session)
            try:
                for _ in pieces:
                    pass
            except Truncated:
                pass
            else:
                raise Wrong(f"{entry.url} came as complete although the token was revoked in mid-body")
        finally:
            connection.close()
        failed = report.get("failed-transfers", [])
        if len(failed) != 1 or not failed[0].get("truncated") or failed[0]["delivered"] > response.size + (8 << 20):
            raise Wrong(f"{entry.url}: its record does not say that it was cut: {failed}")

    def _expired(self, turn: int) -> None:
        """The session's lifetime ends; its token is of no use any more, and it is gone."""
        session = self.open("permissive", timeout=2)
        connection = Connection(self._place, session, is_tls=False)
        try:
            Visit(connection, random.Random(turn), self.tally).get(Body(path("hit", 4_000, turn)))
            self._over.wait(3)
            entry = connection.send(path("hit", 4_000, turn))
            try:
                response = connection.receive(entry)
            except Truncated:
                return
            response.read()
            if response.status != 407:
                raise Wrong(f"a session whose lifetime is over was answered {response.status}")
        finally:
            connection.close()


class Governor:
    """Keeps all processes of the run together at a share of one processor."""

    def __init__(self, load: Load, processes: list[Process], share: float) -> None:
        self._load = load
        self._processes = processes
        self._share = share
        self._meters = [CPUMeter(process) for process in processes]
        self._before = self._used()
        self.used: list[float] = []

    def _used(self) -> tuple[float, list[float]]:
        own = time.process_time()
        return time.monotonic(), [own, *(meter.used for meter in self._meters)]

    def step(self) -> None:
        """Makes clients rest longer or shorter."""
        moment, times = self._used()
        seconds = moment - self._before[0]
        self.used = [(now - then) / seconds for now, then in zip(times, self._before[1], strict=True)]
        self._before = moment, times
        ratio = sum(self.used) / self._share
        self._load.pause = min(5.0, max(0.0005, self._load.pause * min(1.5, max(0.6, ratio))))
