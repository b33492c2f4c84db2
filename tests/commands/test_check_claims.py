"""`archc check --claims`: the list of published figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

from archc.cli import app

GOLDENS = Path(__file__).parent.parent / "goldens" / "claims"

SPEC = """\
archc: 1
name: net
input: [3, 8, 8]
body:
  conv: conv(8, 3)
claims:
  net:
  - {where: Table 1, params: 216}
  - {where: Table 2, params: 0.3K, unreproducible: the authors count a norm that they don't have}
"""


def test_list(golden: Callable[[Path, str], None], zoo: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(zoo / "resnet.yaml"), "--claims"])

    assert result.exit_code == 0
    golden(GOLDENS / "resnet.txt", result.stdout)


def test_failures_are_listed_and_reported(golden: Callable[[Path, str], None]) -> None:
    """The list goes to standard output, what is wrong to standard error, and the exit code is 1."""
    result = CliRunner().invoke(app, ["check", "-", "--claims"], input=SPEC)

    assert result.exit_code == 1
    assert "error[claim-failed]" in result.stderr
    golden(GOLDENS / "failing.txt", result.stdout)


def test_json() -> None:
    result = CliRunner().invoke(app, ["check", "-", "--claims", "--format", "json"], input=SPEC)
    first, second = json.loads(result.stdout)

    assert (first["verdict"], first["count"]) == ("fails", 224)
    assert first["fits"] == ["`weights`, rounded or truncated"]
    assert (second["verdict"], second["reason"][:11]) == ("unreproducible", "the authors")
