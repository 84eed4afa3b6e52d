"""The text of the benchmark: a package list such as apt fetches, made up but always the same."""

import hashlib
import random
from pathlib import Path

SEED = 20261122

ROOTS = (
    "amber anchor arbor atlas badger basalt beacon birch bramble cedar cinder cobalt copper coral crane delta ember "
    "falcon fern flint garnet glacier harbor hazel heron indigo ivory jasper juniper kestrel lagoon lantern larch "
    "lichen linden magnet maple marble marlin meadow mesa nectar nickel oakum onyx opal orchid osprey otter pebble "
    "pepper pewter plover poplar quartz quill raven reed ridge rowan saffron sable sedge sorrel spruce sterling "
    "summit tamarack teal thistle timber topaz umber velvet violet walnut willow yarrow zephyr zinc"
).split()
KINDS = ("", "-bin", "-common", "-data", "-dev", "-doc", "-tools", "-utils", "-plugins", "-dbg")
SECTIONS = "admin devel doc games graphics libs libdevel math net python science utils".split()
WORDS = (
    "a library for reading and writing files of the format with bindings documentation and small tools that convert "
    "between versions it contains the headers needed to build programs and examples for the command line this package "
    "provides shared data used by several programs support tests interface server client module plugin fast simple"
).split()
TAGS = (
    "devel::library devel::lang:c devel::lang:python implemented-in::c implemented-in::perl interface::commandline "
    "interface::graphical role::devel-lib role::program role::shared-lib role::documentation scope::utility "
    "use::viewing use::converting works-with::audio works-with::text works-with::file x11::application "
    "uitoolkit::gtk protocol::http"
).split()


class PackageList:
    """Sources with their packages, one after the other as in an archive: neighbours are alike, as there."""

    def __init__(self) -> None:
        self._random = random.Random(SEED)
        self._number = 0
        choose = self._random.choice
        # What many depend on, each with the one version that they ask for; the first ones most often.
        self._common = ["libc6 (>= 2.34)", "libc6 (>= 2.14)"] + [
            f"lib{choose(ROOTS)}{choose(ROOTS)}{self._random.randrange(9)} (>= {self._random.randrange(9)}"
            f".{self._random.randrange(30)}.{self._random.randrange(9)})"
            for _ in range(3000)
        ]
        self._teams = [f"{a.title()} Packaging Team <{a}-{b}@lists.example>" for a in ROOTS for b in ("team", "maint")]

    def _skewed(self, values: list[str]) -> str:
        """One of them, the first ones far more often."""
        return values[int(len(values) * self._random.random() ** 5)]

    def source(self) -> str:
        """The entries of one source package."""
        choose, number = self._random.choice, self._random.randrange
        root = choose(ROOTS)
        source = f"{choose(('lib', '', '', '', 'python-', 'node-', 'r-cran-'))}{root}"
        if self._random.random() < 0.7:
            source += f"-{choose(ROOTS)}{choose(('', '', '', number(9)))}"
        version = f"{number(12)}.{number(40)}{choose(('', f'.{number(20)}'))}-{number(1, 5)}{choose(('', '', '+b1'))}"
        team, section = self._skewed(self._teams), choose(SECTIONS)
        text = " ".join(choose(WORDS) for _ in range(number(4, 8)))
        own = f"https://{root}.example/{source}"
        shared = [self._skewed(self._common) for _ in range(number(1, 9))]
        kinds = self._random.sample(KINDS, min(len(KINDS), int(self._random.expovariate(0.7)) + 1))
        pool = f"pool/main/{source[:4] if source.startswith('lib') else source[0]}/{source}"
        return "".join(
            self._package(f"{source}{kind}", source, version, team, section, text, own, shared, pool) for kind in kinds
        )

    def _package(
        self, name: str, source: str, version: str, team: str, section: str, text: str, own: str, shared: list[str],
        pool: str,
    ) -> str:
        choose, number = self._random.choice, self._random.randrange
        self._number += 1
        architecture = choose(("amd64", "amd64", "all"))
        needs = [need for need in shared if self._random.random() < 0.7] or shared[:1]
        if name != source and self._random.random() < 0.5:
            needs.insert(0, f"{source} (= {version})")
        tags = ""
        if self._random.random() < 0.5:
            tags = "Tag: " + ", ".join(sorted(self._random.sample(TAGS, number(1, 6)))) + "\n"
        label = f"{SEED} {self._number}".encode()
        return (
            f"Package: {name}\n" + (f"Source: {source}\n" if name != source else "")
            + f"Version: {version}\nInstalled-Size: {number(20, 20000)}\nMaintainer: {team}\n"
            f"Architecture: {architecture}\nDepends: {', '.join(needs)}\n"
            f"Description: {text}{choose(('', ' - ' + choose(WORDS)))}\nHomepage: {own}\n"
            f"Description-md5: {hashlib.md5(label).hexdigest()}\n{tags}"
            + ("Multi-Arch: same\n" if self._random.random() < 0.3 else "")
            + f"Section: {section}\nPriority: optional\nFilename: {pool}/{name}_{version}_{architecture}.deb\n"
            f"Size: {number(2000, 900000)}\nMD5sum: {hashlib.md5(label + b'.').hexdigest()}\n"
            f"SHA256: {hashlib.sha256(label).hexdigest()}\n\n"
        )


def write_package_list(path: Path, size: int) -> None:
    """Writes a list of exactly `size` bytes."""
    entries = PackageList()
    with path.open("wb") as file:
        written = 0
        while written < size:
            piece = entries.source().encode()[: size - written]
            file.write(piece)
            written += len(piece)
