"""The rules of the house that no linter knows: who imports whom, sizes, nothing of one machine."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import networkx as nx
import pytest

from archc.ops import OPS
from archc.ops.facts import Kind

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "archc"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The rooms in import order: a module imports only from its own room and those before it.
ROOMS = (
    "version",
    "limits",
    "escaping",
    "diagnostics",
    "recipe",
    "shapes",
    "windows",
    "language",
    "ops",
    "zoo",
    "graph",
    "tree",
    "lower",
    "rules",
    "passes",
    "trying",
    "judging",
    "output",
    "weights",
    "backends",
    "runtime",
    "api",
    "__init__",
    "commands",
    "cli",
    "__main__",
)

# The one room that may import a library; the others stay free of its load time and its types.
OWNERS = {"yaml": "language", "networkx": "graph", "torch": "runtime", "torchvision": "runtime"}

MAX_LINES = 400

# What is true on one machine only: its folders, and the hosts that it installs from.
LOCAL = re.compile(
    r"(?<![\w./~-])/(?:work|opt|root)\b"
    r"|https?://[^/\s]*(?:pypi|pythonhosted|registry|mirror|proxy|download)[^/\s]*"
    r"|--(?:extra-)?index-url[ =]"
)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, *, typing: bool = True) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of what a module imports, late or not; `typing`: for types too."""
    return imported_names(path.read_text(encoding="utf-8"), typing=typing)


def imported_names(text: str, *, typing: bool = True) -> Iterator[tuple[int, str]]:
    nodes: list[ast.AST] = [ast.parse(text)]
    while nodes:
        node = nodes.pop()
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom():
                module = "." * node.level + (node.module or "")
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not typing:
                nodes.extend(node.orelse)
            case _:
                nodes.extend(ast.iter_child_nodes(node))


def imported_room(name: str) -> str | None:
    """Return the room that `archc.x.y` lies in; what `archc` itself offers is in `__init__`."""
    package, _, rest = name.partition(".")
    if package != "archc":
        return None
    room = rest.partition(".")[0]
    is_room = (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()
    return room if room and is_room else "__init__"


def test_every_module_is_in_a_room() -> None:
    """A new room takes its place in the order of imports."""
    assert sorted({room_of(path) for path in MODULES} - set(ROOMS)) == []


def test_imports_go_one_way() -> None:
    """A module imports from its own room and those before it, by absolute names."""
    wrong = []
    for path in MODULES:
        room = room_of(path)
        allowed = ROOMS[: ROOMS.index(room) + 1] if room in ROOMS else ()
        for line, name in imports(path):
            target = imported_room(name)
            if name.startswith(".") or (target is not None and target not in allowed):
                wrong.append(f"{path.relative_to(REPOSITORY)}:{line}: {room} imports {name}")

    assert wrong == []


def test_libraries_have_owners() -> None:
    """One room imports yaml, one networkx, one PyTorch; imports for types alone are free."""
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{line}: {name}"
        for path in MODULES
        for line, name in imports(path, typing=False)
        if OWNERS.get(name.partition(".")[0], room_of(path)) != room_of(path)
    ]

    assert wrong == []


@pytest.mark.parametrize("module", ["archc", "archc.cli"])
def test_import_needs_no_torch(module: str) -> None:
    """PyTorch takes seconds to import, and may not be there."""
    code = f"import sys, {module}; print(*{{'torch', 'torchvision'}} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (run.stdout, run.stderr) == ("\n", "")


def test_modules_are_small() -> None:
    """A long module holds two ideas."""
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}

    assert {p.name: size for p, size in sizes.items() if size >= MAX_LINES} == {}


# Packages whose knots are yet to be untied: they are held to no order, nor their classes to a size.
KNOTTED = ("lower", "backends/pytorch")

MAX_CLASS = 450  # lines of a class and of all that it inherits


def is_knotted(path: Path) -> bool:
    return any((PACKAGE / folder) in path.parents for folder in KNOTTED)


