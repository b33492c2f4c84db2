"""The printer of syntax trees: Ruff's formatter has nothing to change, and Python reads the tree."""

from __future__ import annotations

import ast
import copy
import inspect
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from random_trees import Trees

from archc.backends.torchfile import printer
from archc.backends.torchfile.printer import noted, printed

GOLDENS = Path(__file__).parent.parent / "goldens" / "pytorch"
STATEMENTS = Path(__file__).parent / "statements.txt"


def dumped(tree: ast.AST) -> str:
    """Return a tree as text, with docstrings as they are read."""
    for node in ast.walk(tree):
        vars(node).pop("ctx", None)
        vars(node).pop("type_params", None)  # which some versions leave out where there are none
        match node:
            case ast.Expr(ast.Constant(str(text)) as constant):
                constant.value = inspect.cleandoc(text).strip()
    return ast.dump(tree)


def flat(tree: ast.Module) -> str:
    """Return a tree with each statement on one line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(printer, "LINE_WIDTH", sys.maxsize)
        return printed(tree)


def formatted(folder: Path, texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what Ruff makes of texts by its own defaults, each by its name."""
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--isolated",
        "--no-cache",
        "-q",
        str(folder),
    ]
    subprocess.run(command, check=True)
    for name in texts:
        yield name, (folder / f"{name}.py").read_text(encoding="utf-8")


def check(folder: Path, trees: dict[str, ast.Module]) -> None:
    """Hold the text of trees to Python, which reads it as the tree, and to Ruff."""
    outputs = {name: printed(tree) for name, tree in trees.items()}
    lines = {name: flat(tree) for name, tree in trees.items()}
    read = [n for n, tree in trees.items() if dumped(ast.parse(outputs[n])) != dumped(tree)]
    again = [name for name, text in formatted(folder, outputs) if text != outputs[name]]
    laid_out = [name for name, text in formatted(folder, lines) if text != outputs[name]]

    assert (read, laid_out) == ([], [])
    # Ruff changes what it wrote itself where the value of `x[i] = a(...)[...].b(...)` takes several
    # lines: its second pass sees the commas that its first one set.
    assert len(again) <= len(trees) // 400


def test_emitted_files(tmp_path: Path) -> None:
    """What is emitted today comes back from its tree as Ruff lays it out."""
    check(tmp_path, {p.stem: ast.parse(p.read_text("utf-8")) for p in GOLDENS.glob("*.py")})


def test_random_programs(tmp_path: Path) -> None:
    """Trees without sense: every operator in every other, names and texts of all widths."""
    check(tmp_path, {str(seed): Trees(seed).program() for seed in range(250)})


def operations(name: str) -> Iterator[ast.expr]:
    """Yield an expression of each kind, of names of which each starts with a letter of its own."""
    a, b, c = (ast.Name(f"{letter}{name}") for letter in "abc")
    parameters = ast.arguments([], [], None, [], [], None, [])
    clause = ast.comprehension(b, c, [a], 0)
    yield from (ast.BinOp(a, op(), b) for op in ast.operator.__subclasses__())
    yield from (ast.BoolOp(op(), [a, b]) for op in (ast.And, ast.Or))
    yield from (ast.Compare(a, [op()], [b]) for op in (ast.Lt, ast.NotIn))
    yield from (ast.UnaryOp(op(), a) for op in ast.unaryop.__subclasses__())
    yield ast.IfExp(a, b, c)
    yield ast.Lambda(parameters, a)
    yield ast.Attribute(a, "real")
    yield ast.Subscript(a, b)
    yield ast.Subscript(a, ast.Slice(b, c))
    yield ast.Call(a, [b], [])
    yield ast.Call(a, [], [ast.keyword(None, b)])
    yield ast.Tuple([a, b])
    yield ast.List([ast.Starred(a), b])
    yield ast.Dict([a, None], [b, c])
    yield ast.GeneratorExp(a, [clause])
    yield ast.JoinedStr([ast.FormattedValue(a, -1)])
    yield ast.Constant(2)
    yield ast.Constant(0.5)


