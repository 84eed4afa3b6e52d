"""What clients do, one function for each kind of work; each checks every byte that it gets."""

import hashlib
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .bodies import Body, now, version_at, wheel, wheel_path
from .client import Connection, Place, Response, Truncated, Wrong, WrongBytes, unique
from .sessions import Entry, Session

SMALL = (200, 4_000, 10_000, 40_000)
# How far back the version of a changing body may be: somebody else's request for it may have been joined.
JOINED_SECONDS = 5.0


@dataclass
class Tally:
    """What has been done, by kind."""

    done: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    bodies: int = 0
    wrong_bytes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    reports: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def finished(self, kind: str) -> None:
        """One was done as it should be."""
        with self._lock:
            self.done[kind] = self.done.get(kind, 0) + 1

    def checked(self, size: int) -> None:
        """A body was right."""
        with self._lock:
            self.bodies += 1
            self.bytes += size

    def reported(self) -> None:
        """A report was fetched and compared."""
        with self._lock:
            self.reports += 1

    def fail(self, kind: str, error: Exception) -> None:
        """One was not as it should be."""
        text = f"{kind}: {error if isinstance(error, Wrong) else repr(error)}"
        with self._lock:
            (self.wrong_bytes if isinstance(error, WrongBytes) else self.failures).append(text)


@dataclass
class Visit:
    """A connection on which a client does several things, one after the other."""

    connection: Connection
    numbers: random.Random
    tally: Tally
    # Whether the connection can be used on.
    is_open: bool = True

    @property
    def place(self) -> Place:
        """Where everything is."""
        return self.connection.place

    @property
    def session(self) -> Session:
        """Whose visit it is."""
        return self.connection.session

    def ask(self, path: str, status: int = 200, **how: object) -> tuple[Entry, Response]:
        """Sends a request and receives the head of an answer with that status."""
        return ask(self.connection, path, status, **how)

    def get(self, body: Body, **how: object) -> Response:
        """Gets the whole of a body and compares it."""
        entry, response = self.ask(body.path, **how)
        self.compare(entry, response, body)
        return response

    def compare(self, entry: Entry, response: Response, body: Body) -> None:
        """Reads the whole of a body and compares it."""
        digest = response.digest()
        if digest != body.digest or response.size != body.size:
            raise WrongBytes(f"{entry.url}: {response.size} bytes of {digest}, not {body.size} of {body.digest}")
        entry.digest, entry.size = digest, response.size
        self.tally.checked(response.size)

    def elsewhere(self, receive_buffer: int | None = None) -> "Visit":
        """Another connection of the same client."""
        made = Connection(self.place, self.session, self.connection.is_tls, self.place.ticket(), receive_buffer)
        return Visit(made, self.numbers, self.tally)


def ask(connection: Connection, path: str, status: int = 200, **how: object) -> tuple[Entry, Response]:
    """Sends a request and receives the head of an answer with that status."""
    entry = connection.send(path, **how)
    response = connection.receive(entry)
    if response.status != status:
        text = response.read()[:300].decode(errors="replace")
        raise Wrong(f"{entry.method} {entry.url} was answered {response.status}, not {status}: {text}")
    return entry, response


def path(flavour: str, size: int, name: object) -> str:
    """Where a body is."""
    return f"/v1/{flavour}/{size}/{name}"


def popular(visit: Visit, flavour: str, sizes: tuple[int, ...], names: int) -> Body:
    """One of the bodies that are asked for again and again."""
    size = visit.numbers.choice(sizes)
    return Body(path(flavour, size, visit.numbers.randrange(names)))


def hit_small(visit: Visit) -> None:
    """Small bodies that are mostly stored."""
    visit.get(popular(visit, "hit", SMALL, 100))


def hit_large(visit: Visit) -> None:
    """Large ones."""
    visit.get(popular(visit, "hit", (1 << 20, 5_000_000), 4))


def hit_text(visit: Visit) -> None:
    """Text, which is stored compressed."""
    visit.get(popular(visit, "text", (60_000, 300_000, 2_000_000), 6))


def gzip_text(visit: Visit) -> None:
    """Text that the origin sends coded and the service decodes."""
    name: object = visit.numbers.randrange(20) if visit.numbers.random() < 0.7 else unique()
    body = Body(path("gzip", visit.numbers.choice((3_000, 100_000, 600_000)), name))
    response = visit.get(body, fields=("Accept-Encoding: gzip",))
    if response.field("content-encoding"):
        raise Wrong(f"{body.path} came with a content coding")


def miss_small(visit: Visit) -> None:
    """Small bodies that nobody has asked for."""
    visit.get(Body(path("miss", visit.numbers.choice(SMALL), unique())))


def miss_medium(visit: Visit) -> None:
    """Larger ones."""
    visit.get(Body(path("miss", visit.numbers.choice((70_000, 300_000)), unique())))