def dotted(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(texts: Mapping[str, str]) -> nx.DiGraph[str]:
    """Return which module names which, late or not, for types too; `texts` are by dotted name."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module, text in texts.items():
        for _, name in imported_names(text):
            target = name if name in texts else name.rpartition(".")[0]
            if target in texts:
                graph.add_edge(module, target)
    return graph


def cycles(graph: nx.DiGraph[str]) -> list[list[str]]:
    """Return the sets of modules each of which leads to all others of its set."""
    knots = nx.strongly_connected_components(graph)
    return [sorted(k) for k in knots if len(k) > 1 or graph.has_edge(*[*k] * 2)]


def test_no_module_leads_back_to_itself() -> None:
    """Modules can be read in an order, inside a room too: each rests on those before it alone."""
    texts = {dotted(p): p.read_text(encoding="utf-8") for p in MODULES if not is_knotted(p)}

    assert cycles(import_graph(texts)) == []


def test_what_counts_as_a_cycle() -> None:
    """The rule itself finds imports that stand in functions, and those for types."""
    late = "def f():\n    from p import b\n"
    typing = "if TYPE_CHECKING:\n    from p.c import C\n"
    texts = {"p": "from p.a import A\n", "p.a": late, "p.b": typing, "p.c": "import p.a\n"}

    assert cycles(import_graph(texts)) == [["p.a", "p.b", "p.c"]]
    assert cycles(import_graph(texts | {"p.c": "import os\n"})) == []


def class_sizes(texts: Mapping[str, str]) -> dict[str, int]:
    """Return the lines of each class with those of all that it inherits, by its dotted name."""
    trees = {module: ast.parse(text) for module, text in texts.items()}
    names: dict[str, str] = {}  # what a name of a module means, where it is another's
    classes: dict[str, ast.ClassDef] = {}
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    names[f"{module}.{alias.asname or alias.name}"] = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.ClassDef):
                classes[f"{module}.{node.name}"] = node

    def lineage(name: str) -> set[str]:
        while name in names:
            name = names[name]
        if name not in classes:
            return set()
        module = name.rpartition(".")[0]
        bases = (ast.unparse(b).partition("[")[0] for b in classes[name].bases)
        return {name}.union(*(lineage(f"{module}.{base}") for base in bases))

    lines = {n: (c.end_lineno or c.lineno) - c.lineno + 1 for n, c in classes.items()}
    return {name: sum(lines[one] for one in lineage(name)) for name in classes}


def test_classes_are_small() -> None:
    """A class is read with all that it inherits: bases in other files make it no smaller."""
    sizes = class_sizes({dotted(p): p.read_text(encoding="utf-8") for p in MODULES})
    knotted = {dotted(p) for p in MODULES if is_knotted(p)}

    assert {
        name: size
        for name, size in sizes.items()
        if size > MAX_CLASS and name.rpartition(".")[0] not in knotted
    } == {}


def test_how_large_a_class_is() -> None:
    """The rule itself counts bases of other modules, however they are imported, once each."""
    texts = {
        "p.a": "class A:\n    x = 1\n",
        "p": "from p.a import A as B\n",
        "p.c": "from p import B\nclass C(B):\n    y = 1\n\n    z = 1\nclass D(C, B[int]): ...\n",
    }

    assert class_sizes(texts) == {"p.a.A": 2, "p.c.C": 6, "p.c.D": 7}


# Words of any program that name an op too; they count where a name is compared with them.
EVERYDAY = frozenset({
    "abs", "add", "div", "exp", "identity", "maximum", "mean", "minimum", "mul", "over", "pad",
    "parameter", "power", "reduce", "resize", "scale", "select", "shift", "split", "stack", "sub",
    "sum", "transpose", "unfold",
})  # fmt: skip

# Where words that name ops have a meaning of their own, or an op has a counterpart by its name.
MEANINGS: Mapping[str, frozenset[str]] = {
    # kinds of boxes, which a type tells apart
    **dict.fromkeys(
        ("backends/drawing", "backends/dot.py", "backends/dot_family.py", "backends/mermaid.py"),
        frozenset(get_args(Kind)),
    ),
    "backends/surface": frozenset({"dropout", "flatten", "mean"}),  # in names of PyTorch
    "runtime/kernels": frozenset(OPS),  # each op once more, written apart from its class
    "backends/onnx": frozenset(OPS),  # what an op is in the vocabulary of ONNX
    "runtime/adopt": frozenset(OPS),  # what an op is in the vocabulary of modules
}


def op_names(text: str, allowed: frozenset[str] = frozenset()) -> Iterator[tuple[int, str]]:
    """Yield line and word where a module names an op by a string."""
    for node in ast.walk(ast.parse(text)):
        words: list[ast.AST] = [node]
        everyday = EVERYDAY
        if isinstance(node, ast.Compare):
            sides = (node.left, *node.comparators)
            if any(isinstance(s, ast.Attribute) and s.attr == "name" for s in sides):
                words, everyday = list(ast.walk(node)), frozenset(set(OPS) - EVERYDAY)
        for word in words:
            value = word.value if isinstance(word, ast.Constant) else None
            if value in OPS and value not in everyday | allowed:
                yield word.lineno, value


def test_ops_are_named_by_themselves() -> None:
    """What others know of an op stands on its class: a new op is a class and a line of a table."""
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}: {word}"
        for path in MODULES
        if room_of(path) != "ops" and not is_knotted(path)
        for line, word in op_names(
            path.read_text(encoding="utf-8"),
            next((w for p, w in MEANINGS.items() if path.is_relative_to(PACKAGE / p)), frozenset()),
        )
    ]

    assert found == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NORMS = {'bn', 'mean'}", ["bn"]),
        ("node.name == 'mul'", ["mul"]),
        ("op.name in ('add', 'conv')", ["conv", "add"]),
        ("measure == 'mean'", []),
        ("node.name == 'stem'", []),
    ],
)
def test_what_names_an_op(text: str, words: list[str]) -> None:
    """The rule itself finds what it should, and no more."""
    assert sorted(word for _, word in op_names(text)) == sorted(words)


# What makes or changes a file, wherever it comes from; `open` with a mode is looked at closer.
WRITERS = frozenset({
    "write_text", "write_bytes", "savefig", "mkdir", "makedirs", "mkstemp", "mkdtemp",
    "NamedTemporaryFile", "TemporaryDirectory", "replace", "rename", "unlink", "remove",
    "rmtree", "copy", "copyfile", "copy2", "move", "touch", "symlink_to", "hardlink_to",
    "chmod", "chown", "fchown", "truncate", "ftruncate",
})  # fmt: skip
OF_TEXTS = frozenset({"replace", "copy", "remove", "move"})  # of a str, a list or a dict too
OF_THE_SYSTEM = frozenset({"os", "shutil", "tempfile", "Path"})
OUTPUT = PACKAGE / "output" / "files.py"


def writes(call: ast.Call) -> bool:
    """Whether a call writes to the file system, as far as its text tells."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = getattr(getattr(function, "value", None), "id", "")
    if name == "open":
        if owner == "os":
            return True
        of_method = call.args if isinstance(function, ast.Attribute) else call.args[1:]
        given = (*of_method, *(k.value for k in call.keywords if k.arg == "mode"))
        modes = [a.value for a in given if isinstance(a, ast.Constant)]
        return any(set(str(mode)) & set("wax+") for mode in modes)
    if name == "savefig":  # into memory it is no file
        return not (call.args and isinstance(call.args[0], ast.Name) and call.args[0].id == "out")
    if name == "replace" and len(call.args) == 1 and not call.keywords:  # of a path
        return True
    return name in WRITERS and (name not in OF_TEXTS or owner in OF_THE_SYSTEM)


def test_one_module_writes_files() -> None:
    """What holds for files holds for all of them, since nothing else opens one for writing."""
    streams = PACKAGE / "cli.py"  # opens the null device in place of what is closed
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {ast.unparse(node)}"
        for path in MODULES
        if path not in (OUTPUT, streams)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and writes(node)
    ]

    assert found == []
    assert any(
        writes(node)
        for node in ast.walk(ast.parse(OUTPUT.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    )


@pytest.mark.parametrize(
    ("text", "is_writing"),
    [
        ("open('x', 'w')", True),
        ("path.open('ab')", True),
        ("path.open(mode='r+')", True),
        ("path.write_text('x')", True),
        ("os.replace(a, b)", True),
        ("path.replace(other)", True),
        ("tempfile.mkstemp()", True),
        ("drawn.savefig('x.svg')", True),
        ("open('x')", False),
        ("path.open('rb')", False),
        ("text.replace('a', 'b')", False),
        ("linker.open(declared, within)", False),
    ],
)
def test_what_counts_as_writing(text: str, is_writing: bool) -> None:
    """The rule itself finds what it should, and no more."""
    call = ast.parse(text, mode="eval").body

    assert isinstance(call, ast.Call)
    assert writes(call) is is_writing


def tracked() -> Iterator[Path]:
    """Yield the files that git has or would take."""
    git = shutil.which("git")
    if git is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a checkout")
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    paths = (REPOSITORY / name for name in listing.stdout.split("\0") if name)
    yield from (path for path in paths if path.is_file())


def test_nothing_of_one_machine() -> None:
    """No file names a folder of the machine it was written on, or where that installs from."""
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(REPOSITORY)}:{number}: {hit.group()}"
            for number, line in enumerate(text.splitlines(), 1)
            for hit in LOCAL.finditer(line)
        ]

    assert found == []


@pytest.mark.parametrize(
    ("text", "local"),
    [
        (f"cd {'/'}work/main", True),
        (f"#!{'/'}opt/venv/bin/python", True),
        (f"http{':'}//mirror.example/simple", True),
        (f"pip install {'--'}index-url x", True),
        ("docs/work/opt", False),
        ("a / work", False),
        ("https://arxiv.org/abs/1512.03385", False),
    ],
)
def test_what_counts_as_local(text: str, local: bool) -> None:
    """The rule itself finds what it should, and no more."""
    assert bool(LOCAL.search(text)) is local
