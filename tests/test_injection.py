"""Nothing of a spec is executed: where text tries to be code, it stays text or is refused."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import onnx
import pytest

import archc
from archc.diagnostics import Source

BODY = "body:\n  conv1: conv(4, 3)\n"
HEAD = "archc: 1\nname: net\ninput: [3, 8, 8]\n"
CODE = "__import__('os').mkdir('{}')"


@pytest.mark.parametrize(
    "title",
    [
        '''x """ ; CODE; """''',
        '''x\\""" ; CODE; """''',
        '''"""; CODE; """''',
        'ends in a quote"',
        "ends in a backslash\\",
        r"The $\nu$-net, \underline{U}nits and \N{x}",
        "a\n\\input{/etc/passwd}\nCODE",
    ],
)
@pytest.mark.parametrize("place", ["title", "arxiv"])
def test_title_is_text(title: str, place: str, tmp_path: Path) -> None:
    """The docstring of the emitted file ends where archc ends it."""
    mark = tmp_path / "executed"
    title = title.replace("CODE", CODE.format(mark))
    value = title.replace("'", "''").replace("\n", "\n\n    ")
    paper = {"title": "t", place: value}
    lines = "".join(f"  {key}: '{text}'\n" for key, text in paper.items())
    arch = archc.compile(Source("net.yaml", f"{HEAD}paper:\n{lines}{BODY}"))
    tree = ast.parse(arch.source())

    assert "".join(title.split()) in "".join((ast.get_docstring(tree) or "").split())
    assert [type(node).__name__ for node in tree.body] == ["Expr", "ImportFrom", "ClassDef"]
    archc.load(Source("net.yaml", f"{HEAD}paper:\n{lines}{BODY}"))
    assert not mark.exists()


def test_key_is_no_code(tmp_path: Path) -> None:
    """A key made of an expression is held to what a key may be; nothing of it runs."""
    mark = tmp_path / "executed"
    code = ",".join(map(str, CODE.format(mark).encode()))
    text = f"""'" if exec(bytes([{code}])) else "z'"""
    quoted = text.replace('"', '\\"')
    spec = Source("net.yaml", f'{HEAD}params:\n  s: "{quoted}"\nbody:\n  a{{s}}: conv(4, 3)\n')

    with pytest.raises(archc.SpecError) as caught:
        archc.load(spec)

    assert [d.code for d in caught.value.diagnostics] == ["bad-key"]
    assert not mark.exists()


def test_settings_and_names_of_files_are_text(tmp_path: Path) -> None:
    """What is set, and where a spec was read, stand in the docstring too."""
    mark = tmp_path / "executed"
    hostile = f'""" + {CODE.format(mark)} + """'
    text = f"{HEAD}params: {{s: \"'same'\"}}\nbody:\n  conv1: conv(4 if s == 'same' else 8, 3)\n"
    arch = archc.compile(Source(f"{hostile}.yaml", text), s=repr(hostile))
    shapes = [type(node).__name__ for node in ast.parse(arch.source()).body]

    assert shapes == ["Expr", "ImportFrom", "ClassDef"]
    assert not mark.exists()


def test_a_model_of_onnx_holds_any_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Titles, settings, lines of the spec, and names of files that are no UTF-8."""
    monkeypatch.chdir(tmp_path)
    path = Path(os.fsdecode(b"\xff\x1b[31m.yaml"))
    title = 'x """ \\ <b> é \U0001f600'
    path.write_text(
        f"{HEAD}paper: {{title: '{title}'}}\nparams: {{s: \"'{title[0]}'\"}}\n"
        "body:\n  conv1: conv(4 if s == 'x' else 8, 3) # é </b>\n",
        encoding="utf-8",
    )

    model = onnx.load_from_string(archc.compile(path, s='\'x"""\'').onnx())

    facts = {fact.key: fact.value for fact in model.metadata_props}
    assert title in model.doc_string
    assert facts["archc.spec"] == r"\udcff\x1b[31m.yaml"
    assert json.loads(facts["archc.settings"]) == {"s": '\'x"""\''}
    assert [n.doc_string for n in model.graph.node if n.name == "conv1"] == [
        "conv1: conv(4 if s == 'x' else 8, 3) # é </b>"
    ]


def test_letters_of_any_plane() -> None:
    """A string in the emitted file is the one of the spec."""
    from archc.ops import Py

    for text in ("a", "'", '"', "\\", "\n", "\x1b", "é", "\U0001f600", "\ud83d", "\u2028", "\x7f"):
        assert ast.literal_eval(Py.of(text).text) == text
        assert Py.of(text).text.encode()


@pytest.mark.parametrize(
    "text",
    [
        "x(y, z) and a rather long text that goes on, with [brackets], (more of them) and {braces}",
        '"' * 50 + "(a, b, c)" + '"' * 30,
        ") if (a, b) else (" * 6,
        "a = b if c else d " * 6,
        "x for y in z " * 8,
    ],
)
def test_long_strings_stay_whole(text: str) -> None:
    """A line that is too long is broken around the strings in it."""
    body = "blocks:\n  unit(s):\n    a: conv(4, 3)\n    b: {do: relu, if: s != 'u'}\nbody:\n"
    uses = [f"unit({name!r})" for name in (text, "x", "u")]
    steps = "".join(f"  u{k}: {json.dumps(use)}\n" for k, use in enumerate(uses))
    tree = ast.parse(archc.compile(Source("net.yaml", HEAD + body + steps)).source())

    assert text in {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
