"""The table of published figures, each with the honest count and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from archc.backends.tables.model import Column, Row, Table
from archc.language.figures import spelled
from archc.passes.claims import Verdict

COLUMNS = (
    Column("variant", "variant"),
    Column("quantity", "figure"),
    Column("printed", "as printed", number=True),
    Column("count", "count", number=True),
    Column("convention", "convention"),
    Column("where", "where"),
    Column("verdict", "verdict"),
)


def claims(title: str, verdicts: Sequence[Verdict]) -> Table:
    """Return a row for every figure; why one is unreproducible stands below."""
    reasons = (
        f"{v.variant}, {v.quantity} {v.figure.text}: {v.reason}" for v in verdicts if v.reason
    )
    rows = tuple(_row(verdict) for verdict in verdicts)
    return Table(title, COLUMNS, rows, notes=(_summary(verdicts), *reasons), keys=2)


def _row(verdict: Verdict) -> Row:
    counted = verdict.convention
    if verdict.figure.step > 1:
        counted += f", {verdict.digits}"
    return (
        verdict.variant, verdict.quantity, verdict.figure.text, spelled(verdict.count),
        counted, verdict.where, verdict.outcome,
    )  # fmt: skip


def _summary(verdicts: Sequence[Verdict]) -> str:
    outcomes = [v.outcome for v in verdicts]
    counts = (f"{outcomes.count(o)} {o}" for o in dict.fromkeys(outcomes))
    return ", ".join(counts) or "no claims"