def placed(outer: ast.expr, inner: ast.expr) -> Iterator[ast.expr]:
    """Yield an expression with another in place of each name in it."""
    names = [node for node in ast.walk(outer) if isinstance(node, ast.Name)]
    for name in {node.id for node in names}:
        tree = copy.deepcopy(outer)
        for parent in ast.walk(tree):
            for field, value in ast.iter_fields(parent):
                if isinstance(value, list):
                    value[:] = [inner if getattr(v, "id", "") == name else v for v in value]
                elif getattr(value, "id", "") == name and field != "target":
                    setattr(parent, field, inner)
        yield tree


@pytest.mark.parametrize("name", ["", "_name_of_some_length_that_it_takes"], ids=("short", "long"))
def test_each_operation_in_each_other(tmp_path: Path, name: str) -> None:
    """Parentheses stand where they must, on one line and on several."""
    statements: list[ast.stmt] = [
        form
        for outer in operations(name)
        for inner in operations(name)
        if not (isinstance(outer, ast.JoinedStr) and isinstance(inner, ast.JoinedStr))
        for tree in placed(outer, inner)
        for form in (ast.Expr(tree), ast.Assign([ast.Name("x")], tree, lineno=0))
    ]

    check(tmp_path, {"operations": ast.Module(statements, [])})


def statements(lengths: Iterable[int]) -> ast.Module:
    """Return statements of many forms in functions of their own, with a name of each length."""
    text = STATEMENTS.read_text(encoding="utf-8")
    forms = re.findall(r"(?:    @.*\n)*.*\n", re.sub("^(?=.)", "    ", text, flags=re.MULTILINE))
    sources = [f"def f():\n{form.replace('NAME', 'n' * n)}" for form in forms for n in lengths]
    return ast.parse("".join(sources))


def test_statements_of_all_lengths(tmp_path: Path) -> None:
    """A name in each place of each statement, from where all fits to where nothing does."""
    check(tmp_path, {"statements": statements(range(20, 100, 9))})


@pytest.mark.heavy
@pytest.mark.parametrize("start", range(1, 121, 20))
def test_statements_of_each_length(tmp_path: Path, start: int) -> None:
    """The same, column by column."""
    check(tmp_path, {"statements": statements(range(start, start + 20))})


