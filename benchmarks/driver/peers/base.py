"""What every proxy under measurement has in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from ..machine import find_program
from ..origin import Origin
from ..processes import Process, Workspace

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "peers"

# The same space for every cache that writes files.
CACHE_BYTES = 8 << 30


@dataclass(frozen=True)
class Context:
    """What a proxy needs to be started."""

    workspace: Workspace
    core: int
    origin: Origin
    programs: Path
    floor: Path


class Peer(ABC):
    """A proxy under measurement, running from when it is made until `stop`."""

    name: str
    title: str
    # The Debian package, and the program by which its presence is told; none for our own.
    package: str | None = None
    program: str | None = None
    # A proxy without a cache asks the origin for hits too.
    caches = True
    # Where its bodies are, when it keeps them as files that grow with them.
    storage: Path | None = None

    process: Process

    @classmethod
    def find(cls) -> str | None:
        """Where its program is."""
        return find_program(cls.program) if cls.program else None

    def begin(self) -> None:
        """Called before each measurement."""

    @abstractmethod
    def target(self, path: str, tls: bool) -> list[str]:
        """What the load client is told: options and URL."""

    def end(self, requests: int) -> None:
        """Called after each measurement, with how many requests have been answered since `begin`."""

    def stop(self) -> None:
        """Ends it, when a row wants one of its own."""
        self.process.stop()


def fill(name: str, into: Path, **values: object) -> None:
    """Writes the template of that name with its @NAMES@ replaced."""
    text = (TEMPLATES / name).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key.upper()}@", str(value))
    into.write_text(text)
