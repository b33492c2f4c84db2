"""One module spells text for outputs: a walk over the code finds who else would."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from archc.backends.pytorch.render import unparse
from archc.escaping import python_source

PACKAGE = Path(__file__).resolve().parent.parent / "archc"
MODULES = [p for p in sorted(PACKAGE.rglob("*.py")) if p.name != "escaping.py"]

QUOTERS = ("html", "xml.sax", "xml.dom", "csv", "shlex", "markupsafe", "pipes")
"""Libraries that escape, or write formats in which something must be."""

SPECIAL = set("\"'\\<>&|$%#`_*~\n\r\x1b")
"""What means something to a target."""

ALLOWED = {
    "backends/torchfile/literals.py": [
        'replaces "\\\\\'" by "\'"',
        'replaces \'"""\' by \'\\\\"\\\\"\\\\"\'',
    ],
    "commands/diff_git.py": [r"replaces '\r\n' by '\n'"],
    "ops/translating.py": ["replaces \"'\" by '\"'"],
}
"""How a tree's strings are written as Python; ends of lines as git compares them; what a help
says of an argument that Python spelled."""

WRITERS = (
    "dot.py",
    "dot_family.py",
    "mermaid.py",
    "notice.py",
    "tables/latex.py",
    "tables/data.py",
)
TEXTS = {"title", "counts", "via", "shape", "caption", "description"}
"""What tables and pictures have of a spec's text."""

HARMLESS = {
    "len",
    "split",
    "wrap",
    "filter",
    "bool",
    "isinstance",
    "_cell",
    "_row",
    "_markup",
    "_markdown",
    "lined",
    "small",
}
"""Calls that only look at a text, cut it, or hand it to what escapes it."""


def parsed(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            child.parent = node  # type: ignore[attr-defined]
    return tree


def around(node: ast.AST) -> Iterator[ast.AST]:
    while (node := getattr(node, "parent", None)) is not None:  # type: ignore[assignment]
        yield node


def escapes(tree: ast.Module) -> set[str]:
    """Return the names by which a module calls what escapes."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "archc.escaping"
        for alias in node.names
    }


def called(node: ast.Call) -> str:
    """Return the name of what is called; of `escaping.x`, all of it."""
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value
        whole = isinstance(owner, ast.Name) and owner.id == "escaping"
        return ast.unparse(node.func) if whole else node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def homemade(path: Path) -> Iterator[str]:
    """Yield what a module does to escape or quote text by itself."""
    tree = parsed(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
            )
            yield from (f"imports {n}" for n in names if n.startswith(QUOTERS))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("json.dumps", "json.dump"):
            yield "json.dumps"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "replace"
        ):
            old, new = ([getattr(a, "value", None) for a in node.args] + [None, None])[:2]
            if (
                isinstance(old, str)
                and isinstance(new, str)
                and old
                and set(old) <= SPECIAL
                and SPECIAL & set(new)
            ):
                yield f"replaces {old!r} by {new!r}"
        if isinstance(node, ast.JoinedStr) and "pytorch" in path.parts:
            yield from quotes(node)


def quotes(node: ast.JoinedStr) -> Iterator[str]:
    """Yield what stands between two double quotes of a formatted string of code."""
    parts = node.values
    for before, value, after in zip(parts, parts[1:], parts[2:], strict=False):
        if isinstance(before, ast.Constant) and isinstance(after, ast.Constant):
            opened, closed = str(before.value), str(after.value)
            if (
                opened.endswith('"')
                and closed.startswith('"')
                and not opened.endswith(('f"', '"""'))
            ):
                yield f"quotes {ast.unparse(value)}"


def test_nothing_else_escapes() -> None:
    """No module but one escapes, and what writes Python puts nothing between quotes by hand."""
    found = {p.relative_to(PACKAGE).as_posix(): sorted(set(homemade(p))) for p in MODULES}
    assert {k: v for k, v in found.items() if v} == ALLOWED


@pytest.mark.parametrize("name", WRITERS)
def test_texts_are_escaped(name: str) -> None:
    """What writes markup takes texts of tables and pictures through what escapes them alone."""
    tree = parsed(PACKAGE / "backends" / name)
    loose = [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in TEXTS
        and not spelled(node, escapes(tree))
    ]

    assert loose == []


def spelled(node: ast.Attribute, known: set[str]) -> bool:
    """Whether a text is escaped where it is read, or only looked at."""
    inner: ast.AST = node
    for outer in around(node):
        match outer:
            case ast.Compare() | ast.BoolOp():
                return True
            case ast.IfExp(test=test) if test is inner:
                return True
            case ast.Call():
                name = called(outer)
                handed = any(
                    ast.unparse(a) in known or ast.unparse(a).startswith("escaping.")
                    for a in outer.args
                )
                if handed or name in known or name.startswith("escaping.") or name in HARMLESS:
                    return True
            case ast.ListComp(elt=elt) | ast.GeneratorExp(elt=elt):
                calls = [called(c) for c in ast.walk(elt) if isinstance(c, ast.Call)]
                if any(c in known or c.startswith("escaping.") or c in HARMLESS for c in calls):
                    return True
            case ast.FunctionDef(name="as_json"):
                return True  # what JSON is made of; `json_text` spells all of it
        inner = outer
    return False


@pytest.mark.parametrize(
    ("text", "homemade_"),
    [
        ("from html import escape", True),
        ("import json\njson.dumps(1)", True),
        ("t.replace('\"', '\\\\\"')", True),
        ("t.replace('<', '&lt;')", True),
        ("t.replace(' ** ', '**')", False),
        ("f'name = \"{t}\"'", True),
        ("f'{python_string(t)}'", False),
    ],
)
def test_what_counts(text: str, homemade_: bool, tmp_path: Path) -> None:
    """The walk itself finds what it should, and no more."""
    path = tmp_path / "pytorch" / "x.py"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")

    assert bool(list(homemade(path))) is homemade_


@pytest.mark.parametrize(
    "text", ["a", "_string_0_", 'f(_string_0_, "x", _string_7_, "\\\\")', 'x + "a ** b"']
)
def test_python_source(text: str) -> None:
    """Names stay what they are beside strings, whatever they are."""
    assert python_source(ast.parse(text, mode="eval").body) == text


@pytest.mark.parametrize(
    ("text", "formatted"),
    [("2 ** i", "2**i"), ("f(x) ** 2", "f(x) ** 2"), ('f("a ** b")', 'f("a ** b")')],
)
def test_powers(text: str, formatted: str) -> None:
    """Formatters write powers of simple operands without spaces, and leave strings alone."""
    assert unparse(ast.parse(text, mode="eval").body) == formatted
