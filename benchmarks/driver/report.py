"""The table on the terminal and in the README, what it says of each demand, and the JSON beside it."""

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from .rows import FIGURES, Bound, Figures, Row

# Per row and peer: one dictionary of figures per round.
Measured = dict[str, dict[str, list[Figures]]]


@dataclass(frozen=True)
class Verdict:
    """What became of one demand."""

    row: str
    figure: str
    demand: str
    # Per round; empty when it could not be judged.
    values: list[float]
    against: str
    result: str


def spread(values: list[float], factor: float, digits: int) -> str:
    """The median with the least and the greatest."""
    scaled = [value * factor for value in values]
    middle, least, greatest = (
        f"{value:,.{digits}f}" for value in (statistics.median(scaled), min(scaled), max(scaled))
    )
    return middle if least == greatest else f"{middle} ({least}–{greatest})"


def series(measured: Measured, row: str, peer: str, figure: str) -> list[float]:
    """A figure in all rounds."""
    return [figures[figure] for figures in measured.get(row, {}).get(peer, [])]


def describe(bound: Bound, title_of: Callable[[str], str]) -> str:
    """The demand in words."""
    if bound.against_row is not None:
        return f"≤ {bound.limit:g} × ours of “{bound.against_row}”"
    if len(bound.against) > 1:
        return f"≤ {bound.limit:g} × the best"
    if bound.against:
        return f"≤ {bound.limit:g} × {title_of(bound.against[0])}"
    _, factor, _ = FIGURES[bound.figure]
    return f"≤ {bound.limit * factor:g}"


def judge(row: Row, bound: Bound, measured: Measured, title_of: Callable[[str], str]) -> Verdict:
    """Holds what was measured against a demand."""
    demand = describe(bound, title_of)
    ours = series(measured, row.title, "ours", bound.figure)
    others: list[float] = []
    against = ""
    lacking = [] if ours else ["ours"]
    if bound.against_row is not None:
        others = series(measured, bound.against_row, "ours", bound.figure)
        against = "ours"
        if not others:
            lacking.append(f"“{bound.against_row}”")
    elif bound.against:
        found = {peer: series(measured, row.title, peer, bound.figure) for peer in bound.against}
        lacking += [title_of(peer) for peer, values in found.items() if not values]
        if not lacking:
            best = min(found, key=lambda peer: statistics.median(found[peer]))
            others, against = found[best], title_of(best)
    if lacking:
        return Verdict(row.title, bound.figure, demand, [], "", f"not judged: {', '.join(lacking)} missing")
    values = [mine / other for mine, other in zip(ours, others, strict=False)] if others else ours
    result = "pass" if statistics.median(values) <= bound.limit else "FAIL"
    return Verdict(row.title, bound.figure, demand, values, against, result)


def judge_all(rows: list[Row], measured: Measured, title_of: Callable[[str], str]) -> list[Verdict]:
    """All demands of the rows."""
    return [judge(row, bound, measured, title_of) for row in rows for bound in row.bounds]


def table(rows: list[Row], peers: list[tuple[str, str]], measured: Measured, verdicts: list[Verdict]) -> str:
    """The table in Markdown, its columns aligned; `peers` are names and titles."""
    lines = [["work", "figure", *(title for _, title in peers), "must be", "is", "result"]]
    for row in rows:
        for figure in row.figures:
            title, factor, digits = FIGURES[figure]
            cells = []
            for peer, _ in peers:
                values = series(measured, row.title, peer, figure)
                cells.append(spread(values, factor, digits) if values else "–")
            start = [row.title if figure == row.figures[0] else "", title, *cells]
            for verdict in [v for v in verdicts if v.row == row.title and v.figure == figure] or [None]:
                end = ["", "", ""]
                if verdict is not None:
                    shown = ""
                    if verdict.values:
                        shown = (
                            spread(verdict.values, 1, 2) + f" × {verdict.against}" if verdict.against
                            else spread(verdict.values, factor, digits)
                        )
                    end = [verdict.demand, shown, verdict.result]
                lines.append([*start, *end])
                start = [""] * len(start)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def machine_line(machine: dict[str, str], versions: dict[str, str]) -> str:
    """One line about where the figures come from."""
    return (
        f"{date.today().isoformat()}: {machine['cpu']}, {machine['cores']} cores, {machine['memory']}; "
        f"Linux {machine['kernel']}, {machine['system']}, storage on {machine['storage']}; "
        f"{machine['service']}, {', '.join(f'{title} {version}' for title, version in versions.items())}, "
        f"{machine['openssl']}"
    )


def write_json(
    path: Path, machine: dict[str, str], versions: dict[str, str], rounds: int, measured: Measured,
    verdicts: list[Verdict], failures: dict[str, str],
) -> None:
    """Everything that was measured, in base units (seconds, bytes)."""
    path.parent.mkdir(exist_ok=True)
    document = {
        "date": date.today().isoformat(), "machine": machine, "versions": versions, "rounds": rounds,
        "rows": measured, "verdicts": [asdict(verdict) for verdict in verdicts], "failures": failures,
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
