"""What the origin sends for a path: a function of the path, so that a client can tell every wrong byte."""

import base64
import hashlib
import io
import random
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..packages import PackageList

# Not a multiple of any block or page, so that a piece at a wrong place is never the right one by chance.
POOL_BYTES = 3_999_971
STAMP_BYTES = 64
# How long one version of a body that changes lasts.
VERSION_SECONDS = 7.0

# Flavours whose bodies compress.
TEXTS = {"text", "gzip"}
# Flavours whose bodies change with time.
CHANGING = {"reval"}


def version_at(seconds: float) -> int:
    """The version that the origin has at a moment of CLOCK_MONOTONIC, which all processes share."""
    return int(seconds / VERSION_SECONDS)


def now() -> float:
    """That clock."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


@lru_cache(maxsize=2)
def _pool(is_text: bool) -> memoryview:
    """The bytes that bodies are cut from, the same in each process."""
    if is_text:
        entries, text = PackageList(), bytearray()
        while len(text) < POOL_BYTES:
            text += entries.source().encode()
        return memoryview(bytes(text[:POOL_BYTES]))
    return memoryview(random.Random(20221122).randbytes(POOL_BYTES))


@dataclass(frozen=True)
class Body:
    """One body: `/v1/FLAVOUR/SIZE/NAME`, and the version where there are several."""

    path: str
    version: int = 0

    @property
    def flavour(self) -> str:
        """The part of the path that says how the origin behaves."""
        return self.path.split("/")[2]

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return int(self.path.split("/")[3])

    @property
    def tag(self) -> str:
        """The strong entity tag."""
        return f'"{self._stamp[:16].decode()}-{self.version}"'

    @property
    def _stamp(self) -> bytes:
        return hashlib.sha256(f"{self.path} {self.version}".encode()).hexdigest().encode()

    def pieces(self, first: int = 0, end: int | None = None) -> Iterator[bytes | memoryview]:
        """The bytes from `first` up to `end`."""
        stamp = self._stamp
        end = self.size if end is None else end
        if first < STAMP_BYTES and first < end:
            yield stamp[first : min(end, STAMP_BYTES)]
        pool = _pool(self.flavour in TEXTS)
        start = int(stamp[:8], 16)
        position = max(first, STAMP_BYTES)
        while position < end:
            place = (start + position) % len(pool)
            piece = pool[place : place + min(end - position, len(pool) - place)]
            yield piece
            position += len(piece)

    def bytes(self, first: int = 0, end: int | None = None) -> bytes:
        """The same in one piece."""
        return b"".join(self.pieces(first, end))

    @property
    def digest(self) -> str:
        """SHA-256 of the whole, in hexadecimal."""
        return _digest(self)


@lru_cache(maxsize=4096)
def _digest(body: Body) -> str:
    digest = hashlib.sha256()
    for piece in body.pieces():
        digest.update(piece)
    return digest.hexdigest()


@lru_cache(maxsize=256)
def wheel(path: str) -> bytes:
    """A Python wheel: `/…/<hex>/soakgood-1.0-py3-none-any.whl`, or `soakbad`, which lacks a file of its RECORD."""
    folder, name = path.split("/")[-2:]
    package = name.split("-")[0]
    numbers = random.Random(folder)
    members = {
        f"{package}/__init__.py": b"",
        f"{package}/data.bin": numbers.randbytes(numbers.choice([2_000, 30_000, 150_000])),
        f"{package}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
        f"{package}-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for member, content in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{member},sha256={digest},{len(content)}\n"
    members[f"{package}-1.0.dist-info/RECORD"] = f"{record}{package}-1.0.dist-info/RECORD,,\n".encode()
    if package == "soakbad":
        del members[f"{package}/data.bin"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for member, content in members.items():
            file.writestr(zipfile.ZipInfo(member), content)
    return archive.getvalue()


def wheel_path(seed: str, is_good: bool, by_digest: bool) -> str:
    """Where a wheel is; with the digest in its path a strict session lets it stream."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    name = f"{'soakgood' if is_good else 'soakbad'}-1.0-py3-none-any.whl"
    if by_digest:
        return f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{name}"
    return f"/wheels/{digest}/{name}"
