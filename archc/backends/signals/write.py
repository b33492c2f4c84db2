"""Tables of numbers as text or Markdown, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from archc.escaping import csv_row, json_text, markdown, one_line

Rows = Sequence[Mapping[str, Any]]
STYLES = {"text": "simple", "markdown": "pipe"}


def number(x: float | None) -> str:
    """Write a number with three digits: `0.0123`, `1.2e-07`; nothing for None."""
    if x is None:
        return ""
    if not math.isfinite(x):
        return str(x)
    return f"{x:.3g}" if x == 0 or 1e-3 <= abs(x) < 1e5 else f"{x:.1e}"


def whole(n: int) -> str:
    """Write a whole number: in full up to 15 digits, then its first digits and its size."""
    if n < 10**15:
        return f"{n:,}"
    digits = str(n)
    return f"{digits[0]}.{digits[1:4]}·10^{len(digits) - 1}"


def sizes(shape: Iterable[int]) -> str:
    """Write sizes: `64×256×56×56`."""
    return "×".join(map(str, shape)) or "1"


def report(head: Sequence[str], sections: Iterable[tuple[str, Rows]], form: str) -> str:
    """Write lines, then tables with their titles; a table without rows is left out."""
    spelled = one_line if form == "text" else markdown
    parts = [("\n" if form == "text" else "  \n").join(map(spelled, head))]
    for title, rows in sections:
        if rows:
            shown = [{spelled(k): spelled(str(v)) for k, v in row.items()} for row in rows]
            table = tabulate(shown, headers="keys", tablefmt=STYLES[form], disable_numparse=True)
            heading = spelled(title) if form == "text" else f"### {spelled(title)}"
            parts.append(f"{heading}\n\n{table}")
    return "\n\n".join(parts)


def comma_separated(rows: Rows) -> str:
    """Write rows as CSV, every number in full."""
    keys = list(rows[0]) if rows else []
    return "".join(map(csv_row, [keys, *([row[key] for key in keys] for row in rows)]))


def as_json(value: Any) -> str:
    """Write plain data as JSON; an infinite number, or none, is null."""
    return json_text(_finite(value), indent=1)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
