"""Every diagnostic has a bad spec in tests/bad, with its exact rendering beside it.

The first line of a bad spec lists the codes of the errors, or else warnings, that it warrants.
A line `# allowed: ops` says that its Python files may be run, `# written: onnx` that a file of
ONNX is asked for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import archc
from archc.diagnostics import Diagnostic, errors, render
from archc.language.reading import read

TESTS = Path(__file__).resolve().parent
BAD = sorted((TESTS / "bad").glob("*.yaml"))
PACKAGE = TESTS.parent / "archc"

SETTINGS = {"unknown-setting": {"num_clases": 10}}

# Codes that are put together, which no literal in a call shows.
COMPOSED = {
    "bad-key",
    "bad-value",
    "channel-mismatch",
    "shape-mismatch",
    "size-mismatch",
    "unused-let",
    "unused-param",
}
REPORTERS = {
    "Diagnostic", "EvalFault", "ShapeFault", "report", "warn", "_fault", "_stop", "_unknown", "spec_error",
}  # fmt: skip


def check(path: Path) -> list[Diagnostic]:
    try:
        source = read(path, path.name)
    except archc.SpecError as error:
        return list(error.diagnostics)
    allowed = "\n# allowed: ops\n" in source.text
    if "\n# written: onnx\n" in source.text:
        with pytest.raises(archc.SpecError) as refusal:
            archc.compile(source, allow_ops=allowed).onnx()
        return list(refusal.value.diagnostics)
    return archc.check(source, allow_ops=allowed, **SETTINGS.get(path.stem, {}))


def code_of(path: Path) -> str:
    """Return the code of a bad spec: `bad-value.2.yaml` is the second for `bad-value`."""
    return path.name.partition(".")[0]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_rendering(path: Path, golden: Callable[[Path, str], None]) -> None:
    """What a user is shown, byte for byte; the spec's first line says which codes it warrants."""
    found = check(path)
    golden(path.with_suffix(".txt"), "\n\n".join(render(d) for d in found) + "\n")
    wanted = re.search(
        r"^# (error|warning)s: (.*)$",
        path.read_text(encoding="utf-8", errors="replace"),
        re.MULTILINE,
    )

    assert wanted is not None
    of_kind = [d.code for d in found if d.severity == wanted[1]]
    assert sorted(of_kind) == sorted(wanted[2].split())
    assert wanted[1] == "error" or not errors(found)
    assert code_of(path) in {d.code for d in found}


def codes(path: Path) -> Iterator[str]:
    """Yield the codes that a module reports: first arguments that are literals in kebab case."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if name in REPORTERS and re.fullmatch(
                r"[a-z0-9]+(-[a-z0-9]+)*", str(node.args[0].value)
            ):
                yield str(node.args[0].value)


def test_every_code_has_a_bad_spec() -> None:
    """A new diagnostic comes with the spec that provokes it."""
    known = {code for path in PACKAGE.rglob("*.py") for code in codes(path)} | COMPOSED

    assert len(known) >= 45
    assert sorted(known - {code_of(path) for path in BAD}) == []
