"""The table on the terminal and in the README, and the JSON beside it."""

import json
import statistics
from datetime import date
from pathlib import Path

from .rows import FIGURES, Row

# Per row and peer: one dictionary of figures per round.
Measured = dict[str, dict[str, list[dict[str, float]]]]


def spread(values: list[float], factor: float, digits: int) -> str:
    """The median with the least and the greatest."""
    scaled = [value * factor for value in values]
    return f"{statistics.median(scaled):,.{digits}f} ({min(scaled):,.{digits}f}–{max(scaled):,.{digits}f})"


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    """Ours divided by theirs, round by round; only rounds where that means something."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True) if other > 0]


def table(rows: list[Row], measured: Measured) -> str:
    """The table in Markdown, its columns aligned."""
    lines = [["work", "figure", "ours", "nginx", "ours ÷ nginx"]]
    for row in rows:
        for figure in row.figures:
            title, factor, digits = FIGURES[figure]
            ours, theirs = ([round[figure] for round in measured[row.title][peer]] for peer in ("ours", "nginx"))
            quotients = ratios(ours, theirs)
            lines.append([
                row.title if figure == row.figures[0] else "",
                title, spread(ours, factor, digits), spread(theirs, factor, digits),
                spread(quotients, 1, 2) if quotients else "–",
            ])
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def machine_line(machine: dict[str, str]) -> str:
    """One line about where the figures come from."""
    return (
        f"{date.today().isoformat()}: {machine['cpu']}, {machine['cores']} cores, {machine['memory']}; "
        f"Linux {machine['kernel']}, {machine['system']}, storage on {machine['storage']}; "
        f"{machine['service']}, {machine['nginx']}, {machine['openssl']}"
    )


def write_json(path: Path, machine: dict[str, str], rounds: int, measured: Measured) -> None:
    """Everything that was measured, in base units (seconds, bytes)."""
    path.parent.mkdir(exist_ok=True)
    document = {"date": date.today().isoformat(), "machine": machine, "rounds": rounds, "rows": measured}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
