"""Tables of numbers as text or Markdown, and numbers as people read them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tabulate import tabulate

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
    parts = ["\n".join(head) if form == "text" else "  \n".join(head)]
    for title, rows in sections:
        if rows:
            table = tabulate(rows, headers="keys", tablefmt=STYLES[form], disable_numparse=True)
            parts.append(f"{title}\n\n{table}" if form == "text" else f"### {title}\n\n{table}")
    return "\n\n".join(parts)


def comma_separated(rows: Rows) -> str:
    """Write rows as CSV, every number in full."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_json(value: Any) -> str:
    """Write plain data as JSON; an infinite number, or none, is null."""
    return json.dumps(_finite(value), indent=1, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
