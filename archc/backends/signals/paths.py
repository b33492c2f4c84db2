"""Paths by their length, as text, Markdown, CSV or JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archc.backends.signals.write import as_json, comma_separated, number, report, whole
from archc.passes.paths import Paths

ROWS = 24
"""So many lengths at most are listed in a table; CSV and JSON have all."""

NOUNS = {"branches": "residual branches", "layers": "weighted layers"}
LOST = (1, 2, 3, 5, 10, 20, 50)


def text(found: Sequence[Paths], form: str = "text") -> str:
    """Write the number of paths, their lengths, and what deletions leave."""
    first = found[0]
    head = [f"{first.name}: {whole(first.total)} paths from input to output"]
    if first.deleted:
        left = f"of {whole(first.intact)}, {100 * first.surviving:.3g} %"
        head[0] += f", without {', '.join(first.deleted)} ({left})"
    if first.total:
        head += [_summary(one) for one in found]
    sections = [(f"Paths by {NOUNS[one.length]}", _rows(one)) for one in found if one.total]
    branches = next((one for one in found if one.length == "branches" and one.units), None)
    if branches is not None and branches.total and not branches.deleted:
        sections.append(("Paths that deleted branches leave, on average", _survival(branches)))
    return report(head, sections, form)


def _summary(one: Paths) -> str:
    low, high = one.middle
    return (
        f"{NOUNS[one.length]}: {one.units}; on a path {number(one.mean)} ± {number(one.deviation)},"
        f" the middle 95 % of paths have {low} to {high}"
    )


def _rows(one: Paths) -> list[dict[str, Any]]:
    listed = sorted(one.counts, key=lambda k: -one.counts[k])[:ROWS]
    most = max(one.counts.values())
    return [
        {
            NOUNS[one.length]: k,
            "paths": whole(one.counts[k]),
            "share": f"{100 * one.share(k):.3g} %",
            "": "█" * round(24 * one.share(k) / max(one.share(_top(one, most)), 1e-300)),
        }
        for k in sorted(listed)
    ]


def _top(one: Paths, most: int) -> int:
    return next(k for k, n in one.counts.items() if n == most)


def _survival(one: Paths) -> list[dict[str, Any]]:
    steps = [d for d in LOST if d <= one.units]
    return [{"deleted": d, "paths left": f"{float(100 * one.survival(d)):.3g} %"} for d in steps]


def csv(found: Sequence[Paths]) -> str:
    """Write a line for each length, counts exact."""
    return comma_separated(
        [
            {"length": one.length, "k": k, "paths": n, "share": one.share(k)}
            for one in found
            for k, n in one.counts.items()
        ]
    )


def json(found: Sequence[Paths]) -> str:
    """Write everything, counts exact."""
    return as_json(
        {"network": found[0].name, "without": found[0].deleted}
        | {"paths": [_data(p) for p in found]}
    )


def _data(one: Paths) -> dict[str, Any]:
    survival = range(one.units + 1) if one.length == "branches" and not one.deleted else ()
    return {
        "length": one.length,
        "units": one.units,
        "total": one.total,
        "intact": one.intact,
        "mean": one.mean,
        "deviation": one.deviation,
        "middle": one.middle,
        "counts": dict(one.counts),
        "survival": [float(one.survival(d)) for d in survival],
    }


FORMATS: dict[str, Callable[[Sequence[Paths]], str]] = {
    "text": text,
    "markdown": lambda found: text(found, "markdown"),
    "csv": csv,
    "json": json,
}