@pytest.mark.heavy
@pytest.mark.parametrize("start", range(1000, 5000, 1000))
def test_many_random_programs(tmp_path: Path, start: int) -> None:
    """The same, of more seeds."""
    check(tmp_path, {str(seed): Trees(seed).program() for seed in range(start, start + 1000)})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("x = (2 ** steps) ** -n", "x = (2**steps) ** -n"),
        ("x = -(a ** b) + (-a) ** b", "x = -(a**b) + (-a) ** b"),
        ("x = a - (b - c) * (d, e)[0]", "x = a - (b - c) * (d, e)[0]"),
        ("x = (not a) == b or (c and d) and e", "x = (not a) == b or (c and d) and e"),
        ("x = (lambda: 1)() if (a if b else c) else lambda: 2", None),
        ("x = (1).real + 1.5.real + (-1).real", "x = (1).real + (1.5).real + (-1).real"),
        ("x[i+1:, a:b, ::-1, :n//2:]", "x[i + 1 :, a:b, ::-1, : n // 2]"),
        ("x[1,], x[()], x[*a, 1]", "(x[1,], x[()], x[*a, 1])"),
        ("x = 1e+20, 1E-5, 0xFF, 1_000", "x = (1e20, 1e-05, 255, 1000)"),
        ("x, y = 1, 2", "x, y = 1, 2"),
        ("x = y = 1, 2", "x = y = (1, 2)"),
        ("x, = y", "(x,) = y"),
        ("x = 'a', 'say \"so\"', 'it\\'s \"it\"'", 'x = ("a", \'say "so"\', \'it\\\'s "it"\')'),
        ("x = f'{a!r:>{n}} {{}} {b[\"c\"]}'", "x = f\"{a!r:>{n}} {{}} {b['c']}\""),
        ("x = f'{ {1: 2}[a] }{(lambda: 1)}'", 'x = f"{ {1: 2}[a] }{(lambda: 1)}"'),
        ("f(x for x in y)", "f(x for x in y)"),
        ("x = a or b if not c else d and e", "x = a or b if not c else d and e"),
        ("x = [a or b for c in d or e if f or g]", "x = [a or b for c in d or e if f or g]"),
        ("x = [*a | b, *(c or d)], {**a | b}", "x = ([*a | b, *(c or d)], {**a | b})"),
        ("x = lambda: a if b else lambda: c or d", "x = lambda: a if b else lambda: c or d"),
        ("f((x for x in y), *a, b=1, **c)", "f((x for x in y), *a, b=1, **c)"),
        ("for a, (b, c) in (d, e): pass", "for a, (b, c) in (d, e):\n    pass"),
        ("def f(a, /, b=1, *, c=2, **d): ...", "def f(a, /, b=1, *, c=2, **d): ..."),
        ("class A(): x = 1", "class A:\n    x = 1"),
        ("x = 1\nif x:\n    x\n    y\nx", None),
        ("class A:\n    x\n    y\n\n    def f():\n        x\n        y", None),
        ("while a: break\nelse: continue", "while a:\n    break\nelse:\n    continue"),
        ("from .. import a as b, c", "from .. import a as b, c"),
        ("raise A from b", "raise A from b"),
    ],
)
def test_spelling(source: str, text: str | None) -> None:
    """What fits on a line, with the parentheses that Python needs and no others."""
    assert printed(ast.parse(source)) == (text or source) + "\n"


def test_signs_in_constants() -> None:
    """A negative number in a node of its own is a sign and a number."""
    number = ast.Constant(-2)
    tree = ast.Expr(ast.BinOp(number, ast.Pow(), ast.Constant(-0.0)))

    assert printed(ast.Module([tree], [])) == "(-2) ** -0.0\n"
    assert printed(ast.Module([ast.Expr(ast.Attribute(number, "real"))], [])) == "(-2).real\n"
    for value, text in ((0, "0**-2\n"), (0.0, "0.0**-2\n"), (-0.0, "(-0.0) ** -2\n")):
        power = ast.Expr(ast.BinOp(ast.Constant(value), ast.Pow(), number))
        assert printed(ast.Module([power], [])) == text


def test_empty_lines_and_comments() -> None:
    """A statement says what stands before it, as far as the layout leaves it free."""
    tree = ast.parse(
        "'''What it is.\n\n   More: \\\\d \"\"\"of it\"\"\".'''\nimport a\nimport b\nx = 1\ny = 2\n"
        "def f():\n 'One.'\n if a:\n  def g(): pass\n elif b:\n  pass\n return 1\nz = 3"
    )
    _, _, other, _, y, function, _ = tree.body
    assert isinstance(function, ast.FunctionDef)
    condition = function.body[1]
    assert isinstance(condition, ast.If)
    for statement, comment in (
        (other, ""),
        (y, "why\n\n  not"),
        (function, "f"),
        (condition, ""),
        (condition.orelse[0], "else"),
    ):
        noted(statement, blank_before=True, comment=comment)

    assert printed(tree) == (
        '"""What it is.\n\nMore: \\\\d \\"\\"\\"of it\\"\\"\\".\n"""\n\nimport a\n\nimport b\n\n'
        "x = 1\n\n# why\n#\n#   not\ny = 2\n\n\n# f\ndef f():\n"
        '    """One."""\n\n    if a:\n\n        def g():\n            pass\n'
        "    # else\n    elif b:\n        pass\n    return 1\n\n\nz = 3\n"
    )


