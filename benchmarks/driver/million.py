"""A cache of a million entries: how soon it serves after a start, and in how much memory."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .peers import FetchService, Peer
from .processes import BenchmarkError
from .rows import Bench, Figures, Row

# More than the entries claim to take, so that nothing is evicted.
CACHE_BYTES = 64 << 30

# What a copied entry does not have from the one that it is a copy of; columns that are not named are copied.
CHANGED = {
    "blobs": {"no": "copies.blob", "digest": "copies.digest"},
    "facts": {"no": None, "digest": "copies.digest"},
    "responses": {
        "id": None, "digest": "copies.digest", "digest_key": "copies.blob", "key_hash": "copies.key_hash",
        "key": "original.key || '-' || copies.no",
    },
}


@dataclass
class Million(Row):
    """Starts with a state folder whose cache has a million entries.

    `real` ones are fetched through the service; the others are copies of their rows under other names and digests,
    with the originals' places on disk. Only the real ones are asked for.
    """

    entries: int = 1_000_000
    real: int = 10_000
    path: str = "/miss/10k.bin/entry-{}"
    _spool: Path | None = field(default=None, init=False)

    def prepare(self, bench: Bench, peer: Peer) -> None:
        service = FetchService(bench.context, cache_bytes=CACHE_BYTES)
        service.begin()
        result = bench.client.run([
            "--cold", "--connections", "16", "--requests", str(self.real), "--first", "0",
            *service.target(self.path, tls=False),
        ])
        if result["asked"] != self.real:
            raise BenchmarkError(f"{self.real} entries took {result['asked']} requests to the origin")
        service.end(self.real)
        service.stop()
        multiply(service.spool / ".store" / "cache.db", self.entries)
        self._spool = service.spool

    def measure(self, bench: Bench, peer: Peer) -> Figures:
        assert self._spool is not None
        service = FetchService(bench.context, self._spool, CACHE_BYTES)
        try:
            service.process.require_pinned()
            service.begin()
            target = service.target(self.path, tls=False)
            first = bench.client.run(["--cold", "--requests", "1", "--first", "7", *target])
            memory = service.process.resident
            others = bench.client.run([
                "--cold", "--connections", "8", "--requests", str(self.real), "--first", "0", *target,
            ])
            asked = first["asked"] + others["asked"]
            if asked != 0:
                raise BenchmarkError(f"hits became {asked} requests at the origin")
            memory = max(memory, service.process.resident)
            service.end(self.real + 1)
        finally:
            service.stop()
        kept = count(self._spool / ".store" / "cache.db")
        if kept < self.entries:
            raise BenchmarkError(f"only {kept} of {self.entries} entries are left")
        return {"ready": service.ready_after, "first_hit": first["complete"]["median"], "memory": memory}


def count(path: Path) -> int:
    """How many responses a cache.db has."""
    database = sqlite3.connect(path)
    try:
        return database.execute("SELECT count(*) FROM responses").fetchone()[0]
    finally:
        database.close()


def signed(value: bytes) -> int:
    """Eight bytes as SQLite holds them."""
    return int.from_bytes(value, "big", signed=True)


def copies(originals: list[bytes], first: int, number: int) -> Iterator[tuple[int, bytes, bytes, int, int]]:
    """Digests and hashes for `number` copies, random, as those of real entries look, and their blobs' numbers."""
    for index in range(number):
        yield index, originals[index % len(originals)], os.urandom(32), first + index, signed(os.urandom(8))


def multiply(path: Path, entries: int) -> None:
    """Copies the rows of a cache.db, of a service that has ended, until it has so many responses."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.executescript(
            "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000; "
            "PRAGMA temp_store = MEMORY;"
        )
        originals = [row[0] for row in database.execute("SELECT digest FROM responses ORDER BY id")]
        wrong = database.execute(
            "SELECT count(*) FROM responses LEFT JOIN blobs USING (digest) WHERE digest_key IS NOT blobs.no"
        ).fetchone()[0]
        first = database.execute("SELECT max(no) + 1 FROM blobs").fetchone()[0]
        if wrong != 0 or len(set(originals)) != len(originals):
            raise BenchmarkError("cache.db is not as driver/million.py knows it")
        database.execute("BEGIN")
        database.execute(
            "CREATE TEMP TABLE copies "
            "(no INTEGER PRIMARY KEY, original BLOB, digest BLOB, blob INTEGER, key_hash INTEGER)"
        )
        database.executemany(
            "INSERT INTO copies VALUES (?, ?, ?, ?, ?)", copies(originals, first, entries - len(originals))
        )
        for table, changed in CHANGED.items():
            names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            names = [name for name in names if changed.get(name, "") is not None]
            values = [changed.get(name) or f"original.{name}" for name in names]
            # Read before written: the statement must not come upon its own rows.
            database.execute(f"CREATE TEMP TABLE original_{table} AS SELECT * FROM {table}")
            database.execute(f"CREATE INDEX temp.original_{table}_digest ON original_{table} (digest)")
            database.execute(
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM copies "
                f"JOIN original_{table} AS original ON original.digest = copies.original"
            )
        factor = entries / len(originals)
        database.execute(
            "UPDATE settings SET blobs = blobs * ?1, responses = responses * ?1, "
            "bytes_on_disk = bytes_on_disk * ?1, logical_bytes = logical_bytes * ?1", (int(factor),)
        )
        database.execute("COMMIT")
        database.executescript("PRAGMA journal_mode = WAL;")
    finally:
        database.close()