def miss_large(visit: Visit) -> None:
    """Much larger ones."""
    visit.get(Body(path("miss", visit.numbers.choice((3_000_000, 12_000_000)), unique())))


def chunked(visit: Visit) -> None:
    """Bodies of unknown length, stored and not."""
    name: object = visit.numbers.randrange(20) if visit.numbers.random() < 0.5 else unique()
    visit.get(Body(path("chunked", visit.numbers.choice((0, 1, 9_000, 65_536, 400_000)), name)))


def unstored(visit: Visit) -> None:
    """Bodies that must not be stored."""
    visit.get(Body(path("nostore", visit.numbers.choice((0, 5_000, 200_000)), visit.numbers.randrange(50))))


def private(visit: Visit) -> None:
    """Answers to credentials of the client's own."""
    body = Body(path("hit", visit.numbers.choice(SMALL), f"private-{visit.numbers.randrange(20)}"))
    visit.get(body, fields=("Authorization: Bearer soak",))


def _range_of(visit: Visit, size: int) -> tuple[str, int, int]:
    first = visit.numbers.randrange(size)
    end = min(size, first + 1 + visit.numbers.randrange(size))
    form = visit.numbers.randrange(3)
    if form == 0:
        return f"{first}-{end - 1}", first, end
    if form == 1:
        return f"{first}-", first, size
    return f"-{size - first}", first, size


def single_range(visit: Visit) -> None:
    """One range, of stored and of absent bodies."""
    name: object = visit.numbers.randrange(20) if visit.numbers.random() < 0.7 else unique()
    body = Body(path("hit", visit.numbers.choice((10_000, 300_000, 2_000_000)), name))
    text, first, end = _range_of(visit, body.size)
    entry, response = visit.ask(body.path, 206, fields=(f"Range: bytes={text}",))
    wanted = f"bytes {first}-{end - 1}/{body.size}"
    if response.field("content-range") != wanted:
        raise Wrong(f"{entry.url}: {response.field('content-range')} instead of {wanted}")
    _compare_part(visit, entry, response.read(), body, first, end)
    entry.digest, entry.size = body.digest, end - first


def _compare_part(visit: Visit, entry: Entry, got: bytes, body: Body, first: int, end: int) -> None:
    if got != body.bytes(first, end):
        raise WrongBytes(f"{entry.url}: wrong bytes in {first}-{end - 1}, {len(got)} came")
    visit.tally.checked(len(got))