def test_source_that_is_kept() -> None:
    """What a user wrote comes as text, whatever is in it, with the empty lines that it needs."""
    source = "async def f(x: int):\n    # why\n    return await  x\n"
    tree = ast.parse(f"x = 1\n{source}y = 2")
    noted(tree.body[1], source=source)

    assert printed(tree) == f"x = 1\n\n\n{source}\n\ny = 2\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", '""""""'),
        ('"a" or "b"', '""" "a" or "b" """'),
        ("a \\", '"""a \\\\"""'),
        ('a """', '"""a \\"\\"\\""""'),
        ("nul \0, \r and \x0c", '"""nul \\x00, \\r and \\x0c"""'),
        ("a\n  b\n   c  \n", '"""a\n    b\n     c\n    """'),
        ("\n  a\n    b\n", '"""\n    a\n      b\n    """'),
    ],
)
def test_docstrings(tmp_path: Path, text: str, lines: str) -> None:
    """A docstring is read as the text that it was, and what is in it can't end it."""
    function = ast.parse("def f(): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = [ast.Expr(ast.Constant(text))]
    tree = ast.Module([function], [])

    assert printed(tree) == f"def f():\n    {lines}\n"
    check(tmp_path, {"docstring": tree})


@pytest.mark.parametrize(
    "source",
    [
        "x: int = 1",
        "def f(a: int): pass",
        "def f() -> int: pass",
        "try: pass\nfinally: pass",
        "match x:\n case 1: pass",
        "x = b'bytes'",
        "x = 1j",
        "(x := 1)",
        "del x",
        "with ((a, b)): pass",
        "async def f(): await x",
        "f'{\"a\\'b\"}'" if sys.version_info >= (3, 12) else "global x",
    ],
)
def test_what_is_refused(source: str) -> None:
    """What emitted files have no use for is refused, and not printed anyhow."""
    with pytest.raises(TypeError, match=r"can't be|has an empty|quotes"):
        printed(ast.parse(source))


@pytest.mark.parametrize(
    "statement",
    [
        ast.If(ast.Name("x"), [], []),
        ast.Expr(ast.Constant(float("nan"))),
        ast.Expr(ast.Constant((1, 2))),
        ast.Expr(ast.Set([])),
        ast.Expr(ast.Name("x\nimport os")),
        ast.Expr(ast.Name("None")),
        ast.Expr(ast.Attribute(ast.Name("x"), "class")),
        ast.Expr(ast.Call(ast.Name("x"), [], [ast.keyword("a b", ast.Name("x"))])),
        ast.Import([ast.alias("os; x")]),
        ast.ImportFrom("os import x #", [ast.alias("y")], 0),
        ast.ClassDef("A(B)", [], [], [ast.Pass()], []),
    ],
    ids=ast.dump,
)
def test_no_text_leaves_its_place(statement: ast.stmt) -> None:
    """A tree that no text has is refused, be it that a name in it is none."""
    with pytest.raises(TypeError, match=r"can't be|has no literal|has an empty"):
        printed(ast.Module([statement], []))


def calls(tree: ast.Module) -> int:
    """Return how many functions are called for printing a tree."""
    count = 0

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        printed(tree)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "f(" + ", ".join(f"g({i}, k=h(1, 2))" for i in range(n)) + ")",
        lambda n: "f(g, " * (n // 4) + "x" + ")" * (n // 4),
        lambda n: " + ".join(f"a * b{i}" for i in range(n)),
        lambda n: "x" + "".join(f".a{i}(1)" for i in range(n // 4)),
        lambda n: " and ".join(f"a{i} < b" for i in range(n)),
    ],
    ids=("wide", "deep", "sum", "chain", "and"),
)
def test_work_is_linear(make: object) -> None:
    """Twice the text is twice the work, however it nests."""
    assert callable(make)
    once, twice = (calls(ast.parse(f"y = {make(n)}")) for n in (160, 320))

    assert twice < 2.4 * once
