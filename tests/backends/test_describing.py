"""The comment at a block of a spec is in the docstring of its class."""

from __future__ import annotations

import ast

import pytest

import archc
from archc.diagnostics import Source

SPEC = """\
archc: 1
name: net
input: [4, 8, 8]
blocks:
ABOVE
  unit(width):BEHIND
    conv: conv(width, 3)
    act: relu
body:
  a: unit(5)
"""
PLACE = "a: (N, 4, 8, 8) -> (N, 5, 8, 8)."


def docstring(above: str, behind: str) -> str | None:
    """Return the docstring of the block's class."""
    text = SPEC.replace("ABOVE", above).replace("BEHIND", behind)
    source = archc.compile(Source("net.yaml", text)).source()
    classes = [s for s in ast.parse(source).body if isinstance(s, ast.ClassDef)]
    return ast.get_docstring(classes[0])


@pytest.mark.parametrize(
    ("above", "behind", "expected"),
    [
        ("", "", PLACE),
        ("  # Fig. 2", "", f"Fig. 2\n\n{PLACE}"),
        ("  # Of two\n  # lines.", "  # not this", f"Of two lines.\n\n{PLACE}"),
        ("", "   # y = F(x)", f"y = F(x)\n\n{PLACE}"),
        ("  # of another\n", "", PLACE),
        ('  # """ \\', "", f'""" \\\n\n{PLACE}'),
        ("  #", "", PLACE),
        (f"  # {'word ' * 40}", "", None),
    ],
)
def test_comments(above: str, behind: str, expected: str | None) -> None:
    """It stands in the first lines, whatever is in it."""
    found = docstring(above, behind)
    assert found is not None
    assert found.endswith(PLACE)
    if expected is not None:
        assert found == expected