def many_ranges(visit: Visit) -> None:
    """Several ranges in one answer."""
    body = Body(path("hit", visit.numbers.choice((40_000, 1 << 20)), visit.numbers.randrange(10)))
    count = visit.numbers.randrange(2, 6)
    step = body.size // count
    spans = [(i * step + visit.numbers.randrange(step // 4), (i + 1) * step - step // 2) for i in range(count)]
    text = ", ".join(f"{first}-{end - 1}" for first, end in spans)
    entry, response = visit.ask(body.path, 206, fields=(f"Range: bytes={text}",))
    boundary = re.fullmatch(r'multipart/byteranges; ?boundary="?([^"]+)"?', response.field("content-type"))
    if boundary is None:
        raise Wrong(f"{entry.url}: several ranges came as {response.field('content-type')}")
    parts = response.read().split(b"\r\n--" + boundary.group(1).encode())
    parts = [part for part in parts if part and not part.startswith(b"--\r\n")]
    # The first boundary may stand at the very beginning.
    parts[0] = parts[0].removeprefix(b"--" + boundary.group(1).encode())
    if len(parts) != count:
        raise Wrong(f"{entry.url}: {len(parts)} parts instead of {count}")
    for part, (first, end) in zip(parts, spans, strict=True):
        head, _, content = part.partition(b"\r\n\r\n")
        if f"bytes {first}-{end - 1}/{body.size}".encode() not in head:
            raise Wrong(f"{entry.url}: a part is {head!r}, not {first}-{end - 1}")
        _compare_part(visit, entry, content, body, first, end)


def segments(visit: Visit) -> None:
    """One absent body in 16 segments at once: one download from the origin.

    At once means that all connections stand before the first request goes, and that the last one goes within a second
    after it. On a machine so busy that it does not, a cache this small may have evicted the body meanwhile.
    """
    body = Body(path("whole", 4_000_000, unique()))
    step = body.size // 16
    errors: list[Exception] = []
    sent: list[float] = []
    all_stand = threading.Barrier(16, timeout=visit.place.patience)

    def fetch(number: int) -> None:
        first, end = number * step, body.size if number == 15 else (number + 1) * step
        try:
            other = visit.elsewhere()
            try:
                all_stand.wait()
                entry = other.connection.send(body.path, fields=(f"Range: bytes={first}-{end - 1}",))
                sent.append(time.monotonic())
                response = other.connection.receive(entry)
                if response.status != 206:
                    raise Wrong(f"{entry.url} was answered {response.status}, not 206")
                _compare_part(other, entry, response.read(), body, first, end)
                entry.digest, entry.size = body.digest, end - first
            finally:
                other.connection.close()
        except Exception as error:
            errors.append(error)
            all_stand.abort()

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    _, response = visit.ask(f"/count{body.path}")
    count = int(response.read())
    if count != 1 and max(sent) - min(sent) < 1.0:
        raise Wrong(f"{body.path} in 16 segments was asked of the origin {count} times")


def aborted(visit: Visit) -> None:
    """The client leaves in mid-body."""
    is_new = visit.numbers.random() < 0.5
    flavour = visit.numbers.choice(("hit", "text", "chunked", "drip"))
    size = 400_000 if flavour == "chunked" else 2_000_000
    body = Body(path(flavour, size, unique() if is_new else visit.numbers.randrange(6)))
    other = visit.elsewhere(receive_buffer=32 << 10)
    try:
        entry = other.connection.send(body.path)
        if visit.numbers.random() < 0.8:
            response = other.connection.receive(entry)
            if response.status != 200:
                raise Wrong(f"{entry.url} was answered {response.status}")
            wanted, got = visit.numbers.randrange(1, 200_000), b""
            for piece in response.pieces():
                got += piece
                if len(got) >= wanted:
                    break
            _compare_part(visit, entry, got, body, 0, len(got))
    finally:
        other.connection.close(reset=visit.numbers.random() < 0.5)


def slow_reader(visit: Visit) -> None:
    """A client that takes its time."""
    body = Body(path(visit.numbers.choice(("hit", "text", "miss")), 1_500_000, visit.numbers.choice((1, 2, unique()))))
    other = visit.elsewhere(receive_buffer=16 << 10)
    try:
        entry, response = other.ask(body.path)
        digest, last = hashlib.sha256(), 0
        for piece in response.pieces():
            digest.update(piece)
            if response.size - last > 64 << 10:
                last = response.size
                time.sleep(0.15)
        if digest.hexdigest() != body.digest:
            raise WrongBytes(f"{entry.url}: {response.size} bytes of {digest.hexdigest()}")
        entry.digest, entry.size = body.digest, response.size
        visit.tally.checked(response.size)
    finally:
        other.connection.close()


def stalled(visit: Visit) -> None:
    """A client that takes nothing any more is cut off, and sees that it was."""
    body = Body(path("hit", 12_000_000, "stalled"))
    other = visit.elsewhere(receive_buffer=16 << 10)
    try:
        _, response = other.ask(body.path)
        time.sleep(130)
        try:
            for _ in response.pieces():
                pass
        except Truncated:
            return
        raise Wrong(f"{body.path} was delivered in full to a client that took nothing for 130 s")
    finally:
        other.connection.close()


def resumed(visit: Visit) -> None:
    """The origin's connection breaks in mid-body; the client notices nothing."""
    visit.get(Body(path("break", visit.numbers.choice((200_000, 3_000_000)), unique())))


def broken(visit: Visit) -> None:
    """It breaks, and the rest is of another body: the client must see that it has not got all."""
    body = Body(path("broken", 1_000_000, unique()))
    visit.is_open = False
    entry = visit.connection.send(body.path)
    try:
        response = visit.connection.receive(entry)
        if response.status == 502:
            return
        got = b"".join(response.pieces())
    except Truncated:
        return
    raise WrongBytes(f"{entry.url} came as complete with {len(got)} bytes")


def revalidated(visit: Visit) -> None:
    """Bodies that are stale at once and change every few seconds."""
    where = path("reval", visit.numbers.choice((500, 20_000, 150_000)), visit.numbers.randrange(12))
    oldest = version_at(now() - JOINED_SECONDS)
    entry, response = visit.ask(where)
    version = int(response.field("etag").strip('"').rpartition("-")[2])
    body = Body(where, version)
    if response.field("etag") != body.tag:
        raise Wrong(f"{entry.url} has the tag {response.field('etag')}, not {body.tag}")
    visit.compare(entry, response, body)
    if not oldest <= version <= version_at(now()):
        raise Wrong(f"{entry.url} was version {version}, but {oldest} was current")


def conditional(visit: Visit) -> None:
    """A client that has the body already."""
    body = popular(visit, "hit", SMALL, 100)
    entry, response = visit.ask(body.path, 304, fields=(f"If-None-Match: {body.tag}",))
    if response.read() or response.field("etag") != body.tag:
        raise Wrong(f"{entry.url}: 304 with the tag {response.field('etag')}")


def head(visit: Visit) -> None:
    """HEAD, of stored and of absent bodies."""
    name: object = visit.numbers.randrange(100) if visit.numbers.random() < 0.8 else unique()
    body = Body(path("hit", visit.numbers.choice(SMALL), name))
    entry, response = visit.ask(body.path, method="HEAD")
    response.read()
    if response.field("content-length") != str(body.size) or response.field("etag") != body.tag:
        raise Wrong(f"HEAD {entry.url}: {response.field('content-length')} bytes, tag {response.field('etag')}")


def error_status(visit: Visit) -> None:
    """Answers that are errors come as the origin sent them."""
    status = visit.numbers.choice((404, 410, 500, 503))
    body = Body(path(f"status{status}", visit.numbers.choice((0, 300, 20_000)), visit.numbers.randrange(20)))
    visit.get(body, status=status)


def no_answer(visit: Visit) -> None:
    """Origins that end the connection without an answer, and origins that are not there."""
    if visit.numbers.random() < 0.5 or visit.connection.is_tls:
        visit.ask(path("reset", 1, visit.numbers.randrange(10)), 502)[1].read()
    else:
        authority = f"{visit.place.authority}:{visit.place.dead_port}"
        visit.ask("/", 502, authority=authority)[1].read()


def upload(visit: Visit) -> None:
    """A request with a body, of known and of unknown length."""
    content = visit.numbers.randbytes(visit.numbers.choice((0, 1, 2_000, 300_000)))
    entry, response = visit.ask(
        path("echo", 0, unique()), method="POST", body=content, is_chunked=visit.numbers.random() < 0.5
    )
    text = response.read().decode()
    if text != f"{len(content)} {hashlib.sha256(content).hexdigest()}":
        raise WrongBytes(f"POST {entry.url}: the origin received {text}")


def unauthorised(visit: Visit) -> None:
    """A wrong token."""
    stranger = Session(visit.session.id, "wrong", "permissive", 0, 0)
    other = Connection(visit.place, stranger, is_tls=False)
    try:
        entry = other.send(path("hit", 200, 0))
        response = other.receive(entry)
        response.read()
        if response.status != 407:
            raise Wrong(f"a wrong token was answered {response.status}")
    finally:
        other.close()


def half_request(visit: Visit) -> None:
    """A client that leaves in the middle of a request's head."""
    other = visit.elsewhere()
    other.connection.send_raw(b"GET / HTTP/1.1\r\nHost: exa")
    other.connection.close(reset=visit.numbers.random() < 0.5)


def strict_wheel(visit: Visit) -> None:
    """A wheel from a trusted origin: good ones are delivered, others refused."""
    is_good = visit.numbers.random() < 0.8
    seed = f"{visit.numbers.randrange(60) if visit.numbers.random() < 0.7 else unique()}"
    where = wheel_path(seed, is_good, by_digest=is_good and visit.numbers.random() < 0.5)
    if not is_good:
        visit.ask(where, 403)[1].read()
        return
    content = wheel(where)
    entry, response = visit.ask(where)
    got = response.read()
    if got != content:
        raise WrongBytes(f"{entry.url}: {len(got)} bytes, not {len(content)}")
    entry.digest, entry.size = hashlib.sha256(content).hexdigest(), len(content)
    visit.tally.checked(len(got))


def strict_refusal(visit: Visit) -> None:
    """What nobody claims is refused."""
    visit.ask(path("hit", 200, 0), 403)[1].read()


@dataclass(frozen=True)
class Kind:
    """One kind of work, and how often it is done beside the others."""

    name: str
    work: Callable[[Visit], None]
    weight: float
    policy: str = "permissive"


KINDS = [
    Kind("hit-small", hit_small, 30), Kind("hit-large", hit_large, 1.2), Kind("hit-text", hit_text, 3),
    Kind("gzip", gzip_text, 2), Kind("miss-small", miss_small, 20), Kind("miss-medium", miss_medium, 3),
    Kind("miss-large", miss_large, 0.3), Kind("chunked", chunked, 4), Kind("unstored", unstored, 3),
    Kind("private", private, 3), Kind("range", single_range, 5), Kind("ranges", many_ranges, 2),
    Kind("segments", segments, 0.15), Kind("aborted", aborted, 2.5), Kind("slow-reader", slow_reader, 0.15),
    Kind("resumed", resumed, 1), Kind("broken", broken, 0.6), Kind("revalidated", revalidated, 6),
    Kind("conditional", conditional, 4), Kind("head", head, 2), Kind("error", error_status, 2),
    Kind("no-answer", no_answer, 0.7), Kind("upload", upload, 2), Kind("unauthorised", unauthorised, 0.7),
    Kind("half-request", half_request, 0.5),
    Kind("strict-wheel", strict_wheel, 3, "strict"), Kind("strict-refusal", strict_refusal, 0.7, "strict"),
]
# Work of a thread of its own.
STALLED = Kind("stalled", stalled, 0)
