"""`archc check-op` says of archc's own ops what is true of them: at odd sizes too, all is equal."""

from __future__ import annotations

import json

import pytest
from op_cases import CASES, LAST, MAP, TOKENS, VECTOR, Case, name_of
from typer.testing import CliRunner

from archc.cli import app
from archc.ops import OPS, spelled

LAYOUTS = {x.layout for x in (MAP, TOKENS, LAST, VECTOR)}


def simple() -> list[Case]:
    """Return one use of each op that takes maps, tokens or vectors, all of one shape."""
    found: dict[str, Case] = {}
    for op, xs in CASES:
        if xs and {x.layout for x in xs} <= LAYOUTS and all(x == xs[0] for x in xs):
            found.setdefault(op.name, (op, xs))
    return list(found.values())


def text(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else spelled(value)


@pytest.mark.parametrize("case", simple(), ids=name_of)
def test_own_ops_are_true(case: Case) -> None:
    op, xs = case
    given = op.model_dump(exclude_defaults=True)
    if OPS[op.name].keywords:
        given |= dict(given.pop(op.keywords, ()))
    words = [w for k, v in given.items() for w in ("--set", f"{k}={text(v)}")]
    shape = "6" if xs[0].layout == VECTOR.layout else "6,28,24"
    done = CliRunner().invoke(
        app, ["check-op", op.name, "--input", shape, "--format", "json", *words]
    )
    if done.exit_code == 1 and done.output.startswith("error"):
        pytest.skip(f"not on an input of {shape}: {done.output.splitlines()[0]}")

    (report,) = json.loads(done.output)
    assert done.exit_code == 0, [row for row in report["rows"] if not row["ok"]]
    assert len(report["rows"]) >= 5
