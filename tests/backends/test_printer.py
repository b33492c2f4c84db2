"""The printer of syntax trees: Ruff's formatter has nothing to change, and Python reads the tree."""

from __future__ import annotations

import ast
import inspect
import subprocess
from pathlib import Path

import pytest

from archc.backends.torchfile.printer import printed

GOLDENS = Path(__file__).parent.parent / "goldens" / "pytorch"


def formatted(text: str) -> str:
    """Return what Ruff makes of a text with its own defaults."""
    command = ["ruff", "format", "--isolated", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def dumped(text: str) -> str:
    """Return a text as a tree, with docstrings as they are read."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        match node:
            case ast.Expr(ast.Constant(str(text)) as constant):
                constant.value = inspect.cleandoc(text)
    return ast.dump(tree)


@pytest.mark.parametrize("path", sorted(GOLDENS.glob("*.py")), ids=lambda path: path.stem)
def test_emitted_files(path: Path) -> None:
    """What is emitted today comes back from its tree as Ruff has it."""
    text = path.read_text(encoding="utf-8")

    output = printed(ast.parse(text))

    assert dumped(output) == dumped(text)
    assert formatted(output) == output
    assert formatted(ast.unparse(ast.parse(output))) == output
